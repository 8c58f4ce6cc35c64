"""Files that are whole or not there: written beside their place and then moved to it."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from palikit.errors import DataError, PalikitError

__all__ = ["read_json", "write_json", "write_text"]


def write_text(path: Path, text: str) -> None:
    """Write a file as a whole.

    Raises:
        PalikitError: it could not be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        why = error.strerror or error
        raise PalikitError(f"{path} could not be written ({why}): check --out") from error


def write_json(path: Path, value: Any) -> None:
    """Write JSON that any program reads: no NaN, UTF-8, one value a line at the outer levels."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        DataError: it is missing, unreadable or no JSON.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as JSON: {error}") from error
