"""Arrays of a big_vision `.npz`, one at a time and memory-mapped; never a pickle.

An `.npz` is a zip of `.npy` members. `numpy.savez` stores them uncompressed, so each can be mapped
where it lies; a compressed member is unpacked from its beginning, as far as a slice needs it.
bfloat16 arrays appear as two-byte void and are read as such.
"""

import math
import struct
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palikit.errors import CheckpointError

__all__ = ["NpzFile"]

_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_PREFIX = "params/"
_DTYPES = (np.dtype("<f4"), np.dtype("<f2"), np.dtype("V2"))
_BROKEN = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,  # encrypted
    NotImplementedError,  # packed in a way that Python does not know
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)


@dataclass(frozen=True, slots=True)
class _Header:
    """What a `.npy` member says of itself; `offset` is where its numbers begin."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    offset: int

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


class NpzFile:
    """The arrays of a file by their names without `params/`.

    Raises:
        CheckpointError: it is missing, cut off, or holds something else than arrays of numbers.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                members = {m.filename: m for m in archive.infolist()}
        except _BROKEN as error:
            raise CheckpointError(
                f"{path} is not a whole .npz file ({error}): download it again"
            ) from error
        self._members = {
            name.removesuffix(".npy").removeprefix(_PREFIX): member
            for name, member in members.items()
            if name.endswith(".npy")
        }
        self._headers: dict[str, _Header] = {}
        self._unpacking: dict[str, IO[bytes]] = {}

    @property
    def keys(self) -> set[str]:
        """Names of all arrays."""
        return set(self._members)

    def shape(self, key: str) -> tuple[int, ...]:
        """An array's shape, from its header alone."""
        return self._header(key).shape

    def read(self, key: str, index: tuple[int, ...] = ()) -> Tensor:
        """An array, or a slice of its leading axes, as a tensor over the mapped file."""
        header = self._header(key)
        stored = self._members[key].compress_type == zipfile.ZIP_STORED
        try:
            array = self._mapped(key, header)[index] if stored else self._unpack(key, header, index)
        except _BROKEN as error:
            raise self._broken(key, error) from error
        if header.dtype == np.dtype("V2"):
            # PyTorch reads aligned memory only; a zip aligns nothing.
            halves = np.require(array.view(np.int16), requirements=["A"])
            return torch.from_numpy(halves).view(torch.bfloat16)
        return torch.from_numpy(np.require(array, requirements=["A"]))

    def _mapped(self, key: str, header: _Header) -> NDArray[Any]:
        member = self._members[key]
        with self.path.open("rb") as file:
            file.seek(member.header_offset)
            local = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        name_length, extra_length = int(local[9]), int(local[10])
        start = member.header_offset + _LOCAL_HEADER.size + name_length + extra_length
        # Copy on write, so that torch may hold it as an ordinary tensor.
        return np.memmap(
            str(self.path),
            header.dtype,
            mode="c",
            offset=start + header.offset,
            shape=header.shape,
            order="F" if header.fortran else "C",
        )

    def _unpack(self, key: str, header: _Header, index: tuple[int, ...]) -> NDArray[Any]:
        # Slices are asked for in the order of the file, so one stream a member runs forward once.
        if key not in self._unpacking:
            with zipfile.ZipFile(self.path) as archive:
                self._unpacking[key] = archive.open(self._members[key])
        stream = self._unpacking[key]
        if header.fortran:
            stream.seek(header.offset)
            whole = np.frombuffer(bytearray(stream.read(header.nbytes)), header.dtype)
            return whole.reshape(header.shape[::-1]).T[index]
        axes = len(index)
        rest = header.shape[axes:]
        size = math.prod(rest) * header.dtype.itemsize
        row = int(np.ravel_multi_index(index, header.shape[:axes])) if index else 0
        stream.seek(header.offset + row * size)
        return np.frombuffer(bytearray(stream.read(size)), header.dtype).reshape(rest)

    def _header(self, key: str) -> _Header:
        if key not in self._headers:
            self._headers[key] = self._read_header(key)
        return self._headers[key]

    def _read_header(self, key: str) -> _Header:
        member = self._members[key]
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(member) as file:
                beginning = BytesIO(file.read(1 << 16))
            shape, fortran, dtype = _parse_header(beginning)
        except _BROKEN as error:
            raise self._broken(key, error) from error
        if dtype not in _DTYPES:
            raise self._broken(key, f"it holds {dtype}, not float32, float16 or bfloat16")
        header = _Header(shape, dtype, fortran, beginning.tell())
        if min(shape, default=1) < 0 or header.offset + header.nbytes != member.file_size:
            raise self._broken(key, f"its size is not that of {list(shape)} numbers")
        return header

    def _broken(self, key: str, why: object) -> CheckpointError:
        return CheckpointError(
            f"array {key!r} of {self.path} cannot be read ({why}): download it again"
        )


def _parse_header(file: BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    reader = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if reader is None:
        raise ValueError(f"format version {version}")
    shape, fortran, dtype = reader(file)
    return shape, fortran, dtype
