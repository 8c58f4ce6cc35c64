"""Parquet files of a dataset: which they are, on this machine or the hub, and pictures in cells.

    parquet_files(Path("org/fruit"), "train")     # [PosixPath('.../data/train-00000-of-00002....')]
    CellPicture(path, "image", group=0, row=3, folder=path.parent).read()

A picture is read when it is asked for. Parquet is read by groups of rows (Hugging Face writes 100
pictures a group), so the last group is kept: reading in the order of the file costs one read a
group, jumping about costs one a picture.
"""

import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from glob import glob
from pathlib import Path
from typing import Any

from palikit.data.pictures import FilePicture
from palikit.errors import DataError, ImageError, MissingExtraError, PalikitError
from palikit.weights.hub import download

from .text_files import name_within

__all__ = ["CellPicture", "need_parquet", "open_parquet", "parquet_files"]

KEPT_BYTES = 256 << 20
"""A larger group of rows is not kept, but read up to the picture."""

_SHARD = re.compile(r"(?P<split>.+?)(-\d+-of-\d+(-\w+)?|-\d+)?\.parquet")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_WANTED = ("*.parquet", "**/*.parquet")


def need_parquet() -> Any:
    """The module pyarrow.parquet.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    try:
        return importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingExtraError(
            "parquet files need pyarrow, which is not installed: pip install 'palikit[parquet]'"
        ) from error


@contextmanager
def open_parquet(path: Path, error_type: type[PalikitError] = DataError) -> Iterator[Any]:
    """The file as a pyarrow ParquetFile; what goes wrong while it is open becomes our error."""
    parquet = need_parquet()
    arrow_error = importlib.import_module("pyarrow").ArrowException
    try:
        with parquet.ParquetFile(path) as file:
            yield file
    except (arrow_error, OSError, ValueError, MemoryError) as error:
        reason = (str(error).strip() or type(error).__name__).split("\n")[0]
        raise error_type(f"{path} is not a parquet file that can be read: {reason}") from error


@dataclass(frozen=True, slots=True)
class CellPicture:
    """The picture in one cell: Hugging Face's {"bytes", "path"}, plain bytes, or a file's name.

    Attributes:
        path: of the parquet file.
        column: that holds pictures.
        group: number of the group of rows.
        row: within the group.
        folder: from which a cell without bytes names its file.
        number: of the row within the file, for messages.
    """

    path: Path
    column: str
    group: int
    row: int
    folder: Path
    number: int = field(default=0, compare=False)

    @property
    def name(self) -> str:
        return f"{self.path}: row {self.number}"

    def read(self) -> bytes:
        cell = self._cell()
        data, name = (
            (cell.get("bytes"), cell.get("path")) if isinstance(cell, dict) else (cell, cell)
        )
        if isinstance(data, bytes):
            return data
        if not isinstance(name, str):
            raise ImageError(f"{self.name} has no picture in its column {self.column!r}")
        try:
            return FilePicture(self.folder / name_within(name, f"{self.name}: its picture")).read()
        except DataError as error:
            raise ImageError(str(error)) from error

    def _cell(self) -> Any:
        try:
            changed = self.path.stat().st_mtime_ns
        except OSError as error:
            raise ImageError(f"{self.path} cannot be read: {error.strerror or error}") from error
        column = _group(self.path, self.column, self.group, changed)
        if column is not None:
            return column[self.row].as_py()
        with open_parquet(self.path, ImageError) as file:
            start = 0
            for batch in file.iter_batches(8, [self.group], [self.column], use_threads=False):
                if self.row < start + len(batch):
                    return batch.column(0)[self.row - start].as_py()
                start += len(batch)
        raise ImageError(f"{self.name} is not in the file any more")


@lru_cache(maxsize=1)
def _group(path: Path, column: str, group: int, changed: int) -> Any:
    """One column of one group of rows, None where it is too large to be kept.

    `changed` makes a file that was written anew another one.
    """
    with open_parquet(path, ImageError) as file:
        if _group_bytes(file, group, column) > KEPT_BYTES:
            return None
        return file.read_row_group(group, columns=[column], use_threads=False).column(0)


def _group_bytes(file: Any, group: int, column: str) -> int:
    rows = file.metadata.row_group(group)
    chunks = (rows.column(i) for i in range(rows.num_columns))
    return sum(
        chunk.total_uncompressed_size
        for chunk in chunks
        if chunk.path_in_schema.split(".")[0] == column
    )


def parquet_files(path: Path, split: str = "") -> list[Path]:
    """The files of one split: of a file, a folder, a glob, or a dataset on the hub.

    Raises:
        DataError: there are none, or they are of several splits and none was chosen.
    """
    if path.is_file():
        return [path]
    if path.is_dir():
        return _of_split(path, split)
    found = [Path(name) for name in sorted(glob(str(path), recursive=True))]
    if found:
        return found
    if not _HUB_ID.fullmatch(path.as_posix()) or path.suffix == ".parquet":
        raise DataError(
            f"there is no {path}: give a .parquet file, a folder or a quoted glob of them, "
            "or a dataset's name on the hub such as org/name"
        )
    return _of_split(download(path.as_posix(), _WANTED, DataError, kind="dataset"), split)


def _of_split(folder: Path, split: str) -> list[Path]:
    files = sorted(folder.rglob("*.parquet"))
    if not files:
        raise DataError(f"{folder} holds no .parquet file: give a folder that does")
    splits: dict[str, list[Path]] = {}
    for file in files:
        found = _SHARD.fullmatch(file.name)
        # Shards are called `train-00000-of-00002.parquet`, or `0000.parquet` in a folder `train`.
        name = found["split"] if found else file.stem
        splits.setdefault(file.parent.name if name.isdigit() else name, []).append(file)
    if not split and len(splits) == 1:
        return files
    if split not in splits:
        raise DataError(
            f"{folder} holds the splits {', '.join(sorted(splits)[:20])}: "
            f"write one of them, split={sorted(splits)[0]}"
        )
    return splits[split]
