"""Labelme: shapes of every kind, groups, embedded pictures, and broken files."""

import base64
import io
import math
import re

import numpy as np
import pytest
from helpers.boxes_scene import DROP, check_junk, picture, put, write, write_json
from PIL import Image

from palikit.data.pictures import FilePicture, open_picture
from palikit.data.readers import read_dataset
from palikit.data.readers.labelme import EmbeddedPicture, read
from palikit.data.records import Thing
from palikit.errors import DataError, ImageError
from palikit.results import Box


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(np.array(pixels, np.uint8)).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def shape(label, kind, points, **more):
    common = {"group_id": None, "description": "", "flags": {}, "mask": None}
    return {"label": label, "points": points, "shape_type": kind, **common, **more}


LABELS = {
    "version": "5.5.0",
    "flags": {"blurred": True, "dark": False},
    "shapes": [
        shape("cat", "polygon", [[10.5, 20], [40, 20], [40, 40.25]]),
        shape("dog", "rectangle", [[30, 8.5], [4, 40]]),
        shape("ball", "circle", [[20, 20], [23, 24]]),
        shape("cat", "mask", [[5, 6], [7, 7]], mask=png([[0, 1, 1], [1, 0, 0]])),
        shape("cat", "point", [[1, 2]]),
        shape("cat", "linestrip", [[1, 2], [3, 4]]),
    ],
    "imagePath": "a.jpg",
    "imageData": None,
    "imageHeight": 48,
    "imageWidth": 64,
}
S = "shapes"


def read_one(tmp_path, labels):
    (record,) = read(write_json(tmp_path / "a.json", labels))
    return record


def test_polygons_rectangles_circles_and_masks_are_read(tmp_path):
    record = read_one(tmp_path, LABELS)
    assert record.things is not None
    polygon, rectangle, circle, mask = record.things
    corners = (10.5, 20.0, 40.0, 20.0, 40.0, 40.25)
    assert polygon == Thing("cat", Box(10.5, 20.0, 40.0, 40.25), (corners,))
    assert rectangle == Thing("dog", Box(4.0, 8.5, 30.0, 40.0))
    assert circle.box == Box(15.0, 15.0, 25.0, 25.0)
    assert circle.mask((64, 48)).sum() == pytest.approx(math.pi * 25, rel=0.05)
    expected = np.zeros((48, 64), np.bool_)
    expected[6, 6:8] = expected[7, 5] = True
    assert mask.box == Box(5.0, 6.0, 8.0, 8.0)
    assert (mask.mask((64, 48)) == expected).all()


def test_size_flags_and_what_is_left_out_are_kept(tmp_path):
    record = read_one(tmp_path, LABELS)
    assert record.size == (64, 48)
    assert record.id == "a"
    assert record.extra == {"left_out": {"point": 1, "linestrip": 1}, "flags": ("blurred",)}


def test_an_old_file_without_shape_types_holds_polygons(tmp_path):
    old = {"shapes": [{"label": "cat", "points": [[1, 2], [3, 4], [5, 0]]}], "imagePath": "a.jpg"}
    record = read_one(tmp_path, old)
    assert record.things == (Thing("cat", Box(1, 0, 5, 4), ((1, 2, 3, 4, 5, 0),)),)
    assert record.size is None


def test_shapes_of_one_label_and_group_are_one_thing(tmp_path):
    shapes = [
        shape("cat", "rectangle", [[1, 1], [3, 3]], group_id=1),
        shape("dog", "rectangle", [[9, 9], [10, 10]], group_id=1),
        shape("cat", "polygon", [[6, 6], [8, 6], [8, 8], [6, 8]], group_id=1),
        shape("cat", "rectangle", [[0, 0], [2, 2]], group_id=2),
    ]
    record = read_one(tmp_path, put(LABELS, (S,), shapes))
    assert record.things is not None
    cat, dog, other = record.things
    assert (cat.label, cat.box) == ("cat", Box(1.0, 1.0, 8.0, 8.0))
    assert cat.mask((64, 48)).sum() == 8
    assert dog == Thing("dog", Box(9.0, 9.0, 10.0, 10.0))
    assert other == Thing("cat", Box(0.0, 0.0, 2.0, 2.0))


def test_a_group_with_a_mask_is_the_mask_of_all_its_parts(tmp_path):
    shapes = [
        shape("cat", "mask", [[5, 6], [7, 7]], mask=png([[0, 1, 1], [1, 0, 0]]), group_id=0),
        shape("cat", "rectangle", [[20, 20], [22, 23]], group_id=0),
    ]
    record = read_one(tmp_path, put(LABELS, (S,), shapes))
    assert record.things is not None
    (cat,) = record.things
    assert cat.box == Box(5.0, 6.0, 22.0, 23.0)
    mask = cat.mask((64, 48))
    assert (mask.sum(), mask[20:23, 20:22].sum()) == (3 + 6, 6)


def test_a_picture_is_the_file_or_else_what_is_embedded(tmp_path):
    labels = put(LABELS, ("imageData",), png(np.zeros((48, 64, 3))))
    record = read_one(tmp_path, labels)
    assert record.pictures == (EmbeddedPicture(tmp_path / "a.json"),)
    assert open_picture(record.pictures[0]).size == (64, 48)
    made = picture(tmp_path / "a.jpg")
    assert read_one(tmp_path, labels).pictures == (FilePicture(made),)


def test_an_embedded_picture_that_is_broken_fails_when_it_is_read(tmp_path):
    record = read_one(tmp_path, put(LABELS, ("imageData",), "a picture!"))
    with pytest.raises(ImageError, match=r"imageData of .*a\.json cannot be read"):
        record.pictures[0].read()


def test_a_folder_is_read_in_the_order_of_names(tmp_path):
    for name in ("b", "a"):
        write_json(tmp_path / f"{name}.json", put(LABELS, ("imagePath",), f"{name}.jpg"))
    (tmp_path / "pictures").mkdir()
    dataset = read_dataset(f"labelme:{tmp_path},images={tmp_path}/pictures")
    assert [record.id for record in dataset] == ["a", "b"]
    assert dataset.classes == ("cat", "dog", "ball")
    assert dataset[1].pictures == (FilePicture(tmp_path / "pictures" / "b.jpg"),)


@pytest.mark.parametrize("path", ["../images/a.jpg", "..\\images\\a.jpg", "C:\\images\\a.jpg"])
def test_a_path_that_leads_elsewhere_counts_by_its_name_with_images_alone(tmp_path, path):
    file = write_json(tmp_path / "a.json", put(LABELS, ("imagePath",), path))
    with pytest.raises(DataError, match=r"a\.json, imagePath: the path .* leads out of"):
        read(file)
    (tmp_path / "pictures").mkdir()
    (record,) = read(file, images=tmp_path / "pictures")
    assert record.pictures == (FilePicture(tmp_path / "pictures" / "a.jpg"),)


BROKEN = {
    "no shapes": ((S,), DROP, "a.json: the key 'shapes' is missing"),
    "shapes an object": ((S,), {}, "shapes: {} came where a list"),
    "no path": (("imagePath",), DROP, "the key 'imagePath' is missing"),
    "a way out": (
        ("imagePath",),
        "../../etc/passwd",
        "imagePath: the path '../../etc/passwd' leads",
    ),
    "an absolute path": (("imagePath",), "/etc/passwd", "leads out of"),
    "a path of no words": (("imagePath",), 7, "imagePath: 7 came where a text"),
    "a width of 0": (("imageWidth",), 0, "imageWidth: 0 came where a whole number of at least 1"),
    "no label": ((S, 0, "label"), DROP, "shapes[0]: the key 'label' is missing"),
    "a label of numbers": ((S, 0, "label"), 3, "shapes[0].label: 3 came where a text"),
    "no points": ((S, 0, "points"), DROP, "shapes[0]: the key 'points' is missing"),
    "two corners": ((S, 0, "points"), [[1, 2], [3, 4]], "shapes[0].points: 4 numbers came where"),
    "a point of three": ((S, 0, "points", 1), [1, 2, 3], "shapes[0].points[1]: 3 numbers came"),
    "not finite": ((S, 0, "points", 1, 0), float("inf"), "shapes[0].points[1][0]: inf came where"),
    "three corners of a box": (
        (S, 1, "points"),
        [[1, 2]] * 3,
        "3 points came where the 2 of a rect",
    ),
    "an unknown kind": ((S, 1, "shape_type"), "blob", "shapes[1].shape_type: 'blob' came where"),
    "a group of words": ((S, 1, "group_id"), "a", "shapes[1].group_id: 'a' came where"),
    "a mask without pixels": ((S, 3, "mask"), None, "shapes[3]: the key 'mask' is missing"),
    "a mask that is no base64": ((S, 3, "mask"), "!", "shapes[3].mask: this is not base64"),
    "a mask that is no PNG": ((S, 3, "mask"), "QUJD", "shapes[3].mask: this is no PNG"),
    "a mask of another size": (
        (S, 3, "points", 1),
        [8, 7],
        "a mask of 3 x 2 came where its points",
    ),
    "a mask in colours": (
        (S, 3, "mask"),
        png(np.zeros((2, 3, 3))),
        "shapes[3].mask: a mask in colours came",
    ),
    "a mask outside": ((S, 3, "points", 1), [64, 7], "a mask from pixel 5, 6 to 64, 7 came for"),
    "a mask without a size": (("imageWidth",), DROP, "shapes[3]: a mask needs imageWidth and"),
    "a huge picture": (("imageWidth",), 10**9, "larger than"),
    "flags a list": (("flags",), [1], "flags: [1] came where an object"),
}


@pytest.mark.parametrize(("keys", "new", "error"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_told_with_its_key(tmp_path, keys, new, error):
    with pytest.raises(DataError, match=rf"a\.json.*{re.escape(error.removeprefix('a.json'))}"):
        read_one(tmp_path, put(LABELS, keys, new))


def test_a_mask_whose_header_claims_more_is_refused_before_it_is_decoded(tmp_path):
    data = bytearray(base64.b64decode(png([[0, 1, 1], [1, 0, 0]])))
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    labels = put(LABELS, (S, 3, "mask"), base64.b64encode(data).decode("ascii"))
    with pytest.raises(DataError, match=r"shapes\[3\]\.mask"):
        read_one(tmp_path, labels)


def test_a_file_that_was_cut_short_is_told_with_its_line(tmp_path):
    with pytest.raises(DataError, match=r"a\.json, line 2, column 10: this is not JSON"):
        read(write(tmp_path / "a.json", '{\n"shapes":'))


def test_a_folder_without_labels_is_told(tmp_path):
    with pytest.raises(DataError, match=r"holds no \*\.json"):
        read(tmp_path)


def test_junk_in_any_place_is_read_or_told(tmp_path):
    check_junk(read, tmp_path / "a.json", LABELS)
