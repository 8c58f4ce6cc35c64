"""Whether a model that says 0.8 is right in eight of ten cases.

Source: Guo et al. 2017, "On calibration of modern neural networks": bins of equal width over the
confidence, and the mean distance between confidence and accuracy, weighted by the cases in a bin.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from palikit.errors import UsageError

__all__ = ["CalibrationBin", "calibration_bins", "expected_calibration_error"]


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """The answers whose confidence lies above `low` and up to `high`; the first bin has its 0 too.

    Attributes:
        low: where the bin starts.
        high: where it ends.
        count: how many answers are in it.
        confidence: the mean of their confidences (not the middle of the bin); 0 without any.
        accuracy: the share of them that is right; 0 without any.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def expected_calibration_error(
    confidences: ArrayLike, correct: ArrayLike, *, bins: int = 15
) -> float:
    """The mean over all answers of |confidence - accuracy| of their bin, from 0 (best) to 1.

        expected_calibration_error([0.9, 0.9, 0.9, 0.9], [1, 1, 1, 0])      # 0.15

    A confidence is a probability from 0 to 1, as `score` of an answer; `correct` is true or false,
    or a score from 0 to 1.

    Raises:
        UsageError: no answers, other lengths, or a number outside 0 to 1.
    """
    found = calibration_bins(confidences, correct, bins=bins)
    gaps = sum(one.count * abs(one.confidence - one.accuracy) for one in found)
    return gaps / sum(one.count for one in found)


def calibration_bins(
    confidences: ArrayLike, correct: ArrayLike, *, bins: int = 15
) -> Sequence[CalibrationBin]:
    """The bins of a reliability diagram, in order, empty ones included.

    Raises:
        UsageError: no answers, other lengths, or a number outside 0 to 1.
    """
    said, right = np.asarray(confidences, np.float64), np.asarray(correct, np.float64)
    if bins < 1:
        raise UsageError(f"bins={bins} is too few: give 1 or more")
    if said.ndim != 1 or said.shape != right.shape or not said.size:
        raise UsageError(
            f"confidences of shape {said.shape} came with answers of shape {right.shape}: "
            "give one number of each an answer, and at least one"
        )
    if not all(((values >= 0) & (values <= 1)).all() for values in (said, right)):
        raise UsageError("a confidence or a correctness is outside 0 to 1: give probabilities")
    edges = np.linspace(0.0, 1.0, bins + 1)
    # side="left": a confidence on an edge belongs to the bin that ends there.
    where = np.maximum(np.searchsorted(edges, said, side="left") - 1, 0)
    counts = np.bincount(where, minlength=bins)
    filled = np.maximum(counts, 1)
    columns = (
        edges[:-1],
        edges[1:],
        counts,
        np.bincount(where, said, minlength=bins) / filled,
        np.bincount(where, right, minlength=bins) / filled,
    )
    return [CalibrationBin(*row) for row in zip(*map(np.ndarray.tolist, columns), strict=True)]
