"""The comparison on a GPU runs on a CPU too, on a model of seconds, and says where it cannot."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

GPU = Path(__file__).parents[2] / "bench" / "gpu.py"


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(GPU), "--preset", "tiny", "--warm", "1", "--runs", "1", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)


def test_each_side_answers_and_ratios_are_printed() -> None:
    done = run("--device", "cpu", "--sides", "transformers", "palikit-int8-compiled")
    assert done.returncode == 0, done.stderr
    limits, theirs, ours, ratios = done.stdout.splitlines()
    assert re.match(r"reads \d+ GB/s, multiplies \d+\.\d\d T/s", limits)
    for name, line in (("transformers", theirs), ("palikit-int8-compiled", ours)):
        assert line.startswith(name)
        assert re.search(r"tokens/s .* GB  reading \d+\.\d%  multiplying \d+\.\d%", line)
    ratio = r"\d+\.\d\dx"
    told = rf"    faster: first token {ratio}  decode {ratio}  in all {ratio}    memory {ratio}"
    assert re.fullmatch(told, ratios)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_it_says_so() -> None:
    done = run()
    assert done.returncode == 1
    assert "sees no CUDA device here; --preset tiny --device cpu" in done.stderr
