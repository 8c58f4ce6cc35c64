"""Parquet files as Hugging Face writes datasets: columns, objects, classes, and broken ones."""

import pytest
from helpers.parquet import cell, class_label, encoded, written
from helpers.reading import read_or_told
from hypothesis import given, settings
from hypothesis import strategies as st

from palikit.data.pictures import open_picture
from palikit.data.readers import read_dataset
from palikit.data.readers.huggingface import read
from palikit.data.records import Thing
from palikit.errors import DataError, UsageError
from palikit.results import Box

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def test_columns_are_found_by_their_usual_names(tmp_path):
    path = written(
        tmp_path / "a.parquet",
        {
            "image": [cell(3), cell(4)],
            "id": [10, 11],
            "width": [3, 4],
            "height": [5, 5],
            "caption": [["one", "two"], []],
            "question": ["what?", None],
            "answers": [["a", "b"], None],
            "prefix": ["caption en", None],
            "suffix": ["", None],
            "source": ["web", None],
            "score": [0.5, float("nan")],
            "nested": [{"x": 1}, {"x": 2}],
        },
    )
    one, other = read_dataset(f"parquet:{path}")
    assert (one.id, one.size, one.origin) == ("10", (3, 5), f"{path}: row 0")
    assert (one.captions, one.question, one.answers) == (("one", "two"), "what?", ("a", "b"))
    assert (one.prefix, one.suffix, one.things) == ("caption en", "", None)
    assert one.extra == {"source": "web", "score": 0.5}
    assert (other.suffix, other.answers, other.extra) == (None, (), {})
    assert [open_picture(row.pictures[0]).size for row in (one, other)] == [(3, 5), (4, 5)]


def test_columns_are_named_by_options(tmp_path):
    path = written(
        tmp_path / "a.parquet",
        {
            "photo": [encoded()],
            "text": ["not this"],
            "said": ["a cat"],
            "asked": ["what?"],
            "gold": [[{"answer": "cat", "answer_id": 1}]],
        },
    )
    (one,) = read_dataset(f"parquet:{path},image=photo,caption=said,question=asked,answers=gold")
    assert (one.captions, one.question, one.answers) == (("a cat",), "what?", ("cat",))
    assert one.extra == {"text": "not this"}
    assert one.pictures[0].read() == encoded()


SEQUENCE = {"feature": {"category": class_label("cat", "dog"), "bbox": {}}, "_type": "Sequence"}
LISTS = {
    "bbox": {"feature": {"dtype": "float32"}, "_type": "List"},
    "category": {"feature": class_label("cat", "dog"), "_type": "List"},
    "area": {"feature": {"dtype": "int64"}, "_type": "List"},
}
COLUMNS = {"bbox": [[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 2.0, 2.0]], "category": [1, 0], "area": [1, 2]}
LIST = {"feature": {"category": class_label("cat", "dog"), "bbox": {}}, "_type": "List"}
ROWS = [
    {"bbox": [1.0, 2.0, 3.0, 4.0], "category": 1},
    {"bbox": [0.0, 0.0, 2.0, 2.0], "category": 0},
]


@pytest.mark.parametrize(
    ("features", "value"),
    [(SEQUENCE, COLUMNS), (LISTS, COLUMNS), ([LISTS], ROWS), (SEQUENCE, ROWS), (LIST, ROWS)],
)
def test_objects_get_their_names_from_the_metadata(features, value, tmp_path):
    path = written(
        tmp_path / "a.parquet",
        {"image": [cell()], "objects": [value]},
        {"objects": features, "image": {"_type": "Image"}},
    )
    dataset = read(path)
    assert dataset[0].things == (
        Thing("dog", Box(1.0, 2.0, 4.0, 6.0)),
        Thing("cat", Box(0.0, 0.0, 2.0, 2.0)),
    )
    assert dataset.classes == ("cat", "dog")


def test_corners_and_names_may_be_given(tmp_path):
    path = written(tmp_path / "a.parquet", {"image": [cell()], "objects": [COLUMNS]})
    dataset = read_dataset(f"parquet:{path},boxes=xyxy,classes=fox;owl")
    assert dataset[0].things[0] == Thing("owl", Box(1.0, 2.0, 3.0, 4.0))
    assert dataset.classes == ("fox", "owl")
    with pytest.raises(UsageError, match="write xywh or xyxy"):
        read(path, boxes="cxcywh")


def test_no_objects_and_an_empty_list_are_two_things(tmp_path):
    objects = [COLUMNS, {"bbox": [], "category": [], "area": []}, None]
    path = written(tmp_path / "a.parquet", {"image": [cell()] * 3, "objects": objects})
    assert [one.things and len(one.things) for one in read(path, classes="a;b")] == [2, (), None]


def test_a_label_becomes_the_suffix(tmp_path):
    features = {"label": class_label("cat", "dog")}
    path = written(tmp_path / "a.parquet", {"image": [cell()] * 3, "label": [1, 0, -1]}, features)
    dataset = read(path)
    assert [one.suffix for one in dataset] == ["dog", "cat", None]
    assert dataset.classes == ("cat", "dog")


def test_a_label_without_names_is_carried_along_unless_it_is_asked_for(tmp_path):
    path = written(tmp_path / "a.parquet", {"image": [cell()], "label": [1]})
    (one,) = read(path)
    assert (one.suffix, one.extra) == (None, {"label": 1})
    with pytest.raises(DataError, match="class 1, which has no name"):
        read(path, label="label")
    assert read(path, classes="a;b")[0].suffix == "b"


BROKEN = {
    "no picture": ({"text": ["a"]}, {}, "no column 'image'"),
    "no such column": ({"image": [b""]}, {"caption": "said"}, "no column 'said'; it has image"),
    "a number as caption": ({"image": [b""], "text": [3]}, {}, "row 0: 'text' is 3, not a list"),
    "numbers as captions": ({"image": [b""], "text": [[3]]}, {}, r"'text'\[0\] is 3, not text"),
    "objects in words": ({"image": [b""], "objects": ["x"]}, {}, "not a JSON object"),
    "objects without boxes": (
        {"image": [b""], "objects": [[{"category": 0}]]},
        {"classes": "a"},
        "has no 'bbox'",
    ),
    "objects without classes": (
        {"image": [b""], "objects": [[{"bbox": [0, 0, 1, 1]}]]},
        {},
        "has no 'category'",
    ),
    "three numbers": (
        {"image": [b""], "objects": [[{"bbox": [0, 0, 1], "category": "a"}]]},
        {},
        "has 3 numbers, not 4",
    ),
    "not a number": (
        {"image": [b""], "objects": [[{"bbox": [0.0, 0, 1, float("nan")], "category": "a"}]]},
        {},
        "not a finite number",
    ),
    "lists of two lengths": (
        {"image": [b""], "objects": [{"bbox": [[0, 0, 1, 1]], "category": ["a", "b"]}]},
        {},
        "different length",
    ),
    "a class without name": (
        {"image": [b""], "objects": [[{"bbox": [0, 0, 1, 1], "category": 5}]]},
        {"classes": "a"},
        "class 5, which has no name",
    ),
    "a size of nothing": ({"image": [b""], "width": [0], "height": [1]}, {}, "not .width, height"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named(name, tmp_path):
    columns, options, said = BROKEN[name]
    path = written(tmp_path / "a.parquet", columns)
    with pytest.raises(DataError, match=said) as caught:
        read(path, **options)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("metadata", [b"{", b"[]", b'{"info": 3}', b"\xff", b"[" * 9999])
def test_broken_metadata_is_told_or_holds_no_names(metadata, tmp_path):
    table = pa.table({"image": [b""], "label": ["x"]})
    parquet.write_table(
        table.replace_schema_metadata({"huggingface": metadata}), tmp_path / "a.parquet"
    )
    dataset, told = read_or_told(read, tmp_path / "a.parquet")
    assert "Hugging Face metadata" in told if dataset is None else dataset.classes == ()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "a.parquet"
    return written(path, {"image": [cell()], "text": ["a cat"]})


# The same examples each time: what reads them is no code of ours.
@settings(derandomize=True, max_examples=40)
@given(st.data())
def test_a_truncated_or_changed_file_is_refused_or_read(whole, tmp_path_factory, data):
    content = bytearray(whole.read_bytes())
    end = data.draw(st.integers(0, len(content)))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "changed.parquet"
    path.write_bytes(content[:end] if data.draw(st.booleans()) else content)
    dataset, told = read_or_told(read, path)
    assert str(path) in told if dataset is None else len(dataset) == 1
