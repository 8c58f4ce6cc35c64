"""Curves from what a model said to how often it was right, fitted on a measured run.

    fit([0.9, 0.8, ...], [1, 0, ...], "logistic")           # Curve(temperature=1.7, shift=0.2)
    held_out(said, right, "isotonic")                       # scores by curves that did not see them

A region's score is a mean over tokens, each of which had neighbours as good, so scores of right
regions may all be low: a temperature alone, which leaves 0.5 where it is, cannot mend that.

Sources: temperature scaling, Guo et al. 2017; logistic, Platt 1999; isotonic regression by pooling
adjacent violators, Ayer et al. 1955, as Zadrozny and Elkan 2002 use it for scores.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from palikit.codecs.calibration import SMALLEST, Curve
from palikit.errors import DataError, UsageError

__all__ = ["METHODS", "Method", "fit", "held_out", "pooled"]

Method: TypeAlias = Literal["logistic", "temperature", "isotonic"]
Floats: TypeAlias = NDArray[np.float64]

FEWEST = {"logistic": 20, "temperature": 20, "isotonic": 100}
"""Answers below which a curve says more about chance than about the model."""
PARTS = 5
STEPS = 50
"""Halvings: numbers are exact to rounding."""
STEEPEST, FARTHEST = 100.0, 50.0
"""Bounds of a slope (and one over it) and of a shift."""


def fit(said: ArrayLike, right: ArrayLike, method: Method = "logistic") -> Curve:
    """The curve of one kind that fits best: by likelihood, or by squared error among rising ones.

    `said` are scores from 0 to 1, `right` true or false or a share from 0 to 1; both [n].

    Raises:
        DataError: fewer than 20 answers (isotonic: 100), or all right, or all wrong.
        UsageError: an unknown method.
    """
    scores, shares = np.asarray(said, np.float64), np.asarray(right, np.float64)
    if method not in METHODS:
        raise UsageError(f"method {method!r} is unknown: write one of {', '.join(METHODS)}")
    if len(scores) < FEWEST[method]:
        raise DataError(
            f"{len(scores)} scored answers are too few for {method}: measure {FEWEST[method]} "
            "or more"
        )
    if shares.min() == shares.max() and shares[0] in (0.0, 1.0):
        raise DataError(
            f"all {len(shares)} answers are {'right' if shares[0] else 'wrong'}: there is nothing "
            "to tell sure from unsure by; measure harder or easier ones too"
        )
    return METHODS[method](scores, shares)


def held_out(said: ArrayLike, right: ArrayLike, method: Method = "logistic") -> Floats:
    """Scores of a fifth of the answers by a curve from the other four, for each fifth; [n].

    What comes of answers that a curve was fitted on would flatter it.

    Raises:
        DataError: too few answers, as in `fit`.
    """
    scores, shares = np.asarray(said, np.float64), np.asarray(right, np.float64)
    part = np.arange(len(scores)) % PARTS
    told = np.empty_like(scores)
    for i in range(PARTS):
        curve = METHODS[method](scores[part != i], shares[part != i])
        told[part == i] = [curve(score) for score in scores[part == i]]
    return told


def pooled(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The rising sequence nearest to `values` by weighted squared error."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        blocks.append((value, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            (a, wa, na), (b, wb, nb) = blocks[-2:]
            blocks[-2:] = [((a * wa + b * wb) / (wa + wb), wa + wb, na + nb)]
    return [value for value, _, count in blocks for _ in range(count)]


def _logistic(said: Floats, right: Floats, *, shifted: bool = True) -> Curve:
    """The likeliest slope with its own likeliest shift; both slopes of a concave function."""
    inside = np.clip(said, SMALLEST, 1 - SMALLEST)
    logits = np.log(inside / (1 - inside))

    def missing(slope: float, shift: float) -> Floats:
        moved = np.clip(slope * logits + shift, -500, 500)
        return right - 1 / (1 + np.exp(-moved))

    def best_shift(slope: float) -> float:
        if not shifted:
            return 0.0
        return _root(lambda shift: float(missing(slope, shift).sum()), -FARTHEST, FARTHEST)

    def rising(power: float) -> float:
        slope = float(np.exp(power))
        return float((missing(slope, best_shift(slope)) * logits).sum())

    slope = float(np.exp(_root(rising, -np.log(STEEPEST), np.log(STEEPEST))))
    return Curve(1 / slope, best_shift(slope))


def _root(falling: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function crosses 0, or the bound that is nearer to it."""
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return float((low + high) / 2)


def _isotonic(said: Floats, right: Floats) -> Curve:
    levels, where, counts = np.unique(said, return_inverse=True, return_counts=True)
    means = np.bincount(where, right) / counts
    shares = pooled(means.tolist(), counts.tolist())
    knots = list(zip(levels.tolist(), shares, strict=True))
    # Of a level stretch its two ends say all.
    kept = [
        knot
        for i, knot in enumerate(knots)
        if i in (0, len(knots) - 1) or not knots[i - 1][1] == knot[1] == knots[i + 1][1]
    ]
    return Curve(knots=tuple(kept))


METHODS: dict[str, Callable[[Floats, Floats], Curve]] = {
    "logistic": _logistic,
    "temperature": partial(_logistic, shifted=False),
    "isotonic": _isotonic,
}
