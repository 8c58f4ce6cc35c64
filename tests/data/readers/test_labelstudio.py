"""Label Studio: regions in percent, brushes, texts, annotators, addresses, and broken files."""

import json
import re

import numpy as np
import pytest
from helpers.boxes_scene import DROP, check_junk, picture, put, write, write_json
from helpers.brush import brush

from palikit.data.pictures import FilePicture
from palikit.data.readers import read_dataset
from palikit.data.readers.labelstudio import read
from palikit.data.records import Thing
from palikit.errors import DataError
from palikit.results import Box

MASK = np.zeros((10, 20), np.bool_)
MASK[2:5, 3:9] = MASK[7, 1] = True


def region(kind, value, number="r1", **more):
    common = {"original_width": 20, "original_height": 10, "image_rotation": 0}
    names = {"from_name": "label", "to_name": "image"}
    return {"id": number, "type": kind, "value": value, **common, **names, **more}


RECTANGLE = {"x": 10, "y": 20, "width": 30.5, "height": 40, "rotation": 0}
LABELS = [
    {
        "id": 7,
        "data": {"image": "/data/upload/3/1a2b3c4d-cat.jpg"},
        "annotations": [
            {
                "id": 1,
                "was_cancelled": False,
                "ground_truth": False,
                "result": [
                    region("rectanglelabels", RECTANGLE | {"rectanglelabels": ["cat"]}),
                    region(
                        "polygonlabels",
                        {"points": [[10, 10], [50, 10], [50, 90]], "polygonlabels": ["dog", "pet"]},
                    ),
                    region(
                        "brushlabels",
                        {"format": "rle", "rle": brush(MASK), "brushlabels": ["cat"]},
                    ),
                    region("choices", {"choices": ["indoors", "night"]}),
                    region("textarea", {"text": ["A cat."]}),
                    region("keypointlabels", {"x": 1, "y": 2, "keypointlabels": ["eye"]}),
                    region("rectanglelabels", RECTANGLE, "r9"),
                ],
            }
        ],
        "predictions": [{"result": []}],
    },
    {"id": 8, "data": {"image": "b.jpg"}, "annotations": [{"id": 2, "result": []}]},
    {"id": 9, "data": {"image": "c.jpg"}, "annotations": []},
]
R = (0, "annotations", 0, "result")


def read_all(tmp_path, labels):
    return read(write_json(tmp_path / "a.json", labels))


def read_result(tmp_path, result):
    return read_all(tmp_path, put(LABELS, R, result))[0]


def test_percent_become_pixels(tmp_path):
    dataset = read_all(tmp_path, LABELS)
    record = dataset[0]
    assert record.things is not None
    corners = (2.0, 1.0, 10.0, 1.0, 10.0, 9.0)
    assert record.things[0].label == "cat"
    assert record.things[0].box.xyxy == pytest.approx((2.0, 2.0, 8.1, 6.0))
    assert record.things[1:3] == (
        Thing("dog", Box(2.0, 1.0, 10.0, 9.0), (corners,)),
        Thing("pet", Box(2.0, 1.0, 10.0, 9.0), (corners,)),
    )
    assert (record.things[3].mask((20, 10)) == MASK).all()
    assert record.things[3].box == Box(1.0, 2.0, 9.0, 8.0)
    assert (record.size, record.id) == ((20, 10), "7")
    assert dataset.classes == ("cat", "dog", "pet")


def test_choices_are_answers_and_texts_captions(tmp_path):
    record = read_all(tmp_path, LABELS)[0]
    assert record.answers == ("indoors", "night")
    assert record.captions == ("A cat.",)
    assert record.extra == {"left_out": {"keypointlabels": 1, "rectanglelabels without label": 1}}


def test_texts_answer_the_question_of_a_task(tmp_path):
    labels = put(LABELS, (0, "data", "question"), "What is it?")
    record = read_all(tmp_path, labels)[0]
    assert record.question == "What is it?"
    assert record.answers == ("indoors", "night", "A cat.")
    assert record.captions == ()


def test_nothing_is_there_or_nobody_looked(tmp_path):
    dataset = read_all(tmp_path, LABELS)
    assert [dataset[1].things, dataset[2].things] == [(), None]
    texts = put(LABELS, R, [region("textarea", {"text": "A cat."})])
    assert [record.things for record in read_all(tmp_path, texts)] == [None, None, None]


def test_a_turned_rectangle_becomes_the_box_around_it(tmp_path):
    value = {"x": 50, "y": 10, "width": 20, "height": 10, "rotation": 90, "rectanglelabels": ["a"]}
    record = read_result(tmp_path, [region("rectanglelabels", value)])
    assert record.things is not None
    # 4 wide and 1 high at 10, 1: turned clockwise about that corner it hangs down to its left.
    assert record.things[0].box.xyxy == pytest.approx((9.0, 1.0, 10.0, 5.0))


def test_a_shape_and_its_label_apart_are_one_thing(tmp_path):
    parts = [region("rectangle", RECTANGLE), region("labels", RECTANGLE | {"labels": ["cat"]})]
    record = read_result(tmp_path, parts)
    assert record.things is not None
    assert [thing.label for thing in record.things] == ["cat"]
    assert record.extra == {}


def test_texts_about_a_region_are_left_out(tmp_path):
    words = region("textarea", RECTANGLE | {"text": ["EXIT"]})
    record = read_result(tmp_path, [words])
    assert record.captions == ()
    assert record.extra == {"left_out": {"textarea of a region": 1}}


def test_regions_are_of_one_annotator_and_texts_of_all(tmp_path):
    def annotation(label, text, **flags):
        value = RECTANGLE | {"rectanglelabels": [label]}
        result = [region("rectanglelabels", value), region("textarea", {"text": [text]})]
        return {"result": result, **flags}

    given_up = annotation("a", "no", was_cancelled=True)
    first, second = annotation("b", "one"), annotation("c", "two")
    truth = annotation("d", "one", ground_truth=True)
    for annotations, label, texts in [
        ([given_up, first, second], "b", ("one", "two")),
        ([given_up, first, second, truth], "d", ("one", "two")),
    ]:
        record = read_all(tmp_path, put(LABELS, (0, "annotations"), annotations))[0]
        assert record.things is not None
        assert [thing.label for thing in record.things] == [label]
        assert record.captions == texts


def test_a_brush_that_was_erased_is_left_out(tmp_path):
    value = {"format": "rle", "rle": brush(np.zeros_like(MASK)), "brushlabels": ["cat"]}
    labels = put(LABELS, (*R, 2), region("brushlabels", value))
    record = read_all(tmp_path, labels)[0]
    assert record.extra["left_out"]["brushlabels that marks nothing"] == 1


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("/data/upload/3/1a2b3c4d-cat.jpg", "upload/3/1a2b3c4d-cat.jpg"),
        ("/data/upload/3/1a2b3c4d-cat.jpg", "3/1a2b3c4d-cat.jpg"),
        ("/data/upload/3/1a2b3c4d-cat.jpg", "1a2b3c4d-cat.jpg"),
        ("/data/upload/3/1a2b3c4d-cat.jpg", "cat.jpg"),
        ("/data/upload/3/1a2b3c4d-my%20cat.jpg", "my cat.jpg"),
        ("/data/local-files/?d=sets/pets/my%20cat.jpg", "sets/pets/my cat.jpg"),
        ("/data/local-files/?d=sets/pets/cat.jpg", "pets/cat.jpg"),
        ("http://host:8080/data/local-files/?d=sets/cat.jpg", "cat.jpg"),
        ("s3://bucket/pets/cat.jpg", "pets/cat.jpg"),
        ("https://host/pets/cat%201.jpg?size=9", "cat 1.jpg"),
        ("pets/cat #1 100%.jpg", "pets/cat #1 100%.jpg"),
        ("cat.jpg", "cat.jpg"),
    ],
)
def test_pictures_are_found_behind_every_address(tmp_path, address, place):
    file = write_json(tmp_path / "a.json", put(LABELS, (0, "data", "image"), address))
    made = picture(tmp_path / "pictures" / place)
    assert read(file, images=tmp_path / "pictures")[0].pictures == (FilePicture(made),)


def test_a_picture_that_is_nowhere_is_expected_under_its_name(tmp_path):
    (tmp_path / "images").mkdir()
    dataset = read_all(tmp_path, LABELS)
    places = [record.pictures[0].name for record in dataset]
    names = ("1a2b3c4d-cat.jpg", "b.jpg", "c.jpg")
    assert places == [str(tmp_path / "images" / name) for name in names]


def test_the_key_of_the_picture_can_be_named(tmp_path):
    labels = put(LABELS, (0, "data"), {"photo": "a.jpg"})
    labels = put(labels, (1, "data"), {"photo": "b.jpg"})
    file = write_json(tmp_path / "a.json", put(labels, (2, "data"), {"photo": "c.jpg"}))
    with pytest.raises(DataError, match=r"\[0\]\.data: there is no 'image' but photo: say field="):
        read(file)
    dataset = read_dataset(f"labelstudio:{file},field=photo")
    assert dataset[0].pictures == (FilePicture(tmp_path / "a.jpg"),)


IMAGE = (0, "data", "image")
VALUE = (*R, 0, "value")
AT = "[0].annotations[0].result"
BROKEN = {
    "an object": ((), {}, "a list [...] was expected"),
    "JSON-MIN": ((0, "annotations"), DROP, "[0]: the key 'annotations' is missing: export as"),
    "no data": ((0, "data"), DROP, "[0]: the key 'data' is missing"),
    "no result": ((*R,), DROP, "[0].annotations[0]: the key 'result' is missing"),
    "an id twice": ((1, "id"), 7, "[1].id: 7 came where a whole number or text that no other"),
    "no id": ((0, "id"), DROP, "[0]: the key 'id' is missing"),
    "a way out": (IMAGE, "../../etc/passwd", "[0].data.image: the path '../../etc/passwd' leads"),
    "a local way out": (IMAGE, "/data/local-files/?d=../../etc/passwd", "leads out of"),
    "an absolute local file": (IMAGE, "/data/local-files/?d=/etc/passwd", "leads out of"),
    "a hidden way out": (IMAGE, "/data/upload/%2e%2e/%2e%2e/passwd", "leads out of"),
    "a way out of a site": (IMAGE, "http://host/../../etc/passwd", "leads out of"),
    "an absolute path": (IMAGE, "/etc/passwd", "leads out of"),
    "an address that is none": (IMAGE, "http://[host/a.jpg", "this address cannot be read"),
    "a picture in the file": (
        IMAGE,
        "data:image/png;base64,QUJD",
        "the picture stands in",
    ),
    "no type": ((*R, 0, "type"), DROP, f"{AT}[0]: the key 'type' is missing"),
    "no value": ((*R, 0, "value"), DROP, f"{AT}[0]: the key 'value' is missing"),
    "not finite": ((*VALUE, "x"), float("nan"), f"{AT}[0].value.x: nan came where a finite"),
    "a side of words": ((*VALUE, "width"), "30", f"{AT}[0].value.width: '30' came where a number"),
    "an empty label": ((*VALUE, "rectanglelabels"), [""], "value.rectanglelabels[0]: '' came"),
    "no size": ((*R, 0, "original_width"), DROP, f"{AT}[0]: the keys 'original_width' and"),
    "another size": ((*R, 1, "original_width"), 21, f"{AT}[1]: this region says the picture is"),
    "a picture turned": ((*R, 0, "image_rotation"), 90, "image_rotation: 90 came where 0"),
    "two corners": ((*R, 1, "value", "points"), [[1, 2], [3, 4]], "value.points: 4 numbers came"),
    "half a corner": ((*R, 1, "value", "points", 0), [1], "value.points[0]: 1 numbers came"),
    "a short brush": (
        (*R, 2, "value", "rle"),
        brush(MASK)[:-3],
        "value.rle: the run lengths",
    ),
    "an empty brush": ((*R, 2, "value", "rle"), [], "value.rle: the run lengths"),
    "a brush of no bytes": ((*R, 2, "value", "rle", 0), 256, "value.rle: the run lengths"),
    "a brush of words": ((*R, 2, "value", "rle", 0), "a", "value.rle[0]: 'a' came where a number"),
    "a brush of another size": ((*R, 2, "value", "rle", 0), 255, "values are not the 4 a pixel"),
    "a choice of numbers": ((*R, 3, "value", "choices"), [3], "value.choices[0]: 3 came where a"),
    "a text that is missing": ((*R, 4, "value", "text"), DROP, "the key 'text' is missing"),
    "cancelled as a word": (
        (0, "annotations", 0, "was_cancelled"),
        "no",
        "was_cancelled: 'no' came where true or false",
    ),
}


@pytest.mark.parametrize(("keys", "new", "error"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_told_with_its_key(tmp_path, keys, new, error):
    labels = put(LABELS, keys, new) if keys else new
    with pytest.raises(DataError, match=rf"a\.json.*{re.escape(error)}"):
        read_all(tmp_path, labels)


def test_a_file_that_was_cut_short_is_told_with_its_line(tmp_path):
    text = json.dumps(LABELS, indent=1)
    with pytest.raises(DataError, match=r"a\.json, line 5, column 13: this is not JSON"):
        read(write(tmp_path / "a.json", text[: text.index("upload")]))


def test_junk_in_any_place_is_read_or_told(tmp_path):
    check_junk(read, tmp_path / "a.json", LABELS)
