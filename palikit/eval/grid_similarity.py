"""GriTS: how like two tables are as grids of cells, by shape, words or place.

    grits([["a", "b"], ["c", "d"]], [["a", "b"]], "con")        # 2 * 2 / (4 + 2)

Source: Smock et al. 2023, "GriTS: Grid table similarity metric". A cell that spans stands at every
place of the grid that it takes. Rows are aligned with rows and columns with columns, each in order,
by dynamic programming (the paper's factored 2D-MSS); the score is the sum of the rewards where
aligned rows and columns meet, over the sizes of both grids. The reward of two places is

- "top": the IoU of the cells' outlines as seen from that place, in rows and columns;
- "con": 2 * LCS / (both lengths), the longest common subsequence of the characters;
- "loc": the IoU of the cells' boxes.

The authors' script (table-transformer `src/grits.py`) differs from the paper in two rewards: it
divides by the smallest rectangle around both boxes instead of by their union, and compares words by
Python's difflib, which finds fewer shared characters. `as_script=True` counts like that.

Departures: a place that no cell takes is an empty cell of its own, where the script stops; two
cells without a box agree, and one without does not agree with one that has it.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from palikit.errors import UsageError

from .extras import need
from .table_reading import Cell, Table, read_cells

__all__ = ["GridScores", "grits", "grits_scores"]

Kind: TypeAlias = Literal["top", "con", "loc"]
Rectangle: TypeAlias = tuple[float, ...]

KINDS = ("top", "con", "loc")
DIAGONAL, UP, LEFT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class GridScores:
    """The similarity of two grids, each number from 0 to 1."""

    fscore: float
    precision: float
    recall: float


def grits(prediction: Table, reference: Table, kind: Kind, *, as_script: bool = False) -> float:
    """The F-score of GriTS, from 0 to 1: 1 for equal tables, and where both have no cell.

    A table is HTML, a list of cells, or rows of words. For "loc" in HTML, a cell has
    `coords="x1 y1 x2 y2"`, plain numbers or location tokens.

    Raises:
        UsageError: another kind, or a table of none of these forms.
        MissingExtraError: lxml or rapidfuzz is not installed.
    """
    return grits_scores(prediction, reference, kind, as_script=as_script).fscore


def grits_scores(
    prediction: Table, reference: Table, kind: Kind, *, as_script: bool = False
) -> GridScores:
    """F-score, precision (over the predicted grid) and recall (over the reference's grid).

    Raises:
        UsageError: another kind, or a table of another form.
        MissingExtraError: lxml or rapidfuzz is not installed.
    """
    if kind not in KINDS:
        raise UsageError(f"kind={kind!r} is not a kind of GriTS: write 'top', 'con' or 'loc'")
    predicted = _grid(read_cells(prediction), kind)
    right = _grid(read_cells(reference), kind)
    if not predicted or not right:
        both = float(not predicted and not right)
        return GridScores(both, both if predicted else 1.0, both if right else 1.0)
    shared = _shared(_rewards(right, predicted, _reward(kind, as_script)))
    sizes = [len(grid) * len(grid[0]) for grid in (predicted, right)]
    return GridScores(2 * shared / sum(sizes), shared / sizes[0], shared / sizes[1])


def _grid(cells: Sequence[Cell], kind: Kind) -> list[list[Hashable]]:
    """What is compared at each place of the grid."""
    if not cells:
        return []
    height = max(cell.rows.stop for cell in cells)
    width = max(cell.columns.stop for cell in cells)
    empty: Hashable = {"top": (0, 0, 1, 1), "con": "", "loc": None}[kind]
    grid = [[empty] * width for _ in range(height)]
    for cell in cells:
        for i in cell.rows:
            for j in cell.columns:
                grid[i][j] = _feature(cell, i, j, kind)
    return grid


def _feature(cell: Cell, row: int, column: int, kind: Kind) -> Hashable:
    if kind == "con":
        return cell.text
    if kind == "loc":
        return cell.box
    rows, columns = cell.rows, cell.columns
    return (columns.start - column, rows.start - row, columns.stop - column, rows.stop - row)


@dataclass(frozen=True, slots=True)
class _Rewards:
    """The reward of every place with every place, as a table over their different contents."""

    table: NDArray[np.float64]
    right: NDArray[np.int64]  # [rows, columns]: which row of the table
    told: NDArray[np.int64]  # [rows, columns]: which column of the table

    def transposed(self) -> "_Rewards":
        return _Rewards(self.table, self.right.T, self.told.T)


def _rewards(
    right: list[list[Hashable]], told: list[list[Hashable]], reward: Callable[[Any, Any], float]
) -> _Rewards:
    values, index = _numbered(right)
    told_values, told_index = _numbered(told)
    table = [[reward(one, other) for other in told_values] for one in values]
    return _Rewards(np.array(table, np.float64), index, told_index)


def _numbered(grid: list[list[Hashable]]) -> tuple[list[Hashable], NDArray[np.int64]]:
    numbers: dict[Hashable, int] = {}
    index = [[numbers.setdefault(value, len(numbers)) for value in row] for row in grid]
    return list(numbers), np.array(index, np.int64)


def _shared(rewards: _Rewards) -> float:
    """The factored most similar substructures: align rows, align columns, add up the crossings."""
    rows, told_rows = _align(_inner_scores(rewards))
    columns, told_columns = _align(_inner_scores(rewards.transposed()))
    right = rewards.right[np.ix_(rows, columns)]
    told = rewards.told[np.ix_(told_rows, told_columns)]
    return float(rewards.table[right, told].sum())


def _inner_scores(rewards: _Rewards) -> NDArray[np.float64]:
    """[rows, rows]: the reward of the best alignment of each reference row with each told row.

    The recurrence of a longest common subsequence over the columns, for all pairs of rows at once.
    """
    height, width = rewards.right.shape
    told_height, told_width = rewards.told.shape
    best = np.zeros((told_width + 1, height, told_height))
    for i in range(width):
        above, best = best, np.zeros_like(best)
        for j in range(told_width):
            matched = above[j] + rewards.table[np.ix_(rewards.right[:, i], rewards.told[:, j])]
            best[j + 1] = np.maximum(matched, np.maximum(above[j + 1], best[j]))
    return best[-1]


def _align(scores: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The best pairs (i, j), both rising. Of equal ones: pair first, then leave out i, then j.

    The order among equals is the script's. It matters: they may differ in what they share.
    """
    height, width = scores.shape
    best = np.zeros((height + 1, width + 1))
    steps = np.full((height + 1, width + 1), DIAGONAL)
    steps[1:, 0], steps[0, 1:] = UP, LEFT
    for i in range(height):
        for j in range(width):
            options = (best[i, j] + scores[i, j], best[i, j + 1], best[i + 1, j])
            best[i + 1, j + 1] = max(options)
            steps[i + 1, j + 1] = options.index(max(options))
    pairs = []
    i, j = height, width
    while i or j:
        step = steps[i, j]
        i, j = i - (step != LEFT), j - (step != UP)
        if step == DIAGONAL:
            pairs.append((i, j))
    rows, told_rows = np.array(pairs[::-1], np.int64).reshape(-1, 2).T
    return rows, told_rows


def _reward(kind: Kind, as_script: bool) -> Callable[[Any, Any], float]:
    if kind == "con":
        return _difflib_similarity if as_script else _lcs_similarity()
    return _hull_iou if as_script else _iou


def _lcs_similarity() -> Callable[[str, str], float]:
    lcs = need("rapidfuzz.distance").LCSseq.similarity
    return lambda a, b: 2 * lcs(a, b) / (len(a) + len(b)) if a or b else 1.0


def _difflib_similarity(a: str, b: str) -> float:
    return SequenceMatcher(None, a, b).ratio()


def _iou(a: Rectangle | None, b: Rectangle | None) -> float:
    if a is None or b is None:
        return float(a is b)
    shared = _shared_area(a, b)
    joint = _area(a) + _area(b) - shared
    return shared / joint if joint > 0 else 0.0


def _hull_iou(a: Rectangle | None, b: Rectangle | None) -> float:
    if a is None or b is None:
        return float(a is b)
    hull = (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
    area = _area(hull)
    return _shared_area(a, b) / area if area > 0 else 0.0


def _shared_area(a: Rectangle, b: Rectangle) -> float:
    return _area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))


def _area(box: Rectangle) -> float:
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)
