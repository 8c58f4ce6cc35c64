"""From items to a result: whatever is wrong with them is counted and named."""

import json
from pathlib import Path

import pytest
from helpers.benchmarks import FakeEngine, benchmark, item

from palikit.data.pictures import FilePicture
from palikit.data.records import Thing
from palikit.errors import DataError, MissingExtraError, UsageError
from palikit.eval import extras
from palikit.eval.evaluate import How, check_benchmark, evaluate, score_file
from palikit.eval.problems import Problem
from palikit.eval.results import read_scored
from palikit.results import Box

HOW = How(model="fake", variant="3b-448")
TITLED = {"answer en a?": "yes", "answer en b?": "  "}


def kinds(result) -> dict[str, tuple[str, ...]]:
    return {problem.kind: problem.ids for problem in result.problems}


def test_every_kind_of_problem_is_counted_and_named(tmp_path: Path) -> None:
    items = [
        item("a", "yes"),
        item("b", "yes"),
        item("a", "no"),
        item("without"),
        item("gone", "yes", pictures=(FilePicture(tmp_path / "gone.jpg"),)),
    ]
    result = evaluate(FakeEngine(TITLED), benchmark("exact"), items, tmp_path / "run", HOW)
    told = kinds(result)
    assert told["an id that was there before: left out"] == ("a",)
    assert told["no reference: not scored"] == ("without",)
    assert told["nothing in the answer could be read"] == ("b",)
    (gone,) = told["the picture does not open: counts as an empty answer"]
    assert gone.startswith("gone (")
    assert result.scores is not None
    assert result.scores.n == 3
    assert result.scores.headline == pytest.approx(100 / 3)
    assert result.scores.unparsed == pytest.approx(2 / 3)


def test_a_problem_of_many_names_some_and_counts_all() -> None:
    told = Problem("strange", tuple(map(str, range(12)))).sentence(3)
    assert told == "strange (12): 0, 1, 2 and 9 more"


def test_the_published_number_of_the_same_variant_stands_beside_ours(tmp_path: Path) -> None:
    known = benchmark("exact", published={"3b-448": 60.0, "10b-448": 80.0})
    items = [item("a", "yes"), item("b", "yes")]
    result = evaluate(FakeEngine(TITLED), known, items, tmp_path / "run", HOW)
    assert result.published == 60.0
    assert result.difference == -10.0
    scored = read_scored(tmp_path / "run" / "scores.json")
    assert (scored.headline, scored.ids, scored.per_item) == (50.0, ("a", "b"), (100.0, 0.0))
    assert scored.told["published"] == {"3b-448": 60.0, "10b-448": 80.0}


def test_a_test_servers_split_gives_its_file_and_no_scores(tmp_path: Path) -> None:
    items = [item(name, extra={"question_id": i}) for i, name in enumerate("ab")]
    result = evaluate(
        FakeEngine(TITLED), benchmark("vqa", submission="vqa"), items, tmp_path / "run", HOW
    )
    assert result.scores is None
    assert json.loads((tmp_path / "run" / "submission.json").read_text()) == [
        {"question_id": 0, "answer": "yes"},
        {"question_id": 1, "answer": "  "},
    ]
    with pytest.raises(DataError, match="no right answers"):
        read_scored(tmp_path / "run" / "scores.json")


def test_choices_and_direct_answers_go_by_question(tmp_path: Path) -> None:
    items = [item("a", extra={"question_id": "x17"})]
    known = benchmark("exact", submission="aokvqa_mc")
    evaluate(FakeEngine(TITLED), known, items, tmp_path / "run", HOW)
    told = json.loads((tmp_path / "run" / "submission.json").read_text())
    assert told == {"x17": {"multiple_choice": "yes"}}


def test_no_answers_and_no_server_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--split"):
        evaluate(FakeEngine(), benchmark("exact"), [item("a")], tmp_path, HOW)
    with pytest.raises(DataError, match="no item"):
        evaluate(FakeEngine(), benchmark("exact"), [], tmp_path, HOW)


def test_what_can_fail_early_fails_before_any_question(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="form"):
        check_benchmark(benchmark("exact", submission="no such form"))
    with pytest.raises(UsageError, match="metric"):
        check_benchmark(benchmark("no such metric"))

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(extras.importlib, "import_module", missing)
    with pytest.raises(MissingExtraError, match="rapidfuzz"):
        check_benchmark(benchmark("anls"))


def test_answers_of_another_program_are_scored_by_id(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    rows = [("b", "no"), ("stranger", "x"), ("a", "yes"), ("b", "yes")]
    path.write_text("".join(json.dumps({"id": i, "answer": text}) + "\n" for i, text in rows))
    items = [item("a", "yes"), item("b", "yes"), item("c", "yes")]
    result = score_file(path, benchmark("exact"), items, tmp_path / "run", HOW)
    told = kinds(result)
    assert told["a prediction without an item: not scored"] == ("stranger",)
    assert told["no prediction: counts as an empty answer"] == ("c",)
    assert told["a second prediction for the same id: left out"] == ("b",)
    assert result.scores is not None
    assert result.scores.per_item == (100.0, 0.0, 0.0)


def test_a_prediction_beyond_the_limit_is_no_stranger(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"id": "a", "answer": "yes"}\n{"id": "b", "answer": "yes"}\n')
    items = [item("a", "yes"), item("b", "yes")]
    how = How(model="fake", limit=1)
    result = score_file(path, benchmark("exact"), items, tmp_path / "run", how)
    assert list(result.problems) == []


def test_boxes_of_another_programs_texts_are_read(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    answer = "<loc0000><loc0000><loc1023><loc1023> cat"
    path.write_text(json.dumps({"id": "a", "answer": answer}) + "\n")
    items = [item("a", things=(Thing("cat", Box(0, 0, 40, 30)),), size=(40, 30))]
    result = score_file(path, benchmark("detection"), items, tmp_path / "run", HOW)
    assert result.scores is not None
    assert result.scores.headline == pytest.approx(100)


def test_a_run_scored_again_from_its_file_has_the_same_scores(tmp_path: Path) -> None:
    items = [item("a", "yes"), item("b", "yes")]
    first = evaluate(FakeEngine(TITLED), benchmark("exact"), items, tmp_path / "run", HOW)
    path = tmp_path / "run" / "predictions.jsonl"
    again = score_file(path, benchmark("exact"), items, tmp_path / "again", HOW)
    assert again.scores == first.scores
