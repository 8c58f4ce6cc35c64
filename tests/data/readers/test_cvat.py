"""CVAT for images 1.1: boxes, turned boxes, polygons, masks, subsets, and broken files."""

import re
from pathlib import Path

import numpy as np
import pytest
from helpers.boxes_scene import picture, write
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from palikit.data.pictures import FilePicture
from palikit.data.readers import read_dataset
from palikit.data.readers.boxes_xml import Element
from palikit.data.readers.cvat import SHAPES, read
from palikit.errors import DataError
from palikit.results import Box

LABELS = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <id>4</id><name>pets</name><size>2</size><mode>annotation</mode>
      <labels>
        <label><name>dog</name><color>#fafa37</color><type>any</type><attributes></attributes></label>
        <label><name>unused</name><attributes></attributes></label>
        <label><name>cat</name><attributes></attributes></label>
      </labels>
    </task>
    <dumped>2026-01-01</dumped>
  </meta>
  <image id="0" name="a/0.jpg" width="64" height="48" subset="Train" task_id="4">
    <box label="cat" source="manual" occluded="0" xtl="10.50" ytl="20" xbr="40" ybr="28.25">
      <attribute name="age">3</attribute>
    </box>
    <box label="dog" xtl="10" ytl="10" xbr="30" ybr="14" rotation="90.00"></box>
    <polygon label="dog" occluded="0" points="10.0,20.0;40.0,20.0;40.0,40.5"></polygon>
    <mask label="cat" rle="1, 3, 2" left="5" top="6" width="3" height="2" z_order="0"></mask>
    <points label="cat" points="1,2"></points>
    <polyline label="cat" points="1,2;3,4"></polyline>
    <points label="dog" points="1,2"></points>
    <tag label="dog" source="manual"></tag>
  </image>
  <image id="1" name="1.jpg" width="640" height="480" subset="Test">
  </image>
</annotations>
"""


def test_boxes_polygons_and_masks_are_read(tmp_path):
    file = write(tmp_path / "annotations.xml", LABELS)
    first, second = read(file)
    assert first.things is not None
    box, turned, polygon, mask = first.things
    assert (box.label, box.box) == ("cat", Box(10.5, 20.0, 40.0, 28.25))
    assert turned.box.xyxy == pytest.approx((18, 2, 22, 22))
    assert polygon.polygons == ((10.0, 20.0, 40.0, 20.0, 40.0, 40.5),)
    assert polygon.box == Box(10.0, 20.0, 40.0, 40.5)
    assert mask.box == Box(5.0, 6.0, 8.0, 8.0)
    expected = np.zeros((48, 64), np.bool_)
    expected[6, 6:8] = expected[7, 5] = True
    assert (mask.mask((64, 48)) == expected).all()
    assert (second.things, second.size, second.id) == ((), (640, 480), "1")
    assert first.origin == f"{file}, line 15"


def test_what_is_left_out_is_counted(tmp_path):
    dataset = read(write(tmp_path / "annotations.xml", LABELS))
    assert dataset[0].extra == {
        "tags": ("dog",),
        "left_out": {"points": 2, "polyline": 1},
        "subset": "Train",
    }
    assert dataset[1].extra == {"subset": "Test"}


def test_every_label_of_the_task_is_a_class(tmp_path):
    assert read(write(tmp_path / "a.xml", LABELS)).classes == ("dog", "unused", "cat")
    project = LABELS.replace("task>", "project>")
    assert read(write(tmp_path / "a.xml", project)).classes == ("dog", "unused", "cat")
    bare = re.sub(r"(?s)<meta>.*</meta>", "", LABELS)
    assert read(write(tmp_path / "a.xml", bare)).classes == ("cat", "dog")


def test_a_subset_is_read_alone(tmp_path):
    write(tmp_path / "annotations.xml", LABELS)
    dataset = read_dataset(f"cvat:{tmp_path},subset=Test")
    assert [record.id for record in dataset] == ["1"]
    with pytest.raises(
        DataError, match=r"no picture of the subset 'val': it has \['Test', 'Train'\]"
    ):
        read(tmp_path, subset="val")


@pytest.mark.parametrize("place", ["images/Train/a/0.jpg", "images/a/0.jpg", "a/0.jpg"])
def test_pictures_are_found_with_and_without_folders_of_subsets(tmp_path, place):
    made = picture(tmp_path / place)
    dataset = read(write(tmp_path / "annotations.xml", LABELS))
    assert dataset[0].pictures == (FilePicture(made),)


@given(
    hnp.arrays(np.bool_, st.tuples(st.integers(1, 8), st.integers(1, 8))),
    st.integers(0, 3),
    st.integers(0, 3),
)
def test_a_mask_in_rows_comes_back_where_it_was(mask, left, top):
    height, width = mask.shape
    flat = mask.ravel().tolist()
    counts, value = [0], False
    for bit in flat:
        if bit != value:
            counts, value = [*counts, 0], bit
        counts[-1] += 1
    places = {"left": left, "top": top, "width": width, "height": height}
    attributes = {name: str(number) for name, number in places.items()}
    rle = {"rle": ", ".join(map(str, counts))}
    element = Element("mask", attributes | rle, Path("a.xml"), 1)
    size = (left + width + 2, top + height + 1)
    found = SHAPES["mask"](element, "cat", size).mask(size)
    assert (found[top : top + height, left : left + width] == mask).all()
    assert found.sum() == mask.sum()


BROKEN = {
    "cut short": ("</annotations>\n", "", "is not XML"),
    "no corner": ('ybr="28.25"', "", "line 16, <box>: the attribute 'ybr' is missing or empty"),
    "not finite": ('"10.50"', '"nan"', "line 16, <box>: 'nan' came for xtl where a finite number"),
    "no label": ('label="cat" source', "source", "line 16, <box>: the attribute 'label'"),
    "an unknown label": ('<box label="cat"', '<box label="cow"', "the label 'cow' is not among"),
    "an unknown tag": ('<tag label="dog"', '<tag label="cow"', "line 25, <tag>: the label 'cow'"),
    "two corners": (";40.0,40.5", "", "line 20, <polygon>: 4 numbers came where an outline"),
    "half a point": ("40.0,40.5", "40.0", "<polygon>: '40.0' came where a point x,y"),
    "a point that is none": ("40.0,40.5", "40.0,inf", "'40.0,inf' came where a point x,y"),
    "a turn of words": ('"90.00"', '"left"', "'left' came for rotation"),
    "short run lengths": ("1, 3, 2", "1, 3", "<mask>: the run lengths must be whole numbers that"),
    "negative run lengths": ("1, 3, 2", "7, -3, 2", "the run lengths must be whole numbers"),
    "run lengths of words": ("1, 3, 2", "1, a, 2", "the run lengths must be whole numbers"),
    "huge run lengths": ("1, 3, 2", "1, 9999999999999, 2", "the run lengths must be whole numbers"),
    "a mask outside": ('left="5"', 'left="62"', "a mask of 3 x 2 at 62, 6 leaves the picture of"),
    "half a place": ('left="5"', 'left="5.5"', "left='5.5' came where a whole number"),
    "a mask before": ('left="5"', 'left="-1"', "left='-1' came where a whole number"),
    "a huge picture": ('width="64" height="48"', 'width="9999999" height="9999999"', "larger than"),
    "no size": ('width="64"', "", "line 15, <image>: the attribute 'width' is missing"),
    "an id twice": ('id="1"', 'task_id="4" id="0"', "line 27, <image>: the id 0 came before"),
    "a way out": ("a/0.jpg", "../../etc/passwd", "line 15, <image>: the path '../../etc/passwd'"),
    "an absolute path": ("a/0.jpg", "/etc/passwd", "leads out of"),
    "out by the subset": ('subset="Train"', 'subset="../.."', "leads out of"),
    "an unknown shape": (
        '<points label="cat" points="1,2"></points>',
        "<dots/>",
        "line 22, <dots>: a box, polygon, mask, tag or one of",
    ),
    "a video": ("</meta>", "</meta><track/>", "<track>: these are tracks of a video"),
}


@pytest.mark.parametrize(("old", "new", "error"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_told_with_its_line(tmp_path, old, new, error):
    with pytest.raises(DataError, match=rf"annotations\.xml.*{re.escape(error)}"):
        read(write(tmp_path / "annotations.xml", LABELS.replace(old, new)))
