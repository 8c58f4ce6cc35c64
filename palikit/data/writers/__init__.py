"""Writing labels: one file a format, each of which takes a `Dataset` of `Record`s.

    report = write_dataset(read_dataset("coco:instances.json"), Path("train.jsonl"), "jsonl")
    report.told()       # 'left out: languages (3)', or "" where the format can say all of it

A writer is a function `write(dataset, path, *, copy=False, ...) -> Report`. It writes whole or not
at all, and the same bytes each time. What its format cannot say is counted in the report.
"""

import inspect
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from palikit.data.records import Dataset
from palikit.errors import UsageError

if TYPE_CHECKING:
    from .placing import Report

__all__ = ["WRITERS", "write_dataset"]

WRITERS: dict[str, str] = {"coco": "coco", "jsonl": "jsonl", "yolo": "yolo"}
"""Format to the module beside this one that writes it, imported when it is first asked for."""


def write_dataset(dataset: Dataset, path: Path, kind: str, **options: Any) -> "Report":
    """Write in one of the formats of WRITERS.

    Raises:
        UsageError: no such format or option, or pictures that cannot be named without copies.
        DataError: the disk did not take it, or a record that cannot be written.
    """
    if kind not in WRITERS:
        raise UsageError(f"{kind!r} is no format that is written: {', '.join(sorted(WRITERS))}")
    write = import_module(f"{__name__}.{WRITERS[kind]}").write
    known = inspect.signature(write).parameters
    for name in options:
        if name not in known:
            raise UsageError(f"{name} is no option of {kind}: leave it out")
    return write(dataset, path, **options)
