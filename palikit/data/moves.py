"""Labels that follow their picture: mirrored, cut and enlarged along its axes.

    Move((-1, 1), (640, 0)).point(12, 30)      (628, 30): mirrored in a picture 640 wide

A move is x * scale + shift on each axis, so any sequence of flips, crops and zooms is one move, and
labels are moved and clipped once. A `View` also knows what of the picture is left.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from PIL import Image

from palikit.coco import MaskArray, encode_rle
from palikit.results import Box

from .records import Polygon, Thing

__all__ = ["Move", "View", "clip_polygon", "move_thing"]


@dataclass(frozen=True, slots=True)
class Move:
    """Where each point goes: x * scale[0] + shift[0], y * scale[1] + shift[1], in pixels."""

    scale: tuple[float, float] = (1, 1)
    shift: tuple[float, float] = (0, 0)

    def then(self, other: "Move") -> "Move":
        """This move and another after it, as one."""
        (ax, ay), (bx, by) = self.scale, other.scale
        return Move((ax * bx, ay * by), other.point(*self.shift))

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Where (x, y) goes, both in pixels."""
        return x * self.scale[0] + self.shift[0], y * self.scale[1] + self.shift[1]

    def box(self, box: Box) -> Box:
        """Corners are swapped where the move mirrors, so that a box stays as it was turned."""
        (x1, y1), (x2, y2) = self.point(box.x1, box.y1), self.point(box.x2, box.y2)
        if self.scale[0] < 0:
            x1, x2 = x2, x1
        if self.scale[1] < 0:
            y1, y2 = y2, y1
        return Box(x1, y1, x2, y2)

    def polygon(self, polygon: Polygon) -> Polygon:
        """Each corner moved; their order stays."""
        corners = zip(polygon[::2], polygon[1::2], strict=False)
        return tuple(value for corner in corners for value in self.point(*corner))

    def mask(self, mask: MaskArray, size: tuple[int, int]) -> MaskArray:
        """A mask [H, W] in a picture of `size` (width, height), each pixel from the nearest."""
        (ax, ay), (bx, by) = self.scale, self.shift
        back = (1 / ax, 0, -bx / ax, 0, 1 / ay, -by / ay)
        old = Image.fromarray(mask.astype(np.uint8))
        new = old.transform(size, Image.Transform.AFFINE, back, Image.Resampling.NEAREST)
        return np.asarray(new) > 0


@dataclass(frozen=True, slots=True)
class View:
    """What became of a picture after some moves.

    Attributes:
        old: (width, height) of the picture before them.
        new: of the picture after them.
        seen: the part of the new picture that shows some of the old one.
    """

    old: tuple[int, int]
    new: tuple[int, int]
    move: Move
    seen: Box

    @classmethod
    def of(cls, size: tuple[int, int]) -> "View":
        """An untouched picture."""
        return cls(size, size, Move(), _frame(size))

    def then(self, move: Move, size: tuple[int, int]) -> "View":
        """After one more move, which makes a picture of `size`."""
        # Cut at every step: what a crop took away does not come back when a zoom makes room.
        seen = _shared(move.box(self.seen), _frame(size))
        return View(self.old, size, self.move.then(move), seen)


def move_thing(thing: Thing, view: View, keep: float) -> Thing | None:
    """A thing as the view shows it; None where less than `keep` of its box is left.

    What is cut is clipped to what can be seen, and its box is drawn tight around its shape again
    where that is known.

    Raises:
        DataError: run lengths that do not fit the picture.
    """
    shown = view.move.box(_frame(view.old))
    whole = view.move.box(thing.box)
    # A flip alone cuts nothing, also where a box was over the edge before.
    if shown == view.seen == _frame(view.new) or whole == _shared(whole, view.seen):
        return _moved(thing, whole, view)
    box = _shared(whole, view.seen)
    # Written so that a box without area, or of NaN, goes too.
    if not (box.area > 0 and box.area >= keep * _shared(whole, shown).area):
        return None
    cut = _moved(thing, box, view)
    polygons = tuple(p for p in (clip_polygon(p, view.seen) for p in cut.polygons) if p)
    cut = replace(cut, polygons=polygons)
    return _tightened(cut, view.new) if thing.has_mask else cut


def clip_polygon(polygon: Polygon, window: Box) -> Polygon:
    """What of an outline lies in a window; () where less than an area does.

    Sutherland and Hodgman, Reentrant polygon clipping (1974): parts of an outline that falls apart
    stay joined along the window's edge, where they hold no area.
    """
    corners = list(zip(polygon[::2], polygon[1::2], strict=False))
    for axis, limit, side in ((0, window.x1, 1), (0, window.x2, -1), (1, window.y1, 1),
                              (1, window.y2, -1)):  # fmt: skip
        corners = _clip_side(corners, axis, limit, side)
    return tuple(value for corner in corners for value in corner) if _area(corners) else ()


def _clip_side(
    corners: list[tuple[float, float]], axis: int, limit: float, side: int
) -> list[tuple[float, float]]:
    kept: list[tuple[float, float]] = []
    for a, b in pairwise([*corners[-1:], *corners]):
        a_in, b_in = (side * (point[axis] - limit) >= 0 for point in (a, b))
        if a_in != b_in:
            along = (limit - a[axis]) / (b[axis] - a[axis])
            across = a[1 - axis] + along * (b[1 - axis] - a[1 - axis])
            kept.append((limit, across) if axis == 0 else (across, limit))
        if b_in:
            kept.append(b)
    return kept


def _area(corners: list[tuple[float, float]]) -> float:
    turns = pairwise([*corners[-1:], *corners])
    return abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in turns)) / 2


def _shared(a: Box, b: Box) -> Box:
    return Box(max(a.x1, b.x1), max(a.y1, b.y1), min(a.x2, b.x2), min(a.y2, b.y2))


def _frame(size: tuple[int, int]) -> Box:
    return Box(0.0, 0.0, float(size[0]), float(size[1]))


def _moved(thing: Thing, box: Box, view: View) -> Thing:
    polygons = tuple(view.move.polygon(polygon) for polygon in thing.polygons)
    mask = None if thing.rle is None else thing.mask(view.old)
    if mask is None:
        return replace(thing, box=box, polygons=polygons)
    left, top, right, bottom = (round(value) for value in view.seen.xyxy)
    moved = np.zeros((view.new[1], view.new[0]), np.bool_)
    moved[top:bottom, left:right] = view.move.mask(mask, view.new)[top:bottom, left:right]
    return replace(thing, box=box, polygons=polygons, rle=encode_rle(moved))


def _tightened(thing: Thing, size: tuple[int, int]) -> Thing | None:
    """With its box around what is left of its shape; None where nothing is."""
    if thing.rle is not None:
        mask = thing.mask(size)
        assert mask is not None
        ys, xs = np.nonzero(mask)
        if not xs.size:
            return None
        shape = Box(float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1))
    elif thing.polygons:
        xs_, ys_ = ([v for p in thing.polygons for v in p[i::2]] for i in (0, 1))
        shape = Box(min(xs_), min(ys_), max(xs_), max(ys_))
    else:
        return None
    box = _shared(thing.box, shape)
    return replace(thing, box=box) if box.area > 0 else None
