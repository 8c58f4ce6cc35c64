"""Outlines and run lengths that hold nothing, do not fit, or leave their box."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from palikit.data.records import Polygon, Thing
from palikit.errors import DataError
from palikit.results import Box

from .findings import Finding, finding

__all__ = ["check_shapes"]

LEAST_SLACK = 2.0
SLACK = 0.02
"""A shape may leave its box by 2 px or 2 % of its side: outlines are drawn by hand."""


def check_shapes(things: Sequence[Thing], size: tuple[int, int], origin: str) -> Iterator[Finding]:
    """What is wrong with the outlines and masks of a picture of `size` (width, height)."""
    for thing in things:
        wrong = [_wrong_with_outline(polygon) for polygon in thing.polygons]
        for code, what in wrong:
            if code:
                yield finding(code, origin, f"{thing.label}: an outline {what}")
        if thing.rle is not None:
            code, what, shape = _look_at_mask(thing, size)
            if code:
                yield finding(code, origin, f"{thing.label}: {what}")
        else:
            shape = None if any(code for code, _ in wrong) else _around(thing.polygons)
        if shape is not None and (over := _over(shape, thing.box)) > 0:
            message = f"{thing.label}: its shape is {over:g} px outside of its box"
            yield finding("shape-outside-box", origin, message)


def _wrong_with_outline(polygon: Polygon) -> tuple[str, str]:
    if len(polygon) < 6 or len(polygon) % 2:
        return "outline-corners", f"has {len(polygon)} numbers, not x and y of three corners"
    if not all(math.isfinite(value) for value in polygon):
        return "outline-not-finite", "holds a number that is not finite"
    if _is_flat(polygon):
        return "outline-empty", "lies on one line and holds no area"
    return "", ""


def _is_flat(polygon: Polygon) -> bool:
    """Whether all corners are on one line; one that crosses itself may have a sum of 0."""
    x0, y0 = polygon[:2]
    spokes = [(x - x0, y - y0) for x, y in zip(polygon[2::2], polygon[3::2], strict=True)]
    far = max(spokes, key=lambda spoke: spoke[0] ** 2 + spoke[1] ** 2)
    return all(abs(far[0] * y - far[1] * x) < 1e-9 for x, y in spokes)


def _look_at_mask(thing: Thing, size: tuple[int, int]) -> tuple[str, str, Box | None]:
    assert thing.rle is not None
    said = thing.rle.get("size")
    # First, since run lengths for a wrong size may ask for any amount of memory.
    if not isinstance(said, list | tuple) or list(said) != [size[1], size[0]]:
        what = f"run lengths of size {said}, not [{size[1]}, {size[0]}]"
        return "rle-size", what, None
    try:
        mask = thing.mask(size)
    except DataError as error:
        return "rle-broken", str(error), None
    assert mask is not None
    ys, xs = np.nonzero(mask)
    if not xs.size:
        return "mask-empty", "its mask holds no pixel", None
    edges = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
    return "", "", Box(*(float(edge) for edge in edges))


def _around(polygons: Sequence[Polygon]) -> Box | None:
    if not polygons:
        return None
    xs, ys = ([v for p in polygons for v in p[start::2]] for start in (0, 1))
    return Box(min(xs), min(ys), max(xs), max(ys))


def _over(shape: Box, box: Box) -> float:
    """Pixels by which a shape is further outside of its box than it may be, or 0."""
    if not (box.area > 0 and all(math.isfinite(value) for value in box.xyxy)):
        return 0.0
    slack_x, slack_y = (max(LEAST_SLACK, SLACK * side) for side in (box.width, box.height))
    over_x = max(box.x1 - shape.x1, shape.x2 - box.x2)
    over_y = max(box.y1 - shape.y1, shape.y2 - box.y2)
    return max(over_x if over_x > slack_x else 0.0, over_y if over_y > slack_y else 0.0)
