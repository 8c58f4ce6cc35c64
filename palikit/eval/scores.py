"""What a metric makes of a run: Scores, and how a number is taken again from resampled items.

    scores.headline, scores.interval       # 73.6, (72.9, 74.3)
    resampled_interval(scores.rows)        # the same interval, from the rows alone

Every number is in the unit in which it is published: percent, CIDEr times 100, or errors a hundred.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palikit.errors import DataError
from palikit.eval.bootstrap import Interval, bootstrap_interval

__all__ = ["STATISTICS", "Rows", "Scores", "group_codes", "resampled_interval", "value_of"]


@dataclass(frozen=True, slots=True)
class Rows:
    """What resampling draws from.

    Attributes:
        statistic: key of STATISTICS.
        values: one row a unit that is drawn as a whole: an item, or a pair of items.
    """

    statistic: str
    values: tuple[tuple[float, ...], ...]

    def array(self) -> NDArray[np.float64]:
        """float64 [rows, columns].

        Raises:
            DataError: an unknown statistic, or rows of different lengths.
        """
        if self.statistic not in STATISTICS:
            raise DataError(f"{self.statistic!r} is no statistic: {', '.join(STATISTICS)}")
        try:
            return np.array(self.values, np.float64).reshape(len(self.values), -1)
        except ValueError as error:
            raise DataError("the rows of a score are not of one length") from error


@dataclass(frozen=True, slots=True)
class Scores:
    """The numbers of one run on one benchmark.

    Attributes:
        headline: the number that is published for this benchmark.
        interval: its bootstrap 95 % interval.
        per_item: one number an item in the headline's unit. Where the headline is no mean of such
            numbers (AP, F1 of a whole set), what comes nearest for a single picture.
        others: further numbers by name.
        groups: one number a group: class, question type, language or subset.
        unparsed: the share, from 0 to 1, of answers in which the metric could read nothing.
        rows: for intervals and for comparing runs.
        notes: what a reader must know of the headline, a sentence each.
    """

    headline: float
    interval: tuple[float, float]
    per_item: tuple[float, ...]
    others: Mapping[str, float]
    groups: Mapping[str, float]
    unparsed: float
    rows: Rows
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """How many items were scored."""
        return len(self.per_item)


def _mean(rows: NDArray[np.float64]) -> float:
    return float(rows[:, 0].mean())


def _ratio(rows: NDArray[np.float64]) -> float:
    """100 * the sum of the first column over that of the second."""
    whole = rows[:, 1].sum()
    return float(100 * rows[:, 0].sum() / whole) if whole else 0.0


def _group_mean(rows: NDArray[np.float64]) -> float:
    """The mean over groups (second column) of the mean of each that was drawn."""
    codes = rows[:, 1].astype(np.int64)
    counts = np.bincount(codes)
    sums = np.bincount(codes, rows[:, 0])
    return float((sums[counts > 0] / counts[counts > 0]).mean())


STATISTICS: dict[str, Callable[[NDArray[Any]], float]] = {
    "mean": _mean,
    "ratio": _ratio,
    "group_mean": _group_mean,
}


def value_of(rows: Rows) -> float:
    """The statistic of all rows."""
    return STATISTICS[rows.statistic](rows.array())


def resampled_interval(rows: Rows) -> Interval:
    """The value with its 95 % interval over 1,000 resamples of the rows."""
    return bootstrap_interval(rows.array(), STATISTICS[rows.statistic])


def group_codes(groups: Sequence[str]) -> list[int]:
    """A number for each group, in order of first appearance."""
    order = {name: i for i, name in enumerate(dict.fromkeys(groups))}
    return [order[name] for name in groups]
