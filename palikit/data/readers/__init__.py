"""Reading labels: one file a format, all of which give a `Dataset` of `Record`s.

    read_dataset("coco:annotations/instances_train.json,images=train2017")
    read_dataset("yolo:fruit/data.yaml,split=val")

A reader is a function `read(path, *, images=None, ...) -> Dataset` whose keyword arguments are what
stands after the path. A new format is one file beside this one and one row in READERS.
"""

import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from palikit.data.records import Dataset
from palikit.errors import UsageError

__all__ = ["READERS", "read_dataset"]

READERS: dict[str, str] = {
    "coco": "coco",
    "cvat": "cvat",
    "folder": "folder",
    "jsonl": "jsonl",
    "labelme": "labelme",
    "labelstudio": "labelstudio",
    "parquet": "huggingface",
    "voc": "voc",
    "vqa": "vqa",
    "webdataset": "webdataset",
    "yolo": "yolo",
}
"""Format to the module beside this one that reads it, imported when it is first asked for."""


def read_dataset(source: str) -> Dataset:
    """Read what `format:path[,option=value...]` names.

    Raises:
        UsageError: no such format or option.
        DataError: a file that is missing, truncated or of another format, with file and line.
    """
    kind, colon, rest = source.partition(":")
    if not colon or kind not in READERS:
        raise UsageError(
            f"{source!r} names no format of labels: write FORMAT:PATH, for example "
            f"coco:instances.json; formats: {', '.join(sorted(READERS))}"
        )
    path, *settings = rest.split(",")
    read: Callable[..., Dataset] = import_module(f"{__name__}.{READERS[kind]}").read
    return read(Path(path), **_options(kind, read, settings))


def _options(kind: str, read: Callable[..., Dataset], settings: list[str]) -> dict[str, Any]:
    known = {
        name: parameter
        for name, parameter in inspect.signature(read).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    options: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or name not in known:
            raise UsageError(
                f"{setting!r} is no option of {kind}: write {', '.join(f'{n}=...' for n in known)}"
            )
        options[name] = Path(value) if known[name].annotation == Path | None else value
    return options
