"""A mask in COCO's terms: compressed run lengths and polygons, both exact, in numpy alone.

Run lengths go down the columns and start with a run of zeros, as in the COCO API; the compressed
form is its text form: each count (from the fourth on: its difference to the count two before) in
groups of five bits, lowest first, one printable character a group.

Polygons run along the edges of pixels with the mask on their right hand, so filling them gives the
mask back. COCO has no holes: a mask with holes is cut into horizontal bands, so that each hole
becomes a notch.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from operator import index
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["MaskArray", "decode_rle", "encode_rle", "fill_polygons", "polygons", "run_lengths"]

MaskArray: TypeAlias = NDArray[np.bool_]

Vertex: TypeAlias = tuple[int, int]
STEPS: tuple[Vertex, ...] = (
    (1, 0),
    (0, 1),
    (-1, 0),
    (0, -1),
)  # right, down, left, up: each is a right turn further


def encode_rle(mask: MaskArray) -> dict[str, Any]:
    """`{"size": [height, width], "counts": "..."}`, which pycocotools and JSON both take."""
    height, width = mask.shape
    return {"size": [height, width], "counts": _pack(_count(mask))}


def decode_rle(rle: Mapping[str, Any]) -> MaskArray:
    """A mask [H, W] from run lengths: compressed (text or bytes) or a plain list of counts.

    Raises:
        ValueError: they are broken or do not fill the size; no pixel is allocated before.
    """
    height, width = rle["size"]
    lengths = run_lengths(rle)
    values = np.arange(len(lengths)) % 2 == 1
    return np.repeat(values, lengths).reshape(width, height).T


def run_lengths(rle: Mapping[str, Any]) -> list[int]:
    """The counts, plain and checked: `{"size": [2, 2], "counts": "13"}` gives [1, 3].

    Raises:
        ValueError: a broken text, a negative count, or counts that do not add up to the size.
        TypeError: a count that is no whole number.
    """
    height, width = rle["size"]
    counts = rle["counts"]
    if isinstance(counts, bytes):
        counts = counts.decode("ascii")
    lengths = _unpack(counts) if isinstance(counts, str) else [index(count) for count in counts]
    if min(lengths, default=0) < 0:
        raise ValueError("a count is negative")
    if sum(lengths) != height * width:
        raise ValueError(
            f"they are of {sum(lengths)} pixels, and {width} x {height} is {height * width}"
        )
    return lengths


def _count(mask: MaskArray) -> list[int]:
    flat = np.asarray(mask, dtype=np.bool_).ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate(([0], changes, [flat.size]))
    lengths: list[int] = np.diff(edges).tolist()
    return [0, *lengths] if flat.size and flat[0] else lengths


def _pack(counts: Sequence[int]) -> str:
    letters = []
    for i, count in enumerate(counts):
        rest, more = count - (counts[i - 2] if i > 2 else 0), True
        while more:
            group, rest = rest & 31, rest >> 5
            # The last group's fifth bit is the sign, so stop only when it tells the truth.
            more = rest != (-1 if group & 16 else 0)
            letters.append(chr(48 + group + (32 if more else 0)))
    return "".join(letters)


def _unpack(text: str) -> list[int]:
    counts: list[int] = []
    value, shift = 0, 0
    for letter in text:
        group = ord(letter) - 48
        if not 0 <= group < 64 or shift > 60:
            raise ValueError(f"{letter!r} cannot stand where it does")
        value |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value, shift = 0, 0
    if shift:
        raise ValueError("they end in the middle of a count")
    return counts


def polygons(mask: MaskArray) -> list[list[float]]:
    """Outlines as flat lists `[x, y, x, y, ...]`; several where the mask has parts or holes."""
    loops = _trace(mask)
    # A cut below the topmost row of each hole opens it into both bands.
    cuts = sorted({min(y for _, y in loop) + 1 for loop in loops if _area(loop) < 0})
    if cuts:
        bands = pairwise([0, *cuts, mask.shape[0]])
        loops = [
            [(x, y + top) for x, y in loop]
            for top, bottom in bands
            for loop in _trace(mask[top:bottom])
        ]
    return [[float(value) for vertex in loop for value in vertex] for loop in loops]


def fill_polygons(outlines: Sequence[Sequence[float]], size: tuple[int, int]) -> MaskArray:
    """The mask [H, W], in a picture of `size` (width, height), of what any of the outlines holds.

    An outline is flat, `[x, y, x, y, ...]`, and may cross itself (even-odd) or leave the picture.
    A pixel is inside where its centre is, so `polygons` of the mask give the same mask again.
    """
    width, height = size
    mask = np.zeros((height, width), np.bool_)
    for outline in outlines:
        mask |= _fill(np.asarray(outline, np.float64).reshape(-1, 2), width, height)
    return mask


def _fill(corners: NDArray[np.float64], width: int, height: int) -> MaskArray:
    """Each edge toggles all pixels to the right of where it crosses the line of their centres."""
    toggles = np.zeros((height, width + 1), np.bool_)
    following = np.roll(corners, -1, axis=0)
    for (x0, y0), (x1, y1) in zip(corners.tolist(), following.tolist(), strict=True):
        low, high = min(y0, y1), max(y0, y1)
        first, last = max(math.ceil(low - 0.5), 0), min(math.ceil(high - 0.5), height)
        if first >= last:
            continue
        rows = np.arange(first, last)
        crossings = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
        columns = np.clip(np.ceil(crossings - 0.5), 0, width).astype(np.int64)
        toggles[rows, columns] ^= True
    return np.logical_xor.accumulate(toggles, axis=1)[:, :width]


def _trace(mask: MaskArray) -> list[list[Vertex]]:
    """Closed loops of corners: clockwise around the mask, counter-clockwise around its holes."""
    ways = _edges(mask)
    loops = []
    while ways:
        start = at = next(iter(ways))
        way = min(ways[start])
        loop = [start]
        while True:
            ways[at].discard(way)
            if not ways[at]:
                del ways[at]
            at = (at[0] + STEPS[way][0], at[1] + STEPS[way][1])
            if at == start:
                break
            ahead = _next_way(way, ways[at])
            if ahead != way:
                loop.append(at)
            way = ahead
        loops.append(loop)
    return loops


def _next_way(way: int, options: set[int]) -> int:
    # Two ways lead on where pixels touch at a corner only: the right turn stays with this pixel.
    right = (way + 1) % 4
    return right if right in options else min(options)


def _edges(mask: MaskArray) -> dict[Vertex, set[int]]:
    """From each corner of the pixel grid, the directions in which an edge of the mask leaves it."""
    padded = np.pad(np.asarray(mask, dtype=np.bool_), 1)
    inside = padded[1:-1, 1:-1]
    neighbours = (padded[:-2, 1:-1], padded[1:-1, 2:], padded[2:, 1:-1], padded[1:-1, :-2])
    # Where the top, right, bottom and left edge of a pixel start.
    corners = ((0, 0), (1, 0), (1, 1), (0, 1))
    ways: dict[Vertex, set[int]] = defaultdict(set)
    for way, (neighbour, (dx, dy)) in enumerate(zip(neighbours, corners, strict=True)):
        rows, columns = np.nonzero(inside & ~neighbour)
        for x, y in zip((columns + dx).tolist(), (rows + dy).tolist(), strict=True):
            ways[x, y].add(way)
    return ways


def _area(loop: Sequence[Vertex]) -> int:
    """Twice the signed area: positive when the loop runs clockwise on the screen."""
    following = [*loop[1:], loop[0]]
    return sum(ax * by - bx * ay for (ax, ay), (bx, by) in zip(loop, following, strict=True))
