"""YOLO as Ultralytics reads it: a folder of pictures, one text file each, and a data.yaml.

    data.yaml                     path: .
    images/train/0001.jpg         train: images/train
    labels/train/0001.txt         names: {0: cat, 1: dog}

    1 0.5 0.5 0.25 0.5            class, middle x y, width, height, as shares of the picture
    0 0.1 0.1 0.9 0.1 0.9 0.9     class, then the corners of an outline

Labels are found beside pictures by this layout, so pictures are copied, unless all of them lie in
`images/<split>/` of the folder already. Another split is added to a data.yaml of the same names.

A file has boxes or outlines, never both, since Ultralytics would take a box for an outline of two
corners. Where one thing of a picture has an outline, a box beside it is written as its four
corners, an outline of several parts as one that goes from part to part and back, and run lengths as
the outline of their pixels. Crowds are left out, and so is a picture of which nobody said what is
in it.
"""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from palikit.coco import polygons
from palikit.data.records import Dataset, Polygon, Record, Thing
from palikit.errors import DataError, MissingExtraError, UsageError

from .placing import OWN_KEYS, Draft, Pictures, Report, check_free, drafted, file_of, size_of

__all__ = ["write"]

CROWDS = "crowds"
BOXES = "boxes, written as outlines of four corners"
PARTS = "outlines of several parts, joined to one"
RUNS = "run lengths, written as outlines"
LOOSE = "boxes that differ from those of their outlines"
OUTSIDE = "pictures with labels past their edge, kept, which Ultralytics passes over"


def write(dataset: Dataset, path: Path, *, copy: bool = False, split: str = "train") -> Report:
    """Write one split into a folder.

    Raises:
        UsageError: pictures that lie elsewhere without `copy`, or a place that is taken.
        DataError: the disk did not take it, or two records show one picture.
    """
    if not re.fullmatch(r"[\w-]+", split) or split in ("path", "names", "nc"):
        raise UsageError(f"split={split} cannot be the name of a split: write it like train")
    images, labels = path / "images" / split, path / "labels" / split
    check_free(labels)
    if copy:
        check_free(images)
    kept = [one for one in dataset if len(one.pictures) == 1 and one.things is not None]
    found = [thing.label for record in kept for thing in record.things or ()]
    classes = {label: i for i, label in enumerate(dict.fromkeys([*dataset.classes, *found]))}
    config = _config(path / "data.yaml", split, list(classes))
    report = _report(dataset, len(kept))
    with drafted(path) as draft:
        names = _copied(draft, images, kept) if copy else _in_place(images, kept)
        for name, record in zip(names, kept, strict=True):
            file = draft.folder / "labels" / Path(name).with_suffix(".txt")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("".join(_lines(record, classes, report)), "utf-8")
        (draft.folder / "labels").mkdir(exist_ok=True)
        (draft.folder / "data.yaml").write_text(config, "utf-8")
        draft.moves.extend([("labels", labels), ("data.yaml", path / "data.yaml")])
    return report


def _copied(draft: Draft, images: Path, records: Sequence[Record]) -> list[str]:
    pictures = Pictures(draft.folder / "pictures", shared=False)
    pictures.folder.mkdir()
    draft.moves.append(("pictures", images))
    return [pictures.copy(record.pictures[0]) for record in records]


def _in_place(images: Path, records: Sequence[Record]) -> list[str]:
    names: list[str] = []
    taken: set[str] = set()
    for record in records:
        path = file_of(record.pictures[0])
        whole = path.parent.resolve() / path.name
        if not whole.is_relative_to(images.resolve()):
            raise UsageError(
                f"{path} does not lie in {images}, where YOLO looks for it: add --copy to copy it"
            )
        name = whole.relative_to(images.resolve()).as_posix()
        stem = name.rpartition(".")[0].casefold()
        if stem in taken:
            raise DataError(
                f"{record.origin}: {name} has a file of labels already, and YOLO has one a "
                "picture: join the records, or add --copy to copy it for each"
            )
        taken.add(stem)
        names.append(name)
    return names


def _lines(record: Record, classes: dict[str, int], report: Report) -> list[str]:
    things = [thing for thing in record.things or () if not thing.crowd]
    report.left_out[CROWDS] += len(record.things or ()) - len(things)
    if not things:
        return []
    size = size_of(record)
    rows = [_shares(thing.box.xyxy, size) for thing in things]
    if any(thing.has_mask for thing in things):
        rows = [_shares(_outline(thing, size, report), size) for thing in things]
        texts = [_text(row) for row in rows]
    else:
        texts = [_text(((a + c) / 2, (b + d) / 2, c - a, d - b)) for a, b, c, d in rows]
    shares = [share for row in rows for share in row]
    if not all(map(math.isfinite, shares)):
        raise DataError(f"{record.origin} has a box that is not finite: mend it first")
    report.left_out[OUTSIDE] += any(not -1e-9 <= share <= 1 + 1e-9 for share in shares)
    return [f"{classes[thing.label]} {text}\n" for thing, text in zip(things, texts, strict=True)]


def _shares(pixels: Sequence[float], size: tuple[int, int]) -> tuple[float, ...]:
    """x, y, x, y, ... in pixels as shares of width and height."""
    return tuple(value / size[i % 2] for i, value in enumerate(pixels))


def _text(shares: Sequence[float]) -> str:
    # Twelve digits: far below a pixel of any picture, and never an exponent.
    return " ".join(f"{share:.12f}".rstrip("0").rstrip(".") for share in shares)


def _outline(thing: Thing, size: tuple[int, int], report: Report) -> Polygon:
    parts = thing.polygons
    if not parts and thing.rle is not None:
        mask = thing.mask(size)
        parts = () if mask is None else tuple(map(tuple, polygons(mask)))
        report.left_out[RUNS] += 1
    if not parts:
        report.left_out[BOXES] += 1
        x1, y1, x2, y2 = thing.box.xyxy
        return (x1, y1, x2, y1, x2, y2, x1, y2)
    report.left_out[PARTS] += len(parts) > 1
    report.left_out[LOOSE] += not _is_around(thing, parts, size)
    return _joined(parts)


def _is_around(thing: Thing, parts: Sequence[Polygon], size: tuple[int, int]) -> bool:
    xs = [x for part in parts for x in part[::2]]
    ys = [y for part in parts for y in part[1::2]]
    around = (min(xs), min(ys), max(xs), max(ys))
    pairs = enumerate(zip(thing.box.xyxy, around, strict=True))
    return all(abs(a - b) <= 1e-6 * size[i % 2] for i, (a, b) in pairs)


def _joined(parts: Sequence[Polygon]) -> Polygon:
    """One outline: each further part is walked around from the first corner of all, and back."""
    first = parts[0]
    if len(parts) == 1:
        return first
    start = first[:2]
    walked = [*first, *start]
    for part in parts[1:]:
        walked += [*part, *part[:2], *start]
    return tuple(walked)


def _config(file: Path, split: str, classes: list[str]) -> str:
    yaml = _need_yaml()
    config: dict[str, Any] = {"path": "."}
    if file.exists():
        try:
            config = yaml.safe_load(file.read_text("utf-8"))
            names = config["names"]
            names = names if isinstance(names, list) else [names[i] for i in range(len(names))]
        except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
            raise DataError(f"{file} is there already and is no data.yaml: remove it") from error
        if names != classes:
            raise UsageError(f"{file} has other names of classes: write to another folder")
    config |= {split: f"images/{split}", "names": dict(enumerate(classes))}
    return yaml.safe_dump(config, allow_unicode=True, sort_keys=False)


def _need_yaml() -> Any:
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError(
            "a data.yaml needs a package that is not installed: pip install pyyaml"
        ) from error
    return yaml


def _report(dataset: Dataset, kept: int) -> Report:
    report = Report(kept)
    for record in dataset:
        if len(record.pictures) > 1:
            report.left_out["records of several pictures"] += 1
        elif record.things is None:
            report.left_out["records without boxes"] += 1
        report.left_out.update(
            {
                "captions": len(record.captions),
                "questions": bool(record.question or record.answers),
                "prompts": bool(record.prefix or record.suffix is not None),
                "other keys": bool(record.extra.keys() - OWN_KEYS),
            }
        )
    return report
