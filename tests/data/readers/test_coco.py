"""COCO: what the file says, in its order, and a clear error for each way in which it is broken."""

import pickle
import re

import numpy as np
import pytest
from helpers.boxes_scene import DROP, check_junk, picture, put, write, write_json

from palikit.coco import encode_rle, fill_polygons
from palikit.data.pictures import FilePicture
from palikit.data.readers import read_dataset
from palikit.data.readers.coco import read
from palikit.data.records import Thing
from palikit.errors import DataError
from palikit.results import Box

MASK = np.zeros((48, 64), np.bool_)
MASK[5:9, 7:20] = True
PLAIN = [48 * 7 + 5, *([4, 44] * 12), 4, 48 * 64 - (48 * 7 + 5) - 48 * 12 - 4]
TRIANGLE = (10.0, 20.0, 40.0, 20.0, 40.0, 40.5)

LABELS = {
    "info": {"year": 2026},
    "licenses": [],
    "images": [
        {"id": 9, "file_name": "b/9.jpg", "width": 64, "height": 48, "license": 3},
        {"id": "four", "file_name": "4.jpg"},
        {"id": 2, "file_name": "2.jpg", "width": 640.0, "height": 480},
    ],
    "categories": [
        {"id": 18, "name": "dog", "supercategory": "animal"},
        {"id": 3, "name": "unused"},
        {"id": "c", "name": "cat"},
    ],
    "annotations": [
        {"id": 1, "image_id": 9, "category_id": "c", "bbox": [10, 20, 30.5, 8], "area": 1},
        {"id": 2, "image_id": 2, "category_id": 18, "bbox": [1, 2, 3, 4], "segmentation": []},
        {
            "id": 3,
            "image_id": 9,
            "category_id": 18,
            "segmentation": [list(TRIANGLE), [0, 0, 2, 0, 2, 2, 0, 2]],
            "iscrowd": 0,
        },
        {
            "id": "four",
            "image_id": 9,
            "category_id": 18,
            "bbox": [7, 5, 13, 4],
            "segmentation": {"size": [48, 64], "counts": PLAIN},
            "iscrowd": 1,
        },
        {"image_id": 9, "category_id": 18, "segmentation": encode_rle(MASK)},
    ],
}


def test_boxes_outlines_run_lengths_and_crowds_are_read(tmp_path):
    dataset = read(write_json(tmp_path / "labels.json", LABELS))
    first, second, third = dataset
    assert first.things is not None
    assert first.things[:2] == (
        Thing("cat", Box(10.0, 20.0, 40.5, 28.0)),
        Thing("dog", Box(0.0, 0.0, 40.0, 40.5), (TRIANGLE, (0, 0, 2, 0, 2, 2, 0, 2))),
    )
    crowd, compressed = first.things[2:]
    assert (crowd.crowd, compressed.crowd) == (True, False)
    assert crowd.box == compressed.box == Box(7.0, 5.0, 20.0, 9.0)
    assert (crowd.mask((64, 48)) == MASK).all()
    assert (compressed.mask((64, 48)) == MASK).all()
    assert second.things == ()
    assert third.things == (Thing("dog", Box(1.0, 2.0, 4.0, 6.0)),)


def test_ids_sizes_and_categories_keep_their_kind_and_order(tmp_path):
    file = write_json(tmp_path / "labels.json", LABELS)
    dataset = read(file)
    assert dataset.classes == ("dog", "unused", "cat")
    assert [record.id for record in dataset] == ["9", "four", "2"]
    assert [record.extra["image_id"] for record in dataset] == [9, "four", 2]
    assert list(dataset[0].extra["category_ids"].items()) == [
        ("dog", 18),
        ("unused", 3),
        ("cat", "c"),
    ]
    assert [record.size for record in dataset] == [(64, 48), None, (640, 480)]
    assert dataset[0].origin == f"{file}, image 9"
    assert pickle.loads(pickle.dumps(dataset[0])) == dataset[0]


@pytest.mark.parametrize(
    ("file", "folder"),
    [
        ("annotations/instances_train2017.json", "train2017"),
        ("annotations/instances_train2017.json", "images/train2017"),
        ("annotations/labels.json", "images"),
        ("train/_annotations.coco.json", "train"),
        ("labels.json", "images"),
        ("labels_val.json", "val"),
    ],
)
def test_pictures_are_found_in_the_usual_places(tmp_path, file, folder):
    made = picture(tmp_path / folder / "b" / "9.jpg")
    dataset = read(write_json(tmp_path / file, LABELS))
    (found,) = dataset[0].pictures
    assert isinstance(found, FilePicture)
    assert found.path.resolve() == made.resolve()


def test_the_folder_of_pictures_can_be_named(tmp_path):
    write_json(tmp_path / "labels.json", LABELS)
    (tmp_path / "elsewhere").mkdir()
    dataset = read_dataset(f"coco:{tmp_path}/labels.json,images={tmp_path}/elsewhere")
    assert dataset[0].pictures == (FilePicture(tmp_path / "elsewhere" / "b" / "9.jpg"),)


def test_a_folder_stands_for_the_file_of_roboflow_in_it(tmp_path):
    write_json(tmp_path / "_annotations.coco.json", LABELS)
    assert len(read(tmp_path)) == 3


def test_captions_are_read_and_nobody_looked_for_things(tmp_path):
    labels = {
        "images": LABELS["images"],
        "annotations": [
            {"id": 1, "image_id": 9, "caption": "A dog."},
            {"id": 2, "image_id": 9, "caption": "Two dogs."},
        ],
    }
    dataset = read(write_json(tmp_path / "captions_val.json", labels))
    assert dataset[0].captions == ("A dog.", "Two dogs.")
    assert [record.things for record in dataset] == [None, None, None]
    assert dataset.classes == ()


def test_an_outline_fills_its_pixels(tmp_path):
    dataset = read(write_json(tmp_path / "labels.json", LABELS))
    assert dataset[0].things is not None
    outlined = dataset[0].things[1]
    assert (outlined.mask((64, 48)) == fill_polygons(outlined.polygons, (64, 48))).all()


A = "annotations"
BROKEN = {
    "no images": (("images",), DROP, "labels.json: the key 'images' is missing"),
    "no annotations": ((A,), DROP, "labels.json: the key 'annotations' is missing"),
    "images an object": (("images",), {}, "images: {} came where a list [...] was expected"),
    "an image a number": (("images", 1), 7, "images[1]: 7 came where an object"),
    "an image twice": (("images", 2, "id"), 9, "images[2]: the id 9 came before"),
    "a category twice": (("categories", 1, "id"), 18, "categories[1]: the id 18 came before"),
    "an annotation twice": ((A, 1, "id"), 1, "annotations[1]: the id 1 came before"),
    "an id of no kind": (("images", 0, "id"), 9.5, "images[0].id: 9.5 came where an id"),
    "no name": (("categories", 0, "name"), " ", "categories[0].name: ' ' came where a text"),
    "no file name": (("images", 0, "file_name"), DROP, "images[0]: the key 'file_name' is missing"),
    "a way out": (
        ("images", 0, "file_name"),
        "../../etc/passwd",
        "images[0].file_name: the path '../../etc/passwd' leads out of",
    ),
    "an absolute path": (("images", 0, "file_name"), "/etc/passwd", "leads out of"),
    "a width of 0": (("images", 0, "width"), 0, "images[0].width: 0 came where a whole number"),
    "no such image": (
        (A, 0, "image_id"),
        77,
        "annotations[0].image_id: there is no image of the id 77",
    ),
    "an id of another kind": ((A, 0, "image_id"), "9", "no image of the id '9'"),
    "no such category": (
        (A, 0, "category_id"),
        4,
        "annotations[0].category_id: there is no category of the id 4",
    ),
    "three numbers": ((A, 1, "bbox"), [1, 2, 3], "annotations[1].bbox: 3 numbers came where 4"),
    "a word in a box": ((A, 1, "bbox"), [1, 2, 3, "4"], "annotations[1].bbox[3]: '4' came where"),
    "not finite": (
        (A, 1, "bbox"),
        [1, 2, float("nan"), 4],
        "annotations[1].bbox[2]: nan came where a finite number was expected",
    ),
    "neither box nor outline": ((A, 0, "bbox"), DROP, "there is neither 'bbox' nor 'segmentation'"),
    "two corners": ((A, 2, "segmentation", 1), [1, 2, 3, 4], "annotations[2].segmentation[1]: 4"),
    "half a corner": ((A, 2, "segmentation", 0), [1] * 7, "segmentation[0]: 7 numbers came"),
    "a flat outline": ((A, 2, "segmentation"), list(TRIANGLE), "segmentation[0]: 10.0 came where"),
    "a crowd of 2": ((A, 0, "iscrowd"), 2, "annotations[0].iscrowd: 2 came where 0 or 1"),
    "short run lengths": (
        (A, 3, "segmentation", "counts"),
        PLAIN[:-1],
        "annotations[3].segmentation.counts: the run lengths cannot be read: they are of",
    ),
    "huge run lengths": ((A, 3, "segmentation", "counts"), [10**15], "cannot be read: they are of"),
    "cut run lengths": ((A, 4, "segmentation", "counts"), "o", "the middle of a count"),
    "run lengths of words": ((A, 3, "segmentation", "counts"), ["a"], "cannot be read"),
    "counts a number": ((A, 3, "segmentation", "counts"), 7, "cannot be read"),
    "run lengths of another size": (
        (A, 3, "segmentation", "size"),
        [64, 48],
        "annotations[3].segmentation.size: run lengths of 48 x 64 came for an image of 64 x 48",
    ),
    "half a size": ((A, 3, "segmentation", "size"), [48], "[height, width] was expected"),
}


@pytest.mark.parametrize(("keys", "new", "error"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_told_with_its_key(tmp_path, keys, new, error):
    with pytest.raises(DataError, match=re.escape(error)):
        read(write_json(tmp_path / "labels.json", put(LABELS, keys, new)))


def test_a_mask_of_a_picture_too_large_to_be_is_refused(tmp_path):
    labels = put(LABELS, ("images", 0), {"id": 9, "file_name": "9.jpg"})
    labels = put(labels, (A, 3, "segmentation"), {"size": [10**6, 10**6], "counts": [10**12]})
    with pytest.raises(DataError, match="larger than"):
        read(write_json(tmp_path / "labels.json", labels))


def test_a_file_of_detections_is_no_file_of_labels(tmp_path):
    with pytest.raises(DataError, match=r"labels\.json: \[.*\] came where an object"):
        read(write_json(tmp_path / "labels.json", LABELS[A]))


def test_a_file_that_was_cut_short_is_told_with_its_line(tmp_path):
    with pytest.raises(DataError, match=r"labels\.json, line 2, column 12: this is not JSON"):
        read(write(tmp_path / "labels.json", '{"images":\n[{"id": 1, '))


def test_junk_in_any_place_is_read_or_told(tmp_path):
    check_junk(read, tmp_path / "a.json", LABELS)
