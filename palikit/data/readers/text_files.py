"""What the readers of text files share: lines of JSON, checked fields, names of pictures.

    for fields in read_json_lines(Path("train.jsonl")):
        fields.where                # 'train.jsonl:3'
        fields.text("prefix")       # 'caption en', or a DataError that names file, line and key

Label files are untrusted: whatever they hold ends in a value of the right type or in one sentence.
"""

import json
import math
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from palikit.data.pictures import FilePicture
from palikit.data.records import Record
from palikit.errors import DataError

from .names import steps

__all__ = [
    "Fields",
    "answer_text",
    "check_text",
    "finite",
    "labels_of",
    "name_within",
    "parse_json",
    "picture_file",
    "read_bytes",
    "read_json_lines",
    "show",
    "whole",
]

MAX_LINE = 64 << 20
"""A longer line, in bytes, is no record but a file of another kind."""

_SHOWN = reprlib.Repr()
_SHOWN.maxstring = _SHOWN.maxother = 60

T = TypeVar("T")


def show(value: Any) -> str:
    """A value as an error shows it: short however long or deep it is."""
    return _SHOWN.repr(value)


def read_bytes(path: Path) -> bytes:
    """A whole file.

    Raises:
        DataError: it is not there or cannot be read.
    """
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {_reason(error)}") from error


def read_json_lines(path: Path) -> Iterator["Fields"]:
    """The JSON objects of a file, one a line; blank lines are passed over.

    Only a line feed ends a line: strings may hold the other line separators of Unicode.

    Raises:
        DataError: the file cannot be read, or a line is not a JSON object in UTF-8.
    """
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE + 1):
                number += 1
                where = f"{path}:{number}"
                if len(line) > MAX_LINE:
                    raise DataError(f"{where} is longer than {MAX_LINE >> 20} MiB: no JSON lines")
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if line.strip():
                    yield Fields.of(parse_json(line, where), where)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {_reason(error)}") from error


def parse_json(data: bytes, where: str) -> Any:
    """A JSON value; NaN and the infinities, which JSON lacks, are refused.

    Raises:
        DataError: it is none, is not UTF-8, or is nested too deeply.
    """
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise DataError(f"{where} is not UTF-8 (byte {error.start}): save it as UTF-8") from error
    except json.JSONDecodeError as error:
        place = f"column {error.colno}" if error.lineno == 1 else f"line {error.lineno}"
        raise DataError(f"{where} is not JSON ({error.msg}, {place})") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is not JSON that can be read ({error})") from error


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


def check_text(value: Any, where: str) -> str:
    """Text that can be written to a file again.

    Raises:
        DataError: it is no text, or holds half a surrogate pair.
    """
    if not isinstance(value, str):
        raise DataError(f"{where} is {show(value)}, not text")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise DataError(f"{where} holds half a character at {error.start}") from error
    return value


def finite(value: Any, where: str) -> float:
    """A number that is neither infinite nor none.

    Raises:
        DataError: it is something else.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise DataError(f"{where} is {show(value)}, not a finite number")


def whole(value: Any, where: str) -> int:
    """A whole number, not below 0.

    Raises:
        DataError: it is something else.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise DataError(f"{where} is {show(value)}, not a whole number from 0 up")


@dataclass(frozen=True, slots=True)
class Fields:
    """One JSON object of a label file; a key that is null counts as absent.

        Fields({"lang": "de", "size": [640, 480]}, "a.jsonl:2").size("size")     # (640, 480)

    Each method raises DataError where the value is of another kind.
    """

    values: Mapping[str, Any]
    where: str

    @classmethod
    def of(cls, value: Any, where: str) -> "Fields":
        """From a JSON value that must be an object."""
        if not isinstance(value, dict):
            raise DataError(f"{where} is {show(value)}, not a JSON object")
        return cls(value, where)

    def __contains__(self, key: str) -> bool:
        return self.values.get(key) is not None

    def place(self, key: str) -> str:
        """What an error calls the value of this key."""
        return f"{self.where}: {key!r}"

    def text(self, key: str, default: str = "") -> str:
        """A text; `default` where it is absent."""
        return check_text(self.values[key], self.place(key)) if key in self else default

    def texts(self, key: str) -> tuple[str, ...]:
        """One text, or a list of them; () where there is none."""
        if isinstance(self.values.get(key), str):
            return (self.text(key),)
        return self.each(key, check_text)

    def each(self, key: str, read: Callable[[Any, str], T]) -> tuple[T, ...]:
        """Every item of a list through `read(item, where)`; () where there is no list."""
        items = self.values.get(key)
        if items is None:
            return ()
        if not isinstance(items, list):
            raise DataError(f"{self.place(key)} is {show(items)}, not a list")
        return tuple(read(item, f"{self.place(key)}[{i}]") for i, item in enumerate(items))

    def flag(self, key: str) -> bool:
        """True or false, which some write as 1 and 0; false where it is absent."""
        value = self.values.get(key)
        if isinstance(value, bool | int | None) and value in (None, 0, 1):
            return bool(value)
        raise DataError(f"{self.place(key)} is {show(value)}, not true or false")

    def whole(self, key: str) -> int:
        """A whole number, not below 0."""
        return whole(self.values.get(key), self.place(key))

    def size(self, key: str) -> tuple[int, int] | None:
        """Two whole numbers above 0; None where there are none."""
        if key not in self:
            return None
        sides = self.each(key, whole)
        if len(sides) != 2 or not all(sides):
            raise DataError(f"{self.place(key)} is {show(self.values[key])}, not [width, height]")
        return sides[0], sides[1]

    def without(self, *keys: str) -> dict[str, Any]:
        """Whatever else the object holds."""
        return {key: value for key, value in self.values.items() if key not in keys}


def answer_text(value: Any, where: str) -> str:
    """One of several answers: a text, or `{"answer": text, ...}`."""
    if isinstance(value, str):
        return check_text(value, where)
    return check_text(Fields.of(value, where).values.get("answer"), f"{where}: 'answer'")


def picture_file(name: str, folder: Path, where: str) -> FilePicture:
    """The picture that a label file names, from `folder` on.

    People's own files also name pictures by whole paths and by `../`, so both are taken.

    Raises:
        DataError: the name is empty, an address on the web, or no name of a file at all.
    """
    if name.startswith(("http://", "https://", "gs://", "s3://")):
        raise DataError(f"{where} is the address {show(name)}: download it and name the file")
    if not name.strip() or "\0" in name:
        raise DataError(f"{where} is {show(name)}, not the name of a picture")
    return FilePicture(folder / name)


def name_within(name: str, where: str) -> str:
    """A relative name that stays in its folder, for files that came from elsewhere as a whole.

    Raises:
        DataError: an address on the web, a whole path, or one that climbs out by `..`.
    """
    if "://" in name:
        raise DataError(f"{where} is {show(name)}: download it and name the file")
    found = steps(name)
    if found is None:
        raise DataError(f"{where} is {show(name)}, which is no name within its folder")
    return "/".join(found)


def labels_of(records: Iterable[Record]) -> tuple[str, ...]:
    """Every label in order of first appearance."""
    return tuple(dict.fromkeys(thing.label for record in records for thing in record.things or ()))


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
