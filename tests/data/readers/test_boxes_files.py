"""Files, numbers and paths: what is broken is told with file and place, and nothing leads out."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palikit.data.readers import READERS, read_dataset
from palikit.data.readers.boxes_files import at, bounds, inside, read_json, to_number, turned
from palikit.data.readers.boxes_xml import read_xml
from palikit.errors import DataError, UsageError
from palikit.results import Box

FAIL = at("labels.txt, line 3")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "line 1, column 1: this is not JSON"),
        ('{"images": [\n{"id": 1},\n{"id"', "line 3, column 6: this is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("1" * 5000, "a number that cannot be read"),
        ("PK\x03\x04", "this is not JSON"),
    ],
)
def test_broken_json_is_told_with_its_line(tmp_path, text, error):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=rf"a\.json.*{re.escape(error)}"):
        read_json(tmp_path / "a.json")


def test_a_file_of_another_encoding_is_told_with_its_line(tmp_path):
    (tmp_path / "a.json").write_bytes(b'{\n"a": "\xff"}')
    with pytest.raises(DataError, match=r"a\.json, line 2: this is not UTF-8"):
        read_json(tmp_path / "a.json")


def test_a_byte_order_mark_is_read_over(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf[1]")
    assert read_json(tmp_path / "a.json").value == [1]


@pytest.mark.parametrize("path", ["none.json", "."])
def test_a_file_that_is_not_there_is_told(tmp_path, path):
    with pytest.raises(DataError, match="cannot be read"):
        read_json(tmp_path / path)


def test_an_error_names_the_keys_that_lead_to_it(tmp_path):
    (tmp_path / "a.json").write_text('{"a": [{"b": [1, NaN]}, {"b": [1e999]}, {"b": [true]}]}')
    entries = read_json(tmp_path / "a.json").need("a").items()
    told = [
        (entries[0], "a[0].b[1]: nan came where a finite number was expected"),
        (entries[1], "a[1].b[0]: inf came where a finite number was expected"),
        (entries[2], "a[2].b[0]: True came where a number was expected"),
    ]
    for entry, message in told:
        with pytest.raises(DataError, match=re.escape(f"a.json, {message}")):
            entry.need("b").numbers()
    with pytest.raises(DataError, match=r"a\.json, a\[2\]: the key 'c' is missing"):
        entries[2].need("c")
    with pytest.raises(DataError, match=r"a\.json: .* came where a list \[\.\.\.\] was expected"):
        read_json(tmp_path / "a.json").items()


def test_a_number_of_a_thousand_digits_is_refused_as_infinite(tmp_path):
    (tmp_path / "a.json").write_text(f'{{"a": {"9" * 1000}}}')
    with pytest.raises(DataError, match="finite number"):
        read_json(tmp_path / "a.json").need("a").number()


@pytest.mark.parametrize("name", ["a.jpg", "./a.jpg", "b/../a.jpg", ".\\a.jpg", "b//..//a.jpg"])
def test_a_path_in_the_folder_is_found(name):
    assert inside(Path("pictures"), name, FAIL) == Path("pictures/a.jpg")


@pytest.mark.parametrize(
    "name",
    [
        *("../a.jpg", "a/../../b.jpg", "/etc/passwd", "\\etc\\passwd", "C:\\a.jpg", "c:a.jpg"),
        *("..", ".", "", "..\\a.jpg", "//host/share/a.jpg", "a\0.jpg", "a/.."),
    ],
)
def test_a_path_that_leads_out_of_the_folder_is_refused(name):
    with pytest.raises(DataError, match=r"labels\.txt, line 3: the path .* leads out of pictures"):
        inside(Path("pictures"), name, FAIL)


@given(st.lists(st.sampled_from(["..", ".", "", "a", "b", "\\", "/", "C:", "..\\"])))
def test_no_path_ever_leads_out(parts):
    root = Path("/data/pictures")
    try:
        found = inside(root, "/".join(parts), FAIL)
    except DataError:
        return
    assert ".." not in found.parts
    assert found.is_relative_to(root)
    assert found != root


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_as_written(number):
    assert to_number(repr(number)) == number


@pytest.mark.parametrize(
    "text", ["", "nan", "inf", "-inf", "1e999", "1_0", "١٢", "1,5", "0x1", "a"]
)
def test_what_is_no_plain_number_is_none(text):
    assert to_number(text) is None


def test_a_box_is_turned_clockwise_and_boxed_again():
    box = Box(10.0, 10.0, 30.0, 20.0)
    assert turned(box, 0, (10, 10)) == box
    assert turned(box, 90, (10, 10)).xyxy == pytest.approx((0, 10, 10, 30))
    assert turned(box, 180, (20, 15)).xyxy == pytest.approx(box.xyxy)
    assert bounds([(1, 2, 3, 0), (-1, 5)]) == Box(-1, 0, 3, 5)


XML_BOMB = """<?xml version="1.0"?>
<!DOCTYPE annotation [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<annotation>&b;</annotation>"""
XML_FILE = (
    '<!DOCTYPE annotation [<!ENTITY a SYSTEM "file:///etc/passwd">]><annotation>&a;</annotation>'
)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "line 1: this is not XML"),
        ("<annotation>\n<object>", "line 2: this is not XML"),
        (XML_BOMB, r"line 2: a document type"),
        (XML_FILE, r"line 1: a document type"),
        ('<!DOCTYPE annotation SYSTEM "http://host/a.dtd"><annotation/>', "a document type"),
        ("<annotation>&a;</annotation>", "undefined entity"),
        ("<annotation>" + "\n<a>" * 60, r"line 51, <a>: elements are nested too deeply"),
        ("<annotations/>", "<annotation> was expected"),
        ('<?xml version="1.0" encoding="klingon"?><annotation/>', "encoding"),
        ('{"images": []}', "this is not XML"),
    ],
)
def test_broken_and_hostile_xml_is_told_with_its_line(tmp_path, text, error):
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(DataError, match=rf"a\.xml.*{error}"):
        read_xml(tmp_path / "a.xml", "annotation")


def test_xml_keeps_lines_text_and_other_encodings(tmp_path):
    text = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<a>\n<b c="1"> caf\xe9 &amp; co </b></a>'
    (tmp_path / "a.xml").write_bytes(text.encode("latin-1"))
    found = read_xml(tmp_path / "a.xml", "a").need("b")
    assert (found.line, found.text, found.attributes) == (3, "café & co", {"c": "1"})
    with pytest.raises(DataError, match=r"a\.xml, line 3, <b>: the attribute 'd' is missing"):
        found.attribute("d")


@pytest.mark.parametrize("kind", ["coco", "cvat", "labelme", "labelstudio", "voc", "yolo"])
def test_every_reader_tells_a_missing_file_and_a_missing_folder_of_pictures(tmp_path, kind):
    assert kind in READERS
    with pytest.raises(DataError, match="none"):
        read_dataset(f"{kind}:{tmp_path}/none.any")
    with pytest.raises(UsageError, match="is no folder"):
        read_dataset(f"{kind}:{tmp_path}/none.any,images={tmp_path}/none")
