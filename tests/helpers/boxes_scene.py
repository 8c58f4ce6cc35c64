"""Pictures and files on disk for the tests of readers."""

import json
from pathlib import Path
from typing import Any

from PIL import Image


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
