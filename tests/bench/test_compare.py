"""The comparison with transformers runs, on a model of seconds."""

import re
import subprocess
import sys
from pathlib import Path

COMPARE = Path(__file__).parents[2] / "bench" / "compare_transformers.py"


def test_both_sides_answer_and_ratios_are_printed() -> None:
    command = [sys.executable, str(COMPARE), "--preset", "tiny", "--runs", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=True)
    ratio = r"\d+\.\d\dx"
    told = rf"faster: first token {ratio}  decode {ratio}  in all {ratio}  each of many {ratio}"
    assert len(re.findall(rf"{told}    memory {ratio}", done.stdout)) == 3
    assert "first_token_s" in done.stdout.splitlines()[0]
    assert len(re.findall(r"int[48]: 0\.\d+ of the scores' spread away", done.stdout)) == 2
