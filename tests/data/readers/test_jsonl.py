"""JSON lines: palikit's form, the reference's, and what is neither."""

import json

import pytest
from helpers.reading import read_or_told
from hypothesis import given
from hypothesis import strategies as st

from palikit.data.pictures import FilePicture
from palikit.data.readers import read_dataset
from palikit.data.readers.jsonl import read
from palikit.data.records import Dataset, Record, Thing
from palikit.errors import DataError
from palikit.results import Box


def written(tmp_path, *lines, name="a.jsonl"):
    path = tmp_path / name
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
    return path


def test_every_key_is_read(tmp_path):
    rle = {"size": [480, 640], "counts": "PPYo9"}
    path = written(
        tmp_path,
        {
            "id": 17,
            "image": "x/a.jpg",
            "size": [640, 480],
            "boxes": [
                {"label": "cat", "box": [12, 30.5, 200, 310], "polygons": [[1, 2, 3, 4, 5, 6]]},
                {"label": "dog", "box": [0, 0, 1, 1], "rle": rle, "crowd": True},
            ],
            "captions": ["ein Tier", "zwei"],
            "question": "was?",
            "answers": "nichts",
            "prefix": "detect cat",
            "suffix": "",
            "lang": "de",
            "extra": {"taken": 2024},
            "source": ["web", 1],
        },
    )
    (one,) = read(path)
    assert one == Record(
        pictures=(FilePicture(tmp_path / "x/a.jpg"),),
        origin=f"{path}:1",
        id="17",
        size=(640, 480),
        things=(
            Thing("cat", Box(12.0, 30.5, 200.0, 310.0), polygons=((1.0, 2.0, 3.0, 4.0, 5.0, 6.0),)),
            Thing("dog", Box(0.0, 0.0, 1.0, 1.0), rle=rle, crowd=True),
        ),
        captions=("ein Tier", "zwei"),
        question="was?",
        answers=("nichts",),
        prefix="detect cat",
        suffix="",
        lang="de",
        extra={"taken": 2024, "source": ["web", 1]},
    )


def test_the_files_of_the_reference_and_of_roboflow_work_as_they_are(tmp_path):
    line = {"image": "a.jpg", "prefix": "detect cat", "suffix": "<loc0100><loc0100> cat"}
    dataset = read_dataset(f"jsonl:{written(tmp_path, line)},images={tmp_path / 'pictures'}")
    (one,) = dataset
    assert one.pictures == (FilePicture(tmp_path / "pictures/a.jpg"),)
    assert (one.prefix, one.suffix) == (line["prefix"], line["suffix"])
    assert (one.things, one.captions, one.id, one.lang) == (None, (), "", "")
    assert dataset.classes == ()


def test_no_boxes_and_an_empty_list_of_boxes_are_two_things(tmp_path):
    seen, unseen, null = read(
        written(
            tmp_path, {"image": "a", "boxes": []}, {"image": "b"}, {"image": "b", "boxes": None}
        )
    )
    assert (seen.things, unseen.things, null.things) == ((), None, None)


def test_a_header_declares_classes_in_its_order(tmp_path):
    box = {"label": "dog", "box": [0, 0, 1, 1]}
    path = written(tmp_path, {"classes": ["zebra", "dog"]}, {"image": "a.jpg", "boxes": [box]})
    assert read(path).classes == ("zebra", "dog")
    assert len(read(path)) == 1


def test_classes_are_labels_in_order_of_appearance_without_a_header(tmp_path):
    boxes = [{"label": label, "box": [0, 0, 1, 1]} for label in ("dog", "cat", "dog")]
    assert read(written(tmp_path, {"image": "a.jpg", "boxes": boxes})).classes == ("dog", "cat")


def test_a_label_that_the_header_lacks_is_refused(tmp_path):
    box = {"label": "dgo", "box": [0, 0, 1, 1]}
    path = written(tmp_path, {"classes": ["dog"]}, {"image": "a.jpg", "boxes": [box]})
    with pytest.raises(DataError, match=r"a\.jsonl:2: 'dgo' is none of the classes"):
        read(path)


def test_several_pictures_belong_to_one_record(tmp_path):
    (one,) = read(written(tmp_path, {"images": ["a.jpg", "b.jpg"], "prefix": "compare"}))
    assert [picture.path.name for picture in one.pictures] == ["a.jpg", "b.jpg"]


def test_pictures_are_named_from_the_file_by_detours_and_by_whole_paths(tmp_path):
    names = ["a/b.jpg", "../in/c.jpg", "/data/d.jpg"]
    records = read(written(tmp_path, *({"image": name} for name in names)))
    assert [one.pictures[0].path for one in records] == [tmp_path / name for name in names]


def test_blank_lines_marks_and_other_line_separators_are_no_trouble(tmp_path):
    path = tmp_path / "a.jsonl"
    first = json.dumps({"image": "a.jpg", "suffix": "one\u2028two\x85"}, ensure_ascii=False)
    path.write_bytes(b"\xef\xbb\xbf" + first.encode() + b'\r\n\r\n  \n{"image": "b.jpg"}')
    one, other = read(path)
    assert one.suffix == "one\u2028two\x85"
    assert other.origin == f"{path}:4"


def test_an_empty_file_is_a_dataset_without_records(tmp_path):
    assert read(written(tmp_path)) == Dataset("a.jsonl", [], ())


BROKEN = {
    "truncated": (b'{"image": "a.jpg", "pre', "is not JSON"),
    "not json": (b"image,prefix\n", "is not JSON"),
    "not an object": (b"[1, 2]", "not a JSON object"),
    "not utf-8": (b'{"image": "\xff.jpg"}', "not UTF-8"),
    "no picture": (b'{"prefix": "caption"}', "either 'image' or 'images'"),
    "two pictures": (b'{"image": "a", "images": ["b"]}', "either 'image' or 'images'"),
    "an empty list of pictures": (b'{"images": []}', "at least one picture"),
    "an empty name": (b'{"image": " "}', "not the name of a picture"),
    "a name with a null byte": (b'{"image": "a\\u0000b"}', "not the name of a picture"),
    "an address": (b'{"image": "https://a.b/c.jpg"}', "download it"),
    "a number as prefix": (b'{"image": "a", "prefix": 3}', "'prefix' is 3, not text"),
    "a number as caption": (b'{"image": "a", "captions": ["a", 3]}', r"'captions'\[1\] is 3"),
    "half a character": (b'{"image": "a", "suffix": "\\ud83d"}', "half a character"),
    "boxes that are no list": (b'{"image": "a", "boxes": {"label": "x"}}', "not a list"),
    "a size of one number": (b'{"image": "a", "size": [3]}', r"not \[width, height\]"),
    "a size of nothing": (b'{"image": "a", "size": [0, 3]}', r"not \[width, height\]"),
    "a size in words": (b'{"image": "a", "size": ["3", 3]}', "not a whole number"),
    "NaN": (b'{"image": "a", "extra": {"x": NaN}}', "NaN is no number"),
    "deep": (b'{"image": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "is not JSON"),
    "a huge number": (b'{"image": "a", "x": ' + b"9" * 5000 + b"}", "is not JSON"),
    "extra twice": (b'{"image": "a", "x": 1, "extra": {"x": 2}}', "'x' stands in the line"),
}
BROKEN_BOXES = {
    "no label": ('{"box": [0, 0, 1, 1]}', "has no 'label'"),
    "no box": ('{"label": "x"}', "four numbers"),
    "three numbers": ('{"label": "x", "box": [0, 0, 1]}', "four numbers"),
    "infinite": ('{"label": "x", "box": [0, 0, 1e999, 1]}', "not a finite number"),
    "too large": (f'{{"label": "x", "box": [0, 0, 1{"0" * 400}, 1]}}', "not a finite number"),
    "true": ('{"label": "x", "box": [0, 0, true, 1]}', "not a finite number"),
    "words": ('{"label": "x", "box": [0, 0, "1", 1]}', "not a finite number"),
    "unknown key": ('{"label": "x", "bbox": [0, 0, 1, 1]}', "'bbox' is no key of a box"),
    "two corners": ('{"label": "x", "box": [0, 0, 1, 1], "polygons": [[1, 2, 3, 4]]}', "corners"),
    "odd": ('{"label": "x", "box": [0, 0, 1, 1], "polygons": [[1, 2, 3, 4, 5, 6, 7]]}', "corners"),
    "crowd of 2": ('{"label": "x", "box": [0, 0, 1, 1], "crowd": 2}', "not true or false"),
    "two masks": ('{"label": "x", "box": [0, 0, 1, 1], "polygons": [], "rle": {}}', "give one"),
    "no counts": ('{"label": "x", "box": [0, 0, 1, 1], "rle": {"size": [1, 1]}}', "'counts'"),
    "huge mask": (
        '{"label": "x", "box": [0, 0, 1, 1], "rle": {"size": [999999, 999999], "counts": "0"}}',
        "999999 x 999999 is larger than",
    ),
    "huge run": (
        '{"label": "x", "box": [0, 0, 1, 1], "rle": {"size": [2, 2], "counts": [99999999999]}}',
        "they are of 99999999999 pixels, and 2 x 2 is 4",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_line_is_named_by_file_and_line(name, tmp_path):
    line, said = BROKEN[name]
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"image": "fine.jpg"}\n' + line)
    with pytest.raises(DataError, match=said) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}:2")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("name", BROKEN_BOXES)
def test_a_broken_box_is_named_by_file_and_line(name, tmp_path):
    box, said = BROKEN_BOXES[name]
    path = tmp_path / "a.jsonl"
    path.write_text(f'\n{{"image": "a.jpg", "boxes": [{box}]}}')
    with pytest.raises(DataError, match=said) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}:2: 'boxes'[0]")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "no.jsonl", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read(path)


def test_a_line_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("palikit.data.readers.text_files.MAX_LINE", 1000)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b" " * 2000)
    with pytest.raises(DataError, match="is longer than"):
        read(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["label", "box", "polygons", "rle", "size", "counts", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
KEYS = ["image", "images", "boxes", "size", "captions", "answers", "question", "id", "extra", "y"]


@given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6))
def test_any_object_is_a_record_or_one_sentence(tmp_path_factory, line):
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_text(json.dumps(line))
    dataset, told = read_or_told(read, path)
    assert told.startswith(f"{path}:1") if dataset is None else dataset[0].pictures


@given(st.binary(max_size=60))
def test_any_bytes_are_records_or_one_sentence(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "bytes.jsonl"
    path.write_bytes(data)
    dataset, told = read_or_told(read, path)
    assert str(path) in told if dataset is None else all(one.pictures for one in dataset)
