"""Label Studio: the full JSON export, one task a picture.

    [{"id": 1, "data": {"image": "/data/upload/3/1a2b3c4d-cat.jpg"},
      "annotations": [{"was_cancelled": false, "result": [
        {"id": "x1", "type": "rectanglelabels", "original_width": 640, "original_height": 480,
         "value": {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0,
                   "rectanglelabels": ["cat"]}}]}]}]

Source: the pages "Task format" and "Export annotations" of labelstud.io. Coordinates are in
percent of the picture's width and height. A rectangle turned clockwise about its upper left corner
becomes the smallest upright box around it. `labelstudio_rle` reads brushes.

- Regions are of one annotation: the first marked as ground truth, else the first that was not
  cancelled. A region with several labels is several things.
- Choices are answers. Text areas are answers too where the task has `data.question`, else captions.
  Both are taken from all annotations that were not cancelled, each once.
- A task without annotations is one where nobody looked (`things=None`), and so are all tasks of an
  export without any region; else a task without regions holds nothing (`things=()`).
- Other results, regions without a label or a pixel, and texts about one region are left out and
  counted in `Record.extra["left_out"]`. Classes come in order of first appearance.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from palikit.coco import encode_rle
from palikit.data.pictures import FilePicture
from palikit.data.records import Dataset, Record, Thing
from palikit.results import Box

from .boxes_files import (
    Json,
    bounds,
    check_folder,
    check_pixels,
    inside,
    outline,
    read_json,
    turned,
)
from .labelstudio_rle import decode_brush

__all__ = ["read"]

Size: TypeAlias = tuple[int, int]
Shape: TypeAlias = Callable[[Json, Size], Thing | None]
"""Reads the value of a region, of a picture of that size, as a thing without a label, or None."""

IGNORED = ("relation",)
UNLABELLED = ("rectangle", "polygon", "brush")
UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")
MAX_PARTS = 20


def read(path: Path, *, images: Path | None = None, field: str = "image") -> Dataset:
    """Read a JSON export.

    Args:
        path: the file.
        images: the folder to look for pictures in, under as much of their path as is there: for
            `.../?d=a/b/cat.jpg` a/b/cat.jpg, b/cat.jpg, cat.jpg; for an upload also without the
            eight letters that Label Studio puts before its name. By default `images/` beside the
            file, and the file's folder where there is none.
        field: the key of `data` that names the picture.

    Raises:
        DataError: a file that is missing, cut short or another export, with the key that is wrong.
        UsageError: `images` is no folder.
    """
    check_folder(images)
    beside = path.parent / "images"
    folder = images or (beside if beside.is_dir() else path.parent)
    tasks = read_json(path).items()
    _check_ids(tasks)
    records = [_record(task, path, folder, field) for task in tasks]
    if not any(record.things for record in records):
        records = [replace(record, things=None) for record in records]
    labels = (thing.label for record in records for thing in record.things or ())
    return Dataset(path.stem, records, tuple(dict.fromkeys(labels)))


def _check_ids(tasks: list[Json]) -> None:
    seen: set[str] = set()
    for task in tasks:
        key = task.need("id")
        if not isinstance(key.value, (int, str)) or str(key.value) in seen:
            raise key.wrong("a whole number or text that no other task has")
        seen.add(str(key.value))


def _record(task: Json, file: Path, folder: Path, field: str) -> Record:
    if task.get("annotations") is None:
        raise task.error("the key 'annotations' is missing: export as 'JSON', not as 'JSON-MIN'")
    data = task.need("data")
    question = data.get("question")
    kept = [
        entry for entry in task.need("annotations").items() if not _flag(entry, "was_cancelled")
    ]
    first = next((entry for entry in kept if _flag(entry, "ground_truth")), None)
    first = first or next(iter(kept), None)
    left: Counter[str] = Counter()
    size, things = (None, None) if first is None else _regions(first.need("result"), left)
    choices, texts = _texts(kept, "choices", left), _texts(kept, "textarea", left)
    number = str(task.need("id").value)
    return Record(
        pictures=(FilePicture(_picture(data, field, folder)),),
        origin=f"{file}, task {number}",
        id=number,
        size=size,
        things=things,
        captions=() if question else texts,
        question="" if question is None else question.text(),
        answers=(*choices, *texts) if question else choices,
        extra={"left_out": dict(left)} if left else {},
    )


def _flag(entry: Json, name: str) -> bool:
    found = entry.get(name)
    if found is not None and not isinstance(found.value, bool):
        raise found.wrong("true or false")
    return found is not None and bool(found.value)


def _texts(annotations: list[Json], kind: str, left: Counter[str]) -> tuple[str, ...]:
    """All that was chosen or written of the picture as a whole, each once."""
    found: dict[str, None] = {}
    for annotation in annotations:
        for entry in annotation.need("result").items():
            if entry.need("type").text() != kind:
                continue
            value = entry.need("value")
            if _shape_of(value) is not None:
                left[f"{kind} of a region"] += 1
                continue
            told = value.need("choices" if kind == "choices" else "text")
            words = [told] if isinstance(told.value, str) else told.items()
            found.update((word.text(), None) for word in words)
    return tuple(found)


def _regions(result: Json, left: Counter[str]) -> tuple[Size | None, tuple[Thing, ...]]:
    """The size of the picture, where a region tells it, and the things."""
    size: Size | None = None
    things: list[Thing] = []
    entries = result.items()
    labelled = {_name(entry) for entry in entries if _labels(entry)}
    for entry in entries:
        kind = entry.need("type").text()
        labels = _labels(entry)
        shape = _shape_of(entry.need("value")) if labels else None
        if shape is not None:
            size = _size(entry, size)
            thing = shape(entry.need("value"), size)
            things += [replace(thing, label=label) for label in labels if thing]
            if thing is None:
                left[f"{kind} that marks nothing"] += 1
        elif kind in UNLABELLED and _name(entry) in labelled:
            continue  # the same region again, which its twin of type "labels" has told already
        elif kind not in (*IGNORED, "choices", "textarea"):
            left[kind if labels else f"{kind} without label"] += 1
    return size, tuple(things)


def _name(entry: Json) -> str | None:
    name = entry.get("id")
    return None if name is None else name.text()


def _labels(entry: Json) -> list[str]:
    """The labels of a region; [] of what is none, or has none."""
    kind = entry.need("type").text()
    if not kind.endswith("labels"):
        return []
    found = entry.need("value").get(kind)
    return [] if found is None else [label.text() for label in found.items()]


def _shape_of(value: Json) -> "Shape | None":
    """How the shape that a value holds is read; None where it holds none that is known."""
    keys = value.entries().keys()
    if "rle" in keys:
        return _brush
    if "points" in keys:
        return _polygon
    return _rectangle if {"x", "y", "width", "height"} <= keys else None


def _size(entry: Json, before: Size | None) -> Size:
    size = entry.size("original_width", "original_height")
    if size is None:
        raise entry.error("the keys 'original_width' and 'original_height' are missing")
    if before not in (None, size):
        raise entry.error(f"this region says the picture is {size}, an earlier one {before}")
    turn = entry.get("image_rotation")
    if turn is not None and turn.number() != 0:
        raise turn.wrong("0: a picture that was not turned in the editor")
    return size


def _rectangle(value: Json, size: Size) -> Thing:
    x, y = _percent(value.need("x"), size[0]), _percent(value.need("y"), size[1])
    width = _percent(value.need("width"), size[0])
    height = _percent(value.need("height"), size[1])
    turn = value.get("rotation")
    degrees = 0.0 if turn is None else turn.number()
    return Thing("", turned(Box(x, y, x + width, y + height), degrees, (x, y)))


def _polygon(value: Json, size: Size) -> Thing:
    points = value.need("points")
    numbers = [
        number * side / 100
        for point in points.items()
        for number, side in zip(point.numbers(2), size, strict=True)
    ]
    polygon = outline(numbers, points.error)
    return Thing("", bounds([polygon]), (polygon,))


def _brush(value: Json, size: Size) -> Thing | None:
    rle = value.need("rle")
    check_pixels(size, rle.error)
    try:
        mask = decode_brush([number.whole() for number in rle.items()], size)
    except ValueError as error:
        raise rle.error(f"the run lengths cannot be read: {error}") from error
    rows, columns = np.nonzero(mask)
    if not rows.size:
        return None  # painted, and erased again
    corners = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    return Thing("", Box(*(float(corner) for corner in corners)), rle=encode_rle(mask))


def _percent(entry: Json, side: int) -> float:
    return entry.number() * side / 100


def _picture(data: Json, field: str, folder: Path) -> Path:
    """Where the picture of a task lies, or would lie."""
    entry = data.get(field)
    if entry is None:
        keys = ", ".join(data.entries()) or "nothing"
        raise data.error(f"there is no {field!r} but {keys}: say field=KEY for the picture's key")
    name = _plain(entry)
    full = inside(folder, name, entry.error)
    parts = full.relative_to(folder).parts[-MAX_PARTS:]
    tails = [folder.joinpath(*parts[i:]) for i in range(len(parts))]
    if short := UPLOADED.match(parts[-1]):
        tails.append(folder / parts[-1][short.end() :])
    found = next((tail for tail in tails if tail.is_file()), None)
    # Where nothing is there yet, messages name the likeliest place.
    return found or (full if name == entry.value else folder / parts[-1])


def _plain(entry: Json) -> str:
    """The path in an address of Label Studio, of a web site or of a bucket; others as they are."""
    told = entry.text()
    try:
        address = urlsplit(told)
        local = parse_qs(address.query).get("d")
    except ValueError as error:
        raise entry.error(f"this address cannot be read: {error}") from error
    if address.scheme == "data":
        raise entry.error("the picture stands in the file itself: save it and name the file")
    if "local-files" in address.path and local:
        return local[0]
    if told.startswith("/data/"):
        return unquote(address.path).removeprefix("/data/")
    if "://" in told:
        return unquote(address.path).lstrip("/")
    return told
