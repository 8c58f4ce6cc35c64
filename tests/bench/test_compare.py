"""The comparison with transformers runs, on a model of seconds."""

import re
import subprocess
import sys
from pathlib import Path

COMPARE = Path(__file__).parents[2] / "bench" / "compare_transformers.py"


def test_both_sides_answer_and_ratios_are_printed() -> None:
    command = [sys.executable, str(COMPARE), "--preset", "tiny", "--runs", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=True)
    assert re.search(r"faster \d+\.\d\dx  memory \d\.\d\dx", done.stdout)
    assert "first_token_s" in done.stdout.splitlines()[0]
