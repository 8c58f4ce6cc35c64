"""What readers of boxes and outlines share: files, numbers, paths, and where an error stands.

    read_json(path).need("annotations").items()[17].need("bbox").numbers(4)
    DataError: labels.json, annotations[17].bbox: 3 numbers came where 4 were expected

Label files come from strangers. A number must be finite, a path must stay in its folder, and each
error names the file and the key or line.
"""

import json
import math
import reprlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from palikit.data.records import Polygon
from palikit.errors import DataError, PalikitError, UsageError
from palikit.inputs.image import MAX_PIXELS
from palikit.results import Box

from .names import steps

__all__ = [
    "Fail",
    "Json",
    "at",
    "bounds",
    "check_folder",
    "check_pixels",
    "inside",
    "outline",
    "read_json",
    "read_text",
    "to_number",
    "turned",
]

Fail: TypeAlias = Callable[[str], PalikitError]
"""Makes an error of what is wrong by adding where it stands."""


def at(where: str) -> Fail:
    """Errors that stand at `where`, such as `"a.txt, line 3"`."""
    return lambda message: DataError(f"{where}: {message}")


def read_text(path: Path) -> str:
    """A UTF-8 file, with or without a byte order mark.

    Raises:
        DataError: it is missing, a folder, or of another encoding.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path}, line {line}: this is not UTF-8: save the file as UTF-8"
        ) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise DataError(f"{path} cannot be read ({why}): check the path") from error


def read_json(path: Path) -> "Json":
    """The value that a JSON file holds.

    Raises:
        DataError: it is missing, empty, cut short, too deeply nested or no JSON, with the line.
    """
    text = read_text(path)
    try:
        return Json(json.loads(text), path)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}, line {error.lineno}, column {error.colno}: this is not JSON "
            f"({error.msg}): the file may be cut short"
        ) from error
    except RecursionError as error:
        raise DataError(f"{path} is nested too deeply for a file of labels") from error
    except ValueError as error:  # a number of thousands of digits
        raise DataError(f"{path} holds a number that cannot be read: {error}") from error


class Json:
    """A value of a JSON file that knows where it stands.

    Each method that takes it for something else than it is raises DataError with that place.
    """

    # No dataclass: a file of a million annotations makes several million of these.
    __slots__ = ("_key", "_parent", "value")

    def __init__(self, value: Any, parent: "Json | Path", key: str = "") -> None:
        self.value = value
        self._parent = parent
        self._key = key

    def error(self, message: str) -> DataError:
        """`message` with the file and the path of keys before it."""
        keys, at = "", self
        while isinstance(at._parent, Json):
            keys, at = at._key + keys, at._parent
        place = keys.removeprefix(".")
        return DataError(f"{at._parent}{', ' if place else ''}{place}: {message}")

    def wrong(self, expected: str) -> DataError:
        """An error that shows the value and what it should have been."""
        return self.error(f"{reprlib.repr(self.value)} came where {expected} was expected")

    def get(self, key: str) -> "Json | None":
        """What an object holds under `key`; None where it has no such key, or null."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object {...}")
        value = self.value.get(key)
        return None if value is None else Json(value, self, f".{key}")

    def need(self, key: str) -> "Json":
        """As `get`, for what must be there."""
        found = self.get(key)
        if found is None:
            raise self.error(f"the key {key!r} is missing")
        return found

    def entries(self) -> "dict[str, Json]":
        """What an object holds, by its keys."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object {...}")
        return {key: Json(value, self, f".{key}") for key, value in self.value.items()}

    def items(self) -> "list[Json]":
        """What a list holds."""
        if not isinstance(self.value, list):
            raise self.wrong("a list [...]")
        return [Json(value, self, f"[{i}]") for i, value in enumerate(self.value)]

    def number(self) -> float:
        """A finite number."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.wrong("a number")
        try:
            number = float(value)
        except OverflowError as error:
            raise self.wrong("a finite number") from error
        if not math.isfinite(number):
            raise self.wrong("a finite number")
        return number

    def numbers(self, count: int | None = None) -> tuple[float, ...]:
        """A list of finite numbers, of which there must be `count` where it is given."""
        found = _plain_numbers(self.value)
        if found is None:  # the slow way names the one that is wrong
            found = tuple(item.number() for item in self.items())
        if count is not None and len(found) != count:
            raise self.error(f"{len(found)} numbers came where {count} were expected")
        return found

    def whole(self, low: int = 0) -> int:
        """A whole number of at least `low`; 640.0 counts as one."""
        number = self.number()
        if number < low or not number.is_integer():
            raise self.wrong(f"a whole number of at least {low}")
        return int(self.value)

    def text(self) -> str:
        """Words: not empty, not only space."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.wrong("a text that is not empty")
        return self.value

    def size(self, width: str = "width", height: str = "height") -> tuple[int, int] | None:
        """(width, height) under these two keys; None where one of them is missing."""
        sides = self.get(width), self.get(height)
        if sides[0] is None or sides[1] is None:
            return None
        return sides[0].whole(1), sides[1].whole(1)


def _plain_numbers(values: Any) -> tuple[float, ...] | None:
    """A list of finite numbers at once, or None."""
    if not isinstance(values, list) or not {int, float}.issuperset(map(type, values)):
        return None
    try:
        found = tuple(map(float, values))
    except OverflowError:
        return None
    return found if all(map(math.isfinite, found)) else None


def to_number(text: str) -> float | None:
    """A finite number in plain digits, or None; Python's own 1_000 and ١٢ are none."""
    if not text.isascii() or "_" in text:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def inside(folder: Path, name: str, fail: Fail) -> Path:
    """The file that a label file calls `name`, which must be in `folder`.

    Raises:
        DataError: an absolute path, or one that leads out of the folder.
    """
    found = steps(name)
    if found is None:
        raise fail(
            f"the path {reprlib.repr(name)} leads out of {folder}: name pictures relative to that "
            "folder, or say images=FOLDER for another"
        )
    return folder.joinpath(*found)


def check_folder(images: Path | None) -> None:
    """Whether the folder that the user named is there.

    Raises:
        UsageError: it is not.
    """
    if images is not None and not images.is_dir():
        raise UsageError(f"images={images} is no folder: name the folder that holds the pictures")


def check_pixels(size: tuple[int, int], fail: Fail) -> None:
    """Whether a mask of this (width, height) may be made: no more pixels than a picture may have.

    Raises:
        DataError: it is larger.
    """
    if size[0] * size[1] > MAX_PIXELS:
        raise fail(f"a mask of {size[0]} x {size[1]} is larger than {MAX_PIXELS:,} pixels")


def outline(numbers: Sequence[float], fail: Fail) -> Polygon:
    """x, y, x, y, … as a polygon.

    Raises:
        DataError: an odd count, or fewer than three corners.
    """
    if len(numbers) < 6 or len(numbers) % 2:
        raise fail(
            f"{len(numbers)} numbers came where an outline x y x y ... of at least three corners "
            "was expected"
        )
    return tuple(numbers)


def bounds(polygons: Iterable[Sequence[float]]) -> Box:
    """The smallest box around all corners."""
    xs = [x for polygon in polygons for x in polygon[::2]]
    ys = [y for polygon in polygons for y in polygon[1::2]]
    return Box(min(xs), min(ys), max(xs), max(ys))


def turned(box: Box, degrees: float, pivot: tuple[float, float]) -> Box:
    """The smallest box around `box` turned clockwise, as one sees it, about `pivot`."""
    if degrees == 0:
        return box
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    corners: list[float] = []
    for x, y in ((box.x1, box.y1), (box.x2, box.y1), (box.x2, box.y2), (box.x1, box.y2)):
        dx, dy = x - pivot[0], y - pivot[1]
        corners += (pivot[0] + dx * cos - dy * sin, pivot[1] + dx * sin + dy * cos)
    return bounds([corners])
