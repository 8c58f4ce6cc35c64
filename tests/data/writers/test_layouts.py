"""What is written, to the letter: COCO, YOLO and JSON lines of one small set."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from palikit.coco import encode_rle, fill_polygons
from palikit.data.pictures import FilePicture
from palikit.data.records import Dataset, Record, Thing
from palikit.data.writers import coco, jsonl, yolo
from palikit.errors import DataError, UsageError
from palikit.results import Box

CAT = Thing("cat", Box(12.0, 30.0, 200.0, 310.0))
OUTLINED = Thing("dog", Box(0.0, 0.0, 64.0, 48.0), polygons=((0.0, 0.0, 64.0, 0.0, 64.0, 48.0),))


def record(path, things, **told):
    told = {"size": (640, 480), "origin": "a row", **told}
    return Record(pictures=(FilePicture(Path(path)),), things=things, **told)


def test_json_lines_are_written_to_the_letter(tmp_path):
    one = record(
        tmp_path / "in/ä.jpg",
        (CAT, OUTLINED),
        id="17",
        captions=("ein Tier",),
        suffix="",
        lang="de",
        extra={"boxes": 3},
    )
    other = Record(pictures=(FilePicture(tmp_path / "out/b.jpg"),) * 2, origin="", prefix="what?")
    report = jsonl.write(Dataset("a", [one, other], ("dog", "cat")), tmp_path / "out/a.jsonl")
    assert (tmp_path / "out/a.jsonl").read_text("utf-8") == (
        '{"classes": ["dog", "cat"]}\n'
        '{"image": "../in/ä.jpg", "boxes": [{"label": "cat", "box": [12.0, 30.0, 200.0, 310.0]}, '
        '{"label": "dog", "box": [0.0, 0.0, 64.0, 48.0], '
        '"polygons": [[0.0, 0.0, 64.0, 0.0, 64.0, 48.0]]}], "suffix": "", "lang": "de", '
        '"id": "17", "size": [640, 480], "captions": ["ein Tier"], "extra": {"boxes": 3}}\n'
        '{"images": ["b.jpg", "b.jpg"], "prefix": "what?"}\n'
    )
    assert report.told() == ""


def test_coco_is_written_to_the_letter(tmp_path):
    rle = encode_rle(np.arange(640)[None].repeat(480, axis=0) == 1)
    raw = {**rle, "counts": rle["counts"].encode()}  # as pycocotools gives it
    crowd = Thing("cat", Box(0.0, 0.0, 2.0, 480.0), rle=raw, crowd=True)
    records = [
        record(tmp_path / "sub/a.jpg", (CAT, OUTLINED)),
        record(tmp_path / "b.jpg", (crowd,)),
        record(tmp_path / "c.jpg", ()),
    ]
    report = coco.write(Dataset("fruit", records, ("zebra", "cat")), tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {
        "info": {"description": "fruit"},
        "images": [
            {"id": 1, "file_name": "sub/a.jpg", "width": 640, "height": 480},
            {"id": 2, "file_name": "b.jpg", "width": 640, "height": 480},
            {"id": 3, "file_name": "c.jpg", "width": 640, "height": 480},
        ],
        "annotations": [
            annotation(1, 1, 2, [12.0, 30.0, 188.0, 280.0], 188.0 * 280.0, []),
            annotation(2, 1, 3, [0.0, 0.0, 64.0, 48.0], 1536.0, [list(OUTLINED.polygons[0])]),
            {**annotation(3, 2, 2, [0.0, 0.0, 2.0, 480.0], 480.0, rle), "iscrowd": 1},
        ],
        "categories": [
            {"id": 1, "name": "zebra"},
            {"id": 2, "name": "cat"},
            {"id": 3, "name": "dog"},
        ],
    }
    assert (report.records, report.told()) == (3, "")


def annotation(number, image, category, box, area, shape):
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": box,
        "area": area,
        "iscrowd": 0,
        "segmentation": shape,
    }


def test_pycocotools_reads_what_is_written(tmp_path, capsys):
    from pycocotools.coco import COCO

    counted = Thing("cat", Box(0.0, 0.0, 2.0, 2.0), rle=encode_rle(np.eye(480, 640) > 0))
    told = record(tmp_path / "a.jpg", (OUTLINED, counted), captions=("one",))
    coco.write(Dataset("a", [told], ()), tmp_path / "instances_val.json")
    read = COCO(str(tmp_path / "instances_val.json"))
    assert [int(read.annToMask(one).sum()) for one in read.anns.values()] == [1536, 480]
    captions = COCO(str(tmp_path / "captions_val.json"))
    assert [one["caption"] for one in captions.anns.values()] == ["one"]


def test_coco_has_captions_in_a_file_of_their_own(tmp_path):
    both = record(tmp_path / "a.jpg", (), captions=("one", "two"), id="7")
    only = record(tmp_path / "b.jpg", None, captions=("three",), id="9")
    report = coco.write(Dataset("a", [both, only], ()), tmp_path / "instances_val.json")
    boxes = json.loads((tmp_path / "instances_val.json").read_text())
    assert [image["id"] for image in boxes["images"]] == [7]
    captions = json.loads((tmp_path / "captions_val.json").read_text())
    assert "categories" not in captions
    assert [image["file_name"] for image in captions["images"]] == ["a.jpg", "b.jpg"]
    assert captions["annotations"] == [
        {"id": 1, "image_id": 7, "caption": "one"},
        {"id": 2, "image_id": 7, "caption": "two"},
        {"id": 3, "image_id": 9, "caption": "three"},
    ]
    assert report.told() == f"captions are in {tmp_path}/captions_val.json"
    coco.write(Dataset("a", [only], ()), tmp_path / "alone.json")
    assert json.loads((tmp_path / "alone.json").read_text())["annotations"][0]["caption"] == "three"


def test_coco_tells_what_it_cannot_say(tmp_path):
    records = [
        record(tmp_path / "a.jpg", (), question="what?", extra={"image_id": 3, "source": "web"}),
        record(tmp_path / "b.jpg", (), prefix="detect", suffix="", id="b"),
        record(tmp_path / "c.jpg", (), captions=("eins",), lang="de", id="c"),
        record(tmp_path / "d.jpg", None, prefix="caption"),
        Record(pictures=(FilePicture(tmp_path / "e.jpg"),) * 2, origin="e"),
    ]
    report = coco.write(Dataset("a", records, ()), tmp_path / "a.json")
    assert +report.left_out == {
        "questions": 1,
        "prompts": 1,
        "languages": 1,
        "other keys": 1,
        "ids that are no different whole numbers": 2,
        "records without boxes and captions": 1,
        "records of several pictures": 1,
    }
    assert report.records == 3
    assert report.told().startswith("left out: ")


def test_coco_keeps_its_own_numbers_of_classes(tmp_path):
    told = record(tmp_path / "a.jpg", (CAT,), extra={"category_ids": {"dog": 18, "cat": 17}})
    coco.write(Dataset("a", [told], ("cat", "dog")), tmp_path / "a.json")
    found = json.loads((tmp_path / "a.json").read_text())
    assert found["categories"] == [{"id": 17, "name": "cat"}, {"id": 18, "name": "dog"}]
    assert found["annotations"][0]["category_id"] == 17


def test_coco_names_pictures_elsewhere_from_the_folder_they_share(tmp_path):
    records = [record(tmp_path / "in" / name, ()) for name in ("a/1.jpg", "b/2.jpg")]
    report = coco.write(Dataset("a", records, ()), tmp_path / "out/a.json")
    found = json.loads((tmp_path / "out/a.json").read_text())
    assert [image["file_name"] for image in found["images"]] == ["a/1.jpg", "b/2.jpg"]
    assert report.told().endswith(f"read it with images={tmp_path}/in")


def test_a_size_that_no_file_told_is_that_of_the_picture(tmp_path):
    Image.new("RGB", (8, 4)).save(tmp_path / "a.png")
    coco.write(Dataset("a", [record(tmp_path / "a.png", (), size=None)]), tmp_path / "a.json")
    (image,) = json.loads((tmp_path / "a.json").read_text())["images"]
    assert (image["width"], image["height"]) == (8, 4)


def lines(tmp_path, *things):
    picture = tmp_path / "images/train/a.jpg"
    report = yolo.write(Dataset("a", [record(picture, things)], ("cat", "dog")), tmp_path)
    return (tmp_path / "labels/train/a.txt").read_text().splitlines(), report


def test_yolo_is_written_to_the_letter(tmp_path):
    boxes = [Thing("dog", Box(240.0, 180.0, 400.0, 300.0)), Thing("cat", Box(0.0, 0.0, 0.1, 480.0))]
    rows, report = lines(tmp_path, *boxes)
    assert rows == ["1 0.5 0.5 0.25 0.25", "0 0.000078125 0.5 0.00015625 1"]
    assert report.told() == ""
    assert yaml.safe_load((tmp_path / "data.yaml").read_text()) == {
        "path": ".",
        "train": "images/train",
        "names": {0: "cat", 1: "dog"},
    }


def test_yolo_has_an_empty_file_where_there_is_nothing(tmp_path):
    assert lines(tmp_path)[0] == []


def test_yolo_does_not_mix_boxes_and_outlines(tmp_path):
    rows, report = lines(tmp_path, OUTLINED, Thing("cat", Box(64.0, 48.0, 320.0, 240.0)))
    assert rows == ["1 0 0 0.1 0 0.1 0.1", "0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5"]
    assert report.left_out[yolo.BOXES] == 1


def test_yolo_joins_parts_and_keeps_their_pixels(tmp_path):
    left, right = (8.0, 8.0, 64.0, 8.0, 64.0, 96.0), (300.0, 200.0, 400.0, 200.0, 400.0, 300.0)
    whole = Box(8.0, 8.0, 400.0, 300.0)
    rows, report = lines(tmp_path, Thing("cat", whole, polygons=(left, right)))
    shares = [float(word) for word in rows[0].split()[1:]]
    joined = [share * (640, 480)[i % 2] for i, share in enumerate(shares)]
    filled = fill_polygons([joined], (640, 480))
    assert (filled == fill_polygons([left, right], (640, 480))).all()
    assert +report.left_out == {yolo.PARTS: 1}


def test_yolo_writes_run_lengths_as_the_outline_of_their_pixels(tmp_path):
    mask = np.zeros((480, 640), np.bool_)
    mask[48:96, 64:128] = True
    rows, report = lines(tmp_path, Thing("cat", Box(64.0, 48.0, 128.0, 96.0), rle=encode_rle(mask)))
    assert rows == ["0 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2"]
    assert report.told() == "left out: run lengths, written as outlines (1)"


def test_yolo_tells_what_it_cannot_say(tmp_path):
    folder = tmp_path / "images/train"
    loose = Thing("dog", Box(0.0, 0.0, 65.0, 48.0), polygons=OUTLINED.polygons)
    records = [
        record(folder / "a.jpg", (CAT, Thing("cat", CAT.box, crowd=True)), captions=("a", "b")),
        record(folder / "b.jpg", (loose,), question="what?", extra={"source": "web"}),
        record(folder / "c.jpg", (Thing("cat", Box(-1.0, 0.0, 9.0, 9.0)),), prefix="detect"),
        record(folder / "d.jpg", None),
    ]
    report = yolo.write(Dataset("a", records, ()), tmp_path)
    assert +report.left_out == {
        yolo.CROWDS: 1,
        yolo.LOOSE: 1,
        yolo.OUTSIDE: 1,
        "captions": 2,
        "questions": 1,
        "prompts": 1,
        "other keys": 1,
        "records without boxes": 1,
    }
    assert sorted(path.name for path in (tmp_path / "labels/train").iterdir()) == [
        "a.txt",
        "b.txt",
        "c.txt",
    ]


def test_yolo_adds_a_split_to_a_set_of_the_same_classes(tmp_path):
    lines(tmp_path, CAT)
    val = record(tmp_path / "images/val/b.jpg", (CAT,))
    yolo.write(Dataset("b", [val], ("cat", "dog")), tmp_path, split="val")
    config = yaml.safe_load((tmp_path / "data.yaml").read_text())
    assert (config["train"], config["val"]) == ("images/train", "images/val")
    test = record(tmp_path / "images/test/b.jpg", (CAT,))
    with pytest.raises(UsageError, match="other names of classes"):
        yolo.write(Dataset("b", [test], ("cat",)), tmp_path, split="test")
    (tmp_path / "data.yaml").write_text("[")
    with pytest.raises(DataError, match=r"is no data\.yaml"):
        yolo.write(Dataset("b", [test], ("cat", "dog")), tmp_path, split="test")
    assert not (tmp_path / "labels/test").exists()


@pytest.mark.parametrize("split", ["", "../x", "names", "a b"])
def test_yolo_refuses_what_is_no_name_of_a_split(split, tmp_path):
    with pytest.raises(UsageError, match="cannot be the name of a split"):
        yolo.write(Dataset("a", []), tmp_path, split=split)


def test_yolo_wants_pictures_in_its_folder_and_one_record_each(tmp_path):
    with pytest.raises(UsageError, match="add --copy"):
        yolo.write(Dataset("a", [record("/elsewhere/a.jpg", ())]), tmp_path)
    twice = [record(tmp_path / "images/train" / name, ()) for name in ("a.jpg", "a.png")]
    with pytest.raises(DataError, match="has a file of labels already"):
        yolo.write(Dataset("a", twice), tmp_path)
    lines(tmp_path, CAT)
    with pytest.raises(UsageError, match="is there already"):
        lines(tmp_path, CAT)


@pytest.mark.parametrize("module", [coco, jsonl])
def test_a_folder_is_no_name_for_a_file(module, tmp_path):
    with pytest.raises(UsageError, match="is no name for a file"):
        module.write(Dataset("a", []), tmp_path)
