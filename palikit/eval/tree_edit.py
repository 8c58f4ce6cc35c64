"""TEDS: how like two tables are as trees of HTML.

    teds("<table><tr><td>a</td></tr></table>", "<table><tr><td>b</td></tr></table>")   # 0.5
    teds(..., structure_only=True)                                                     # 1.0

Source: Zhong et al. 2020, "Image-based table recognition" (PubTabNet), as its `metric.py` counts.
The tree ends at a `td`: what is inside is one list of tokens, a tag or a character each. Adding or
taking away a node costs 1; changing one costs 1 where tag, colspan or rowspan differ, and
otherwise, for a `td`, the edit distance of the tokens over the longer list. The distance is divided
by the number of elements below `<table>` in the larger table, tags inside cells included.

Departures: two tables without any element score 1, where the script divides by zero; see also
`table_reading`.
"""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .extras import need
from .table_reading import read_table, span
from .tree_distance import tree_edit_distance

__all__ = ["teds"]

Label: TypeAlias = tuple[str, int, int, tuple[str, ...]]
"""Tag, colspan, rowspan, tokens; what is no cell has spans of 1 and no tokens."""


@dataclass(slots=True)
class _Tree:
    """Nodes in post-order, each with the number of the first node of its subtree."""

    labels: list[Label] = field(default_factory=list)
    first: list[int] = field(default_factory=list)

    def add(self, element: Any, structure_only: bool) -> None:
        """Add an element after what is below it; the tree ends at a `td`."""
        start = len(self.labels)
        if element.tag == "td":
            tokens = () if structure_only else tuple(_tokens(element))
            label = ("td", span(element, "colspan"), span(element, "rowspan"), tokens)
        else:
            label = (element.tag, 1, 1, ())
            for child in element:
                self.add(child, structure_only)
        self.labels.append(label)
        self.first.append(start)


def teds(prediction_html: str, reference_html: str, structure_only: bool = False) -> float:
    """1 - tree edit distance / elements of the larger table; S-TEDS with `structure_only`.

    1 for equal tables and 0 where either side has no table. Between tables it lies from 0 to 1 but
    for odd cases: where a deeply nested tree meets a flat one it can fall below 0, to -1 at worst.

    Raises:
        UsageError: a table that is not text.
        MissingExtraError: lxml or rapidfuzz is not installed.
    """
    found, right = read_table(prediction_html), read_table(reference_html)
    if found is None or right is None:
        return 0.0
    elements = max(int(table.xpath("count(.//*)")) for table in (found, right))
    if not elements:
        return 1.0
    one, other = _Tree(), _Tree()
    one.add(found, structure_only)
    other.add(right, structure_only)
    costs = _relabel_costs(one.labels, other.labels)
    distance = tree_edit_distance(np.array(one.first), np.array(other.first), costs)
    return 1.0 - distance / elements


def _relabel_costs(ours: list[Label], theirs: list[Label]) -> NDArray[np.float64]:
    """What it costs to change each node into each; equal labels are compared once."""
    one, rows = _numbered(ours)
    other, columns = _numbered(theirs)
    levenshtein = need("rapidfuzz.distance").Levenshtein.distance

    def cost(a: Label, b: Label) -> float:
        if a[:3] != b[:3]:
            return 1.0
        longer = max(len(a[3]), len(b[3]))
        return levenshtein(a[3], b[3]) / longer if longer else 0.0

    table = np.array([[cost(a, b) for b in other] for a in one], np.float64)
    return table[np.ix_(rows, columns)]


def _numbered(labels: list[Label]) -> tuple[list[Label], list[int]]:
    numbers: dict[Label, int] = {}
    index = [numbers.setdefault(label, len(numbers)) for label in labels]
    return list(numbers), index


def _tokens(element: Any) -> list[str]:
    """What stands inside an element: `a<b>b</b>` as `a`, `<b>`, `b`, `</b>`."""
    tokens = list(element.text or "")
    for child in element:
        # PubTabNet's mark for an unknown character has no closing tag.
        closing = [] if child.tag == "unk" else [f"</{child.tag}>"]
        tokens += [f"<{child.tag}>", *_tokens(child), *closing]
        # A tail inside a nested cell is left out by the script, and so here.
        tokens += list(child.tail or "") if child.tag != "td" else []
    return tokens
