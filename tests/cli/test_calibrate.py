"""`palikit calibrate`: from a measured run to a file that `load` applies."""

import json
import random
from pathlib import Path

import pytest

from palikit.codecs.calibration import Calibration


def run(folder: str, of: str = "regions", n: int = 200) -> str:
    """A run whose scores are all 0.9 or 0.6, and right half as often."""
    numbers = random.Random(0)
    said = [numbers.choice((0.9, 0.6)) for _ in range(n)]
    pairs = [[score, float(numbers.random() < score / 2)] for score in said]
    Path(folder).mkdir()
    Path(folder, "scores.json").write_text(json.dumps({"said": {"of": of, "pairs": pairs}}))
    return folder


@pytest.mark.parametrize("method", ["logistic", "temperature", "isotonic"])
def test_a_run_becomes_a_file_and_errors_are_told(palikit, method: str) -> None:
    outcome = palikit(
        "calibrate", run("a"), run("b", "text"), "--method", method, "--out", "c.json"
    )
    assert (outcome.code, outcome.err) == (0, "")
    kinds = [line.split(":")[0] for line in outcome.out.splitlines()]
    assert kinds == ["regions", "text", "calibration"]
    told = Calibration.load("c.json")
    assert told.regions(0.9) < 0.7
    assert told.regions(0.6) <= told.regions(0.9)
    outcome = palikit("calibrate", "a", "--method", method, "--json")
    row = json.loads(outcome.out)
    assert (row["of"], row["n"]) == ("regions", 200)
    assert row["after"] < row["before"]
    assert Calibration.load("calibration.json").text is None


def test_runs_of_one_kind_are_taken_together(palikit) -> None:
    outcome = palikit("calibrate", run("a", n=60), run("b", n=60), "--method", "isotonic", "--json")
    assert json.loads(outcome.out)["n"] == 120


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "palikit eval"),
        ("", "JSON"),
        ("{}", "palikit eval again"),
        ('{"said": {"of": "regions", "pairs": [[0.5]]}}', "palikit eval again"),
        ('{"said": {"of": "cats", "pairs": []}}', "palikit eval again"),
        ('{"said": {"of": "regions", "pairs": [[1.5, 1]]}}', "palikit eval again"),
        ('{"said": {"of": "regions", "pairs": [[0.5, 1], [0.6, 0]]}}', "too few"),
    ],
)
def test_what_is_no_run_is_refused_in_a_sentence(palikit, content: str | None, said: str) -> None:
    Path("a").mkdir()
    if content is not None:
        Path("a/scores.json").write_text(content)
    outcome = palikit("calibrate", "a")
    assert outcome.code == 1
    assert said in outcome.err
    assert outcome.err.count("\n") == 0
    assert not Path("calibration.json").exists()


def test_a_wrong_method_is_misuse(palikit) -> None:
    outcome = palikit("calibrate", run("a"), "--method", "platt")
    assert outcome.code == 2
    assert "logistic, temperature, isotonic" in outcome.err
