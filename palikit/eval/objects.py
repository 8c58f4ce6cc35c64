"""Labelled boxes of one picture, and their check: what detection is measured on.

Objects(["cat", "dog"], [[10, 10, 60, 50], [0, 5, 20, 30]], scores=[0.9, 0.4])
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from palikit.errors import UsageError
from palikit.results import Regions

__all__ = ["Columns", "Detections", "Objects", "columns"]


@dataclass(frozen=True, slots=True)
class Objects:
    """What is in one picture, or what was found in it.

    Attributes:
        labels: one name an object.
        boxes: [n, 4], each row x1 y1 x2 y2 in pixels.
        scores: of predictions; None for 1.0 each.
        crowds: of references: True where the box holds many that nobody counted; None for no crowd.
        areas: of references, in square pixels, by which COCO tells small (up to 32 x 32), medium
            (up to 96 x 96) and large; None for the area of the box.
    """

    labels: Sequence[str]
    boxes: ArrayLike
    scores: ArrayLike | None = None
    crowds: ArrayLike | None = None
    areas: ArrayLike | None = None


Detections: TypeAlias = Regions | Objects | Mapping[str, Any]
"""Regions, Objects, or a mapping with the names of Objects' fields."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Objects, checked, as arrays of one length.

    Attributes:
        labels: n of them.
        boxes: [n, 4], x1 y1 x2 y2 in pixels.
        scores: [n], 1.0 where none came.
        crowds: [n], whether it is a region of many.
        areas: [n], in square pixels: of the boxes, where none came.
    """

    labels: list[str]
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    crowds: NDArray[np.bool_]
    areas: NDArray[np.float64]

    def xywh(self) -> list[list[float]]:
        """x, y, width, height of each box, no side below 0."""
        sizes = np.maximum(self.boxes[:, 2:] - self.boxes[:, :2], 0.0)
        rows: list[list[float]] = np.hstack([self.boxes[:, :2], sizes]).tolist()
        return rows


def columns(value: Detections | None, where: str) -> Columns:
    """Check the objects of a picture; `where` names it in an error; None has no objects.

    Raises:
        UsageError: labels, boxes and scores that do not fit together or are not finite.
    """
    one = _objects(value, where)
    labels = [str(label) for label in one.labels]
    boxes = _boxes(one.boxes, where)
    sizes = np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0)
    checked = Columns(
        labels=labels,
        boxes=boxes,
        scores=np.ones(len(labels)) if one.scores is None else _floats(one.scores, where),
        crowds=np.zeros(len(labels), np.bool_) if one.crowds is None else np.array(one.crowds, "?"),
        areas=sizes.prod(axis=1) if one.areas is None else _floats(one.areas, where),
    )
    lengths = {len(labels), len(boxes), *map(len, (checked.scores, checked.crowds, checked.areas))}
    if len(lengths) > 1:
        raise UsageError(
            f"{where} has {len(labels)} labels, {len(boxes)} boxes and {len(checked.scores)} "
            "scores: give one of each an object"
        )
    return checked


def _objects(value: Detections | None, where: str) -> Objects:
    if value is None:
        return Objects([], [])
    if isinstance(value, Objects):
        return value
    if isinstance(value, Regions):
        return _from_regions(value)
    try:
        return Objects(**value)
    except TypeError as error:
        raise UsageError(
            f"{where} is {type(value).__name__}: give Regions, Objects, or a mapping with labels, "
            "boxes and scores"
        ) from error


def _from_regions(regions: Regions) -> Objects:
    """A region without a score counts with 1.0; the area is the mask's where there is one."""
    return Objects(
        labels=regions.labels,
        boxes=regions.boxes,
        scores=[1.0 if region.score is None else region.score for region in regions],
        areas=[
            region.box.area if region.mask is None else float(region.mask.sum())
            for region in regions
        ],
    )


def _boxes(values: ArrayLike, where: str) -> NDArray[np.float64]:
    boxes = _floats(values, where)
    if not boxes.size:
        return np.empty((0, 4))
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise UsageError(f"{where} has boxes of shape {boxes.shape}: give [n, 4], x1 y1 x2 y2 each")
    return boxes


def _floats(values: ArrayLike, where: str) -> NDArray[np.float64]:
    array = np.asarray(values, np.float64)
    if not np.isfinite(array).all():
        raise UsageError(f"{where} holds a number that is not finite: give pixels and scores")
    return array
