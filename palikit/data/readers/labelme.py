"""Labelme: one JSON file a picture.

    {"imagePath": "0001.jpg", "imageData": null, "imageHeight": 480, "imageWidth": 640, "flags": {},
     "shapes": [{"label": "cat", "shape_type": "polygon", "group_id": null,
                 "points": [[10.5, 20], [40, 20], [40, 60]]}]}

Source: `label_file.py`, `shape.py` and `utils/shape.py` of github.com/wkentaro/labelme (5.x).
Coordinates are continuous pixels, but for a mask, whose two points are its first and its last pixel
and whose picture is a PNG of that many pixels, not 0 where it is.

- A rectangle is a box, its corners in any order. A circle, told by its middle and a point on it,
  is an outline of 64 corners.
- Shapes of one label and one `group_id` are parts of one thing, as Labelme's own exporters have it.
- Points, lines and strips of lines are left out and counted in `Record.extra["left_out"]`; flags
  that are set are in `extra["flags"]`.
- The picture is `imagePath`, from the file's folder or from `images`, where the file is there, else
  `imageData`. A path that leads elsewhere counts by its last name alone, and only with `images`.
"""

import base64
import binascii
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from palikit.coco import MaskArray, encode_rle
from palikit.data.pictures import FilePicture, Picture
from palikit.data.records import Dataset, Polygon, Record, Thing
from palikit.errors import DataError, ImageError
from palikit.results import Box

from .boxes_files import Json, bounds, check_folder, check_pixels, inside, outline, read_json

__all__ = ["EmbeddedPicture", "read"]

LEFT_OUT = ("line", "linestrip", "point", "points")
CORNERS = 64

Size: TypeAlias = tuple[int, int]
Points: TypeAlias = list[tuple[float, ...]]


def read(path: Path, *, images: Path | None = None) -> Dataset:
    """Read one file, or all `*.json` of a folder in the order of their names.

    Args:
        path: the file or the folder.
        images: the folder that `imagePath` starts from; by default that of each file.

    Raises:
        DataError: a file that is missing, cut short or no Labelme, with the key that is wrong.
        UsageError: `images` is no folder.
    """
    check_folder(images)
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise DataError(f"{path} holds no *.json: name the folder that Labelme wrote into")
    records = [_record(file, images) for file in files]
    labels = (thing.label for record in records for thing in record.things or ())
    return Dataset(path.stem, records, tuple(dict.fromkeys(labels)))


@dataclass(frozen=True, slots=True)
class EmbeddedPicture:
    """The picture inside of a Labelme file, read again each time so that none stays in memory."""

    file: Path

    @property
    def name(self) -> str:
        return f"imageData of {self.file}"

    def read(self) -> bytes:
        try:
            return base64.b64decode(read_json(self.file).need("imageData").text(), validate=True)
        except (DataError, ValueError) as error:
            raise ImageError(f"{self.name} cannot be read: {error}") from error


def _record(file: Path, images: Path | None) -> Record:
    root = read_json(file)
    size = root.size("imageWidth", "imageHeight")
    left: Counter[str] = Counter()
    things = tuple(_things(root.need("shapes"), size, left))
    flags = root.get("flags")
    told = {} if flags is None else flags.entries()
    extra = {
        "left_out": dict(left),
        "flags": tuple(name for name, flag in told.items() if flag.value is True),
    }
    return Record(
        pictures=(_picture(root, file, images),),
        origin=str(file),
        id=file.stem,
        size=size,
        things=things,
        extra={name: value for name, value in extra.items() if value},
    )


def _picture(root: Json, file: Path, images: Path | None) -> Picture:
    path = root.need("imagePath")
    name = path.text().replace("\\", "/")
    embedded = root.get("imageData") is not None
    if images is not None and (name.startswith(("/", "../")) or name[1:2] == ":"):
        name = name.rpartition("/")[2]
    try:
        found = inside(images or file.parent, name, path.error)
    except DataError:
        if embedded:
            return EmbeddedPicture(file)
        raise
    return EmbeddedPicture(file) if embedded and not found.is_file() else FilePicture(found)


def _things(shapes: Json, size: Size | None, left: Counter[str]) -> Iterator[Thing]:
    """One a shape, or one a group, where its first shape stands."""
    found: dict[tuple[str, Any], list[tuple[Json, Thing]]] = {}
    for i, shape in enumerate(shapes.items()):
        kind = shape.get("shape_type")
        name = "polygon" if kind is None else kind.text()
        if name in LEFT_OUT:
            left[name] += 1
            continue
        group = shape.get("group_id")
        key = ("alone", i) if group is None else ("group", group.whole(-(2**53)))
        label = shape.need("label").text()
        found.setdefault((label, key), []).append((shape, _thing(shape, name, label, size)))
    for members in found.values():
        yield members[0][1] if len(members) == 1 else _joined(members, size)


def _thing(shape: Json, kind: str, label: str, size: Size | None) -> Thing:
    corners = shape.need("points")
    points = [point.numbers(2) for point in corners.items()]
    if kind in ("polygon", "oriented_rectangle"):
        polygon = outline([number for point in points for number in point], corners.error)
        return Thing(label, bounds([polygon]), (polygon,))
    if kind not in ("rectangle", "circle", "mask"):
        raise shape.need("shape_type").wrong("polygon, rectangle, circle or mask")
    if len(points) != 2:
        raise corners.error(f"{len(points)} points came where the 2 of a {kind} were expected")
    if kind == "circle":
        polygon = _circle(points)
        return Thing(label, _around(points), (polygon,))
    return Thing(label, bounds(points)) if kind == "rectangle" else _mask(shape, points, size)


def _circle(points: Points) -> Polygon:
    (x, y), (rim_x, rim_y) = points
    radius = math.hypot(rim_x - x, rim_y - y)
    angles = [2 * math.pi * i / CORNERS for i in range(CORNERS)]
    pairs = ((x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles)
    return tuple(number for pair in pairs for number in pair)


def _around(points: Points) -> Box:
    (x, y), (rim_x, rim_y) = points
    radius = math.hypot(rim_x - x, rim_y - y)
    return Box(x - radius, y - radius, x + radius, y + radius)


def _mask(shape: Json, points: Points, size: Size | None) -> Thing:
    corners, png = shape.need("points"), shape.need("mask")
    if size is None:
        raise shape.error("a mask needs imageWidth and imageHeight")
    check_pixels(size, shape.error)
    (x1, y1), (x2, y2) = ((int(x), int(y)) for x, y in points)
    if not (0 <= x1 <= x2 < size[0] and 0 <= y1 <= y2 < size[1]):
        raise corners.error(
            f"a mask from pixel {x1}, {y1} to {x2}, {y2} came for a picture of "
            f"{size[0]} x {size[1]}"
        )
    mask = np.zeros((size[1], size[0]), np.bool_)
    mask[y1 : y2 + 1, x1 : x2 + 1] = _decode(png, (x2 - x1 + 1, y2 - y1 + 1))
    box = Box(float(x1), float(y1), float(x2 + 1), float(y2 + 1))
    return Thing(shape.need("label").text(), box, rle=encode_rle(mask))


def _decode(png: Json, size: Size) -> MaskArray:
    try:
        data = base64.b64decode(png.text(), validate=True)
        with Image.open(BytesIO(data), formats=["PNG"]) as image:
            if image.size != size:  # before a pixel is decoded
                raise png.error(
                    f"a mask of {image.size[0]} x {image.size[1]} came where its points say "
                    f"{size[0]} x {size[1]}"
                )
            pixels = np.asarray(image)
    except binascii.Error as error:
        raise png.error(f"this is not base64: {error}") from error
    except DataError:
        raise
    except Exception as error:  # a broken file makes Pillow's readers raise nearly anything
        raise png.error(f"this is no PNG that can be read: {error}") from error
    if pixels.ndim != 2:
        raise png.error("a mask in colours came where one in grey was expected")
    return pixels > 0


def _joined(members: list[tuple[Json, Thing]], size: Size | None) -> Thing:
    """Parts as one thing: their outlines together, or run lengths where one has a mask."""
    things = [thing for _, thing in members]
    label, box = things[0].label, bounds([thing.box.xyxy for thing in things])
    polygons = tuple(polygon for thing in things for polygon in thing.polygons or (_edge(thing),))
    if all(thing.rle is None for thing in things):
        return Thing(label, box, polygons if any(thing.polygons for thing in things) else ())
    assert size is not None  # a mask has asked for it
    whole = np.zeros((size[1], size[0]), np.bool_)
    for thing in things:
        part = thing.mask(size) if thing.has_mask else Thing(label, box, (_edge(thing),)).mask(size)
        assert part is not None
        whole |= part
    return Thing(label, box, rle=encode_rle(whole))


def _edge(thing: Thing) -> Polygon:
    x1, y1, x2, y2 = thing.box.xyxy
    return (x1, y1, x2, y1, x2, y2, x1, y2)
