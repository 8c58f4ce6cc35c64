"""COCO: one JSON file of images, annotations and categories.

    {"images": [{"id": 17, "file_name": "a/17.jpg", "width": 640, "height": 480}],
     "categories": [{"id": 18, "name": "dog"}],
     "annotations": [{"id": 1, "image_id": 17, "category_id": 18, "bbox": [10, 20, 30, 40],
                      "segmentation": [[10, 20, 40, 20, 40, 60]], "iscrowd": 0}]}

Source: the page "Data format" of cocodataset.org. `bbox` is x, y, width, height in pixels from the
upper left corner; `segmentation` is outlines, or run lengths with `counts` as a list or compressed.

- Ids are whole numbers or texts; 1 and "1" are two ids. None may come twice.
- An image without annotations holds nothing (`things=()`); in a file without categories, such as
  one of captions, nobody looked (`things=None`).
- An annotation without a box gets the box of its outline.
- Every category is a class, in the file's order, also one that no annotation is of. The number of
  each is in `Record.extra["category_ids"]`, the image's own id in `extra["image_id"]`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from palikit.coco import decode_rle, run_lengths
from palikit.data.pictures import FilePicture
from palikit.data.records import Dataset, Polygon, Record, Thing
from palikit.results import Box

from .boxes_files import Json, bounds, check_folder, check_pixels, inside, outline, read_json

__all__ = ["read"]

ROBOFLOW = "_annotations.coco.json"

Id: TypeAlias = int | str
Size: TypeAlias = tuple[int, int] | None


def read(path: Path, *, images: Path | None = None) -> Dataset:
    """Read a COCO file, or the `_annotations.coco.json` of a folder.

    Args:
        path: the file, or the folder that Roboflow exports.
        images: the folder that file names start from. By default it is the first of these that
            has the first picture, where `S` is what follows the last `_` of the file's name
            (`instances_train2017.json`: train2017): the file's folder, `images/` and `S/` in it,
            and `S/`, `images/S/`, `images/` beside that folder; else the file's folder.

    Raises:
        DataError: a file that is missing, cut short or no COCO, with the key that is wrong.
        UsageError: `images` is no folder.
    """
    check_folder(images)
    file = path / ROBOFLOW if path.is_dir() else path
    root = read_json(file)
    names = _categories(root)
    entries = _by_id(root.need("images"))
    sizes = {key: entry.size() for key, entry in entries.items()}
    things: dict[Id, list[Thing]] = {key: [] for key in entries}
    captions: dict[Id, list[str]] = {key: [] for key in entries}
    for entry in _annotations(root):
        key = _known(entry.need("image_id"), entries, "image")
        if caption := entry.get("caption"):
            captions[key].append(caption.text())
        if names is not None:
            label = names[_known(entry.need("category_id"), names, "category")]
            things[key].append(_thing(entry, label, sizes[key]))
    ids = {name: key for key, name in (names or {}).items()}
    folder = images or _folder(file, entries)
    records = [
        Record(
            pictures=(FilePicture(_picture(folder, entry)),),
            origin=f"{file}, image {key}",
            id=str(key),
            size=sizes[key],
            things=None if names is None else tuple(things[key]),
            captions=tuple(captions[key]),
            extra={"image_id": key, "category_ids": ids},
        )
        for key, entry in entries.items()
    ]
    return Dataset(file.stem, records, tuple(dict.fromkeys((names or {}).values())))


def _categories(root: Json) -> dict[Id, str] | None:
    found = root.get("categories")
    if found is None:
        return None
    return {key: entry.need("name").text() for key, entry in _by_id(found).items()}


def _by_id(entries: Json) -> dict[Id, Json]:
    found: dict[Id, Json] = {}
    for entry in entries.items():
        key = _id(entry.need("id"))
        if key in found:
            raise entry.error(f"the id {key!r} came before: each must have an id of its own")
        found[key] = entry
    return found


def _annotations(root: Json) -> Iterator[Json]:
    """All of them, in order; their ids may be missing, but none may come twice."""
    seen: set[Id] = set()
    for entry in root.need("annotations").items():
        if (number := entry.get("id")) is not None:
            key = _id(number)
            if key in seen:
                raise entry.error(f"the id {key!r} came before: each must have an id of its own")
            seen.add(key)
        yield entry


def _id(entry: Json) -> Id:
    value = entry.value
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise entry.wrong("an id, a whole number or a text,")
    return value


def _known(entry: Json, known: Mapping[Id, Any], what: str) -> Id:
    key = _id(entry)
    if key not in known:
        raise entry.error(f"there is no {what} of the id {key!r}: add it, or drop the annotation")
    return key


def _picture(folder: Path, entry: Json) -> Path:
    name = entry.need("file_name")
    return inside(folder, name.text(), name.error)


def _folder(file: Path, entries: Mapping[Id, Json]) -> Path:
    here, split = file.parent, file.stem.rpartition("_")[2]
    places = [here, here / "images", here / split]
    # Not ".." in the path itself: messages should show where pictures are.
    up = here.resolve().parent
    places += [up / split, up / "images" / split, up / "images"]
    first = next(iter(entries.values()), None)
    if first is None:
        return here
    return next((place for place in places if _picture(place, first).is_file()), here)


def _thing(entry: Json, label: str, size: Size) -> Thing:
    crowd = entry.get("iscrowd")
    polygons, rle = _shape(entry, size)
    return Thing(
        label,
        _box(entry, polygons, rle),
        polygons,
        rle,
        crowd=crowd is not None and _flag(crowd),
    )


def _flag(entry: Json) -> bool:
    if entry.value not in (0, 1):
        raise entry.wrong("0 or 1")
    return bool(entry.value)


def _shape(entry: Json, size: Size) -> tuple[tuple[Polygon, ...], dict[str, Any] | None]:
    shape = entry.get("segmentation")
    if shape is None:
        return (), None
    if isinstance(shape.value, dict):
        return (), _run_lengths(shape, size)
    # Exporters write an empty list, or a list of one, where there is only a box.
    parts = [part for part in shape.items() if part.value != []]
    return tuple(outline(part.numbers(), part.error) for part in parts), None


def _run_lengths(shape: Json, size: Size) -> dict[str, Any]:
    sides = shape.need("size")
    height, width = (side.whole(1) for side in _pair(sides))
    if size is not None and size != (width, height):
        raise sides.error(
            f"run lengths of {width} x {height} came for an image of {size[0]} x {size[1]}"
        )
    check_pixels((width, height), sides.error)
    counts = shape.need("counts")
    rle = {"size": [height, width], "counts": counts.value}
    try:
        run_lengths(rle)
    except (ValueError, TypeError) as error:
        raise counts.error(f"the run lengths cannot be read: {error}") from error
    return rle


def _pair(entry: Json) -> list[Json]:
    found = entry.items()
    if len(found) != 2:
        raise entry.wrong("[height, width]")
    return found


def _box(entry: Json, polygons: tuple[Polygon, ...], rle: dict[str, Any] | None) -> Box:
    told = entry.get("bbox")
    if told is not None and told.value != []:
        x, y, width, height = told.numbers(4)
        return Box(x, y, x + width, y + height)
    if polygons:
        return bounds(polygons)
    if rle is None:
        raise entry.error("there is neither 'bbox' nor 'segmentation'")
    return _box_of_mask(rle, entry)


def _box_of_mask(rle: dict[str, Any], entry: Json) -> Box:
    rows, columns = np.nonzero(decode_rle(rle))
    if not rows.size:
        raise entry.error("there is no 'bbox', and the run lengths mark no pixel")
    return Box(
        float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1)
    )
