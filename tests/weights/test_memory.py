"""Loading takes no more memory than the weights and 0.6 GB, measured in a process of its own."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from helpers.tiny import TINY

from palikit.config import PaliGemmaConfig
from palikit.model.paligemma import PaliGemma
from palikit.weights.save import save_folder

ALLOWANCE = 600_000_000
MEASURE = """
import sys
import torch
from palikit.weights.load import load_model

def peak():
    # The process's own: getrusage would count the parent that it was forked from.
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

before = peak()
dtype = None if sys.argv[2] == "stored" else sys.argv[2]
model = load_model(sys.argv[1], dtype=dtype)
weights = sum(p.nbytes for p in model.parameters())
for p in model.parameters():
    p.sum()
print(before, peak(), weights)
"""


def config() -> PaliGemmaConfig:
    """150 M parameters: 300 MB as bfloat16, a third of them in the table as in the 3B."""
    text = replace(
        TINY["paligemma2"].text, vocab_size=50_000, width=1024, depth=6, mlp_dim=5120, head_dim=64
    )
    return PaliGemmaConfig(TINY["paligemma2"].vision, text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with torch.device("meta"):
        model = PaliGemma(config())
    model = model.to_empty(device="cpu").to(torch.bfloat16).requires_grad_(False)
    for parameter in model.parameters():
        parameter.fill_(0.01)
    path = tmp_path_factory.mktemp("large") / "m"
    save_folder(model, path)
    assert (path / "model.safetensors").stat().st_size > 290_000_000
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("dtype", ["stored", "bfloat16", "float32"])
def test_peak_memory_is_the_weights_and_little_else(folder, dtype):
    command = [sys.executable, "-c", MEASURE, str(folder), dtype]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    before, peak, weights = map(int, answer.split())
    assert weights == sum(p.nbytes for p in PaliGemma(config()).parameters()) / (
        1 if dtype == "float32" else 2
    )
    assert peak <= weights + ALLOWANCE
    # The same without what importing PyTorch takes: a tenth of the weights is what passes through.
    assert peak - before <= 1.1 * weights + 150_000_000
