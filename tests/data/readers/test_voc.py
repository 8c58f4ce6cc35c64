"""Pascal VOC: pixels from 1 on, lists of splits, and broken files."""

import re

import pytest
from helpers.boxes_scene import picture, write

from palikit.data.pictures import FilePicture
from palikit.data.readers import read_dataset
from palikit.data.readers.voc import read
from palikit.data.records import Thing
from palikit.errors import DataError, UsageError
from palikit.results import Box

# As in the development kit, with a part whose own box must not be taken for the thing's.
LABELS = """<annotation>
  <folder>VOC2012</folder>
  <filename>2007_000027.jpg</filename>
  <source><database>The VOC2007 Database</database></source>
  <size><width>486</width><height>500</height><depth>3</depth></size>
  <segmented>0</segmented>
  <object>
    <name>person</name>
    <pose>Unspecified</pose>
    <truncated>0</truncated>
    <difficult>0</difficult>
    <part><name>head</name><bndbox><xmin>169</xmin><ymin>104</ymin><xmax>209</xmax>
      <ymax>146</ymax></bndbox></part>
    <bndbox><xmin>174</xmin><ymin>101</ymin><xmax>349</xmax><ymax>351</ymax></bndbox>
  </object>
  <object>
    <name>sofa</name>
    <bndbox><xmax>486</xmax><xmin>1</xmin><ymax>500</ymax><ymin>1.0</ymin></bndbox>
    <difficult>1</difficult>
  </object>
</annotation>
"""


def test_pixels_from_1_on_become_coordinates_from_0_on(tmp_path):
    (record,) = read(write(tmp_path / "Annotations" / "2007_000027.xml", LABELS))
    assert record.things == (
        Thing("person", Box(173.0, 100.0, 349.0, 351.0)),
        Thing("sofa", Box(0.0, 0.0, 486.0, 500.0)),
    )
    assert record.size == (486, 500)
    assert record.id == "2007_000027"
    assert record.extra == {"difficult": (False, True), "truncated": (False, False)}


def test_continuous_coordinates_stay_as_they_are(tmp_path):
    write(tmp_path / "a.xml", LABELS)
    (record,) = read_dataset(f"voc:{tmp_path},pixels=continuous")
    assert record.things is not None
    assert record.things[1].box == Box(1.0, 1.0, 486.0, 500.0)
    with pytest.raises(UsageError, match="pixels=zero"):
        read(tmp_path, pixels="zero")


def test_a_voc_folder_is_read_whole_or_by_split(tmp_path):
    for name in ("c", "a", "b"):
        write(tmp_path / "Annotations" / f"{name}.xml", LABELS.replace("2007_000027", name))
    (tmp_path / "JPEGImages").mkdir()
    write(tmp_path / "ImageSets" / "Main" / "val.txt", "b\na\n\n")
    write(tmp_path / "ImageSets" / "Main" / "sofa_val.txt", "c -1\nb  1\n")
    assert [record.id for record in read(tmp_path)] == ["a", "b", "c"]
    dataset = read_dataset(f"voc:{tmp_path},split=val")
    assert [record.id for record in dataset] == ["b", "a"]
    assert dataset.classes == ("person", "sofa")
    assert dataset[0].pictures == (FilePicture(tmp_path / "JPEGImages" / "b.jpg"),)
    assert [record.id for record in read(tmp_path, split="sofa_val")] == ["c", "b"]


def test_a_folder_of_xml_files_has_its_pictures_beside_them(tmp_path):
    write(tmp_path / "a.xml", LABELS)
    (record,) = read(tmp_path)
    assert record.pictures == (FilePicture(tmp_path / "2007_000027.jpg"),)


def test_a_name_without_suffix_finds_its_picture(tmp_path):
    write(tmp_path / "a.xml", LABELS.replace("2007_000027.jpg", "a"))
    made = picture(tmp_path / "a.png")
    (record,) = read(tmp_path)
    assert record.pictures == (FilePicture(made),)


def test_a_picture_without_things_holds_nothing_and_a_size_of_0_is_none(tmp_path):
    text = "<annotation><filename>a.jpg</filename><size><width>0</width><height>0</height></size>"
    (record,) = read(write(tmp_path / "a.xml", text + "</annotation>"))
    assert record.things == ()
    assert record.size is None


BROKEN = {
    "cut short": (LABELS[-20:], "", "line 20: this is not XML"),
    "no box": ("bndbox", "robndbox", "line 7, <object>: the element <bndbox> is missing"),
    "no corner": ("<xmin>174</xmin>", "", "line 14, <bndbox>: the element <xmin> is missing"),
    "not finite": ("174", "nan", "line 14, <xmin>: 'nan' came for its text where a finite number"),
    "a word": ("<ymax>500</ymax>", "<ymax>low</ymax>", "<ymax>: 'low' came"),
    "no name": ("<name>sofa</name>", "<name> </name>", "line 17, <name>: a text was expected"),
    "a width of half": ("<width>486", "<width>4.5", "line 5, <width>: '4.5' came where a whole"),
    "difficult as can be": ("<difficult>1", "<difficult>2", "line 19, <difficult>: '2' came"),
    "no file name": ("filename>", "name>", "line 1, <annotation>: the element <filename>"),
    "a way out": ("2007_000027.jpg", "../../etc/passwd", "line 3, <filename>: the path"),
    "an absolute path": ("2007_000027.jpg", "/etc/passwd", "leads out of"),
    "a way out of windows": ("2007_000027.jpg", "..\\a.jpg", "leads out of"),
    "another format": ("annotation>", "annotations>", "<annotation> was expected"),
    "a document type": ("<annotation>\n", "<!DOCTYPE a><annotation>", "a document type"),
}


@pytest.mark.parametrize(("old", "new", "error"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_told_with_its_line(tmp_path, old, new, error):
    with pytest.raises(DataError, match=rf"a\.xml.*{re.escape(error)}"):
        read(write(tmp_path / "a.xml", LABELS.replace(old, new)))


@pytest.mark.parametrize(
    ("listing", "error"),
    [
        ("a\n../../b\n", r"val\.txt, line 2: the path '\.\./\.\./b\.xml' leads out of"),
        ("a\nmissing\n", r"missing\.xml cannot be read"),
    ],
)
def test_a_broken_list_of_a_split_is_told(tmp_path, listing, error):
    write(tmp_path / "Annotations" / "a.xml", LABELS)
    write(tmp_path / "ImageSets" / "Main" / "val.txt", listing)
    with pytest.raises(DataError, match=error):
        read(tmp_path, split="val")


def test_a_split_that_is_not_there_is_told(tmp_path):
    write(tmp_path / "Annotations" / "a.xml", LABELS)
    with pytest.raises(DataError, match=r"none\.txt cannot be read"):
        read(tmp_path, split="none")
    with pytest.raises(UsageError, match="leads out of"):
        read(tmp_path, split="../../../etc/passwd")


def test_a_folder_without_labels_is_told(tmp_path):
    with pytest.raises(DataError, match="holds no XML file"):
        read(tmp_path)
