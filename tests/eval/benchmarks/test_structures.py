import copy

import pytest
from helpers.official import LAYOUTS, lay
from helpers.official.structures import SCORE
from PIL import Image

from palikit.data.pictures import open_picture
from palikit.errors import DataError
from palikit.eval import teds
from palikit.eval.benchmarks import BENCHMARKS
from palikit.results import Box


def read(name, root, split=None):
    return BENCHMARKS[name].read(lay(root, LAYOUTS[name]), split=split)


def test_icdar15_words_keep_their_commas_and_unread_ones_are_crowds(tmp_path):
    first, second, empty = read("icdar15", tmp_path)
    assert [item.id for item in (first, second, empty)] == ["img_1", "img_2", "img_10"]
    assert [thing.label for thing in first.things] == ["Genaxis Theatre", "[06]", "a,b", "###"]
    assert [thing.crowd for thing in first.things] == [False, False, False, True]
    assert first.things[0].box == Box(377, 117, 465, 130)
    assert first.things[0].polygons == ((377, 117, 463, 117, 465, 130, 378, 130),)
    assert empty.things == ()
    assert first.pictures[0].path == tmp_path / "ch4_test_images/img_1.jpg"


def test_totaltext_numbers_may_run_over_lines_and_words_hold_apostrophes(tmp_path):
    (item,) = read("totaltext", tmp_path)
    assert [thing.label for thing in item.things] == ["nauGHTY", "#", "IT'S"]
    assert [thing.crowd for thing in item.things] == [False, True, False]
    assert item.things[0].polygons == ((115, 322, 503, 346, 494, 426, 115, 404),)
    assert item.pictures[0].path == tmp_path / "Images/Test/img1.jpg"


BROKEN_WORDS = {
    "too few corners": ("icdar15", "1,2,3,4,word", "no corners"),
    "no number": ("icdar15", "a,2,3,4,5,6,7,8,word", "could not convert"),
    "not finite": ("icdar15", "nan,2,3,4,5,6,7,8,word", "no corners"),
    "x without y": (
        *("totaltext", "x: [[1 2 3]], y: [[1 2]], ornt: [u'h'], transcriptions: [u'a']"),
        "3 x stand beside 2 y",
    ),
    "cut off": ("totaltext", "x: [[1 2 3]], y: [[1 2", "is not x, y, ornt and transcriptions"),
}


@pytest.mark.parametrize(("name", "content", "told"), BROKEN_WORDS.values(), ids=BROKEN_WORDS)
def test_a_broken_word_is_an_error_that_names_its_file(name, content, told, tmp_path):
    path = next(iter(LAYOUTS[name]))
    with pytest.raises(DataError, match=rf"img[_]?1\.txt.*{told}"):
        BENCHMARKS[name].read(lay(tmp_path, {path: content}))


def test_hiertext_takes_the_words_of_all_lines(tmp_path):
    (item,) = read("hiertext", tmp_path)
    assert [(thing.label, thing.crowd) for thing in item.things] == [("EXIT", False), ("", True)]
    assert item.size == (1600, 1200)


def test_a_table_is_html_with_its_letters_in_their_cells(tmp_path):
    (item,) = read("pubtabnet", tmp_path)
    (html,) = item.references
    assert '<td colspan="2"><b>N&lt;5</b></td>' in html
    assert "<td></td><td>3&amp;</td>" in html
    assert (item.id, item.group) == ("PMC1064074_007_00.png", "complex")
    assert teds(html, html) == 1
    assert read("fintabnet", tmp_path)[0].references == (html,)


def test_cells_must_be_as_many_as_the_structure_has(tmp_path):
    layout = copy.deepcopy(LAYOUTS["pubtabnet"])
    layout["PubTabNet_2.0.0.jsonl"][0]["html"]["cells"].pop()
    with pytest.raises(DataError, match="line 1, html: 3 <td> have 2 cells"):
        BENCHMARKS["pubtabnet"].read(lay(tmp_path, layout))


def test_molecules_are_shown_on_a_white_square(tmp_path):
    first, second = read("molscribe_chemdraw", tmp_path)
    assert (first.id, second.references) == ("0", ("c1ccccc1",))
    path = tmp_path / "synthetic/chemdraw/0.png"
    path.parent.mkdir()
    Image.new("RGB", (30, 10), "black").save(path)
    image = open_picture(first.pictures[0])
    assert image.size == (30, 30)
    assert (image.getpixel((5, 5)), image.getpixel((5, 20))) == ((0,) * 3, (255,) * 3)
    assert read("molscribe_uspto", tmp_path)[0].references == ("CCO",)


def test_grandstaff_is_read_by_the_partition(tmp_path):
    (item,) = read("grandstaff", tmp_path)
    assert item.references == (SCORE,)
    assert item.pictures[0].name.endswith("sonata01-1/maj2_down_m-0-4.jpg")
    assert not BENCHMARKS["grandstaff"].higher_is_better
