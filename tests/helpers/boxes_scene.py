"""Pictures and files on disk for the tests of readers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from palikit.errors import DataError


def picture(path: Path, size: tuple[int, int] = (64, 48)) -> Path:
    """A grey picture of `size` at `path`, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "grey").save(path)
    return path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_json(path: Path, value: Any) -> Path:
    return write(path, json.dumps(value))


def put(value: Any, keys: tuple[str | int, ...], new: Any) -> Any:
    """A copy of nested lists and dictionaries with `new` where `keys` lead; DROP takes it away."""
    copy = json.loads(json.dumps(value))
    at = copy
    for key in keys[:-1]:
        at = at[key]
    if new is DROP:
        del at[keys[-1]]
    else:
        at[keys[-1]] = new
    return copy


DROP = object()


def places(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The keys that lead to all that is in nested lists and dictionaries; two of a long list."""
    keys = list(value) if isinstance(value, dict) else range(len(value) if len(value) < 9 else 2)
    found = [(*at, key) for key in keys]
    for key in keys:
        found += places(value[key], (*at, key)) if isinstance(value[key], (dict, list)) else []
    return found


def told(read: Callable[[], Any]) -> str:
    """What a reader says of a broken file; "" where it reads it. Any other error is a failure."""
    try:
        read()
    except DataError as error:
        return str(error)
    return ""


JUNK = (
    *(DROP, None, True, -1, 0, 1.5, 10**30, float("nan"), float("-inf")),
    *("", "x", "../x", "/x", "\0", "http://[", [], [[]], [1], [None], {}, {"a": 1}),
)
"""What may stand where something else was expected."""


def check_junk(read: Callable[[Path], Any], file: Path, labels: Any) -> None:
    """Junk in any place of `labels` is read, or told with the name of the file."""
    for i, keys in enumerate(places(labels)):
        for new in JUNK[i % 9 :: 9]:
            write_json(file, put(labels, keys, new))
            message = told(lambda: read(file))
            assert not message or str(file) in message
