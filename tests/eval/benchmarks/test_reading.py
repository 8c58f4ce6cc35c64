import copy

import pytest
from helpers.official import LAYOUTS, lay
from PIL import Image

from palikit.data.pictures import open_picture
from palikit.errors import DataError, ImageError
from palikit.eval.benchmarks import BENCHMARKS


def read(name, root, split=None):
    return BENCHMARKS[name].read(lay(root, LAYOUTS[name]), split=split)


def test_textvqa_val_lies_among_train_and_is_turned_upright(tmp_path):
    (item,) = read("textvqa", tmp_path)
    assert len(item.references) == 10
    path = tmp_path / "train_images/003a8ae2ef43b901.jpg"
    assert item.pictures[0].name == str(path)
    image = Image.new("RGB", (40, 20), "black")
    image.paste("white", (20, 0, 40, 20))
    image.save(path, "PNG")
    turned = open_picture(item.pictures[0])
    # A quarter to the left: what was at the right is now at the top.
    assert turned.size == (20, 40)
    assert (turned.getpixel((10, 5)), turned.getpixel((10, 35))) == ((255,) * 3, (0,) * 3)


def test_textvqa_without_the_table_of_rotations_stays_as_it_lies(tmp_path):
    layout = {k: v for k, v in LAYOUTS["textvqa"].items() if "rotation" not in k}
    (item,) = BENCHMARKS["textvqa"].read(lay(tmp_path, layout))
    assert item.pictures[0].path.name == "003a8ae2ef43b901.jpg"


def test_a_missing_picture_is_an_error_only_when_it_is_opened(tmp_path):
    (item,) = read("textvqa", tmp_path)
    with pytest.raises(ImageError, match="003a8ae2ef43b901"):
        item.pictures[0].read()


def test_stvqa_holds_out_what_the_list_names(tmp_path):
    (held_out,) = read("stvqa", tmp_path)
    (kept,) = read("stvqa", tmp_path, "train")
    (hidden,) = read("stvqa", tmp_path, "test")
    assert held_out.references == ("stop", "stop now")
    assert [held_out.id, kept.id, hidden.id] == ["7", "8", "9"]
    assert hidden.pictures[0].path == tmp_path / "test_task3_images/visual-genome/3.jpg"
    assert held_out.pictures[0].path.parent.name == "coco-text"


def test_stvqa_takes_cocos_pictures_in_full_size_where_they_are(tmp_path):
    (tmp_path / "train2014").mkdir()
    (item,) = read("stvqa", tmp_path)
    assert item.pictures[0].path == tmp_path / "train2014/COCO_train2014_000000209618.jpg"


def test_docvqa_is_asked_the_bare_question(tmp_path):
    (item,) = read("docvqa", tmp_path)
    assert item.prefix.startswith("What is the ‘actual’ value")
    assert (item.id, item.references, item.group) == ("49153", ("0.28",), "figure/diagram")
    assert item.pictures[0].path == tmp_path / "documents/pybv0228_81.png"
    (tmp_path / "val").mkdir()
    assert read("docvqa", tmp_path)[0].pictures[0].path.parent == tmp_path / "val/documents"
    assert read("docvqa", tmp_path, "test")[0].references == ()


def test_infovqa_counts_a_list_in_any_order_and_without_case(tmp_path):
    (item,) = read("infovqa", tmp_path)
    assert item.references == ("pinterest, facebook", "facebook, pinterest", "pinterest")
    assert item.prefix == "answer en Which social platform has heavy female audience?"


def test_a_long_list_is_not_permuted(tmp_path):
    layout = copy.deepcopy(LAYOUTS["infovqa"])
    (row,) = layout["infographicsVQA_val_v1.0_withQT.json"]["data"]
    row["answers"] = [", ".join("abcdefghijklmnop")]
    (item,) = BENCHMARKS["infovqa"].read(lay(tmp_path, layout))
    assert item.references == tuple(row["answers"])


def test_chartqa_has_two_sources_and_bare_questions(tmp_path):
    (human,) = read("chartqa_human", tmp_path)
    assert (human.prefix, human.references) == (
        "How many food items are shown in the bar graph?",
        ("14",),
    )
    assert human.pictures[0].path == tmp_path / "test/png/41699051005347.png"
    assert [item.id for item in read("chartqa_aug", tmp_path)] == ["0", "1"]


def test_ocrvqa_asks_each_question_of_the_covers_of_one_split(tmp_path):
    first, second = read("ocrvqa", tmp_path)
    assert (first.id, second.id) == ("761183272_0", "761183272_1")
    assert second.references == ("No",)
    assert first.pictures[0].path == tmp_path / "images/761183272.jpg"
    (train,) = read("ocrvqa", tmp_path, "train")
    assert train.pictures[0].path.name == "1449468314.gif"


def test_questions_and_answers_of_a_cover_must_be_as_many(tmp_path):
    layout = copy.deepcopy(LAYOUTS["ocrvqa"])
    layout["dataset.json"]["761183272"]["answers"].pop()
    with pytest.raises(DataError, match="'761183272': 2 questions have 1 answers"):
        BENCHMARKS["ocrvqa"].read(lay(tmp_path, layout))
