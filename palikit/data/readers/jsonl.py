"""JSON lines: palikit's own form, and the reference's, which is a part of it.

    {"classes": ["cat", "dog"]}
    {"image": "a.jpg", "size": [640, 480], "boxes": [{"label": "cat", "box": [12, 30, 200, 310]}]}
    {"image": "b.jpg", "boxes": []}
    {"image": "c.jpg", "question": "how many cups?", "answers": ["2", "two"]}
    {"image": "d.jpg", "captions": ["eine Katze"], "lang": "de"}
    {"image": "e.jpg", "prefix": "detect cat", "suffix": "<loc0100><loc0100><loc0900><loc0900> cat"}
    {"images": ["f1.jpg", "f2.jpg"], "prefix": "what has changed?", "suffix": "the cat left"}

A line is one record. It needs `image`, or `images` where several belong together; all else may be
absent or null:

- `boxes`: things, each a `label` and a `box` of x1, y1, x2, y2 in pixels, and if it has them
  `polygons` ([[x, y, x, y, ...], ...]) or `rle` (COCO's {"size": [height, width], "counts": ...}),
  and `crowd`. An empty list says that the picture holds nothing.
- `captions`, `question`, `answers` (one text or a list), `prefix`, `suffix`, `lang`.
- `id`, `size` ([width, height]), and `extra`, an object that is carried along. Any other key is
  carried along too.

The first line may be a header, an object whose only key is `classes`; then every label must be one
of them. A picture's name counts from the folder of the file, or from `images=`.
The reference's and Roboflow's files for PaliGemma (`image`, `prefix`, `suffix`) are of this form.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from palikit.coco import run_lengths
from palikit.data.pictures import Picture
from palikit.data.records import Dataset, Polygon, Record, Thing
from palikit.errors import DataError
from palikit.results import Box

from .boxes_files import at, check_pixels
from .text_files import (
    Fields,
    check_text,
    finite,
    labels_of,
    picture_file,
    read_json_lines,
    show,
    whole,
)

__all__ = ["read", "record"]

THING_KEYS = ("label", "box", "polygons", "rle", "crowd")
RECORD_KEYS = (
    *("id", "size", "boxes", "captions", "question", "answers", "prefix", "suffix", "lang"),
    "extra",
)


def read(path: Path, *, images: Path | None = None) -> Dataset:
    """Read one file.

    Args:
        images: the folder from which pictures are named; by default the file's own.

    Raises:
        DataError: a line that is not as above, with file and line.
    """
    folder = path.parent if images is None else images
    lines = list(read_json_lines(path))
    classes: tuple[str, ...] | None = None
    if lines and set(lines[0].values) == {"classes"}:
        classes = lines.pop(0).texts("classes")
    records = [record(line, _pictures(line, folder), "image", "images") for line in lines]
    if classes is not None:
        _check_labels(records, classes)
    return Dataset(path.name, records, labels_of(records) if classes is None else classes)


def record(fields: Fields, pictures: tuple[Picture, ...], *named_by: str) -> Record:
    """What one object of the form above says of these pictures.

    Args:
        named_by: the keys that name the pictures, which are no extra.
    """
    return Record(
        pictures=pictures,
        origin=fields.where,
        id=_id(fields),
        size=fields.size("size"),
        things=fields.each("boxes", _thing) if "boxes" in fields else None,
        captions=fields.texts("captions"),
        question=fields.text("question"),
        answers=fields.texts("answers"),
        prefix=fields.text("prefix"),
        suffix=fields.text("suffix") if "suffix" in fields else None,
        lang=fields.text("lang"),
        extra=_extra(fields, named_by),
    )


def _pictures(fields: Fields, folder: Path) -> tuple[Picture, ...]:
    if ("image" in fields) == ("images" in fields):
        raise DataError(f"{fields.where} needs either 'image' or 'images', the names of pictures")
    key = "image" if "image" in fields else "images"
    names = (fields.text(key),) if key == "image" else fields.each(key, check_text)
    if not names:
        raise DataError(f"{fields.place(key)} is empty: name at least one picture")
    return tuple(picture_file(name, folder, fields.place(key)) for name in names)


def _id(fields: Fields) -> str:
    value = fields.values.get("id")
    # Many files number their lines.
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return fields.text("id")


def _extra(fields: Fields, named_by: Iterable[str]) -> dict[str, Any]:
    others = fields.without(*named_by, *RECORD_KEYS)
    carried = fields.values.get("extra")
    if carried is None:
        return others
    if not isinstance(carried, dict):
        return {**others, "extra": carried}
    twice = sorted(others.keys() & carried.keys())
    if twice:
        raise DataError(f"{fields.place(twice[0])} stands in the line and in its 'extra'")
    return {**others, **carried}


def _thing(value: Any, where: str) -> Thing:
    fields = Fields.of(value, where)
    unknown = sorted(fields.without(*THING_KEYS))
    if unknown:
        raise DataError(f"{fields.place(unknown[0])} is no key of a box: {', '.join(THING_KEYS)}")
    if "label" not in fields:
        raise DataError(f"{where} has no 'label'")
    if "polygons" in fields and "rle" in fields:
        raise DataError(f"{where} has both 'polygons' and 'rle': give one of them")
    return Thing(
        label=fields.text("label"),
        box=_box(fields),
        polygons=fields.each("polygons", polygon),
        rle=_rle(fields) if "rle" in fields else None,
        crowd=fields.flag("crowd"),
    )


def _box(fields: Fields) -> Box:
    corners = fields.each("box", finite)
    if len(corners) != 4:
        shown = show(fields.values.get("box"))
        raise DataError(f"{fields.place('box')} is {shown}, not four numbers x1, y1, x2, y2")
    return Box(*corners)


def polygon(value: Any, where: str) -> Polygon:
    """At least three corners of two numbers each, flat.

    Raises:
        DataError: it is something else.
    """
    if not isinstance(value, list) or len(value) < 6 or len(value) % 2:
        raise DataError(f"{where} is {show(value)}, not x, y, x, y, ... of three corners or more")
    return tuple(finite(number, where) for number in value)


def _rle(fields: Fields) -> dict[str, Any]:
    """COCO's run lengths, as they stand; whether they fill the picture, `Thing.mask` finds out."""
    rle = Fields.of(fields.values["rle"], fields.place("rle"))
    size = rle.size("size")
    if size is None or set(rle.values) != {"size", "counts"}:
        raise DataError(f"{rle.where} is {show(rle.values)}, not {{'size': ..., 'counts': ...}}")
    check_pixels((size[1], size[0]), at(rle.where))
    counts = rle.values["counts"]
    kept = check_text(counts, rle.place("counts")) if isinstance(counts, str) else _runs(rle, size)
    return {"size": list(size), "counts": kept}


def _runs(rle: Fields, size: tuple[int, int]) -> list[int]:
    counts = rle.each("counts", whole)
    try:
        return run_lengths({"size": size, "counts": counts})
    except ValueError as error:
        raise DataError(f"{rle.place('counts')} cannot be run lengths: {error}") from error


def _check_labels(records: Iterable[Record], classes: tuple[str, ...]) -> None:
    known = set(classes)
    for one in records:
        for thing in one.things or ():
            if thing.label not in known:
                raise DataError(
                    f"{one.origin}: {thing.label!r} is none of the classes in the file's first "
                    "line: add it there, or mend the label"
                )
