import copy

import numpy as np
import pytest
from helpers.official import LAYOUTS, lay
from PIL import Image

from palikit.data.pictures import open_picture
from palikit.errors import DataError
from palikit.eval.benchmarks import BENCHMARKS


def read(name, root, split=None):
    return BENCHMARKS[name].read(lay(root, LAYOUTS[name]), split=split)


def test_science_qa_is_spelled_as_its_authors_do(tmp_path):
    (item,) = read("science_qa", tmp_path)
    assert item.prefix == (
        "Question: Which of these is a solid?\nContext: N/A\n"
        "Options: (A) water, (B) rock, (C) air\nAnswer:"
    )
    assert (item.references, item.group) == (("The answer is B.",), "natural science")
    assert item.pictures[0].path == tmp_path / "test/5/image.png"


def test_ai2d_letters_the_parts_where_the_question_is_about_letters(tmp_path):
    lettered, plain = read("ai2d", tmp_path)
    assert lettered.prefix == "answer en  What does A show? choose from: leaf \t root"
    assert (lettered.references, lettered.group, plain.group) == (("root",), "abc", "")
    Image.new("RGB", (80, 60), "navy").save(_made(tmp_path / "ai2d/images/0.png"))
    before, after = (np.array(open_picture(one.pictures[0])) for one in (plain, lettered))
    inside = after[10:41, 10:51]
    assert (inside.min(), inside.max()) == (0, 255)
    assert (inside == 255).all(-1).mean() > 0.3
    assert (inside == 0).all(-1).any()
    after[10:41, 10:51] = before[10:41, 10:51]
    assert (after == before).all()


def _made(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_ai2d_trains_on_the_diagrams_that_are_not_listed(tmp_path):
    assert [item.id for item in read("ai2d", tmp_path, "train")] == ["1.png-0"]


def test_tallyqa_parts_simple_from_complex(tmp_path):
    (simple,) = read("tallyqa_simple", tmp_path)
    (hard,) = read("tallyqa_complex", tmp_path)
    assert (simple.references, simple.group, simple.extra["simple"]) == (("2",), "simple", True)
    assert (hard.references, hard.group, hard.extra["simple"]) == (("1",), "complex", False)
    assert hard.pictures[0].path == tmp_path / "VG_100K/2410408.jpg"


def test_countbenchqa_leaves_out_pictures_that_are_gone(tmp_path):
    (item,) = read("countbenchqa", tmp_path)
    assert (item.id, item.references) == ("1", ("2",))
    assert item.prefix == "answer en How many light bulbs are there in the image?"


def test_countbenchqa_needs_a_question_for_each_picture(tmp_path):
    layout = copy.deepcopy(LAYOUTS["countbenchqa"])
    layout["countbench_paired_questions.json"].pop()
    with pytest.raises(DataError, match="has 1 questions for 2 pictures"):
        BENCHMARKS["countbenchqa"].read(lay(tmp_path, layout))


def test_pope_has_three_subsets_as_groups(tmp_path):
    items = read("pope", tmp_path)
    assert [item.group for item in items[::2]] == ["random", "popular", "adversarial"]
    assert items[1].prefix == "answer en Is there an orange in the image?"
    assert items[1].references == ("no",)
    assert len(read("pope", tmp_path, "popular")) == 2


def test_mmvp_pairs_questions_and_takes_words_or_letter(tmp_path):
    items = read("mmvp", tmp_path)
    assert [item.extra["pair"] for item in items] == [0, 0, 1]
    assert items[1].references == ("Closed", "b", "(b)")
    assert items[2].prefix == "answer en  Is it big, or small? choose from: Big \t Small"
    assert items[2].pictures[0].path == tmp_path / "MMVP Images/3.jpg"
