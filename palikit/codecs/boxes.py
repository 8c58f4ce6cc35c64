"""Boxes as location tokens: the one place that knows the number 1023.

    Box(x1=64, y1=24, x2=320, y2=240) in 640 x 480
    bins (51, 102, 512, 512)
    "<loc0051><loc0102><loc0512><loc0512>"

Follows big_vision's `pp/proj/paligemma/segmentation.py`: the order is y1 x1 y2 x2, a bin is round(c
* 1023), halves to even, and reading back divides by the same 1023. Departure: the arithmetic is
double precision.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

from palikit.errors import UsageError
from palikit.results import Box

__all__ = ["NUM_BINS", "Bins", "decode_box", "encode_box", "format_box"]

NUM_BINS = 1024
LAST_BIN = NUM_BINS - 1

Bins: TypeAlias = tuple[int, int, int, int]
"""y1, x1, y2, x2, each from 0 to 1023."""


def encode_box(box: Box, size: tuple[int, int]) -> Bins:
    """The four bins of a box in a picture of `size` (width, height), clipped to the picture."""
    if min(size) <= 0:
        raise UsageError(f"size={size} is not a picture: give (width, height) in pixels")
    if not all(math.isfinite(value) for value in box.xyxy):
        raise UsageError(f"box {box.xyxy} is not finite: give pixels of the picture")
    width, height = size
    x1, y1, x2, y2 = box.xyxy
    return _bin(y1 / height), _bin(x1 / width), _bin(y2 / height), _bin(x2 / width)


def decode_box(bins: Sequence[int | float], size: tuple[int, int]) -> Box:
    """The box, in pixels of a picture of `size` (width, height), that four bins name.

    A place between two bins is one between their places.
    """
    y1, x1, y2, x2 = (value / LAST_BIN for value in bins)
    width, height = size
    return Box(x1 * width, y1 * height, x2 * width, y2 * height)


def format_box(bins: Sequence[int]) -> str:
    """`(51, 102, 511, 511)` as `<loc0051><loc0102><loc0511><loc0511>`."""
    if len(bins) != 4 or not all(0 <= value <= LAST_BIN for value in bins):
        raise UsageError(f"bins {tuple(bins)} are not four numbers from 0 to {LAST_BIN}")
    return "".join(f"<loc{value:04d}>" for value in bins)


def _bin(fraction: float) -> int:
    return min(max(round(fraction * LAST_BIN), 0), LAST_BIN)
