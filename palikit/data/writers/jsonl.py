"""palikit's JSON lines, which say all that a record can say; the form is told in `readers.jsonl`.

    {"classes": ["cat", "dog"]}
    {"image": "../train/a.jpg", "size": [640, 480], "boxes": [{"label": "cat", "box": [...]}]}

Pictures are named from the folder of the file. With `copy`, those of `train.jsonl` are copied into
`train/` beside it.
"""

from pathlib import Path
from typing import Any

from palikit.data.pictures import Picture
from palikit.data.readers.text_files import labels_of
from palikit.data.records import Dataset, Record, Thing

from .placing import (
    Pictures,
    Report,
    drafted,
    file_of,
    named_from,
    place_of_copies,
    plain_rle,
    to_json,
)

__all__ = ["write"]


def write(dataset: Dataset, path: Path, *, copy: bool = False) -> Report:
    """Write one file; another one of this name is replaced.

    Raises:
        UsageError: `path` is a folder, a picture is no file, or the place of copies is taken.
        DataError: the disk did not take it.
    """
    copies = place_of_copies(path, copy=copy, like="train.jsonl")
    with drafted(path.parent) as draft:
        pictures = Pictures(draft.folder / "pictures")

        def name(picture: Picture) -> str:
            if copy:
                return f"{copies.name}/{pictures.copy(picture)}"
            return named_from(file_of(picture), path.parent)

        with (draft.folder / "labels").open("wb") as file:
            if dataset.classes:
                labels = dict.fromkeys([*dataset.classes, *labels_of(dataset)])
                file.write(to_json({"classes": list(labels)}, str(path)) + b"\n")
            for record in dataset:
                file.write(to_json(_line(record, name), record.origin) + b"\n")
        if pictures.folder.exists():
            draft.moves.append(("pictures", copies))
        draft.moves.append(("labels", path))
    return Report(len(dataset))


def _line(record: Record, name: Any) -> dict[str, Any]:
    """Only what the record says; what is empty is absent."""
    names = [name(picture) for picture in record.pictures]
    line: dict[str, Any] = {"image": names[0]} if len(names) == 1 else {"images": names}
    if record.things is not None:
        line["boxes"] = [_thing(thing) for thing in record.things]
    if record.suffix is not None:
        line["suffix"] = record.suffix
    if record.lang:
        line["lang"] = record.lang
    for key in ("id", "size", "captions", "question", "answers", "prefix", "extra"):
        if value := getattr(record, key):
            line[key] = dict(value) if key == "extra" else value
    return line


def _thing(thing: Thing) -> dict[str, Any]:
    told: dict[str, Any] = {"label": thing.label, "box": thing.box.xyxy}
    if thing.polygons:
        told["polygons"] = thing.polygons
    elif thing.rle is not None:
        told["rle"] = plain_rle(thing.rle)
    if thing.crowd:
        told["crowd"] = True
    return told
