"""COCO: one JSON file of images, annotations and categories, and one of captions where there are.

    {"info": {"description": "fruit"},
     "images": [{"id": 17, "file_name": "a.jpg", "width": 640, "height": 480}],
     "annotations": [{"id": 1, "image_id": 17, "category_id": 1, "bbox": [12.0, 30.0, 188.0, 280.0],
                      "area": 52640.0, "iscrowd": 0, "segmentation": []}],
     "categories": [{"id": 1, "name": "cat"}]}

COCO keeps captions in a file of their own, since its tools expect a category of every annotation in
a file with categories. So things are written to `path`, and captions to `captions_` and its name
(`instances_val.json`: `captions_val.json`); where no record tells of things, captions to `path`.

A record of which nobody said what is in it (`things=None`) is no image of the first file, where it
would say that there is nothing. Ids of images and categories are kept where they are whole numbers
that differ, and counted from 1 otherwise. Names of files count from the file's folder, or from the
folder that all pictures have in common where they lie elsewhere; the report says which.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from palikit.coco import decode_rle
from palikit.data.records import Dataset, Polygon, Record, Thing

from .placing import (
    OWN_KEYS,
    Draft,
    Pictures,
    Report,
    drafted,
    file_of,
    named_from,
    place_of_copies,
    plain_rle,
    size_of,
    to_json,
)

__all__ = ["write"]

Numbered: TypeAlias = list[tuple[int, Record]]


def write(dataset: Dataset, path: Path, *, copy: bool = False) -> Report:
    """Write one file, or one of things and one of captions.

    Raises:
        UsageError: `path` is a folder, a picture is no file, or the place of copies is taken.
        DataError: the disk did not take it.
    """
    copies = place_of_copies(path, copy=copy, like="instances_train.json")
    kept = _numbered(
        [
            one
            for one in dataset
            if len(one.pictures) == 1 and (one.captions or one.things is not None)
        ]
    )
    boxed = [(number, record) for number, record in kept if record.things is not None]
    told = [(number, record) for number, record in kept if record.captions]
    report = _report(dataset, kept)
    with drafted(path.parent) as draft:
        name = _copying(draft, copies) if copy else _naming(kept, path.parent, report)
        if boxed or not told:
            _save(draft, path, _instances(dataset, boxed, name))
        if told and not boxed:
            _save(draft, path, _captions(dataset, told, name))
        elif told:
            beside = path.with_name(f"captions_{path.name.removeprefix('instances_')}")
            _save(draft, beside, _captions(dataset, told, name))
            report.notes.append(f"captions are in {beside}")
    return report


def _copying(draft: Draft, copies: Path) -> Callable[[Record], str]:
    pictures = Pictures(draft.folder / "pictures")
    pictures.folder.mkdir()
    draft.moves.append(("pictures", copies))
    return lambda record: f"{copies.name}/{pictures.copy(record.pictures[0])}"


def _naming(kept: Numbered, folder: Path, report: Report) -> Callable[[Record], str]:
    """Names from the file's folder, or from the one that holds all pictures."""
    parents = [str(file_of(record.pictures[0]).parent.resolve()) for _, record in kept]
    base = folder.resolve()
    if any(not Path(parent).is_relative_to(base) for parent in set(parents)):
        base = Path(os.path.commonpath(parents))
        report.notes.append(f"names of pictures count from {base}: read it with images={base}")
    return lambda record: named_from(file_of(record.pictures[0]), base)


def _save(draft: Draft, path: Path, value: dict[str, Any]) -> None:
    (draft.folder / path.name).write_bytes(to_json(value, str(path)) + b"\n")
    draft.moves.append((path.name, path))


def _numbered(records: Sequence[Record]) -> Numbered:
    """Each with its id, where all are whole numbers that differ; else counted from 1."""
    told = [record.id for record in records]
    numbers = [int(one) for one in told if one.isascii() and one.isdigit() and len(one) < 16]
    if [str(number) for number in numbers] != told or len(set(told)) != len(told):
        numbers = list(range(1, len(records) + 1))
    return list(zip(numbers, records, strict=True))


def _instances(dataset: Dataset, boxed: Numbered, name: Callable[[Record], str]) -> dict[str, Any]:
    categories = _categories(dataset, boxed)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, record in boxed:
        images.append(_image(number, record, name))
        for thing in record.things or ():
            entry = {"id": len(annotations) + 1, "image_id": number}
            annotations.append(entry | _annotation(thing, categories[thing.label]))
    return {
        "info": {"description": dataset.name},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": label} for label, number in categories.items()],
    }


def _captions(dataset: Dataset, told: Numbered, name: Callable[[Record], str]) -> dict[str, Any]:
    rows = [(number, caption) for number, record in told for caption in record.captions]
    return {
        "info": {"description": dataset.name},
        "images": [_image(number, record, name) for number, record in told],
        "annotations": [
            {"id": i, "image_id": number, "caption": caption}
            for i, (number, caption) in enumerate(rows, start=1)
        ],
    }


def _image(number: int, record: Record, name: Callable[[Record], str]) -> dict[str, Any]:
    width, height = size_of(record)
    return {"id": number, "file_name": name(record), "width": width, "height": height}


def _categories(dataset: Dataset, boxed: Numbered) -> dict[str, int]:
    """Each class and its number: as COCO's reader found them, else from 1."""
    found = [thing.label for _, record in boxed for thing in record.things or ()]
    labels = list(dict.fromkeys([*dataset.classes, *found]))
    told = next((record.extra.get("category_ids") for _, record in boxed), None)
    if isinstance(told, dict) and set(labels) <= told.keys():
        numbers = [told[label] for label in labels]
        if all(type(number) is int for number in numbers) and len(set(numbers)) == len(numbers):
            return dict(zip(labels, numbers, strict=True))
    return {label: i for i, label in enumerate(labels, start=1)}


def _annotation(thing: Thing, category: int) -> dict[str, Any]:
    shape: Any = [list(polygon) for polygon in thing.polygons]
    if thing.rle is not None and not shape:
        shape = plain_rle(thing.rle)
    return {
        "category_id": category,
        "bbox": list(thing.box.xywh),
        "area": _area(thing),
        "iscrowd": int(thing.crowd),
        "segmentation": shape,
    }


def _area(thing: Thing) -> float:
    """Of the mask in pixels; of the box where there is none, or none that can be read."""
    if thing.polygons:
        return float(sum(map(_polygon_area, thing.polygons)))
    if thing.rle is not None:
        try:
            return float(decode_rle(thing.rle).sum())
        except (ValueError, KeyError, TypeError, MemoryError):
            return thing.box.area
    return thing.box.area


def _polygon_area(polygon: Polygon) -> float:
    corners = list(zip(polygon[::2], polygon[1::2], strict=True))
    following = [*corners[1:], corners[0]]
    twice = (ax * by - bx * ay for (ax, ay), (bx, by) in zip(corners, following, strict=True))
    return abs(sum(twice)) / 2


def _report(dataset: Dataset, kept: Numbered) -> Report:
    report = Report(len(kept))
    renumbered = any(record.id != str(number) for number, record in kept)
    for record in dataset:
        if len(record.pictures) > 1:
            report.left_out["records of several pictures"] += 1
        elif record.things is None and not record.captions:
            report.left_out["records without boxes and captions"] += 1
        else:
            report.left_out.update(
                {
                    "questions": bool(record.question or record.answers),
                    "prompts": bool(record.prefix or record.suffix is not None),
                    "languages": bool(record.captions) and record.lang not in ("", "en"),
                    "ids that are no different whole numbers": bool(record.id) and renumbered,
                    "other keys": bool(record.extra.keys() - OWN_KEYS),
                }
            )
    return report
