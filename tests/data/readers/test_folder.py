"""Folders of pictures: texts beside them, tables as imagefolder has them, and class folders."""

import json

import pytest
from helpers.reading import read_or_told
from hypothesis import given
from hypothesis import strategies as st

from palikit.data.pictures import FilePicture
from palikit.data.readers import read_dataset
from palikit.data.readers.folder import read
from palikit.errors import DataError


def pictures(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_each_line_of_a_text_is_a_caption(tmp_path):
    pictures(tmp_path, "b.PNG", "a.jpg", "sub/c.webp")
    (tmp_path / "a.txt").write_bytes("\ufeffa cat\r\n\r\n  zwei Kätzchen \n".encode())
    (tmp_path / "sub/c.txt").touch()
    dataset = read_dataset(f"folder:{tmp_path}")
    assert [one.captions for one in dataset] == [("a cat", "zwei Kätzchen"), (), ()]
    assert [one.pictures[0].path.name for one in dataset] == ["a.jpg", "b.PNG", "c.webp"]
    assert [one.suffix for one in dataset] == [None, None, None]
    assert dataset.classes == ()


def test_texts_may_lie_in_another_folder(tmp_path):
    pictures(tmp_path / "images", "x/a.jpg")
    (tmp_path / "texts/x").mkdir(parents=True)
    (tmp_path / "texts/x/a.txt").write_text("a cat")
    (one,) = read(tmp_path / "texts", images=tmp_path / "images")
    assert one.captions == ("a cat",)
    assert one.pictures == (FilePicture(tmp_path / "images/x/a.jpg"),)


def test_sub_folders_are_classes(tmp_path):
    pictures(tmp_path, "dog/1.jpg", "cat/deep/2.jpg", "3.jpg", ".git/4.jpg", "dog/.5.jpg", "n.md")
    dataset = read(tmp_path)
    assert {one.pictures[0].path.name: one.suffix for one in dataset} == {
        "1.jpg": "dog",
        "2.jpg": "cat",
        "3.jpg": None,
    }
    assert dataset.classes == ("cat", "dog")
    assert {one.prefix for one in dataset} == {""}


def test_a_link_to_a_folder_is_not_walked(tmp_path):
    pictures(tmp_path / "set", "cat/1.jpg")
    (tmp_path / "set/cat/loop").symlink_to(tmp_path / "set")
    assert len(read(tmp_path / "set")) == 1


def test_a_csv_table_is_read_as_imagefolder_writes_it(tmp_path):
    table = 'file_name,text,prefix,suffix,source\r\ntrain/1.jpg,"a cat,\nasleep",,,web\r\n\r\n'
    (tmp_path / "metadata.csv").write_text(table + "2.jpg,,caption en,a dog,\r\n")
    pictures(tmp_path, "train/1.jpg", "2.jpg", "unlisted.jpg")
    one, other = read(tmp_path)
    assert one.pictures == (FilePicture(tmp_path / "train/1.jpg"),)
    assert (one.captions, one.extra) == (("a cat,\nasleep",), {"source": "web"})
    assert (other.captions, other.prefix, other.suffix) == ((), "caption en", "a dog")
    assert other.origin == f"{tmp_path}/metadata.csv:5"


def test_a_table_of_json_lines_is_read(tmp_path):
    rows = [
        {"file_name": "1.jpg", "text": "a cat"},
        {"file_name": "2.jpg", "label": "dog"},
        {"file_name": "3.jpg", "label": 7, "question": "what?", "answer": ["a", "b"]},
    ]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    dataset = read(tmp_path)
    assert dataset[0].captions == ("a cat",)
    assert [one.suffix for one in dataset] == [None, "dog", "7"]
    assert (dataset[2].question, dataset[2].answers) == ("what?", ("a", "b"))
    assert dataset.classes == ("7", "dog")


BROKEN = {
    "no file name": (
        "metadata.csv",
        b"name,text\na.jpg,b\n",
        r"metadata\.csv:2 has no 'file_name'",
    ),
    "too many columns": ("metadata.csv", b"file_name\na.jpg,b\n", "has 2 columns, the first 1"),
    "too few columns": ("metadata.csv", b"file_name,text\na.jpg\n", "has 1 columns, the first 2"),
    "columns twice": ("metadata.csv", b"file_name,file_name\na,b\n", "the same name"),
    "open quotes": ("metadata.csv", b'file_name\n"a.jpg', "not a table"),
    "null bytes": ("metadata.csv", b"file_name\na\0.jpg\n", "metadata.csv"),
    "not utf-8": ("metadata.csv", b"file_name\n\xff.jpg\n", "not UTF-8"),
    "a huge cell": ("metadata.csv", b"file_name\n" + b"a" * 200_000, "not a table"),
    "a whole path": ("metadata.csv", b"file_name\n/etc/passwd\n", "within its folder"),
    "climbing": ("metadata.jsonl", b'{"file_name": "a/../../b.jpg"}', "within its folder"),
    "climbing as on Windows": ("metadata.jsonl", b'{"file_name": "..\\\\b"}', "within its folder"),
    "an address": ("metadata.jsonl", b'{"file_name": "https://a.b/c.jpg"}', "download it"),
    "a number": ("metadata.jsonl", b'{"file_name": 3}', "'file_name' is 3, not text"),
    "truncated": ("metadata.jsonl", b'{"file_name": "a', "is not JSON"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_table_is_named(name, tmp_path):
    file, data, said = BROKEN[name]
    (tmp_path / file).write_bytes(data)
    with pytest.raises(DataError, match=said) as caught:
        read(tmp_path)
    assert file in str(caught.value)


def test_two_tables_are_one_too_many(tmp_path):
    for name in ("metadata.csv", "metadata.jsonl"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match="remove one of them"):
        read(tmp_path)


def test_a_text_that_is_not_utf_8_is_named(tmp_path):
    pictures(tmp_path, "a.jpg")
    (tmp_path / "a.txt").write_bytes(b"caf\xe9")
    with pytest.raises(DataError, match=r"a\.txt is not UTF-8 \(byte 3\)"):
        read(tmp_path)


def test_no_folder_and_no_picture_are_told(tmp_path):
    with pytest.raises(DataError, match="is no folder"):
        read(tmp_path / "no")
    with pytest.raises(DataError, match="holds no picture"):
        read(tmp_path)


@given(st.binary(max_size=80) | st.text("file_nam,\n\"'\r\0ä.jpg", max_size=40).map(str.encode))
def test_any_table_is_records_or_one_sentence(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "any-table"
    folder.mkdir(exist_ok=True)
    (folder / "metadata.csv").write_bytes(data)
    dataset, told = read_or_told(read, folder)
    assert "metadata.csv" in told if dataset is None else all(one.pictures for one in dataset)
