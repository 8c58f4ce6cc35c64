"""`palikit eval`: from a command line to a report."""

import json
from pathlib import Path

import pytest
from helpers.benchmarks import FakeEngine, benchmark, item

from palikit.cli import eval as command
from palikit.config import PRESETS
from palikit.decode.sampling import Decoding
from palikit.eval import benchmarks


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """The engine that is loaded in this test; every question but q3 is answered with yes."""
    engine = FakeEngine({f"answer en q{i}?": "yes" for i in range(8) if i != 3})
    monkeypatch.setattr("palikit.engine.load", lambda source, **how: engine)
    return engine


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two small benchmarks, one of which needs data."""
    items = [item(f"q{i}", "yes") for i in range(8)]
    rows = {
        "small": benchmark("exact", items, published={"3b-448": 80.0}),
        "docvqa": benchmark("exact", items, name="docvqa", title="DocVQA", fetch="Task 1 files."),
        "searched": benchmark("exact", items, name="searched", beam=2),
    }
    monkeypatch.setattr(benchmarks, "BENCHMARKS", rows)


def test_nano_is_measured_on_its_own_scenes(palikit) -> None:
    outcome = palikit("eval", "nano", "--limit", "3", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    told = {row["benchmark"]: row for row in map(json.loads, outcome.out.splitlines())}
    assert len(told) == 7
    assert told["nano-detect"]["n"] == 3
    assert told["nano-colour"]["headline"] > 60
    assert told["nano-segment"]["headline"] > 30
    assert "mask codec" in told["nano-segment"]["notes"][0]
    assert Path("eval-nano/report.html").stat().st_size < 5_000_000
    lines = Path("eval-nano/nano-count/predictions.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == told["nano-count"]["n"]


def test_a_run_prints_a_table_and_writes_a_report(palikit, asked) -> None:
    outcome = palikit("eval", "small", "--limit", "4", "--against", "3b-448")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[1].split()[:4] == ["Small", "(val)", "75.0", "%"]
    assert "-5.0" in outcome.out
    assert outcome.out.endswith("report: eval-small/report.html\n")
    for name in ("report.html", "report.md", "report.json", "small/scores.json", "small/run.json"):
        assert Path("eval-small", name).is_file()


def test_a_second_call_asks_only_what_is_new(palikit, asked) -> None:
    palikit("eval", "small", "--limit", "4", "--batch-size", "2")
    palikit("eval", "small", "--batch-size", "2")
    assert sum(map(len, asked.asked)) == 8
    palikit("eval", "small", "--batch-size", "2", "--fresh")
    assert sum(map(len, asked.asked)) == 16


def test_another_model_needs_another_folder(palikit, asked) -> None:
    palikit("eval", "small")
    outcome = palikit("eval", "small", "--model", "other")
    assert outcome.code == 2
    assert "another model" in outcome.err
    assert "--fresh" in outcome.err
    assert palikit("eval", "small", "--model", "other", "--out", "more").code == 0


def test_refining_leaves_the_search_of_a_benchmark_in_words(palikit, asked) -> None:
    assert palikit("eval", "small", "searched", "--refine").code == 0
    assert asked.decodings == [Decoding(refine=True), Decoding(beam_size=2)]
    run = json.loads(Path("eval-small-searched/small/run.json").read_text("utf-8"))
    assert "refine=True" in run["decoding"]


def test_data_may_lie_below_a_benchmarks_name(palikit, asked, tmp_path: Path, monkeypatch) -> None:
    roots = []

    def read(root: Path, *, split: str | None = None) -> list:
        roots.append((root, split))
        return [item("q1", "yes")]

    row = benchmark("exact", name="docvqa", fetch="Task 1 files.")
    object.__setattr__(row, "read", read)
    monkeypatch.setattr(benchmarks, "BENCHMARKS", {"docvqa": row})
    Path("data/docvqa").mkdir(parents=True)
    Path("other").mkdir()
    assert palikit("eval", "docvqa", "--data", "data", "--split", "test").code == 0
    assert palikit("eval", "docvqa", "--data", "other", "--out", "more").code == 0
    assert roots == [(Path("data/docvqa"), "test"), (Path("other"), None)]


MISUSES = {
    "an unknown name": (["docvq"], "did you mean docvqa"),
    "nothing like it": (["zzzzzz"], "--list"),
    "no name": ([], "palikit eval nano"),
    "no data": (["docvqa"], "Task 1 files."),
    "no such folder": (["docvqa", "--data", "nowhere"], "nowhere is no folder"),
    "one run to compare": (["--compare", "a"], "two runs"),
    "answers to several": (["small", "nano", "--predictions", "x"], "--predictions"),
    "a limit of none": (["small", "--limit", "0"], "--limit"),
    "a beam that draws": (["small", "--beam", "2", "--top-k", "3"], "beam"),
}


@pytest.mark.parametrize("name", MISUSES)
def test_misuse_is_one_sentence_and_exit_code_2(name: str, palikit, asked) -> None:
    arguments, said = MISUSES[name]
    outcome = palikit("eval", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert asked.asked == []


def test_answers_from_a_file_ask_no_model(palikit, asked) -> None:
    Path("mine.jsonl").write_text('{"id": "q1", "answer": "yes"}\n{"id": "x", "answer": "yes"}\n')
    outcome = palikit("eval", "small", "--predictions", "mine.jsonl")
    assert outcome.code == 0
    assert "12.5 %" in outcome.out
    assert "small: a prediction without an item: not scored (1): x" in outcome.out
    assert asked.asked == []


def test_two_runs_are_compared(palikit, asked) -> None:
    palikit("eval", "small", "--out", "a")
    asked.table = {}
    palikit("eval", "small", "--out", "b")
    outcome = palikit("eval", "--compare", "a", "b", "--out", "compared")
    assert outcome.code == 0
    assert "-87.50 *" in outcome.out
    assert Path("compared/comparison.html").is_file()
    (told,) = map(json.loads, palikit("eval", "--compare", "a", "b", "--json").out.splitlines())
    assert told["mcnemar"]["only_first"] == 7


def test_the_list_names_what_can_be_measured(palikit) -> None:
    outcome = palikit("eval", "--list")
    assert outcome.code == 0
    names = [line.split()[0] for line in outcome.out.splitlines()]
    assert {"nano-detect", "small", "docvqa"} <= set(names)


def test_the_published_column_is_found_from_the_models_size() -> None:
    class Sized:
        def __init__(self, config):
            self.model = type("Model", (), {"config": config})

    assert command.variant_of(Sized(PRESETS["paligemma2-10b-448"])) == "10b-448"
    assert command.variant_of(Sized(PRESETS["paligemma-3b-224"])) == ""
    assert command.variant_of(None) == ""
