import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palikit.errors import UsageError
from palikit.eval.spotting import Word, spotting_scores
from palikit.results import Box, Region, Regions

pytest.importorskip("shapely", reason="text spotting needs shapely (palikit[eval])")


def word(text, x1, y1, x2, y2, care=True):
    return Word(text, [(x1, y1), (x2, y1), (x2, y2), (x1, y2)], care)


def squares(words):
    """The unit squares that each word on the pixel grid covers."""
    corners = [np.asarray(one.polygon) for one in words]
    return [
        {
            (x, y)
            for x in range(points[0, 0], points[1, 0])
            for y in range(points[0, 1], points[2, 1])
        }
        for points in corners
    ]


def plain_protocol(found, truth):
    """The protocol by counting unit squares: (right, predictions, references)."""
    unread = squares([one for one in truth if not one.care])
    truth = [one for one in truth if one.care]
    covers = squares(found)
    kept = [
        i
        for i, cover in enumerate(covers)
        if all(len(cover & other) / (len(cover) + 1e-5) < 0.5 for other in unread)
    ]
    wanted = squares(truth)
    iou = [[len(a & covers[i]) / (len(a | covers[i]) + 1e-5) for i in kept] for a in wanted]
    right = 0
    for t, row in enumerate(iou):
        if not row:
            continue
        p = row.index(max(row))
        column = [other[p] for other in iou]
        same = found[kept[p]].text == truth[t].text
        right += row[p] >= 0.5 and column.index(max(column)) == t and same
    return right, len(kept), len(truth)


corners = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 6), st.integers(1, 4))
words = st.builds(
    lambda text, at, care: word(text, at[0], at[1], at[0] + at[2], at[1] + at[3], care),
    st.sampled_from(["a", "A", "b"]),
    corners,
    st.sampled_from([True, True, False]),
)
pictures = st.lists(st.tuples(st.lists(words, max_size=5), st.lists(words, max_size=5)), max_size=3)


@settings(max_examples=80, deadline=None)
@given(pictures)
def test_scores_equal_the_protocol_on_unit_squares(pictures):
    scores = spotting_scores([found for found, _ in pictures], [truth for _, truth in pictures])
    counts = [plain_protocol(found, truth) for found, truth in pictures]
    expected = tuple(sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0, 0)
    assert (scores.right, scores.num_predictions, scores.num_references) == expected
    for value in (scores.precision, scores.recall, scores.f1, scores.pq):
        assert 0 <= value <= 1


def test_distinct_words_find_themselves():
    picture = [word("a", 0, 0, 40, 10), word("b", 0, 20, 40, 30)]
    assert spotting_scores([picture], [picture]).f1 == 1


def test_case_and_marks_matter():
    truth = [word("Exit!", 0, 0, 40, 10)]
    for text in ("exit!", "Exit"):
        scores = spotting_scores([[word(text, 0, 0, 40, 10)]], [truth])
        assert (scores.matched, scores.right, scores.f1) == (1, 0, 0)


def test_half_on_a_dont_care_word_is_left_out_and_less_is_not():
    truth = [word("", 0, 0, 20, 10, care=False)]
    on, off = [word("x", 9, 0, 29, 10)], [word("x", 11, 0, 31, 10)]
    assert spotting_scores([on], [truth]).num_ignored == 1
    assert spotting_scores([on], [truth]).precision == 1
    assert spotting_scores([off], [truth]).num_ignored == 0
    assert spotting_scores([off], [truth]).precision == 0


def test_two_predictions_of_one_word_are_one_match():
    truth = [word("a", 0, 0, 10, 10)]
    scores = spotting_scores([[word("a", 0, 0, 10, 9), word("a", 0, 0, 10, 10)]], [truth])
    assert (scores.right, scores.precision, scores.recall) == (1, 0.5, 1)


def test_curved_and_crossing_polygons_are_taken():
    arch = [(0, 10), (0, 0), (30, 0), (30, 10), (20, 10), (20, 5), (10, 5), (10, 10)]
    assert spotting_scores([[Word("a", arch)]], [[Word("a", arch)]]).f1 == 1
    bow = [(0, 0), (10, 10), (10, 0), (0, 10), (0, 20), (0, 10)]
    assert spotting_scores([[Word("a", bow)]], [[Word("a", bow)]]).f1 == 1


def test_regions_are_words():
    found = Regions((Region("EXIT", Box(1, 0, 41, 10)),))
    scores = spotting_scores({"p": found, "q": found}, {"p": [word("EXIT", 0, 0, 40, 10)], "r": []})
    assert scores.f1 == 1
    assert scores.without_picture == ("q",)
    assert scores.without_prediction == ("r",)


@pytest.mark.parametrize(
    ("polygon", "says"),
    [([(0, 0), (1, 1)], "three corners"), ([(0, 0), (1, 1), (np.nan, 0)], "not finite")],
)
def test_wrong_polygons_are_refused(polygon, says):
    with pytest.raises(UsageError, match=says):
        spotting_scores([[Word("a", polygon)]], [[]])
