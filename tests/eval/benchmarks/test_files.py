import pytest

from palikit.errors import DataError
from palikit.eval.benchmarks.files import (
    Row,
    csv_rows,
    json_object,
    json_rows,
    jsonl_rows,
    picture,
)


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_byte_order_mark_and_lines_without_anything_are_no_matter(tmp_path):
    path = write(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"a": 1}\n\n{"a": 2}\n')
    assert [row.whole("a") for row in jsonl_rows(path)] == [1, 2]


def test_a_line_separator_within_a_text_ends_no_line(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"a": "x\u2028y"}\n')
    assert next(jsonl_rows(path)).text("a") == "x\u2028y"
    table = write(tmp_path / "a.csv", 'id,text\r\n1,"two\nlines\u2028"\r\n')
    assert csv_rows(table, "id")[0].text("text") == "two\nlines\u2028"


BROKEN = {
    "nothing": (b"", "is no JSON"),
    "another encoding": ('{"é": 1}'.encode("latin-1"), "is no UTF-8 text"),
    "cut off": (b'{"data": [{"a"', "is no JSON"),
    "a list": (b"[]", "not an object"),
    "NaN": (b'{"data": NaN}', "NaN is no number"),
    "a number without end": (b'{"data": ' + b"9" * 5000 + b"}", "is no JSON"),
    "nested without end": (b'{"data": ' + b"[" * 200_000, "nested too deeply"),
}


@pytest.mark.parametrize(("content", "told"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_an_error_that_names_it(content, told, tmp_path):
    with pytest.raises(DataError, match=rf"a\.json.*{told}"):
        json_object(write(tmp_path / "a.json", content))


def test_a_table_without_a_column_is_an_error_that_names_it(tmp_path):
    path = write(tmp_path / "a.csv", "id,text\n1,a\n2,b\n3\n")
    (row,) = csv_rows(path, "id", only=("text", {"b"}))
    assert (row.values["id"], row.where) == ("2", f"{path}, line 3")
    assert len(csv_rows(path, "id")) == 3
    with pytest.raises(DataError, match=r"\['answer'\] are missing"):
        csv_rows(path, "id", "answer")


def test_what_stands_beside_the_list_is_no_matter(tmp_path):
    path = write(tmp_path / "a.json", '{"info": 3, "data": [{"a": "b"}]}')
    (row,) = json_rows(path, "data")
    assert row.where == f"{path}, data[0]"


WRONG = [
    ("text", 1, "not a text"),
    ("text", "\ud800", "not a text"),
    ("label", True, "not an id"),
    ("label", "", "not an id"),
    ("whole", -1, "not a whole number from 0"),
    ("whole", "9" * 40, "not a whole number from 0"),
    ("whole", "²", "not a whole number from 0"),
    ("flag", "yes", "not true or false"),
    ("texts", ["a", 1], "not a list of texts"),
    ("row", [], "not an object"),
    ("rows", {}, "not a list of objects"),
    ("rows", [1], r"k\[0\] is 1, not an object"),
]


@pytest.mark.parametrize(("taken", "value", "told"), WRONG)
def test_a_value_of_another_type_is_an_error_that_names_its_place(taken, value, told):
    with pytest.raises(DataError, match=rf"f\.json, entry 3.*{told}"):
        getattr(Row({"k": value}, "f.json, entry 3"), taken)("k")


def test_numbers_are_as_many_as_asked_for_and_finite():
    row = Row({"box": [1, 2.5], "bad": [1, float("inf")], "flag": [True, 1]}, "f.json")
    assert row.numbers("box", 2) == (1.0, 2.5)
    for key in ("box", "bad", "flag", "none"):
        with pytest.raises(DataError, match="a list of"):
            row.numbers(key, 4 if key == "box" else 2)


@pytest.mark.parametrize(
    "name", ["", "..", "a/../../b", "/etc/passwd", "\\\\host\\a", "C:x", "a\0"]
)
def test_a_picture_never_lies_outside_of_its_folder(name, tmp_path):
    with pytest.raises(DataError, match=r"f\.json: the picture .* is no file under"):
        picture(tmp_path, name, "f.json")
