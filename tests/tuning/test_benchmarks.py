"""Benchmarks in a run: what they teach, and that a validation is `palikit eval` of each step."""

import json
from dataclasses import replace

import pytest
from helpers.official import LAYOUTS, lay
from PIL import Image

import palikit as pk
from palikit.cli.main import run as command
from palikit.data.asking import Asking, ask
from palikit.engine import Engine
from palikit.errors import DataError, UsageError
from palikit.eval.benchmarks import BENCHMARKS
from palikit.eval.evaluate import How, evaluate
from palikit.eval.names import find_benchmark
from palikit.train import OptimConfig
from palikit.tuning import FineTune, Method, fine_tune
from palikit.tuning.benchmarks import BenchmarkValidator, open_benchmark, read_records
from palikit.tuning.run import prepare_run
from palikit.tuning.sources import open_mixture
from palikit.tuning.validation import asked_at_once


def laid(name, root):
    """An official layout, with pictures where its items say."""
    lay(root, LAYOUTS[name])
    for item in BENCHMARKS[name].read(root):
        for shown in item.pictures:
            path = root / shown.name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 30), "teal").save(path)
    return root


@pytest.fixture
def docvqa(tmp_path):
    return f"benchmark:docvqa:{laid('docvqa', tmp_path / 'docvqa')}"


def config(source, **fields):
    settings = {"steps": 2, "batch_size": 2, "workers": 0, "method": Method(rank=2)}
    settings |= {"optim": OptimConfig(lr=1e-3), "validate_every": 1}
    return FineTune(data=(source,), validation=(source,), **(settings | fields))


def first_asked(source):
    draw = open_mixture([source], 0)[0]
    return ask(draw.record, Asking(), (), draw.rng)


def test_a_run_is_measured_by_the_benchmarks_own_number(docvqa, tmp_path, capfd):
    words = ["train", "--data", docvqa, "--val", docvqa, "--out", str(tmp_path / "run")]
    assert command([*words, "steps=2", "batch_size=2", "rank=2", "workers=0"]) == 0
    said = capfd.readouterr()
    assert "measured: docvqa" in said.err
    rows = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    measured = {row["step"]: row["docvqa"] for row in rows if "docvqa" in row}
    assert sorted(measured) == [0, 1, 2]

    benchmark, items = open_benchmark(docvqa)
    again = evaluate(
        pk.load(tmp_path / "run/last/model"),
        benchmark,
        items,
        tmp_path / "again",
        How(batch_size=1),
    )
    place = tmp_path / "run/measured/step-000002"
    assert again.scores.headline == pytest.approx(measured[2])
    told, known = (
        [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
        for folder in (place, tmp_path / "again")
    )
    assert [one["answer"] for one in told] == [one["answer"] for one in known]
    assert (tmp_path / "run/samples/step-000002.png").exists()


def test_what_a_killed_measurement_left_is_asked_again(docvqa, tmp_path, monkeypatch):
    benchmark, items = open_benchmark(docvqa)
    engine = pk.load("nano")
    validate = BenchmarkValidator(benchmark, items, engine.processor, engine.mask_codec, 3)
    sizes = []
    real = Engine.run
    monkeypatch.setattr(
        Engine,
        "run",
        lambda self, asked, **how: sizes.append(how["batch_size"]) or real(self, asked, **how),
    )
    first = validate(engine.model, 5, tmp_path)
    place = tmp_path / "measured/step-000005/predictions.jsonl"
    row = json.loads(place.read_text())
    place.write_text(json.dumps(row | {"answer": "0.28"}) + "\n")
    assert validate(engine.model, 5, tmp_path) == first
    assert json.loads(place.read_text())["answer"] == row["answer"]
    assert sizes == [3, 3]


def test_an_error_rate_is_best_where_it_is_lowest(tmp_path):
    root = laid("grandstaff", tmp_path / "grandstaff")
    source = f"benchmark:grandstaff:{root}"
    prepared = prepare_run(config(source, max_suffix=8), tmp_path / "run").validation
    assert (prepared.best, prepared.higher) == ("grandstaff", False)
    docvqa = f"benchmark:docvqa:{laid('docvqa', tmp_path / 'docvqa')}"
    assert prepare_run(config(docvqa), tmp_path / "other").validation.higher


@pytest.mark.parametrize(
    ("name", "prefix", "suffix"),
    [
        (
            "docvqa",
            "What is the ‘actual’ value per 1000, during the year 1975?",
            "0.28",
        ),
        ("science_qa", None, "The answer is "),
        ("grandstaff", "music", "**kern"),
    ],
)
def test_a_benchmark_teaches_its_own_prompt_and_answers(name, prefix, suffix, tmp_path):
    asked = first_asked(f"benchmark:{name}:{laid(name, tmp_path)}")
    item = BENCHMARKS[name].read(tmp_path)[0]
    assert asked.prefix == (prefix or item.prefix) == item.prefix
    assert asked.suffix in item.references
    assert asked.suffix.startswith(suffix)


def test_boxes_words_and_phrases_are_taught_in_the_form_that_their_metric_reads(tmp_path):
    spotted = first_asked(f"benchmark:icdar15:{laid('icdar15', tmp_path / 'a')}")
    assert (spotted.prefix, spotted.is_regions, spotted.with_masks) == ("detect text", True, False)
    assert all(thing.label and not thing.crowd for thing in spotted.things)
    referred = first_asked(f"benchmark:refcoco_val:{laid('refcoco_val', tmp_path / 'b')}")
    assert referred.with_masks
    assert [thing.label for thing in referred.things] == [""]
    found = first_asked(f"benchmark:coco_detection:{laid('coco_detection', tmp_path / 'c')}")
    assert (found.prefix, found.with_masks) == ("detect all classes", False)


def test_parts_of_splits_are_those_of_their_files(tmp_path):
    source = f"benchmark:chartqa_aug:{laid('chartqa_aug', tmp_path)}"
    whole = [item.id for item in open_benchmark(source)[1]]
    assert [i.id for i in open_benchmark(f"{source},split=test[:-1]")[1]] == whole[:-1]
    assert [i.id for i in open_benchmark(f"{source},split=test[50%:]")[1]] == whole[1:]
    assert [i.id for i in open_benchmark(f"{source},split=test[1:]")[1]] == whole[1:]
    (record, *_) = read_records(f"{source},lower=true")
    assert record.answers == ("4.3",)
    with pytest.raises(DataError, match="no question"):
        open_benchmark(f"{source},split=test[:-100%]")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("benchmark:docvqua:x", "did you mean docvqa"),
        ("benchmark:docvqa", "says not where its data lies"),
        ("benchmark:nano", "is several"),
        ("benchmark:own-nothing:x", "names no metric"),
        ("benchmark:nano-count,part=3", "is no option"),
        ("benchmark:nano-count,split=test[3]", "is no part of a split"),
        ("benchmark:nano-count,lower=yes", "write true or false"),
    ],
)
def test_wrong_sources_are_answered_in_a_sentence(source, message):
    with pytest.raises(UsageError, match=message):
        read_records(source)


def test_one_number_chooses_the_best_step(docvqa, tmp_path):
    two = replace(config(docvqa), validation=(docvqa, "benchmark:nano-count"))
    with pytest.raises(UsageError, match="one benchmark's number"):
        prepare_run(two, tmp_path)
    unanswered = replace(config(docvqa), validation=(f"{docvqa},split=test",))
    with pytest.raises(UsageError, match="has a right answer"):
        prepare_run(unanswered, tmp_path)


def test_fewer_are_asked_at_once_where_pictures_are_large():
    def at_once(side):
        return asked_at_once(pk.PRESETS[f"paligemma2-3b-{side}"])

    assert [at_once(side) for side in (224, 448, 896)] == [16, 8, 2]
    with pytest.raises(UsageError, match="validate_batch=0"):
        FineTune(data=("coco:a.json",), validate_batch=0)


def test_a_users_own_lines_are_measured_by_any_metric(tmp_path, capfd):
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "a.png")
    lines = [
        {"image": "a.png", "prefix": "answer en how many?", "suffix": "40"},
        {"image": "a.png", "question": "how many?", "answers": ["2", "two"]},
        {"image": "a.png", "captions": ["a cat", "one cat"]},
    ]
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    items = find_benchmark("own-relaxed").read(path)
    assert [item.references for item in items] == [("40",), ("2", "two"), ("a cat", "one cat")]
    assert [item.prefix for item in items][1:] == ["answer en how many?", "caption en"]
    with pytest.raises(DataError, match="has no things"):
        find_benchmark("own-spotting").read(path)
    boxes = {"image": "a.png", "prefix": "detect text"}
    boxes["boxes"] = [{"label": "EXIT", "box": [1, 2, 30, 20]}]
    path.write_text(json.dumps(boxes) + "\n")
    (item,) = find_benchmark("own-spotting").read(path)
    assert (item.prefix, item.things[0].label) == ("detect text", "EXIT")
    assert not find_benchmark("own-kern").higher_is_better
    assert not find_benchmark("own-nes").higher_is_better
    out = ["--out", str(tmp_path / "out")]
    assert command(["eval", "own-spotting", "--data", str(path), *out]) == 0
    assert "own labels, spotting" in capfd.readouterr().out


def test_a_run_on_own_boxes_with_own_prompts_is_measured_as_detection(tmp_path):
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "a.png")
    boxes = {"image": "a.png", "prefix": "detect text"}
    boxes["boxes"] = [{"label": "EXIT", "box": [1, 2, 30, 20]}]
    (tmp_path / "own.jsonl").write_text(json.dumps(boxes) + "\n")
    fine_tune(config(f"jsonl:{tmp_path / 'own.jsonl'}", steps=1, max_suffix=16), tmp_path / "run")
    assert "ap50" in (tmp_path / "run/log.jsonl").read_text()
