"""Questions and annotations in VQAv2's layout, and the layouts that came after it."""

import json

import pytest
from helpers.reading import read_or_told
from hypothesis import given
from hypothesis import strategies as st

from palikit.data.pictures import FilePicture
from palikit.data.readers import read_dataset
from palikit.data.readers.vqa import read
from palikit.errors import DataError, UsageError

QUESTIONS = {
    "info": {"version": "2.0"},
    "task_type": "Open-Ended",
    "data_type": "mscoco",
    "data_subtype": "val2014",
    "license": {},
    "questions": [
        {"image_id": 42, "question": "What is this?", "question_id": 42001},
        {"image_id": 42, "question": "How many?", "question_id": 42000},
    ],
}
ANNOTATIONS = {
    "data_subtype": "val2014",
    "annotations": [
        {
            "question_type": "how many",
            "multiple_choice_answer": "2",
            "answers": [
                {"answer": "2", "answer_confidence": "yes", "answer_id": 1},
                {"answer": "two", "answer_confidence": "maybe", "answer_id": 2},
                {"answer": "2", "answer_confidence": "yes", "answer_id": 3},
            ],
            "image_id": 42,
            "answer_type": "number",
            "question_id": 42000,
        },
        {
            "question_type": "what is",
            "answers": [{"answer": "net", "answer_id": 1}],
            "image_id": 42,
            "answer_type": "other",
            "question_id": 42001,
        },
        {"question_id": 7, "image_id": 9, "answers": []},
    ],
}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "val2014").mkdir()
    (tmp_path / "val2014/COCO_val2014_000000000042.jpg").touch()
    (tmp_path / "q.json").write_text(json.dumps(QUESTIONS))
    (tmp_path / "a.json").write_text(json.dumps(ANNOTATIONS))
    return tmp_path


def test_questions_meet_their_annotations(files):
    what, many = read_dataset(
        f"vqa:{files}/q.json,annotations={files}/a.json,images={files}/val2014"
    )
    assert what.pictures == (FilePicture(files / "val2014/COCO_val2014_000000000042.jpg"),)
    assert (what.id, what.question, what.answers) == ("42001", "What is this?", ("net",))
    assert many.answers == ("2", "two", "2")
    assert many.origin == f"{files}/q.json: questions[1]"
    assert many.extra == {
        "image_id": 42,
        "question_type": "how many",
        "multiple_choice_answer": "2",
        "answer_type": "number",
    }


def test_questions_of_a_test_set_have_no_answers(files):
    records = read(files / "q.json", images=files / "val2014")
    assert [one.answers for one in records] == [(), ()]


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ("000000000042.jpg", "000000000042.jpg"),
        ("42.jpg", "42.jpg"),
        ("other.jpg", "COCO_val2014_000000000042.jpg"),
    ],
)
def test_a_number_is_looked_for_under_the_usual_names(present, expected, files):
    (files / "images").mkdir()
    (files / "images" / present).touch()
    one, _ = read(files / "q.json", images=files / "images")
    assert one.pictures[0].path.name == expected


def test_a_pattern_says_how_pictures_are_called(files):
    one, _ = read(files / "q.json", pattern="v_%03d.png")
    assert one.pictures[0].path == files / "v_042.png"


@pytest.mark.parametrize(
    "pattern", ["a.jpg", "%s.jpg", "%d_%d.jpg", "%0999999999d.jpg", "%d%%.jpg", "%(a)d.jpg"]
)
def test_a_pattern_without_one_number_is_misuse(pattern, files):
    with pytest.raises(UsageError, match="has no number"):
        read(files / "q.json", pattern=pattern)


def test_names_and_answers_beside_the_question_as_textvqa_has_them(tmp_path):
    row = {"question": "a?", "image_id": "0054c9", "question_id": 3, "answers": ["x", "y"]}
    (tmp_path / "t.json").write_text(json.dumps({"data": [row], "dataset_type": "val"}))
    (tmp_path / "0054c9.png").touch()
    (one,) = read(tmp_path / "t.json")
    assert one.pictures[0].path == tmp_path / "0054c9.png"
    assert (one.answers, one.id, one.extra) == (("x", "y"), "3", {"image_id": "0054c9"})


def test_a_bare_list_with_image_names_as_vizwiz_has_it(tmp_path):
    answers = [{"answer": "soup", "answer_confidence": "yes"}]
    row = {"image": "VizWiz_val_00000000.jpg", "question": "b?", "answers": answers}
    (tmp_path / "v.json").write_text(json.dumps([{**row, "answer_type": "other"}]))
    (one,) = read(tmp_path / "v.json")
    assert one.pictures[0].path == tmp_path / "VizWiz_val_00000000.jpg"
    assert (one.answers, one.id, one.extra) == (("soup",), "", {"answer_type": "other"})


def question(**changes):
    row = {"image_id": 1, "question": "a?", "question_id": 1, **changes}
    return {"questions": [{key: value for key, value in row.items() if value is not ...}]}


BROKEN = {
    "a number": (3, "no list of 'questions'"),
    "no questions": ({"annotations": []}, "no list of 'questions'"),
    "no list": ({"questions": {}}, "no list of 'questions'"),
    "a list of numbers": ({"questions": [1]}, r"questions\[0\] is 1, not a JSON object"),
    "no question": (question(question=...), "has no 'question'"),
    "a question that is a number": (question(question=4), "'question' is 4, not text"),
    "no picture": (question(image_id=...), "'image_id' is None"),
    "a picture below zero": (question(image_id=-1), "'image_id' is -1"),
    "a picture of no kind": (question(image_id=True), "'image_id' is True"),
    "an address": (question(image="http://a/b.jpg"), "download it"),
    "answers in words": (question(answers="x"), "not a list"),
    "answers of numbers": (question(answers=[1]), r"'answers'\[0\] is 1"),
    "answers without answer": (question(answers=[{}]), "'answer' is None"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named_with_the_place(name, tmp_path):
    value, said = BROKEN[name]
    path = tmp_path / "q.json"
    path.write_text(json.dumps(value))
    with pytest.raises(DataError, match=said) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_truncated_json_is_named_with_its_line(tmp_path):
    (tmp_path / "q.json").write_text(json.dumps(QUESTIONS, indent=1)[:-40])
    with pytest.raises(DataError, match=r"q\.json is not JSON .*line"):
        read(tmp_path / "q.json")


def test_annotations_that_lack_a_question_are_refused(files):
    (files / "a.json").write_text(json.dumps({"annotations": ANNOTATIONS["annotations"][:1]}))
    with pytest.raises(DataError, match="question 42001 is not in the annotations"):
        read(files / "q.json", annotations=files / "a.json")


def test_annotations_that_stand_twice_are_refused(files):
    twice = ANNOTATIONS["annotations"][:1] * 2
    (files / "a.json").write_text(json.dumps({"annotations": twice}))
    with pytest.raises(DataError, match="has annotations already"):
        read(files / "q.json", annotations=files / "a.json")


def test_a_missing_folder_of_pictures_is_told_at_once(files):
    with pytest.raises(DataError, match="give images=FOLDER"):
        read(files / "q.json", images=files / "train2014")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["questions", "data", "question", "image", "image_id", "answers"]),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_any_json_is_questions_or_one_sentence(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "any-questions.json"
    path.write_text(json.dumps(value))
    dataset, told = read_or_told(read, path)
    assert str(path) in told if dataset is None else all(one.pictures for one in dataset)
