"""TEDS against the textbook recursion over forests, written without the package."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palikit.errors import UsageError
from palikit.eval.tables import teds
from palikit.eval.tree_distance import tree_edit_distance

for package in ("lxml", "rapidfuzz"):
    pytest.importorskip(package, reason=f"TEDS needs {package} (palikit[eval])")


def levenshtein(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        row, above = [i + 1], row
        for j, y in enumerate(b):
            row.append(min(above[j] + (x != y), above[j + 1] + 1, row[j] + 1))
    return row[-1]


def relabel(one, other):
    if one[:3] != other[:3]:
        return 1.0
    longer = max(len(one[3]), len(other[3]))
    return levenshtein(one[3], other[3]) / longer if longer else 0.0


def size(forest):
    return sum(1 + size(children) for _, children in forest)


@cache
def forest_distance(a, b):
    """Trees are (label, children); a label is (tag, colspan, rowspan, tokens)."""
    if not a or not b:
        return float(size(a) + size(b))
    (x, below_x), (y, below_y) = a[-1], b[-1]
    return min(
        forest_distance(a[:-1] + below_x, b) + 1,
        forest_distance(a, b[:-1] + below_y) + 1,
        forest_distance(a[:-1], b[:-1]) + forest_distance(below_x, below_y) + relabel(x, y),
    )


def html_of(tree):
    (tag, colspan, rowspan, tokens), children = tree
    spans = f' colspan="{colspan}" rowspan="{rowspan}"' if tag == "td" else ""
    return f"<{tag}{spans}>{''.join(tokens)}{''.join(map(html_of, children))}</{tag}>"


def elements(tree):
    """How many elements are below the table; a tag inside a cell is one."""
    (_, _, _, tokens), children = tree
    inside = sum(token.startswith("<") and "/" not in token for token in tokens)
    return inside + sum(1 + elements(child) for child in children)


def without_words(tree):
    (tag, colspan, rowspan, _), children = tree
    return ((tag, colspan, rowspan, ()), tuple(map(without_words, children)))


def node(tag, *children):
    return ((tag, 1, 1, ()), children)


def td(tokens, colspan=1, rowspan=1):
    return (("td", colspan, rowspan, tuple(tokens)), ())


letters = st.lists(st.sampled_from("abc1"), max_size=4).map(tuple)
contents = st.one_of(letters, letters.map(lambda inner: ("<b>", *inner, "</b>")))
cells = st.builds(td, contents, st.sampled_from([1, 1, 2]), st.sampled_from([1, 1, 2]))
rows = st.lists(cells, min_size=1, max_size=3).map(lambda these: node("tr", *these))
bodies = st.lists(rows, min_size=1, max_size=3)
trees = st.one_of(
    bodies.map(lambda these: node("table", *these)),
    st.tuples(rows, bodies).map(
        lambda parts: node("table", node("thead", parts[0]), node("tbody", *parts[1]))
    ),
)


@settings(max_examples=60, deadline=None)
@given(trees, trees)
def test_teds_equals_a_plain_tree_edit_distance(a, b):
    expected = 1 - forest_distance((a,), (b,)) / max(elements(a), elements(b))
    assert teds(html_of(a), html_of(b)) == pytest.approx(expected, abs=1e-9)
    plain = forest_distance((without_words(a),), (without_words(b),))
    expected = 1 - plain / max(elements(a), elements(b))
    assert teds(html_of(a), html_of(b), structure_only=True) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(trees, trees)
def test_teds_is_symmetric_at_most_one_and_one_for_equal_tables(a, b):
    score = teds(html_of(a), html_of(b))
    assert -1 <= score <= 1
    assert score == pytest.approx(teds(html_of(b), html_of(a)), abs=1e-9)
    assert teds(html_of(a), html_of(a)) == 1


shapes = st.recursive(
    st.sampled_from("ab").map(lambda letter: ((letter, 1, 1, ()), ())),
    lambda below: st.tuples(
        st.sampled_from("ab").map(lambda letter: (letter, 1, 1, ())),
        st.lists(below, max_size=3).map(tuple),
    ),
    max_leaves=7,
)


def in_post_order(tree):
    """Labels in post-order, and for each node the first of its subtree."""
    labels, first = [], []

    def add(tree):
        start = len(labels)
        for child in tree[1]:
            add(child)
        labels.append(tree[0])
        first.append(start)

    add(tree)
    return labels, np.array(first)


@settings(max_examples=60, deadline=None)
@given(shapes, shapes)
def test_trees_of_any_shape_have_their_plain_distance(a, b):
    (labels_a, first_a), (labels_b, first_b) = in_post_order(a), in_post_order(b)
    costs = np.array([[relabel(x, y) for y in labels_b] for x in labels_a])
    expected = forest_distance((a,), (b,))
    assert tree_edit_distance(first_a, first_b, costs) == pytest.approx(expected, abs=1e-9)


def test_a_deeply_nested_answer_is_scored():
    nested = "<table>" + "<tr><td><table>" * 400 + "<b>" * 5000 + "a"
    assert -1 <= teds(nested, "<table><tr><td>a</td></tr></table>") < 1


def test_the_teds_docstring_example_holds():
    one, other = "<table><tr><td>a</td></tr></table>", "<table><tr><td>b</td></tr></table>"
    assert teds(one, other) == 0.5
    assert teds(one, other, structure_only=True) == 1


@pytest.mark.parametrize(
    ("html", "score"),
    [
        # One of ten characters is another.
        ("<table><tr><td>abcdefghiX</td></tr></table>", 1 - 0.1 / 2),
        # The same words, one cell wider than told.
        ('<table><tr><td colspan="2">abcdefghij</td></tr></table>', 1 - 1 / 2),
        # The words in bold: two more tokens of twelve, and one more element.
        ("<table><tr><td><b>abcdefghij</b></td></tr></table>", 1 - (2 / 12) / 3),
        # A whole page instead of a table.
        ("<html><body><table><tr><td>abcdefghij</td></tr></table></body></html>", 1),
        # Comments do not count.
        ("<table><!-- seen --><tr><td>abcdefghij</td></tr></table>", 1),
        # Nothing closed.
        ("<table><tr><td>abcdefghij", 1),
        # A span that is no number counts as 1.
        ('<table><tr><td rowspan="two">abcdefghij</td></tr></table>', 1),
        # A declaration that lxml refuses in text.
        ('<?xml version="1.0" encoding="utf-8"?><table><tr><td>abcdefghij</td></tr></table>', 1),
        ("", 0),
        ("no table at all", 0),
        ("<table></table>", 1 - 2 / 2),
    ],
)
def test_teds_of_one_cell_with(html, score):
    reference = "<table><tr><td>abcdefghij</td></tr></table>"
    assert teds(html, reference) == pytest.approx(score, abs=1e-12)


def test_entities_are_read_and_two_empty_tables_are_equal():
    assert teds("<table><tr><td>&lt;5</td></tr></table>", "<table><tr><td>&#60;5</td></table>") == 1
    assert teds("<table></table>", "<table/>") == 1


def test_a_table_that_is_no_text_is_refused():
    with pytest.raises(UsageError, match="HTML as text"):
        teds(None, "<table></table>")
