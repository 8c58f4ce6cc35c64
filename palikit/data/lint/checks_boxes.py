"""Boxes that no answer can say, and boxes that are most likely mistakes."""

import math
from collections.abc import Iterator, Sequence

from palikit.codecs.boxes import encode_box
from palikit.data.records import Thing
from palikit.results import Box

from .findings import Finding, finding

__all__ = ["check_boxes"]

EDGE = 1.0
"""Pixels by which a box may be over the edge; formats differ on where the last pixel ends."""
LEAST_SIDE = 32
"""Of a picture in which boxes that all end at 1 are taken for fractions."""


def check_boxes(things: Sequence[Thing], size: tuple[int, int], origin: str) -> Iterator[Finding]:
    """What is wrong with the boxes of a picture of `size` (width, height)."""
    if _are_fractions(things, size):
        message = f"all boxes end at 1 or before in a picture of {size[0]} x {size[1]}"
        yield finding("box-fractions", origin, message)
        return
    for thing in things:
        code, what = _wrong_with(thing.box, size)
        if code:
            corners = ", ".join(f"{value:g}" for value in thing.box.xyxy)
            yield finding(code, origin, f"{thing.label}: box ({corners}) {what}")
    yield from _check_duplicates(things, origin)


def _are_fractions(things: Sequence[Thing], size: tuple[int, int]) -> bool:
    ends = [value for thing in things for value in thing.box.xyxy]
    return bool(ends) and min(size) >= LEAST_SIDE and 0 < max(ends) <= 1 and min(ends) >= 0


def _wrong_with(box: Box, size: tuple[int, int]) -> tuple[str, str]:
    """The worst code for a box and the rest of a sentence; ("", "") for a good one."""
    width, height = size
    if not all(math.isfinite(value) for value in box.xyxy):
        return "box-not-finite", "is not made of four finite numbers"
    if box.width < 0 or box.height < 0:
        return "box-inverted", "ends before it starts"
    if box.width == 0 or box.height == 0:
        return "box-empty", "has no area"
    if box.x1 >= width or box.y1 >= height or box.x2 <= 0 or box.y2 <= 0:
        return "box-outside", f"lies outside of the picture of {width} x {height}"
    over = max(-box.x1, -box.y1, box.x2 - width, box.y2 - height)
    if over > EDGE:
        return "box-over-edge", f"is {over:g} px over the edge of {width} x {height}"
    y1, x1, y2, x2 = encode_box(box, size)
    if y2 <= y1 or x2 <= x1:
        return "box-too-small", f"has no area left in 1024 steps of {width} x {height}"
    return "", ""


def _check_duplicates(things: Sequence[Thing], origin: str) -> Iterator[Finding]:
    labels: dict[tuple[float, ...], list[str]] = {}
    for thing in things:
        # A tenth of a pixel: finer differences come from arithmetic, not from people.
        key = tuple(round(v, 1) if math.isfinite(v) else v for v in thing.box.xyxy)
        before = labels.setdefault(key, [])
        if thing.label in before:
            message = f"{thing.label}: the same box at {key} came twice"
            yield finding("box-duplicate", origin, message)
        elif before:
            message = f"the same box at {key} is {before[0]!r} and {thing.label!r}"
            yield finding("box-two-labels", origin, message)
        before.append(thing.label)
