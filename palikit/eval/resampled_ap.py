"""COCO's average precision on resampled pictures, for its interval: matched once, weighed often.

    matched = match_pictures(found, truth)
    ap(matched, np.ones((1, len(truth))), THRESHOLDS)[0]        # `detection_ap(...).values["ap"]`

Which prediction belongs to which object is a matter of one picture, so drawing a picture k times is
the same as giving its predictions and objects a weight of k. Protocol: pycocotools `cocoeval.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from palikit.eval.objects import Columns

__all__ = ["THRESHOLDS", "ClassMatches", "ap", "ap_intervals", "match_pictures"]

THRESHOLDS = tuple(0.5 + 0.05 * i for i in range(10))
RECALLS = np.linspace(0.0, 1.0, 101)
MOST = 100
"""Predictions of one class that count in a picture."""

CHUNK = 2_000_000
"""Weights that are held at once."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassMatches:
    """All predictions of one class, the surest first.

    Attributes:
        pictures: int [D], in which picture each lies.
        right: bool [T, D], whether it is the match of an object at each threshold.
        ignored: bool [T, D], whether it lies on a crowd.
        objects: float [pictures], how many objects each picture has.
    """

    pictures: NDArray[np.int64]
    right: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    objects: NDArray[np.float64]


def match_pictures(found: Sequence[Columns], truth: Sequence[Columns]) -> list[ClassMatches]:
    """One row for each class that has an object that is no crowd."""
    labels = sorted({label for one in truth for label in one.labels})
    matched = [_match_class(found, truth, label) for label in labels]
    return [one for one in matched if one.objects.any()]


def ap(
    matched: Sequence[ClassMatches], weights: NDArray[np.float64], thresholds: Sequence[float]
) -> NDArray[np.float64]:
    """AP from 0 to 1 for each row of `weights` [R, pictures], a mean over classes and thresholds.

    A class without an object among the drawn pictures does not count, as in COCO.
    """
    chosen = [min(range(10), key=lambda i: abs(THRESHOLDS[i] - t)) for t in thresholds]
    sums, counts = np.zeros(len(weights)), np.zeros(len(weights))
    for one in matched:
        step = max(1, CHUNK // max(len(one.pictures), 1))
        for start in range(0, len(weights), step):
            part = slice(start, start + step)
            objects = weights[part] @ one.objects
            drawn = weights[part][:, one.pictures]
            for i in chosen:
                sums[part] += _precision(drawn, one.right[i], one.ignored[i], objects)
                counts[part] += objects > 0
    return sums / np.maximum(counts, 1)


def ap_intervals(
    matched: Sequence[ClassMatches], num_pictures: int, *, n: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """95 % intervals of `ap` and `ap50`, from 0 to 1, over resampled pictures."""
    rng = np.random.default_rng(seed)
    draws = [rng.integers(0, num_pictures, num_pictures) for _ in range(n)]
    weights = np.stack([np.bincount(rows, minlength=num_pictures) for rows in draws]).astype(float)
    intervals = {}
    for name, thresholds in (("ap", THRESHOLDS), ("ap50", THRESHOLDS[:1])):
        low, high = np.quantile(ap(matched, weights, thresholds), [0.025, 0.975])
        intervals[name] = (float(low), float(high))
    return intervals


def _precision(
    drawn: NDArray[np.float64],
    right: NDArray[np.bool_],
    ignored: NDArray[np.bool_],
    objects: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The mean of the precision at 101 recalls, for each row of weights [R, D]."""
    if not drawn.shape[1]:
        return np.zeros(len(drawn))
    true = np.cumsum(drawn * right, axis=1)
    false = np.cumsum(drawn * (~right & ~ignored), axis=1)
    recall = true / np.maximum(objects, 1)[:, None]
    precision = true / (true + false + np.spacing(1.0))
    # The best precision at this recall or a higher one; 0 beyond the last.
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    best = np.hstack([best, np.zeros((len(best), 1))])
    reached = [np.searchsorted(row, RECALLS, side="left") for row in recall]
    means = np.array([row[at].mean() for row, at in zip(best, reached, strict=True)])
    return means * (objects > 0)


def _match_class(found: Sequence[Columns], truth: Sequence[Columns], label: str) -> ClassMatches:
    pictures: list[int] = []
    scores: list[NDArray[np.float64]] = []
    right: list[NDArray[np.bool_]] = []
    ignored: list[NDArray[np.bool_]] = []
    objects = np.zeros(len(truth))
    for i, (told, known) in enumerate(zip(found, truth, strict=True)):
        mine = np.flatnonzero([name == label for name in told.labels])
        theirs = np.flatnonzero([name == label for name in known.labels])
        order = mine[np.argsort(-told.scores[mine], kind="stable")][:MOST]
        crowd = known.crowds[theirs]
        objects[i] = (~crowd).sum()
        hit, over = _match(_ious(told.boxes[order], known.boxes[theirs], crowd), crowd)
        pictures += [i] * len(order)
        scores.append(told.scores[order])
        right.append(hit)
        ignored.append(over)
    surest = np.argsort(-np.concatenate(scores), kind="stable")
    return ClassMatches(
        np.array(pictures, np.int64)[surest],
        np.concatenate(right, axis=1)[:, surest],
        np.concatenate(ignored, axis=1)[:, surest],
        objects,
    )


def _match(
    ious: NDArray[np.float64], crowd: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Greedy, the surest first: the best object that is free; a crowd only where there is none."""
    right = np.zeros((len(THRESHOLDS), len(ious)), np.bool_)
    ignored = np.zeros_like(right)
    if not ious.size:
        return right, ignored
    for t, threshold in enumerate(THRESHOLDS):
        free = ~crowd
        for d, row in enumerate(ious):
            able = row >= min(threshold, 1 - 1e-10)
            if (able & free).any():
                # Of equals the last, as pycocotools goes through them.
                best = len(row) - 1 - int(np.argmax(np.where(able & free, row, -1.0)[::-1]))
                right[t, d], free[best] = True, False
            elif (able & crowd).any():
                ignored[t, d] = True
    return right, ignored


def _ious(
    a: NDArray[np.float64], b: NDArray[np.float64], crowd: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """[D, G]; over the prediction's own area where the object is a crowd."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.maximum(high - low, 0.0).prod(axis=2)
    of_a, of_b = (np.maximum(x[:, 2:] - x[:, :2], 0.0).prod(axis=1) for x in (a, b))
    joint = np.where(crowd[None, :], of_a[:, None], of_a[:, None] + of_b[None, :] - shared)
    ious: NDArray[np.float64] = shared / np.maximum(joint, np.spacing(1.0))
    return ious
