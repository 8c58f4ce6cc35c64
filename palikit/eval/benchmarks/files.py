"""Annotation files as checked rows: every value is looked at when it is taken, never before.

    for row in json_rows(root / "val.json", "data"):
        row.label("questionId"), row.text("question"), row.texts("answers")

A Row knows where it stands ("val.json, entry 17"), so that whatever is wrong with the file becomes
one DataError that says so. Files come from strangers: they may be cut off, in another encoding,
nested without end, or name pictures outside of their folder.
"""

import csv
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, NoReturn, TypeGuard

from palikit.data.pictures import FilePicture
from palikit.data.readers.names import steps
from palikit.errors import DataError, UsageError

from .values import Item

__all__ = [
    *("Row", "checked", "choose", "csv_rows", "first", "json_object", "json_rows"),
    *("jsonl_rows", "lines", "picture", "read_json", "read_text"),
]

LONGEST_FIELD = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Row:
    """An object of a JSON file, or a line of a table, and where it stands.

    Each method that takes a value for something else than it is raises DataError with that place.
    """

    values: Mapping[str, Any]
    where: str

    def has(self, key: str) -> bool:
        """Whether the key is there and is not null."""
        return self.values.get(key) is not None

    def text(self, key: str, default: str | None = None) -> str:
        """A string; `default` where there is none."""
        value = self.values.get(key, default)
        if not _is_text(value):
            self.refuse(key, "a text")
        return value

    def label(self, key: str) -> str:
        """An id: a text or a whole number, as text."""
        value = self.values.get(key)
        if isinstance(value, bool) or not (isinstance(value, int) or (value and _is_text(value))):
            self.refuse(key, "an id")
        return str(value)

    def whole(self, key: str) -> int:
        """A whole number from 0, also where it is written as a text."""
        value = self.values.get(key)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.refuse(key, "a whole number from 0")
        return value

    def flag(self, key: str) -> bool:
        """True or false, also where it is written as 1 or 0."""
        value = self.values.get(key)
        if not isinstance(value, bool) and value not in (0, 1):
            self.refuse(key, "true or false")
        return bool(value)

    def numbers(self, key: str, count: int) -> tuple[float, ...]:
        """A list of `count` finite numbers."""
        values = self.values.get(key)
        if not isinstance(values, list) or len(values) != count or not all(map(_finite, values)):
            self.refuse(key, f"a list of {count} numbers")
        return tuple(map(float, values))

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        values = self.values.get(key)
        if not isinstance(values, list) or not all(map(_is_text, values)):
            self.refuse(key, "a list of texts")
        return tuple(values)

    def row(self, key: str) -> "Row":
        """An object."""
        value = self.values.get(key)
        if not isinstance(value, dict):
            self.refuse(key, "an object")
        return Row(value, f"{self.where}, {key}")

    def rows(self, key: str) -> list["Row"]:
        """A list of objects."""
        values = self.values.get(key)
        if not isinstance(values, list):
            self.refuse(key, "a list of objects")
        return [_row(value, f"{self.where}, {key}[{i}]") for i, value in enumerate(values)]

    def items(self) -> Iterator[tuple[str, "Row"]]:
        """Its members, all of which must be objects."""
        return ((key, _row(value, f"{self.where}, {key!r}")) for key, value in self.values.items())

    def refuse(self, key: str, wanted: str) -> NoReturn:
        """Say that the value under `key` is not what it must be."""
        if key not in self.values:
            raise DataError(f"{self.where}: there is no {key!r}, which must be {wanted}")
        raise DataError(f"{self.where}: {key!r} is {_short(self.values[key])}, not {wanted}")


def read_text(path: Path) -> str:
    """The whole of a text file, without a byte order mark.

    Raises:
        DataError: it is missing, unreadable or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError | UnicodeDecodeError) -> DataError:
    if isinstance(error, UnicodeDecodeError):
        return DataError(f"{path} is no UTF-8 text: {error}")
    return DataError(
        f"{path} cannot be read ({error.strerror or error}): the annotation files must lie under "
        "the benchmark's folder as their authors distribute them"
    )


def lines(path: Path) -> list[str]:
    """The lines of a text file that hold anything, without space around them."""
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]


def read_json(path: Path) -> Any:
    """What a JSON file holds, whatever it is; NaN and Infinity are no JSON."""
    return _parse(read_text(path), str(path))


def json_object(path: Path) -> Row:
    """A file that is one JSON object."""
    return _row(read_json(path), str(path))


def json_rows(path: Path, key: str | None = None) -> list[Row]:
    """A JSON file that is a list of objects, or an object with such a list under `key`."""
    if key is not None:
        return [Row(row.values, f"{path}, {key}[{i}]") for i, row in enumerate(_listed(path, key))]
    values = read_json(path)
    if not isinstance(values, list):
        raise DataError(f"{path} holds {_short(values)}, not a list of objects")
    return [_row(value, f"{path}, entry {i}") for i, value in enumerate(values)]


def jsonl_rows(path: Path) -> Iterator[Row]:
    """A file with one JSON object a line; read as it is taken, for some are larger than memory."""
    try:
        # "\n" alone ends a line: JSON strings may hold U+2028 and its kin as they are.
        with path.open(encoding="utf-8-sig", newline="\n") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    where = f"{path}, line {number}"
                    yield _row(_parse(line, where), where)
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def csv_rows(
    path: Path, *columns: str, only: tuple[str, Collection[str]] | None = None
) -> list[Row]:
    """A comma-separated table with a head that names at least `columns`.

    `only` is a column and its values that are wanted, for tables of which few rows are.
    """
    before = csv.field_size_limit(LONGEST_FIELD)
    table = csv.DictReader(StringIO(read_text(path), newline=""), strict=True)
    try:
        head = table.fieldnames or ()
        if missing := [column for column in columns if column not in head]:
            raise DataError(f"{path} has the columns {list(head)}, {missing} are missing")
        kept = (row for row in table if only is None or row.get(only[0]) in only[1])
        return [Row(values, f"{path}, line {table.line_num}") for values in kept]
    except csv.Error as error:
        raise DataError(f"{path}, line {table.line_num} is no table: {error}") from error
    finally:
        csv.field_size_limit(before)  # it is the whole process's, and others rely on theirs


def picture(folder: Path, name: str, where: str) -> FilePicture:
    """The file `name` under `folder`, which `name` must not leave.

    Raises:
        DataError: an empty or absolute path, or one that leads out by "..".
    """
    found = steps(name)
    if found is None:
        raise DataError(f"{where}: the picture {_short(name)} is no file under {folder}")
    return FilePicture(folder.joinpath(*found))


def first(*paths: Path) -> Path:
    """The first that exists, for authors who changed a name; the first of all where none does."""
    return next((path for path in paths if path.exists()), paths[0])


def choose(split: str | None, default: str, known: Iterable[str]) -> str:
    """The split to read.

    Raises:
        UsageError: it is none of `known`.
    """
    chosen = default if split is None else split
    if chosen not in (listed := list(known)):
        raise UsageError(f"split {chosen!r} is unknown here: choose one of {', '.join(listed)}")
    return chosen


def checked(items: Iterable[Item], path: Path) -> list[Item]:
    """The items, of which there must be some, with no id twice.

    Raises:
        DataError: two with one id, or none at all.
    """
    found: dict[str, Item] = {}
    for item in items:
        if item.id in found:
            raise DataError(f"{path}: the id {item.id!r} stands there twice")
        found[item.id] = item
    if not found:
        raise DataError(f"{path} holds no question of this split")
    return list(found.values())


def _listed(path: Path, key: str) -> list[Row]:
    return json_object(path).rows(key)


def _row(value: Any, where: str) -> Row:
    if not isinstance(value, dict):
        raise DataError(f"{where} is {_short(value)}, not an object")
    return Row(value, where)


def _parse(text: str, where: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError as error:
        raise DataError(f"{where} is nested too deeply to be an annotation file") from error
    except ValueError as error:
        raise DataError(f"{where} is no JSON: {error}") from error


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _is_text(value: Any) -> TypeGuard[str]:
    """JSON can hold halves of surrogate pairs, which are no letters and cannot be written."""
    return isinstance(value, str) and (
        value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)
    )


def _finite(value: Any) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return (whole or isinstance(value, float)) and abs(value) < 1e12


def _short(value: Any) -> str:
    told = repr(value)
    return told if len(told) <= 60 else f"{told[:57]}..."
