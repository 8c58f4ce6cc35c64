import copy

import pytest
from helpers.official import LAYOUTS, lay
from helpers.official.questions import VQAV2_TEST

from palikit.errors import DataError
from palikit.eval.benchmarks import BENCHMARKS


def read(name, root, split=None):
    return BENCHMARKS[name].read(lay(root, LAYOUTS[name]), split=split)


def test_vqav2_joins_questions_and_annotations_by_id(tmp_path):
    first, second = read("vqav2", tmp_path)
    assert (first.id, first.prefix) == ("262148000", "answer en Where is he looking?")
    assert first.references == ("down", "at table") * 5
    assert (first.group, second.group) == ("other", "yes/no")
    assert first.pictures[0].path == tmp_path / "val2014/COCO_val2014_000000262148.jpg"
    assert first.extra["question_id"] == 262148000


def test_test_dev_of_vqav2_has_no_references_and_lies_in_the_folder_of_test(tmp_path):
    (item,) = BENCHMARKS["vqav2"].read(lay(tmp_path, VQAV2_TEST), split="test-dev")
    assert item.references == ()
    assert item.pictures[0].path == tmp_path / "test2015/COCO_test2015_000000000001.jpg"


def test_a_question_without_annotation_is_an_error_that_names_both(tmp_path):
    layout = copy.deepcopy(LAYOUTS["vqav2"])
    del layout["v2_mscoco_val2014_annotations.json"]["annotations"][0]
    with pytest.raises(DataError, match=r"v2_mscoco_val2014_annotations\.json .* 262148001"):
        BENCHMARKS["vqav2"].read(lay(tmp_path, layout))


def test_two_questions_of_one_id_are_an_error_that_names_it(tmp_path):
    layout = copy.deepcopy(LAYOUTS["vqav2"])
    questions = layout["v2_OpenEnded_mscoco_val2014_questions.json"]["questions"]
    questions.append(questions[0])
    with pytest.raises(DataError, match=r"questions\.json: the id '262148000' stands there twice"):
        BENCHMARKS["vqav2"].read(lay(tmp_path, layout))


def test_okvqa_takes_the_stemmed_answers_and_names_the_kind_of_knowledge(tmp_path):
    (item,) = read("okvqa", tmp_path)
    assert item.references == ("race",) * 10
    assert item.group == "sports and recreation"


def test_aokvqa_asks_for_a_direct_answer_or_one_of_four(tmp_path):
    (direct,) = read("aokvqa_da", tmp_path)
    (choice,) = read("aokvqa_mc", tmp_path)
    asked = "What is in the motorcyclist's mouth?"
    assert direct.prefix == f"answer en {asked}"
    assert direct.references == ("cigarette",) * 9 + ("toothpick",)
    options = "toothpick \t food \t popsicle stick \t cigarette"
    assert choice.prefix == f"answer en  {asked} choose from: {options}"
    assert choice.references == ("cigarette",)
    assert choice.pictures[0].path == tmp_path / "val2017/000000461751.jpg"
    assert read("aokvqa_mc", tmp_path, "test")[0].references == ()


def test_a_choice_that_is_none_of_the_four_is_an_error(tmp_path):
    layout = copy.deepcopy(LAYOUTS["aokvqa_mc"])
    layout["aokvqa_v1p0_val.json"][0]["correct_choice_idx"] = 4
    with pytest.raises(DataError, match=r"entry 0: 'correct_choice_idx' is 4, not the number of"):
        BENCHMARKS["aokvqa_mc"].read(lay(tmp_path, layout))


def test_vizwiz_leaves_empty_answers_out_and_calls_questions_as_pictures(tmp_path):
    (item,) = read("vizwiz", tmp_path)
    assert (item.id, item.references) == ("VizWiz_val_00000000.jpg", ("unanswerable",))
    assert item.pictures[0].path == tmp_path / "val/VizWiz_val_00000000.jpg"
    (hidden,) = read("vizwiz", tmp_path, "test")
    assert hidden.references == ()
