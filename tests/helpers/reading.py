"""What a reader makes of any input at all: a dataset, or the sentence with which it refuses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from palikit.data.records import Dataset
from palikit.errors import DataError

__all__ = ["read_or_told"]


def read_or_told(
    read: Callable[..., Dataset], path: Path, **options: Any
) -> tuple[Dataset | None, str]:
    """The dataset and "", or None and the sentence of the DataError; any other exception passes."""
    try:
        return read(path, **options), ""
    except DataError as error:
        return None, str(error)
