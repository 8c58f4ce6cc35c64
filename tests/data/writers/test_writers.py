"""Every writer: nothing is lost that both formats can say, nothing is left half written."""

import errno
import os
import pathlib
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.labelled import boxed_records, datasets, finely, things_of_coco, things_of_yolo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from palikit.data.pictures import BytesPicture, FilePicture, MemberPicture
from palikit.data.readers.jsonl import read as read_jsonl
from palikit.data.records import Dataset, Record, Thing
from palikit.data.writers import WRITERS, write_dataset
from palikit.errors import DataError, ImageError, UsageError
from palikit.results import Box

# Records are checked while tests run, by a checker that looks at an item of each tuple at random.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the .random. module")

FOLDER = Path("/nowhere/at all")
few = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("written")


def without_origin(dataset):
    return [replace(record, origin="", extra=dict(record.extra)) for record in dataset]


def straight(picture):
    """Without the detours of a name such as x/../y."""
    return FilePicture(Path(os.path.normpath(picture.path)))


@few
@given(dataset=datasets(FOLDER))
def test_json_lines_say_all_that_a_record_can_say(place, dataset):
    report = write_dataset(dataset, place / "a.jsonl", "jsonl")
    again = read_jsonl(place / "a.jsonl")
    named = [
        replace(
            one, pictures=tuple(FilePicture(Path(os.path.normpath(p.path))) for p in one.pictures)
        )
        for one in without_origin(again)
    ]
    assert named == without_origin(dataset)
    assert again.classes == dataset.classes
    assert (report.told(), report.records) == ("", len(dataset))


@few
@given(records=boxed_records(FOLDER))
def test_json_lines_to_coco_and_back_are_equal(place, records):
    write_dataset(Dataset("a", records, ()), place / "first.jsonl", "jsonl")
    report = write_dataset(read_jsonl(place / "first.jsonl"), place / "a.json", "coco")
    found = things_of_coco(place / "a.json")
    assert found == {one.pictures[0].path.name: one.things for one in records}
    assert set(report.left_out.elements()) == set()
    # And written from what was read, the lines are the same.
    back = [replace(one, things=found[one.pictures[0].path.name]) for one in records]
    write_dataset(Dataset("a", back, ()), place / "second.jsonl", "jsonl")
    assert (place / "first.jsonl").read_bytes() == (place / "second.jsonl").read_bytes()


@few
@given(records=boxed_records(FOLDER, finely))
def test_coco_keeps_any_box_to_the_last_bit_of_a_sum(place, records):
    write_dataset(Dataset("a", records, ()), place / "b.json", "coco")
    found = things_of_coco(place / "b.json")
    for record in records:
        for thing, other in zip(record.things, found[record.pictures[0].path.name], strict=True):
            assert other.box.xyxy == pytest.approx(thing.box.xyxy, rel=0, abs=2e-13)
            assert (other.label, other.polygons) == (thing.label, thing.polygons)


@few
@given(data=st.data())
def test_yolo_keeps_boxes_outlines_and_classes(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("yolo")
    records = data.draw(boxed_records(folder / "images/train", finely, masks=False))
    report = write_dataset(Dataset("a", records, ()), folder, "yolo")
    found = things_of_yolo(folder, "train") if records else {}
    assert len(found) == len(records) == report.records
    for record in records:
        outlined = any(thing.has_mask for thing in record.things)
        rows = found[record.pictures[0].path.stem]
        for thing, (label, numbers) in zip(record.things, rows, strict=True):
            x1, y1, x2, y2 = thing.box.xyxy
            middle = ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1)
            corners = (x1, y1, x2, y1, x2, y2, x1, y2)
            expected = (thing.polygons or (corners,))[0] if outlined else middle
            assert label == thing.label
            assert numbers == pytest.approx(expected, abs=1e-6)


@few
@given(records=boxed_records(FOLDER))
def test_the_same_records_are_written_as_the_same_bytes(place, records):
    dataset = Dataset("a", records, ())
    for kind in ("coco", "jsonl"):
        for name in ("1", "2"):
            write_dataset(dataset, place / name, kind)
        assert (place / "1").read_bytes() == (place / "2").read_bytes()


@pytest.fixture
def pictures(tmp_path):
    """Two pictures of one name, one in an archive, one in memory, each of its own width."""
    (tmp_path / "in/a").mkdir(parents=True)
    (tmp_path / "in/b").mkdir()
    for width, name in ((5, "a/cat.png"), (6, "b/cat.png"), (7, "c.png")):
        Image.new("RGB", (width, 4)).save(tmp_path / "in" / name)
    data = (tmp_path / "in/c.png").read_bytes()
    (tmp_path / "in/x.tar").write_bytes(b"x" * 512 + data)
    return [
        FilePicture(tmp_path / "in/a/cat.png"),
        FilePicture(tmp_path / "in/b/cat.png"),
        MemberPicture(tmp_path / "in/x.tar", "set/CAT.png", 512, len(data)),
        BytesPicture("a.parquet: row 3", data),
    ]


def records_of(pictures):
    return [
        Record(pictures=(one,), origin=one.name, things=(Thing("cat", Box(0.0, 1.0, 2.0, 3.0)),))
        for one in pictures
    ]


COPIED = ["cat.png", "cat_2.png", "CAT_3.png", "a.parquet_row_3.png"]


@pytest.mark.parametrize(
    ("kind", "target", "folder"),
    [
        ("jsonl", "out/train.jsonl", "out/train"),
        ("coco", "out/train.json", "out/train"),
        ("yolo", "out", "out/images/train"),
    ],
)
def test_copies_have_names_of_their_own(kind, target, folder, pictures, tmp_path):
    records = records_of(pictures)
    report = write_dataset(Dataset("a", records, ("cat",)), tmp_path / target, kind, copy=True)
    assert sorted(os.listdir(tmp_path / folder)) == sorted(COPIED)
    widths = [Image.open(tmp_path / folder / name).width for name in COPIED]
    assert widths == [5, 6, 7, 7]
    assert report.records == 4
    # Whoever writes there again is told, and nothing is touched.
    with pytest.raises(UsageError, match="is there already"):
        write_dataset(Dataset("a", records, ("cat",)), tmp_path / target, kind, copy=True)
    assert not list(tmp_path.rglob(".writing-*"))


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_pictures_in_archives_are_refused_without_copies(kind, pictures, tmp_path):
    records = records_of(pictures[2:3])
    with pytest.raises(UsageError, match=r"x\.tar:set/CAT\.png is no file of its own: add --copy"):
        write_dataset(Dataset("a", records, ()), tmp_path / "out/a", kind)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_only_pictures_are_copied_whatever_a_label_file_names(kind, tmp_path):
    (tmp_path / "secret").write_text("not a picture")
    for name in ("secret", "missing.jpg", "."):
        records = records_of([FilePicture(tmp_path / name)])
        with pytest.raises(ImageError):
            write_dataset(Dataset("a", records, ()), tmp_path / "out/a.x", kind, copy=True)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_hostile_names_of_pictures_stay_in_the_folder(pictures, tmp_path):
    data = pictures[3].data
    names = ["../../up.png", "/etc/cron.d/x", "..", "", "a\0b\n.png", "C:\\x\\y.png", "ä" * 300]
    records = records_of([BytesPicture(name, data) for name in names])
    write_dataset(Dataset("a", records, ()), tmp_path / "out/a.jsonl", "jsonl", copy=True)
    found = sorted(os.listdir(tmp_path / "out/a"))
    expected = ["a_b.png", "picture.png", "picture_2.png", "up.png", "x.png", "y.png"]
    assert found == [*expected, "ä" * 100 + ".png"]
    assert sorted(os.listdir(tmp_path)) == ["in", "out"]


@pytest.mark.parametrize("kind", sorted(WRITERS))
@pytest.mark.parametrize("copy", [True, False])
def test_a_full_disk_leaves_nothing_half_written(kind, copy, tmp_path, monkeypatch):
    out = tmp_path / "out"
    (out / "images/train").mkdir(parents=True)
    Image.new("RGB", (5, 4)).save(out / "images/train/1.png")
    (out / "a.x").write_text("older")
    target = out if kind == "yolo" else out / "a.x"
    records = records_of([FilePicture(out / "images/train/1.png")])
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    options = {"copy": copy, **({"split": "val"} if kind == "yolo" and copy else {})}

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in ("replace", "mkdir"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, full)
            with pytest.raises(DataError, match=r"No space left on device.*free space"):
                write_dataset(Dataset("a", records, ()), target, kind, **options)
        after = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
        assert after == before
    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path, "write_bytes", full)
        patch.setattr(pathlib.Path, "write_text", full)
        patch.setattr("palikit.data.writers.jsonl.to_json", full)
        with pytest.raises(DataError, match="No space left on device"):
            write_dataset(Dataset("a", records, ()), target, kind, **options)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_what_was_moved_is_moved_back_when_a_later_move_fails(tmp_path, monkeypatch):
    Image.new("RGB", (5, 4)).save(tmp_path / "1.png")
    records = records_of([FilePicture(tmp_path / "1.png")])
    replace_, calls = os.replace, []

    def third_fails(source, target):
        calls.append(target)
        if len(calls) == 3:
            raise OSError(errno.EIO, "Input/output error")
        replace_(source, target)

    monkeypatch.setattr(os, "replace", third_fails)
    with pytest.raises(DataError, match="Input/output error"):
        write_dataset(Dataset("a", records, ()), tmp_path / "out", "yolo", copy=True)
    assert len(calls) == 5  # three forwards, two back
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_another_format_or_option_is_misuse(tmp_path):
    with pytest.raises(UsageError, match="coco, jsonl, yolo"):
        write_dataset(Dataset("a", []), tmp_path / "a", "voc")
    with pytest.raises(UsageError, match="split is no option of coco"):
        write_dataset(Dataset("a", []), tmp_path / "a", "coco", split="val")


def test_numbers_that_json_lacks_are_told(tmp_path):
    bad = Thing("cat", Box(0.0, 0.0, float("nan"), 1.0))
    picture = FilePicture(tmp_path / "images/train/a.jpg")
    record = Record(pictures=(picture,), origin="row 7", size=(4, 4), things=(bad,))
    for kind, said in (("jsonl", "row 7 cannot"), ("coco", "JSON"), ("yolo", "row 7 has a box")):
        with pytest.raises(DataError, match=said):
            write_dataset(Dataset("a", [record]), tmp_path / ("a" if kind != "yolo" else ""), kind)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
