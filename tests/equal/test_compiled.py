"""Runs `compiled_cases.py` where no annotation is checked: no compiler can read what does so."""

import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).with_name("compiled_cases.py")


@pytest.mark.timeout(900)
def test_compiled_passes_equal_plain_ones() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "--show-capture=no", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--jaxtyping-packages=", str(CASES)],
        cwd=CASES.parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
