"""RadGraph F1 through the package radgraph: a stand-in for it here, and the package where it is.

The package's own model has to be fetched; what is checked of it is its interface, its arithmetic on
annotations, and that palikit speaks to it as it asks.
"""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
from helpers.benchmarks import FakeEngine, benchmark, item, said

from palikit.errors import MissingExtraError, PalikitError, UsageError
from palikit.eval import radgraph_f1
from palikit.eval.evaluate import How, evaluate
from palikit.eval.radiology import RadGraphF1
from palikit.eval.scoring import SCORERS

REPORTS = ["No acute process.", "Small effusion.", "Heart is large."]


class StandIn:
    """Compares words: all three levels, and what was asked of it."""

    made: ClassVar[list["StandIn"]]

    def __init__(self, reward_level: str, model_type: str) -> None:
        print("Using device: cpu")  # as the package does
        assert (reward_level, model_type) == ("all", "radgraph")
        self.asked: list[tuple[str, str]] = []
        self.made.append(self)

    def __call__(self, refs: list[str], hyps: list[str]) -> tuple[Any, Any, list[Any], list[Any]]:
        assert all(text.strip() for text in (*refs, *hyps))
        self.asked += zip(hyps, refs, strict=True)
        same = [float(a == b) for a, b in zip(refs, hyps, strict=True)]
        levels = ([0.5 + one / 2 for one in same], same, [one / 2 for one in same])
        return tuple(sum(level) / len(level) for level in levels), levels, [], []


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> type[StandIn]:
    """What `import radgraph` gives in this test."""

    class Fresh(StandIn):
        made: ClassVar[list[StandIn]] = []

    module = ModuleType("radgraph")
    module.F1RadGraph = Fresh  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "radgraph", module)
    return Fresh


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "radgraph", None)


def test_each_pair_is_compared_once_and_the_empty_are_not_sent(package, capsys) -> None:
    told = [REPORTS[0], " ", "Small effusions."]
    found = radgraph_f1(told, REPORTS)
    assert found[0] == RadGraphF1(entities=1.0, relations=1.0, complete=0.5)
    assert found[1] == RadGraphF1(0.0, 0.0, 0.0)
    assert found[2] == RadGraphF1(0.5, 0.0, 0.0)
    (made,) = package.made
    assert made.asked == [(told[0], REPORTS[0]), (told[2], REPORTS[2])]
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "Using device: cpu\n")


def test_its_model_is_loaded_once_and_for_nothing_not_at_all(package) -> None:
    assert radgraph_f1(["", " "], REPORTS[:2]) == [RadGraphF1(0.0, 0.0, 0.0)] * 2
    assert package.made == []
    radgraph_f1(REPORTS, REPORTS)
    radgraph_f1(REPORTS, REPORTS)
    assert len(package.made) == 1


def test_what_cannot_be_compared_is_refused(package) -> None:
    with pytest.raises(UsageError, match="1 predictions came for 2 references"):
        radgraph_f1(["a"], ["a", "b"])
    with pytest.raises(UsageError, match="nothing to score"):
        radgraph_f1([], [])


def test_a_model_that_cannot_be_fetched_is_one_sentence(package, monkeypatch) -> None:
    def away(self: object, **how: str) -> None:
        raise Exception("Cannot download the file")

    monkeypatch.setattr(package, "__init__", away)
    with pytest.raises(PalikitError, match=r"could not compare 3 reports \(Cannot download"):
        radgraph_f1(REPORTS, REPORTS)


def test_without_the_package_its_extra_is_named(missing) -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'palikit\[radgraph\]'"):
        radgraph_f1(REPORTS, REPORTS)
    with pytest.raises(MissingExtraError, match="radgraph, which is not installed"):
        SCORERS["radgraph"].check_needs()
    SCORERS["radiology"].check_needs()


ITEMS = [item(str(i), text) for i, text in enumerate(REPORTS)]
TOLD = [REPORTS[0], "Small effusions.", ""]


def test_a_report_is_scored_as_a_caption_and_by_radgraph(package) -> None:
    answers = said(ITEMS, TOLD)
    plain = SCORERS["cider"](answers, ITEMS)
    scores = SCORERS["radiology"](answers, ITEMS)
    assert (scores.headline, scores.per_item) == (plain.headline, plain.per_item)
    assert scores.others == {
        **plain.others,
        "RadGraph F1": pytest.approx(100 / 3),
        "RadGraph F1, entities alone": pytest.approx(150 / 3),
        "RadGraph F1, complete relations": pytest.approx(50 / 3),
    }
    assert scores.notes == ()
    first = SCORERS["radgraph"](answers, ITEMS)
    assert first.per_item == (100.0, 0.0, 0.0)
    assert first.headline == pytest.approx(scores.others["RadGraph F1"])
    assert first.others["CIDEr"] == pytest.approx(plain.headline)
    assert first.others.keys() == {"CIDEr", *scores.others} - {"RadGraph F1"}


def test_without_the_package_the_other_numbers_stand_and_it_is_said(missing, tmp_path) -> None:
    row = benchmark("radiology", ITEMS)
    result = evaluate(FakeEngine(), row, ITEMS, tmp_path / "run", How(model="nano"))
    assert result.scores is not None
    assert result.scores.others.keys() == {"BLEU-4", "ROUGE-L"}
    (note,) = result.notes
    assert note.startswith("RadGraph F1 was not measured: this metric needs radgraph, which is not")
    assert note.endswith("pip install 'palikit[radgraph]'")
    assert "RadGraph F1 was not measured" in (tmp_path / "run/scores.json").read_text("utf-8")


def test_no_model_is_asked_for_a_number_that_cannot_be_had(missing, tmp_path: Path) -> None:
    engine = FakeEngine()
    with pytest.raises(MissingExtraError):
        evaluate(engine, benchmark("radgraph", ITEMS), ITEMS, tmp_path, How())
    assert engine.asked == []


def annotated(text: str) -> dict[str, Any]:
    """What RadGraph would find: each word a present observation, the first modifying the second."""
    words = text.rstrip(".").lower().split()
    relations = [[["modify", "2"]] if i == 0 and len(words) > 1 else [] for i in range(len(words))]
    return {
        "entities": {
            str(i + 1): {
                "tokens": word,
                "label": "Observation::definitely present",
                "relations": relations[i],
            }
            for i, word in enumerate(words)
        }
    }


def test_the_package_itself_is_called_as_it_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is installed: pip install 'palikit[radgraph]'. Its model is replaced."""
    pytest.importorskip("radgraph")
    inside = sys.modules["radgraph.radgraph"]

    class Annotator(inside.nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self, model_type: str) -> None:
            assert model_type in inside.MODEL_MAPPING
            super().__init__()

        def forward(self, reports: list[str]) -> dict[str, Any]:
            return {str(i): annotated(text) for i, text in enumerate(reports)}

    monkeypatch.setattr(inside, "RadGraph", Annotator)
    found = radgraph_f1(
        ["Small left effusion.", "", "Large heart."], ["Small left effusion.", "a", "Large lungs."]
    )
    assert found[0] == RadGraphF1(1.0, 1.0, 1.0)
    assert found[1] == RadGraphF1(0.0, 0.0, 0.0)
    # One of two words is the same, also in that it modifies another; not in what it modifies.
    assert found[2] == RadGraphF1(0.5, 0.5, 0.0)
