"""How sure a number is, and whether two runs differ: resampling and an exact test.

    bootstrap_interval([1, 0, 1, 1, 0, 1, 1, 1]).value        # 0.75, between .low and .high
    paired_bootstrap(scores_of_a, scores_of_b).low > 0        # b is better, with 95 % confidence
    mcnemar(right_of_a, right_of_b).p_value < 0.05            # their accuracies differ

Source: Efron 1979 (percentile intervals); McNemar 1947, in its exact two-sided binomial form.
Everything is deterministic by `seed`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from palikit.errors import UsageError

__all__ = [
    "Difference",
    "Interval",
    "McNemar",
    "bootstrap_interval",
    "mcnemar",
    "paired_bootstrap",
]

Statistic: TypeAlias = Callable[[NDArray[Any]], Any]
"""From the rows of an array to one number. A row is one example: [n], or [n, k] for a ratio of
sums such as cIoU."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A number and where it would lie in 95 of 100 repetitions with other examples."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """The second run minus the first.

    Attributes:
        value: the difference of the statistic on all examples.
        low: lower end of its interval.
        high: upper end of its interval.
        p_value: two-sided: twice the smaller share of resamples on either side of 0, at most 1.
    """

    value: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True, slots=True)
class McNemar:
    """How often only one of two runs is right, and how likely that is by chance.

    Attributes:
        only_first: examples that the first run alone has right.
        only_second: examples that the second run alone has right.
        p_value: from 0 to 1; two-sided, exact.
    """

    only_first: int
    only_second: int
    p_value: float


def bootstrap_interval(
    values: ArrayLike,
    statistic: Statistic = np.mean,
    *,
    n: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """The percentile interval of a statistic over `n` resamples of the examples, in its own units.

    Raises:
        UsageError: no examples, or `n` or `level` out of range.
    """
    array = _examples(values, n, level)
    resampled = [float(statistic(array[rows])) for rows in _resamples(len(array), n, seed)]
    return Interval(float(statistic(array)), *_ends(resampled, level))


def paired_bootstrap(
    first: ArrayLike,
    second: ArrayLike,
    statistic: Statistic = np.mean,
    *,
    n: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Difference:
    """The interval of `statistic(second) - statistic(first)` on the same resampled examples.

    Raises:
        UsageError: no examples, runs over different numbers of examples, `n` or `level` out of
            range.
    """
    a, b = _examples(first, n, level), _examples(second, n, level)
    if len(a) != len(b):
        raise UsageError(
            f"{len(a)} examples came for one run and {len(b)} for the other: "
            "give both runs' scores of the same examples in the same order"
        )
    resampled = np.array(
        [float(statistic(b[rows]) - statistic(a[rows])) for rows in _resamples(len(a), n, seed)]
    )
    # A resample that shows no difference speaks for both sides.
    side = min((resampled <= 0).mean(), (resampled >= 0).mean())
    return Difference(
        float(statistic(b) - statistic(a)), *_ends(resampled, level), min(2 * float(side), 1.0)
    )


def mcnemar(first: ArrayLike, second: ArrayLike) -> McNemar:
    """Whether two accuracies over the same examples differ, from which examples each has right.

    Raises:
        UsageError: runs over different numbers of examples, or values that are not true or false.
    """
    a, b = _correct(first), _correct(second)
    if a.shape != b.shape:
        raise UsageError(
            f"{len(a)} examples came for one run and {len(b)} for the other: "
            "give both runs' answers to the same examples in the same order"
        )
    only_first, only_second = int((a & ~b).sum()), int((~a & b).sum())
    return McNemar(only_first, only_second, _binomial_test(only_first, only_second))


def _binomial_test(one: int, other: int) -> float:
    """Two-sided p of so uneven a split, or a more uneven one, by tossing a coin."""
    total, term, tail = one + other, 1, 0
    # In whole numbers, so that no count is too large for it.
    for k in range(min(one, other) + 1):
        tail += term
        term = term * (total - k) // (k + 1)
    # A division of integers is correctly rounded even where both are too large for a float.
    return min(2 * tail / 2**total, 1.0)


def _examples(values: ArrayLike, n: int, level: float) -> NDArray[Any]:
    array = np.asarray(values)
    if not array.ndim or not len(array):
        raise UsageError("there are no examples to resample: give one value or row an example")
    if n < 1 or not 0 < level < 1:
        raise UsageError(f"n={n}, level={level} is no resampling: give n >= 1 and a level below 1")
    return array


def _correct(values: ArrayLike) -> NDArray[np.bool_]:
    array = np.asarray(values)
    if array.ndim != 1 or not np.isin(array, (0, 1)).all():
        raise UsageError(
            "McNemar's test counts right and wrong answers: give one true or false each"
        )
    return array.astype(np.bool_)


def _resamples(count: int, n: int, seed: int) -> Any:
    """n times as many examples, drawn with replacement; one at a time, to stay small."""
    rng = np.random.default_rng(seed)
    return (rng.integers(0, count, count) for _ in range(n))


def _ends(resampled: ArrayLike, level: float) -> tuple[float, float]:
    low, high = np.quantile(np.asarray(resampled), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
