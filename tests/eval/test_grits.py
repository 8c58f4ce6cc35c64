"""GriTS against a search that tries every alignment; nothing in it is dynamic programming."""

import itertools
from difflib import SequenceMatcher
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palikit.errors import UsageError
from palikit.eval.tables import Cell, grits, grits_scores, read_cells

for package in ("lxml", "rapidfuzz"):
    pytest.importorskip(package, reason=f"GriTS needs {package} (palikit[eval])")


def alignments(a, b):
    """All pairs of equally long rising picks from range(a) and range(b)."""
    for k in range(min(a, b) + 1):
        for left in itertools.combinations(range(a), k):
            yield from (
                tuple(zip(left, right, strict=True))
                for right in itertools.combinations(range(b), k)
            )


def lcs(a, b):
    picks = (
        len(pick)
        for k in range(len(a) + 1)
        for pick in itertools.combinations(a, k)
        if is_within(pick, b)
    )
    return max(picks)


def is_within(pick, word):
    letters = iter(word)
    return all(letter in letters for letter in pick)


def similarity(a, b):
    return 2 * lcs(a, b) / (len(a) + len(b)) if a or b else 1.0


def best_alignments(height, width, told_height, told_width, reward):
    """All row alignments that reach the best sum, where rows are compared by their best columns."""

    @cache
    def inner(i, p):
        return max(
            sum(reward(i, j, p, q) for j, q in columns) for columns in alignments(width, told_width)
        )

    sums = {pairs: sum(inner(i, p) for i, p in pairs) for pairs in alignments(height, told_height)}
    best = max(sums.values())
    return [pairs for pairs, value in sums.items() if value >= best - 1e-9]


def every_factored_score(right, told, similar):
    """Equally good alignments may share different amounts: all F-scores that 2D-MSS may give."""

    def reward(i, j, p, q):
        return similar(right[i][j], told[p][q])

    shape = len(right), len(right[0]), len(told), len(told[0])
    rows = best_alignments(*shape, reward)
    turned = shape[1], shape[0], shape[3], shape[2]
    columns = best_alignments(*turned, lambda j, i, q, p: reward(i, j, p, q))
    cells = shape[0] * shape[1] + shape[2] * shape[3]
    return [
        2 * sum(reward(i, j, p, q) for i, p in one for j, q in other) / cells
        for one in rows
        for other in columns
    ]


def exact_score(right, told, similar):
    """The most similar substructures themselves, rows and columns chosen together."""
    shape = len(right), len(right[0]), len(told), len(told[0])
    shared = max(
        sum(similar(right[i][j], told[p][q]) for i, p in rows for j, q in columns)
        for rows in alignments(shape[0], shape[2])
        for columns in alignments(shape[1], shape[3])
    )
    return 2 * shared / (shape[0] * shape[1] + shape[2] * shape[3])


def grids(height=3, width=3):
    words = st.text("abc", max_size=3)
    return st.tuples(st.integers(1, height), st.integers(1, width)).flatmap(
        lambda sides: st.lists(
            st.lists(words, min_size=sides[1], max_size=sides[1]),
            min_size=sides[0],
            max_size=sides[0],
        )
    )


@settings(max_examples=60, deadline=None)
@given(grids(), grids())
def test_grits_con_equals_a_search_of_all_alignments(told, right):
    score = grits(told, right, "con")
    assert min(abs(score - one) for one in every_factored_score(right, told, similarity)) <= 1e-9
    assert score <= exact_score(right, told, similarity) + 1e-9


def spans_grid(cells):
    """Outlines of cells as seen from each place, written down without the package."""
    places = {
        (i, j): (
            *(cell.columns[0] - j, cell.rows[0] - i),
            *(cell.columns[-1] + 1 - j, cell.rows[-1] + 1 - i),
        )
        for cell in cells
        for i in cell.rows
        for j in cell.columns
    }
    height, width = (max(place[k] for place in places) + 1 for k in (0, 1))
    return [[places.get((i, j), (0, 0, 1, 1)) for j in range(width)] for i in range(height)]


def box_iou(a, b):
    """By counting the unit squares in both and in either."""

    def squares(box):
        x1, y1, x2, y2 = map(int, box)
        return {(x, y) for x in range(x1, x2) for y in range(y1, y2)}

    joint = squares(a) | squares(b)
    return len(squares(a) & squares(b)) / len(joint) if joint else 0.0


def layouts():
    """Cells of a small HTML table, some of which span."""
    spans = st.tuples(st.sampled_from([1, 1, 2]), st.sampled_from([1, 1, 2]))
    row = st.lists(spans, min_size=1, max_size=2)
    return st.lists(row, min_size=1, max_size=2).map(
        lambda rows: "".join(
            ["<table>"]
            + [
                "<tr>" + "".join(f"<td rowspan={r} colspan={c}>x</td>" for r, c in row) + "</tr>"
                for row in rows
            ]
            + ["</table>"]
        )
    )


@settings(max_examples=30, deadline=None)
@given(layouts(), layouts())
def test_grits_top_equals_a_search_of_all_alignments(told, right):
    score = grits(told, right, "top")
    every = every_factored_score(
        spans_grid(read_cells(right)), spans_grid(read_cells(told)), box_iou
    )
    assert min(abs(score - one) for one in every) <= 1e-9


boxes = st.tuples(*[st.integers(0, 4)] * 4).map(
    lambda b: (b[0], b[1], b[0] + b[2] + 1, b[1] + b[3] + 1)
)


@settings(max_examples=30, deadline=None)
@given(st.lists(boxes, min_size=1, max_size=4), st.lists(boxes, min_size=1, max_size=4))
def test_grits_loc_equals_a_search_of_all_alignments(told, right):
    def column(these):
        return [Cell(range(i, i + 1), range(1), box=box) for i, box in enumerate(these)]

    score = grits(column(told), column(right), "loc")
    every = every_factored_score([[box] for box in right], [[box] for box in told], box_iou)
    assert min(abs(score - one) for one in every) <= 1e-9


@settings(max_examples=40, deadline=None)
@given(grids(), grids(), st.sampled_from(["top", "con"]), st.booleans())
def test_grits_is_a_share_and_one_for_equal_tables(told, right, kind, as_script):
    scores = grits_scores(told, right, kind, as_script=as_script)
    for value in (scores.fscore, scores.precision, scores.recall):
        assert -1e-12 <= value <= 1 + 1e-12
    assert grits(right, right, kind, as_script=as_script) == pytest.approx(1, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(grids(), grids())
def test_precision_and_recall_change_places_with_the_tables(a, b):
    # With ties both directions may choose differently, so distinct words are asked for.
    a = [[f"{i}a{j}" for j, _ in enumerate(row)] for i, row in enumerate(a)]
    b = [[f"{i}a{j}" for j, _ in enumerate(row)] for i, row in enumerate(b)]
    there, back = grits_scores(a, b, "con"), grits_scores(b, a, "con")
    assert there.precision == pytest.approx(back.recall, abs=1e-12)
    assert there.fscore == pytest.approx(back.fscore, abs=1e-12)


def test_a_missing_row_costs_its_share():
    assert grits([["a", "b"]], [["a", "b"], ["c", "d"]], "con") == pytest.approx(2 * 2 / 6)
    scores = grits_scores([["a", "b"]], [["a", "b"], ["c", "d"]], "con")
    assert (scores.precision, scores.recall) == (1, 0.5)


def test_the_script_compares_words_by_difflib_and_divides_by_the_hull():
    one, other = "abxcdxef", "efxabxcd"
    assert grits([[one]], [[other]], "con", as_script=True) == pytest.approx(
        SequenceMatcher(None, other, one).ratio()
    )
    wide = [Cell(range(1), range(1), box=(0, 0, 2, 1))]
    tall = [Cell(range(1), range(1), box=(0, 0, 1, 2))]
    assert grits(wide, tall, "loc") == pytest.approx(1 / 3)
    assert grits(wide, tall, "loc", as_script=True) == pytest.approx(1 / 4)


def test_cells_stand_in_the_first_free_column_of_their_row():
    html = (
        "<table><thead><tr><th rowspan='2'>a</th><td colspan=2>b<b>c</b></td></tr></thead>"
        "<tbody><tr><td>d</td><td>e</td></tr></tbody></table>"
    )
    places = [(cell.text, cell.rows, cell.columns) for cell in read_cells(html)]
    assert places == [
        ("a", range(2), range(1)),
        ("b c", range(1), range(1, 3)),
        ("d", range(1, 2), range(1, 2)),
        ("e", range(1, 2), range(2, 3)),
    ]


def test_location_tokens_and_plain_numbers_are_places():
    told = '<table><tr><td coords="<loc0010><loc0020><loc0110><loc0120>">a</td></tr></table>'
    right = '<table><tr><td coords="10 20 110 120">a</td></tr></table>'
    assert grits(told, right, "loc") == 1
    assert grits("<table><tr><td>a</td></tr></table>", right, "loc") == 0


def test_html_cells_and_mappings_mean_the_same():
    html = "<table><tr><td>a</td><td>b</td></tr></table>"
    mappings = [
        {"row_nums": [0], "column_nums": [j], "cell_text": text} for j, text in enumerate("ab")
    ]
    for kind in ("top", "con"):
        assert grits(html, mappings, kind) == grits(html, [["a", "b"]], kind) == 1


def test_no_table_scores_nothing_against_one_and_all_against_none():
    assert grits("no table", [["a"]], "con") == 0
    assert grits("no table", "", "con") == 1


@pytest.mark.parametrize(
    ("table", "kind", "says"),
    [
        ([["a"]], "text", "write 'top', 'con' or 'loc'"),
        (3, "con", "give HTML, a list of cells or rows of words"),
        ([["a", 1]], "con", "not a row"),
        (["ab"], "con", "not a row"),
        ([3], "con", "not a row"),
        ([{"row_nums": [0]}], "con", "not a cell"),
        ([{"row_nums": [], "column_nums": [0]}], "con", "not a cell"),
    ],
)
def test_wrong_tables_are_refused(table, kind, says):
    with pytest.raises(UsageError, match=says):
        grits(table, [["a"]], kind)
