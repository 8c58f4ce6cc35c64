"""Quantising while loading never holds the weights unpacked, measured in a process of its own."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers.tiny import TINY

from palikit.config import PaliGemmaConfig
from palikit.model.paligemma import PaliGemma
from palikit.weights.save import save_folder

MEASURE = """
import sys
import torch
from palikit.engine.quantized import open_model
from palikit.weights.source import find

def peak():
    # The process's own: getrusage would count the parent that it was forked from.
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

before = peak()
model = open_model(find(sys.argv[1]), quantize=sys.argv[2])
print(before, peak(), sum(tensor.nbytes for tensor in model.state_dict().values()))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 M parameters: 300 MB as bfloat16, a third of them in the table as in the 3B."""
    tiny = TINY["paligemma2"]
    text = replace(tiny.text, vocab_size=50_000, width=1024, depth=6, mlp_dim=5120, head_dim=64)
    with torch.device("meta"):
        model = PaliGemma(PaliGemmaConfig(tiny.vision, text))
    model = model.to_empty(device="cpu").to(torch.bfloat16).requires_grad_(False)
    for parameter in model.parameters():
        parameter.fill_(0.01)
    path = tmp_path_factory.mktemp("large") / "m"
    save_folder(model, path)
    assert (path / "model.safetensors").stat().st_size > 290_000_000
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("mode", "most"), [("int8", 0.51), ("int4", 0.36)])
def test_peak_memory_is_the_packed_weights_and_little_else(folder, mode, most):
    command = [sys.executable, "-c", MEASURE, str(folder), mode]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    before, peak, packed = map(int, answer.split())
    stored = (folder / "model.safetensors").stat().st_size
    assert packed <= most * stored
    # Less than the weights alone as they are stored: what is there beside the packed ones is the
    # largest tensor while it is read, a third of all here, and blocks of it that are rounded.
    assert peak - before < 0.95 * stored
