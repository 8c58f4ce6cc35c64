"""YOLO: layouts of folders, rows of boxes and outlines, names, and broken files."""

import re
import sys

import pytest
from helpers.boxes_scene import picture, write
from PIL import Image

from palikit.data.pictures import FilePicture
from palikit.data.readers import read_dataset
from palikit.data.readers.yolo import read
from palikit.data.records import Thing
from palikit.errors import DataError, ImageError, MissingExtraError
from palikit.results import Box

YAML = "train: images/train\nval: images/val\nnames:\n  0: cat\n  1: dog\n  2: unused\n"
ROWS = "1 0.5 0.5 0.25 0.5\n\n0 0.25 0.25 0.75 0.25 0.75 0.75\n"
THINGS = (
    Thing("dog", Box(24.0, 12.0, 40.0, 36.0)),
    Thing("cat", Box(16.0, 12.0, 48.0, 36.0), ((16.0, 12.0, 48.0, 12.0, 48.0, 36.0),)),
)


def lay(root, yaml=YAML, rows=ROWS, split="train"):
    """One picture with labels in `root`, and its data.yaml."""
    picture(root / "images" / split / "a" / "1.jpg")
    write(root / "labels" / split / "a" / "1.txt", rows)
    return write(root / "data.yaml", yaml)


def test_boxes_and_outlines_become_pixels(tmp_path):
    dataset = read(lay(tmp_path))
    (record,) = dataset
    assert record.things == THINGS
    assert record.size == (64, 48)
    assert dataset.classes == ("cat", "dog", "unused")
    assert record.pictures == (FilePicture(tmp_path / "images" / "train" / "a" / "1.jpg"),)
    assert record.origin == str(tmp_path / "labels" / "train" / "a" / "1.txt")


def test_shares_are_of_the_upright_picture(tmp_path):
    file = lay(tmp_path, rows="0 0.5 0.5 1 1\n")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (64, 48)).save(tmp_path / "images" / "train" / "a" / "1.jpg", exif=exif)
    (record,) = read(file)
    assert record.size == (48, 64)
    assert record.things == (Thing("cat", Box(0.0, 0.0, 48.0, 64.0)),)


def test_a_picture_without_labels_or_with_an_empty_file_holds_nothing(tmp_path):
    file = lay(tmp_path)
    picture(tmp_path / "images" / "train" / "b.png")
    picture(tmp_path / "images" / "train" / "c.png")
    write(tmp_path / "labels" / "train" / "c.txt", "")
    assert [record.things for record in read(file)] == [THINGS, (), ()]


def test_folders_without_any_labels_are_an_error(tmp_path):
    file = lay(tmp_path)
    (tmp_path / "labels").rename(tmp_path / "marks")
    with pytest.raises(DataError, match=r"no picture of .* expected at .*labels/train/a/1\.txt"):
        read(file)


@pytest.mark.parametrize(
    ("yaml", "classes"),
    [
        ("train: images/train\nnames: [cat, dog]\nnc: 2", ("cat", "dog")),
        ("train: images/train\nnames: {1: dog, 0: cat}", ("cat", "dog")),
        ("path: .\ntrain: images/train\nnames: ['cat', 7]", ("cat", "7")),
        ("train: [images/train]\nnames: [cat, dog]\ndownload: x", ("cat", "dog")),
        ("train: ../images/train\nval: ../images/val\nnames: [cat, dog]", ("cat", "dog")),
        ("train: images/train.txt\nnames: [cat, dog]", ("cat", "dog")),
        ("path: images\ntrain: train\nnames: [cat, dog]", ("cat", "dog")),
    ],
)
def test_names_and_folders_are_read_in_every_spelling(tmp_path, yaml, classes):
    file = lay(tmp_path, yaml, "1 0.5 0.5 0.25 0.5")
    write(tmp_path / "images" / "train.txt", "./train/a/1.jpg\n\n./train/a/1.jpg\n")
    dataset = read(file)
    assert dataset.classes == classes
    assert [record.id for record in dataset] == ["1"]
    assert dataset[0].things == (Thing(classes[1], Box(24.0, 12.0, 40.0, 36.0)),)


def test_a_path_to_this_very_folder_may_be_absolute(tmp_path):
    folder = tmp_path.resolve()
    listing = folder / "train.txt"
    file = lay(folder, f"path: {folder}\ntrain: {listing}\nnames: [cat, dog]")
    write(listing, f"{folder}/images/train/a/1.jpg\n")
    assert [record.things for record in read(file)] == [THINGS]


def test_images_stands_for_the_path_of_the_yaml(tmp_path):
    lay(tmp_path / "elsewhere")
    file = write(tmp_path / "here" / "data.yaml", f"path: {tmp_path}/other\n{YAML}")
    with pytest.raises(DataError, match=r"path is .* not below this file: .* images="):
        read(file)
    dataset = read_dataset(f"yolo:{file},images={tmp_path}/elsewhere")
    assert dataset[0].things == THINGS


def test_splits_are_chosen_by_name(tmp_path):
    lay(tmp_path)
    file = lay(tmp_path, split="val", rows="0 0.5 0.5 1 1")
    assert [len(record.things or ()) for record in read(file, split="val")] == [1]
    assert [len(record.things or ()) for record in read_dataset(f"yolo:{tmp_path}")] == [2]
    with pytest.raises(DataError, match="no split 'test': it has train, val"):
        read(file, split="test")


@pytest.mark.parametrize(
    ("pictures", "labels", "split"),
    [
        ("images", "labels", "train"),
        ("images/train", "labels/train", "train"),
        ("images/val", "labels/val", "val"),
        ("val/images", "val/labels", "val"),
    ],
)
def test_bare_folders_are_read_without_a_yaml(tmp_path, pictures, labels, split):
    picture(tmp_path / pictures / "1.jpg")
    write(tmp_path / labels / "1.txt", ROWS.replace("\n1", "\n10"))
    dataset = read(tmp_path, split=split)
    assert dataset.classes == ("0", "1")
    write(tmp_path / "classes.txt", "cat\ndog\n")
    dataset = read(tmp_path, split=split)
    assert dataset.classes == ("cat", "dog")
    assert dataset[0].things == THINGS


def test_a_bare_folder_without_images_is_told(tmp_path):
    with pytest.raises(DataError, match="none of the folders images/val, val/images"):
        read(tmp_path, split="val")


def test_keypoints_are_left_out(tmp_path):
    yaml = YAML + "kpt_shape: [2, 3]\n"
    (record,) = read(lay(tmp_path, yaml, "1 0.5 0.5 0.25 0.5 0.1 0.1 2 0.2 0.2 1"))
    assert record.things == THINGS[:1]
    with pytest.raises(DataError, match=r"line 1: 5 numbers came where a class, a box and 6"):
        read(lay(tmp_path, yaml, "1 0.5 0.5 0.25 0.5"))


ROWS_BROKEN = {
    "a word": ("1 0.5 0.5 0.25 wide", "line 1: 'wide' came where a finite number"),
    "not finite": ("0 0 0 1 1\n1 0.5 nan 0.25 0.5", "line 2: 'nan' came where a finite number"),
    "no such class": ("3 0.5 0.5 0.25 0.5", "line 1: there is no class 3: names has 3"),
    "half a class": ("0.5 0.5 0.5 0.25 0.5", "line 1: 0.5 came where the whole number of a class"),
    "a class below 0": ("-1 0.5 0.5 0.25 0.5", "line 1: -1 came where the whole number"),
    "pixels": ("1 320 240 160 240", "line 1: the numbers are not shares of the picture"),
    "a confidence": ("1 0.5 0.5 0.25 0.5 0.97", "line 1: 6 numbers came where 'class x y"),
    "a class alone": ("1", "line 1: 0 numbers came where an outline"),
    "three numbers": ("1 0.5 0.5 0.5", "line 1: 3 numbers came where an outline"),
    "half a corner": ("1 .1 .1 .2 .2 .3 .3 .4", "line 1: 7 numbers came where an outline"),
    "commas": ("1,0.5,0.5,0.25,0.5", "line 1: '1,0.5,0.5,0.25,0.5' came where a finite number"),
}


@pytest.mark.parametrize(("rows", "error"), ROWS_BROKEN.values(), ids=ROWS_BROKEN)
def test_broken_rows_are_told_with_their_line(tmp_path, rows, error):
    with pytest.raises(DataError, match=rf"1\.txt, {re.escape(error)}"):
        read(lay(tmp_path, rows=rows))


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\n"
YAML_BROKEN = {
    "no names": ("train: images/train", "names is missing"),
    "names empty": ("train: images/train\nnames: []", "names is missing or no list"),
    "a name that is no word": (
        "train: images/train\nnames: [yes, no]",
        "names[0] is True: put the",
    ),
    "a name that is nothing": ("train: images/train\nnames: [cat, ~]", "names[1] is None"),
    "a key of words": ("train: images/train\nnames: {cat: 0}", "names has the key 'cat'"),
    "another count": ("train: images/train\nnames: [cat]\nnc: 2", "nc is 2, and names has 1"),
    "no such folder": ("train: images/all\nnames: [cat]", "there is no folder"),
    "a folder of numbers": ("train: 7\nnames: [cat]", "train holds 7"),
    "an absolute folder": ("train: /etc\nnames: [cat]", "the path '/etc' leads out of"),
    "a way out": ("train: images/../../x\nnames: [cat]", "leads out of"),
    "a path out": (
        "path: ../other\ntrain: x\nnames: [cat]",
        "path is '../other', which is not below",
    ),
    "a path of numbers": ("path: 7\ntrain: x\nnames: [cat]", "path is 7, which is no path"),
    "no YAML": ("train: [images\nnames: [cat]", "line 2: this is not YAML"),
    "a list": ("- 1", "holds no keys"),
    "empty": ("", "holds no keys"),
    "references": (BOMB + YAML, "line 2: a reference (*name)"),
    "an object of Python": ("a: !!python/object/apply:os.getcwd []", "this is not YAML"),
    "deep": ("a: " + "[" * 20_000, "line 1: a reference (*name) or a nest deeper than 20"),
    "keypoints of words": (YAML + "kpt_shape: 17", "kpt_shape is 17"),
}


@pytest.mark.parametrize(("yaml", "error"), YAML_BROKEN.values(), ids=YAML_BROKEN)
def test_a_broken_yaml_is_told(tmp_path, yaml, error):
    with pytest.raises(DataError, match=rf"data\.yaml.*{re.escape(error)}"):
        read(lay(tmp_path, yaml))


@pytest.mark.parametrize(
    "line", ["../../etc/passwd", "/etc/passwd", "images/../../x.jpg", "C:/a.jpg", "\\a.jpg"]
)
def test_a_list_may_not_lead_out(tmp_path, line):
    file = lay(tmp_path, "train: train.txt\nnames: [cat, dog]")
    write(tmp_path / "train.txt", f"images/train/a/1.jpg\n{line}\n")
    with pytest.raises(DataError, match=r"train\.txt, line 2: the path .* leads out of"):
        read(file)


def test_a_picture_that_is_broken_or_missing_is_told(tmp_path):
    file = lay(tmp_path, "train: train.txt\nnames: [cat, dog]")
    write(tmp_path / "train.txt", "images/train/a/1.jpg\nimages/train/2.jpg\n")
    with pytest.raises(ImageError, match=r"2\.jpg cannot be read as a picture"):
        read(file)


def test_a_split_without_pictures_is_told(tmp_path):
    file = lay(tmp_path)
    (tmp_path / "images" / "val").mkdir()
    with pytest.raises(DataError, match=r"the split 'val' .* has no picture"):
        read(file, split="val")


def test_a_yaml_without_its_package_names_the_install_command(tmp_path, monkeypatch):
    file = lay(tmp_path)
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingExtraError, match="pip install pyyaml"):
        read(file)
