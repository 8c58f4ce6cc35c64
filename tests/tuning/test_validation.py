"""Validation: right answers score 1, wrong ones what their metric says, every picture counts."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.records import boxes_dataset

from palikit.data.asking import Asking
from palikit.data.pictures import BytesPicture
from palikit.engine import Engine
from palikit.errors import UsageError
from palikit.model.paligemma import PaliGemma
from palikit.results import Box, Region, Regions, Text
from palikit.tuning import validation
from palikit.tuning.validation import METRICS, Validator, kind_of_all

DATA = boxes_dataset(6)


def truth(record, prefix, shift=0.0, mask=True):
    regions = tuple(
        Region(
            t.label,
            Box(t.box.x1 + shift, t.box.y1, t.box.x2 + shift, t.box.y2),
            0.9,
            t.mask((48, 32)) if mask else None,
        )
        for t in record.things
    )
    return Regions(regions, size=(48, 32), text=prefix)


def measure(monkeypatch, tmp_path, answer, records=DATA.records, **asking):
    """What a validator says of an engine that answers question i with answer(i, task)."""
    asked = []

    def run(self, questions, batch_size):
        found = [answer(len(asked) + i, task) for i, (_, task) in enumerate(questions)]
        asked.extend(questions)
        return found

    monkeypatch.setattr(Engine, "run", run)
    monkeypatch.setattr(validation, "Engine", lambda *parts: object.__new__(Engine))
    validator = Validator(records, Asking(**asking), DATA.classes, None, None, 64)
    found = validator(object.__new__(PaliGemma), 30, tmp_path)
    return found, asked


def test_the_truth_scores_one(monkeypatch, tmp_path):
    def right(i, task):
        return truth(DATA.records[i], task.prefix)

    found, asked = measure(monkeypatch, tmp_path, right, task="detect")
    assert found["ap50"] == found["ap"] == found["ar100"] == pytest.approx(1.0)
    labels = {t.label for t in DATA.records[0].things}
    assert set(asked[0][1].labels) == labels
    found, _ = measure(monkeypatch, tmp_path, right, task="segment")
    assert found["iou"] == 1.0


def test_boxes_beside_the_things_score_nothing(monkeypatch, tmp_path):
    found, _ = measure(
        monkeypatch, tmp_path, lambda i, t: truth(DATA.records[i], "", 19.0), task="segment"
    )
    assert found["ap50"] == found["iou"] == 0.0


def test_a_found_box_without_a_mask_counts_as_nothing(monkeypatch, tmp_path):
    found, _ = measure(
        monkeypatch, tmp_path, lambda i, t: truth(DATA.records[i], "", mask=False), task="segment"
    )
    assert found["iou"] == 0.0
    assert found["ap50"] == pytest.approx(1.0)


def test_all_classes_are_asked_for_where_training_asks_for_all(monkeypatch, tmp_path):
    _, asked = measure(monkeypatch, tmp_path, lambda i, t: Regions(()), task="detect", labels="all")
    assert {tuple(task.labels) for _, task in asked} == {("cat", "dog")}


def worded(**fields):
    return [replace(record, things=None, **fields) for record in DATA.records]


def test_answers_and_captions_are_scored_by_their_texts(monkeypatch, tmp_path):
    asked = worded(question="how many?", answers=("2", "2", "two"))
    found, _ = measure(monkeypatch, tmp_path, lambda i, t: Text("2" if i < 3 else "9"), asked)
    assert found["exact"] == 0.5
    assert found["soft"] == pytest.approx(0.5 * 2 / 3)
    captions = worded(captions=("a cat", "one cat"))
    found, _ = measure(
        monkeypatch, tmp_path, lambda i, t: Text("a cat" if i else "a car"), captions
    )
    assert found["exact"] == pytest.approx(5 / 6)
    assert 5 / 6 < found["similarity"] < 1


def test_pictures_that_do_not_open_are_counted(monkeypatch, tmp_path):
    torn = replace(DATA.records[0], pictures=(BytesPicture("torn", b""),))
    records = [torn, *DATA.records[1:]]
    found, asked = measure(
        monkeypatch, tmp_path, lambda i, t: truth(DATA.records[i + 1], ""), records, task="detect"
    )
    assert (found["unread"], len(asked)) == (1.0, 5)
    with pytest.raises(UsageError, match="no validation picture"):
        measure(monkeypatch, tmp_path, lambda i, t: Regions(()), [torn], task="detect")


def test_samples_are_kept_as_a_sheet_and_as_lines(monkeypatch, tmp_path):
    measure(monkeypatch, tmp_path, lambda i, t: truth(DATA.records[i], "hm"), task="detect")
    names = sorted(path.name for path in (tmp_path / "samples").iterdir())
    assert names == ["step-000030.jsonl", "step-000030.png"]
    lines = (tmp_path / "samples/step-000030.jsonl").read_text().splitlines()
    assert len(lines) == 6


def test_kinds_that_do_not_mix_are_named():
    assert kind_of_all(DATA.records, Asking(task="detect")) == "detect"
    assert kind_of_all(DATA.records, Asking()) == "segment"
    with pytest.raises(UsageError, match="caption, segment"):
        kind_of_all([*DATA.records, *worded(captions=("a",))], Asking())
    assert all(np.isfinite(len(best)) for best, _ in METRICS.values())


def test_a_model_that_is_taught_noise_is_asked_with_it(monkeypatch, tmp_path):
    def right(i, task):
        return truth(DATA.records[i], task.prefix)

    _, asked = measure(monkeypatch, tmp_path, right, task="detect", noise=7)
    assert {task.noise for _, task in asked} == {7}
