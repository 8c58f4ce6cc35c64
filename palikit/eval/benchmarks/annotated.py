"""COCO's annotation files: a thing with its box and outline, as they write it."""

from collections.abc import Mapping
from typing import Any

from palikit.data.records import Polygon, Thing
from palikit.results import Box

from .files import Row

__all__ = ["corners", "read_thing"]


def read_thing(row: Row, label: str) -> Thing:
    """An annotation `{"bbox": [x, y, width, height], "segmentation": ..., "iscrowd": 0}`.

    A segmentation is a list of polygons, of which those of two corners are left out, or run
    lengths.
    """
    x, y, width, height = row.numbers("bbox", 4)
    outline = row.values.get("segmentation") or []
    rle: Mapping[str, Any] | None = outline if isinstance(outline, dict) else None
    return Thing(
        label,
        Box(x, y, x + width, y + height),
        () if rle is not None else _polygons(row),
        rle,
        row.flag("iscrowd") if row.has("iscrowd") else False,
    )


def _polygons(row: Row) -> tuple[Polygon, ...]:
    listed = row.values.get("segmentation") or []
    if not isinstance(listed, list) or not all(isinstance(one, list) for one in listed):
        row.refuse("segmentation", "a list of polygons, or run lengths")
    parts = Row({str(i): one for i, one in enumerate(listed)}, f"{row.where}, segmentation")
    polygons = (parts.numbers(str(i), len(one) // 2 * 2) for i, one in enumerate(listed))
    return tuple(polygon for polygon in polygons if len(polygon) >= 6)


def corners(polygon: Polygon) -> Box:
    """The box around a polygon."""
    xs, ys = polygon[::2], polygon[1::2]
    return Box(min(xs), min(ys), max(xs), max(ys))
