"""Loading takes no more memory than the weights and 0.6 GB, measured in a process of its own."""

import subprocess
import sys

import pytest
from helpers.checkpoints import large_config, large_folder

from palikit.model.paligemma import PaliGemma

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return large_folder(tmp_path_factory.mktemp("large") / "m")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("dtype", ["stored", "bfloat16", "float32"])
def test_peak_memory_is_the_weights_and_little_else(folder, dtype):
    command = [sys.executable, "-c", MEASURE, str(folder), dtype]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    before, peak, weights = map(int, answer.split())
    assert weights == sum(p.nbytes for p in PaliGemma(large_config()).parameters()) / (
        1 if dtype == "float32" else 2
    )
    assert peak <= weights + ALLOWANCE
    # The same without what importing PyTorch takes: a tenth of the weights is what passes through.
    assert peak - before <= 1.1 * weights + 150_000_000
