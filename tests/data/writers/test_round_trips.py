"""Written by a writer, read by the reader of the same format: the same records."""

from dataclasses import replace

import pytest
from helpers.labelled import HEIGHT, WIDTH, boxed_records, finely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from palikit.data.records import Dataset
from palikit.data.writers import write_dataset

coco = pytest.importorskip("palikit.data.readers.coco")
yolo = pytest.importorskip("palikit.data.readers.yolo")

# Records are checked while tests run, by a checker that looks at an item of each tuple at random.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the .random. module")
few = settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])


@few
@given(data=st.data())
def test_coco_is_read_as_it_was_written(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("coco")
    records = data.draw(boxed_records(folder))
    records = [replace(one, captions=("a", "b") * (i % 2)) for i, one in enumerate(records)]
    write_dataset(
        Dataset("a", records, ("cat", "no such thing")), folder / "instances_a.json", "coco"
    )
    again = coco.read(folder / "instances_a.json")
    assert [spoken(one) for one in again] == [(*spoken(one)[:3], ()) for one in records]
    assert again.classes[:2] == ("cat", "no such thing")
    captioned = [one for one in records if one.captions]
    if captioned:
        captions = coco.read(folder / "captions_a.json")
        assert [one.captions for one in captions] == [one.captions for one in captioned]
        assert {one.things for one in captions} == {None}
    # Numbers of classes stay when what was read is written again.
    write_dataset(again, folder / "again.json", "coco")
    first, second = ((folder / name).read_text() for name in ("instances_a.json", "again.json"))
    assert second == first.replace('"description": "a"', '"description": "instances_a"')


def spoken(record):
    return [picture.path for picture in record.pictures], record.id, record.things, record.captions


@few
@given(data=st.data())
def test_yolo_is_read_as_it_was_written(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("yolo")
    (folder / "images/val").mkdir(parents=True)
    records = data.draw(boxed_records(folder / "images/val", finely, masks=False).filter(bool))
    records = [one for one in records if len({thing.has_mask for thing in one.things}) < 2]
    for record in records:
        Image.new("1", (WIDTH, HEIGHT)).save(record.pictures[0].path)
    if not records:
        return
    write_dataset(Dataset("a", records, ("7", "cat")), folder, "yolo", split="val")
    again = yolo.read(folder / "data.yaml", split="val")
    assert again.classes[:2] == ("7", "cat")
    for record, other in zip(records, again, strict=True):
        assert other.pictures == record.pictures
        for thing, found in zip(record.things, other.things, strict=True):
            assert found.label == thing.label
            assert found.box.xyxy == pytest.approx(thing.box.xyxy, abs=1e-6)
            assert [*map(pytest.approx, found.polygons)] == [*thing.polygons]
