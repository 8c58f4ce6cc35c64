import copy
from dataclasses import replace

import pytest
from helpers.official import LAYOUTS, lay

from palikit.errors import DataError
from palikit.eval.benchmarks import BENCHMARKS
from palikit.eval.predictions import Prediction
from palikit.eval.scoring import SCORERS


def read(name, root, split=None):
    return BENCHMARKS[name].read(lay(root, LAYOUTS[name]), split=split)


def test_gqa_groups_by_the_structure_of_the_question(tmp_path):
    (item,) = read("gqa", tmp_path)
    assert (item.id, item.prefix) == ("201307251", "answer en Is it overcast?")
    assert (item.references, item.group) == (("no",), "verify")
    assert item.pictures[0].path == tmp_path / "images/n161313.jpg"


def test_xgqa_asks_in_seven_languages_and_in_english_only_if_asked_to(tmp_path):
    items = read("xgqa", tmp_path)
    assert [item.group for item in items] == "bn de id ko pt ru zh".split()
    assert items[0].prefix == "answer en bn?"
    assert [item.id for item in read("xgqa", tmp_path, "testdev_en")] == ["201307251_en"]


def test_nlvr2_shows_the_left_picture_first(tmp_path):
    first, second = read("nlvr2", tmp_path)
    assert [one.path.name for one in first.pictures] == ["test1-0-1-img0.png", "test1-0-1-img1.png"]
    assert first.pictures[0].path.parent == tmp_path / "test1"
    assert (first.references, second.references) == (("True",), ("False",))
    (train,) = read("nlvr2", tmp_path, "train")
    assert train.pictures[1].path == tmp_path / "images/train/60/train-10171-0-img1.png"


def test_marvl_is_answered_as_nlvr2_and_grouped_by_language(tmp_path):
    items = read("marvl", tmp_path)
    assert [item.group for item in items] == "id sw ta tr zh".split()
    assert items[0].references == ("False",)
    left, right = items[0].pictures
    assert left.path == tmp_path / "marvl-images/id/images/61-Sayur/61-2.jpg"
    assert right.path.name == "61-11.jpg"
    assert [item.id for item in read("marvl", tmp_path, "test_sw")] == ["sw_sw-0"]


@pytest.mark.parametrize("name", ["marvl", "xgqa"])
def test_languages_take_turns_so_that_a_limit_sees_all_of_them(name, tmp_path):
    layout = copy.deepcopy(LAYOUTS[name])
    for path, content in layout.items():
        if name == "marvl" and "-tr" in path:
            content.append({**content[0], "id": "tr-1"})
        elif name == "xgqa" and "_ko" in path:
            content["8"] = next(iter(content.values()))
    groups = [item.group for item in BENCHMARKS[name].read(lay(tmp_path, layout))]
    languages = "id sw ta tr zh".split() if name == "marvl" else "bn de id ko pt ru zh".split()
    assert groups == [*languages, "tr" if name == "marvl" else "ko"]


@pytest.mark.parametrize("name", ["marvl", "xgqa"])
def test_the_mean_of_languages_is_what_is_published(name, tmp_path):
    items = read(name, tmp_path)
    answers = [Prediction(item.id, item.references[0]) for item in items]
    wrong = [replace(one, answer="?") for one in answers]
    # One language a question here, and one more question of the last, which is wrong too.
    more = replace(items[-1], id="more")
    scores = SCORERS[BENCHMARKS[name].metric](
        [*answers[:-1], wrong[-1], Prediction("more", "?")], [*items, more]
    )
    assert scores.headline == pytest.approx(100 * (len(items) - 1) / len(items))
    assert scores.groups[items[-1].group] == 0


def test_vsr_has_two_ways_to_split(tmp_path):
    (zeroshot,) = read("vsr_zeroshot", tmp_path)
    (drawn,) = read("vsr_random", tmp_path)
    assert zeroshot.prefix == "answer en The cat is in the sink (zeroshot)."
    assert (zeroshot.references, zeroshot.group) == (("True",), "in")
    assert drawn.prefix.endswith("(random).")


@pytest.mark.parametrize("name", ["rsvqa_lr", "rsvqa_hr", "rsvqa_hr_test2"])
def test_rsvqa_leaves_out_numbers_and_what_was_taken_back(name, tmp_path):
    (item,) = read(name, tmp_path)
    assert (item.references, item.group) == (("yes",), "presence")
    assert item.pictures[0].path.name == "5.tif"


def test_rsvqa_takes_png_where_the_pictures_were_converted(tmp_path):
    picture = tmp_path / "Data" / "5.png"
    picture.parent.mkdir()
    picture.touch()
    assert read("rsvqa_hr", tmp_path)[0].pictures[0].path == picture


def test_a_question_whose_answer_is_missing_is_an_error(tmp_path):
    layout = copy.deepcopy(LAYOUTS["rsvqa_lr"])
    layout["LR_split_test_answers.json"]["answers"].pop(0)
    with pytest.raises(DataError, match=r"answers\.json has no answer 0, which question 0 names"):
        BENCHMARKS["rsvqa_lr"].read(lay(tmp_path, layout))
