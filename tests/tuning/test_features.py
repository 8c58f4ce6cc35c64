"""Features on disk are those that the tower would make, computed once, whatever happens between."""

from dataclasses import replace

import pytest
import torch
from helpers.records import boxes_dataset
from helpers.tiny import tiny_model

from palikit.data.pictures import BytesPicture, open_picture
from palikit.errors import CheckpointError, ImageError
from palikit.inputs.image import Resize
from palikit.tuning import features
from palikit.tuning.features import FeatureFile, fill_features

RESIZE = Resize(28)
RECORDS = boxes_dataset(7).records


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(features, "BATCH", 2)


def made(model, record):
    pixels = RESIZE(open_picture(record.pictures[0]))[None, None]
    return model.embed_image(pixels)[0]


def test_what_is_read_is_what_the_model_makes(tmp_path):
    model = tiny_model("paligemma2")
    file = fill_features(model, RESIZE, [*RECORDS, RECORDS[2]], tmp_path)
    for record in RECORDS:
        torch.testing.assert_close(file.read(record), made(model, record))
    assert file == FeatureFile(tmp_path)


def test_a_second_run_computes_nothing_and_another_tower_everything(tmp_path, monkeypatch):
    model = tiny_model("paligemma2")
    fill_features(model, RESIZE, RECORDS, tmp_path)
    calls = []
    real = features._run
    monkeypatch.setattr(features, "_run", lambda *a: calls.append(1) or real(*a))
    fill_features(model, RESIZE, RECORDS, tmp_path)
    assert not calls
    fill_features(tiny_model("paligemma2", seed=1), RESIZE, RECORDS, tmp_path)
    assert len(calls) == 4


def test_a_killed_fill_goes_on_after_the_last_whole_batch(tmp_path, monkeypatch):
    model = tiny_model("paligemma2")
    calls = []
    real = features._run

    def dies(*arguments):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(1)
        return real(*arguments)

    monkeypatch.setattr(features, "_run", dies)
    with pytest.raises(KeyboardInterrupt):
        fill_features(model, RESIZE, RECORDS, tmp_path)
    monkeypatch.setattr(features, "_run", lambda *a: calls.append(1) or real(*a))
    file = fill_features(model, RESIZE, RECORDS, tmp_path)
    assert len(calls) == 4  # of four batches, none twice
    for record in RECORDS:
        torch.testing.assert_close(file.read(record), made(model, record))


def test_a_broken_picture_is_remembered_as_broken(tmp_path):
    torn = replace(RECORDS[0], pictures=(BytesPicture("torn.png", b"torn"),))
    file = fill_features(tiny_model("paligemma2"), RESIZE, [torn, RECORDS[1]], tmp_path)
    with pytest.raises(ImageError, match=r"torn\.png"):
        file.read(torn)
    torch.testing.assert_close(file.read(RECORDS[1]), made(tiny_model("paligemma2"), RECORDS[1]))


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(features, "_append", full)
    with pytest.raises(CheckpointError, match="No space left"):
        fill_features(tiny_model("paligemma2"), RESIZE, RECORDS, tmp_path)
