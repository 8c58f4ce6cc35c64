"""Questions about pictures as VQAv2 writes them: a file of questions and a file of annotations.

    {"data_subtype": "val2014", "questions": [
        {"image_id": 42, "question": "What is this?", "question_id": 42000}]}
    {"annotations": [{"question_id": 42000, "image_id": 42, "question_type": "what is this",
        "answer_type": "other", "answers": [{"answer": "net", "answer_id": 1}]}]}

    vqa:questions.json,annotations=annotations.json,images=val2014

Answers may also stand with the questions, as texts or as objects: a list under `data`, as in
TextVQA, or the whole file a list, as in VizWiz. All answers are kept, in their order.

A picture is named by `image` where there is one, else by `image_id`. A number is looked for as
COCO_val2014_000000000042.jpg (the middle being `data_subtype`), 000000000042.jpg and 42.jpg, or as
`pattern=` says; a name without ending with the endings of pictures. One that is not in the folder
gets the first of these names, so that a check of the records can say which file is missing.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from palikit.data.pictures import Picture
from palikit.data.records import Dataset, Record
from palikit.errors import DataError, UsageError
from palikit.inputs.picture_names import SUFFIXES

from .text_files import (
    Fields,
    answer_text,
    check_text,
    parse_json,
    picture_file,
    read_bytes,
)

__all__ = ["read"]

QUESTION_KEYS = ("image", "image_id", "question", "question_id", "answers")
_NUMBER = re.compile(r"%(0?\d{0,2})d")


def read(
    path: Path,
    *,
    images: Path | None = None,
    annotations: Path | None = None,
    pattern: str | None = None,
) -> Dataset:
    """Read a file of questions.

    Args:
        images: the folder of the pictures; by default the file's own.
        annotations: the file of the answers, where they have one of their own.
        pattern: of a picture's name, with one `%012d` or the like where its number stands.

    Raises:
        DataError: a file of another form, or a question that the annotations lack.
        UsageError: a pattern without a number.
    """
    top = parse_json(read_bytes(path), str(path))
    answers = {} if annotations is None else _answers(annotations)
    subtype = top.get("data_subtype") if isinstance(top, dict) else None
    finder = _finder(path.parent if images is None else images, _patterns(pattern, subtype))
    records = [
        _record(question, finder, None if annotations is None else answers)
        for question in _objects(top, ("questions", "data"), str(path))
    ]
    return Dataset(path.name, records)


@dataclass(frozen=True, slots=True)
class _Finder:
    """Finds pictures by number or name in a folder that is listed once."""

    folder: Path
    patterns: tuple[str, ...]
    present: frozenset[str]

    def find(self, image: int | str, where: str) -> Picture:
        names = self._names(image)
        found = next((name for name in names if name in self.present), names[0])
        return picture_file(found, self.folder, where)

    def _names(self, image: int | str) -> Sequence[str]:
        if isinstance(image, int):
            return [pattern % image for pattern in self.patterns]
        if Path(image).suffix.lower() in SUFFIXES:
            return [image]
        return [image + suffix for suffix in (".jpg", *sorted(SUFFIXES))]


def _finder(folder: Path, patterns: tuple[str, ...]) -> _Finder:
    try:
        return _Finder(folder, patterns, frozenset(os.listdir(folder)))
    except OSError as error:
        raise DataError(
            f"the folder of pictures {folder} cannot be read: give images=FOLDER"
        ) from error


def _patterns(pattern: str | None, subtype: Any) -> tuple[str, ...]:
    if pattern is not None:
        if len(_NUMBER.findall(pattern)) != 1 or pattern.count("%") != 1:
            raise UsageError(
                f"pattern={pattern} has no number: write it like COCO_val2014_%012d.jpg"
            )
        return (pattern,)
    plain = ("%012d.jpg", "%d.jpg")
    if isinstance(subtype, str) and re.fullmatch(r"[\w-]+", subtype):
        return (f"COCO_{subtype}_%012d.jpg", *plain)
    return plain


def _objects(top: Any, keys: Sequence[str], name: str) -> Iterator[Fields]:
    key = next((key for key in keys if isinstance(top, dict) and key in top), None)
    items = top if key is None else top[key]
    if not isinstance(items, list):
        raise DataError(f"{name} has no list of {keys[0]!r}: give a file in VQAv2's form")
    for i, item in enumerate(items):
        yield Fields.of(item, f"{name}: {key or ''}[{i}]")


def _answers(path: Path) -> dict[int | str, Fields]:
    """Annotations by the number of their question."""
    found: dict[int | str, Fields] = {}
    for fields in _objects(parse_json(read_bytes(path), str(path)), ("annotations",), str(path)):
        number = _number(fields, "question_id")
        if number in found:
            raise DataError(f"{fields.where}: question {number} has annotations already")
        found[number] = fields
    return found


def _record(question: Fields, finder: _Finder, answers: dict[int | str, Fields] | None) -> Record:
    number = _number(question, "question_id") if "question_id" in question else ""
    extra = question.without(*QUESTION_KEYS)
    told = question
    if answers is not None:
        if number not in answers:
            raise DataError(f"{question.where}: question {number} is not in the annotations")
        told = answers[number]
        extra |= told.without(*QUESTION_KEYS)
    if "question" not in question:
        raise DataError(f"{question.where} has no 'question'")
    key = "image" if "image" in question else "image_id"
    image = _number(question, key)
    return Record(
        pictures=(finder.find(image, question.place(key)),),
        origin=question.where,
        id=str(number),
        question=question.text("question"),
        answers=told.each("answers", answer_text),
        extra=extra if key == "image" else {"image_id": image, **extra},
    )


def _number(fields: Fields, key: str) -> int | str:
    """A number or a name; datasets use both."""
    value = fields.values.get(key)
    return check_text(value, fields.place(key)) if isinstance(value, str) else fields.whole(key)
