"""`palikit eval docci --judge`: from the official files and somebody's judge to NES."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.benchmarks import FakeEngine
from helpers.official import LAYOUTS, lay
from PIL import Image

from palikit.cli import eval as command

TOLD = "A white cup stands on a table. It wears a hat. Its handle is blue."

JUDGES = """
def judge(picture, sentence):
    assert picture.size == (40, 30), picture
    return "contradiction" if "hat" in sentence else "entailment"

def rubbish(picture, sentence):
    return "no idea"

def fails(picture, sentence):
    raise ConnectionError("the service is away")

HAT = "hat"
"""


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """The engine that is loaded in this test; it describes every picture in three sentences."""
    fake = FakeEngine({"describe en": TOLD})
    monkeypatch.setattr("palikit.engine.load", lambda source, **how: fake)
    return fake


@pytest.fixture
def docci(palikit: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable:
    """Measure DOCCI, one picture a split, in a folder that has somebody's judges in a module."""
    root = lay(tmp_path / "data", LAYOUTS["docci"])
    (root / "images").mkdir()
    Image.new("RGB", (40, 30), "teal").save(root / "images" / "qual_dev_00000.jpg")
    (tmp_path / "some_judges.py").write_text(JUDGES, "utf-8")
    (tmp_path / "torn_judge.py").write_text("def judge(\n", "utf-8")
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one])  # restored, and not "here"
    for name in ("some_judges", "torn_judge"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return lambda *more: palikit("eval", "docci", "--data", "data", "--out", "out", *more)


def test_a_judge_that_lies_where_palikit_is_called_is_asked_of_every_sentence(docci, engine):
    outcome = docci("--judge", "some_judges:judge", "--against", "3b-448")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[1].split()[:4] == ["DOCCI", "(qual_dev)", "33.3", "%"]
    assert "28.4" in outcome.out
    assert "docci: the judge was some_judges:judge; the published" in outcome.out
    told = json.loads(Path("out/docci/scores.json").read_text("utf-8"))
    assert told["headline"] == pytest.approx(100 / 3)
    assert told["others"] == {"sentences": 3, "characters": len(TOLD)}
    assert not told["higher_is_better"]
    assert "some_judges:judge" in told["notes"][0]
    assert engine.tasks[0].max_new_tokens == 192


MISUSES = {
    "no judge": ([], "needs a judge of pictures and sentences: palikit eval takes yours"),
    "no such module": (["--judge", "no_such:judge"], "cannot be imported (No module named"),
    "no such function": (["--judge", "some_judges:juge"], "is nothing: write module:function"),
    "no function's name": (["--judge", "some_judges.py"], "names no function of a module"),
    "a word": (["--judge", "some_judges:HAT"], "is a str, which is no function"),
    "a torn file": (["--judge", "torn_judge:judge"], "(torn_judge.py, line 1)"),
}


@pytest.mark.parametrize("name", MISUSES)
def test_a_judge_that_is_none_is_one_sentence_before_anything_is_asked(name, docci, engine):
    more, said = MISUSES[name]
    outcome = docci(*more)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert engine.asked == []
    assert not Path("out").exists()


def test_a_judge_of_nothing_is_refused(palikit, engine):
    outcome = palikit("eval", "nano-colour", "--limit", "1", "--judge", "some_judges:judge")
    assert outcome.code == 2
    assert "of which nano-colour asks none: leave it out" in outcome.err


def test_rubbish_is_refused_and_a_better_judge_asks_the_model_nothing_more(docci, engine):
    outcome = docci("--judge", "some_judges:rubbish")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.endswith(
        "the judge said 'no idea': it must say one of entailment, neutral, contradiction, nothing"
    )
    assert docci("--judge", "some_judges:judge").code == 0
    assert len(engine.asked) == 1


def test_what_a_judge_raises_is_its_authors_to_see(docci, engine):
    with pytest.raises(ConnectionError, match="the service is away"):
        docci("--judge", "some_judges:fails")
    assert docci("--judge", "some_judges:judge").code == 0
    assert len(engine.asked) == 1


def test_a_picture_that_does_not_open_is_told_and_never_shown_to_the_judge(docci, engine):
    outcome = docci("--judge", "some_judges:judge", "--split", "test")
    assert (outcome.code, outcome.err) == (0, "")
    assert "docci: the picture does not open: counts as an empty answer (1): test_00" in outcome.out
    assert engine.asked == []


def test_answers_of_another_program_are_judged_too(docci, engine):
    Path("mine.jsonl").write_text(
        json.dumps({"id": "qual_dev_00000", "answer": "It wears a hat."}) + "\n", "utf-8"
    )
    outcome = docci("--judge", "some_judges:judge", "--predictions", "mine.jsonl")
    assert outcome.code == 0
    assert "100.0 %" in outcome.out
    assert engine.asked == []


def test_a_judges_folder_comes_behind_every_other(docci, engine, tmp_path):
    (tmp_path / "json.py").write_text("raise RuntimeError('not this one')", "utf-8")
    before = [*sys.path]
    assert docci("--judge", "some_judges:judge", "--json").code == 0
    assert sys.path == [*before, str(tmp_path)]
    assert command.json_module is sys.modules["json"]
