"""Arrays of a big_vision `.npz`, one at a time and memory-mapped; never a pickle.

An `.npz` is a zip of `.npy` members. `numpy.savez` stores them uncompressed, so each can be mapped where it lies;
a compressed member is read whole when it is asked for. bfloat16 arrays appear as two-byte void and are read as such.
"""

import struct
import zipfile
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor

from palikit.errors import CheckpointError

__all__ = ["NpzFile"]

_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_PREFIX = "params/"


class NpzFile:
    """The arrays of a file by their names without `params/`.

    Raises:
        CheckpointError: the file is missing, cut off, or holds something other than arrays of numbers.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                members = {m.filename: m for m in archive.infolist()}
        except (OSError, zipfile.BadZipFile) as error:
            raise CheckpointError(
                f"{path} is not a whole .npz file ({error}): download it again"
            ) from error
        self._members = {
            name.removesuffix(".npy").removeprefix(_PREFIX): member
            for name, member in members.items()
            if name.endswith(".npy")
        }

    @property
    def keys(self) -> set[str]:
        """Names of all arrays."""
        return set(self._members)

    def shape(self, key: str) -> tuple[int, ...]:
        """An array's shape, from its header alone."""
        return self._open(key)[0]

    def read(self, key: str, index: tuple[int, ...] = ()) -> Tensor:
        """An array, or a slice of its leading axes, as a tensor over the mapped file."""
        array = self._array(key)[index]
        if array.dtype == np.dtype("V2"):
            return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
        return torch.from_numpy(array)

    def _array(self, key: str) -> np.ndarray:
        shape, dtype, fortran, offset = self._open(key)
        member = self._members[key]
        order = "F" if fortran else "C"
        if member.compress_type == zipfile.ZIP_STORED:
            start = self._data_start(member) + offset
            try:
                # Copy on write, so that torch may hold it as an ordinary tensor.
                return np.memmap(self.path, dtype, mode="c", offset=start, shape=shape, order=order)
            except ValueError as error:
                raise self._broken(key, error) from error
        with zipfile.ZipFile(self.path) as archive:
            data = archive.read(member)[offset:]
        count = int(np.prod(shape))
        return np.frombuffer(bytearray(data), dtype, count).reshape(shape, order=order)

    def _open(self, key: str) -> tuple[tuple[int, ...], np.dtype, bool, int]:
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self._members[key]) as file:
                head = BytesIO(file.read(1 << 16))
            shape, fortran, dtype = _read_header(head)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise self._broken(key, error) from error
        if dtype.hasobject or dtype.kind not in "fV" or (dtype.kind == "V" and dtype.itemsize != 2):
            raise self._broken(key, f"it holds {dtype}, not float32, float16 or bfloat16")
        return shape, dtype, fortran, head.tell()

    def _data_start(self, member: zipfile.ZipInfo) -> int:
        with self.path.open("rb") as file:
            file.seek(member.header_offset)
            header = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        name_length, extra_length = header[9], header[10]
        return member.header_offset + _LOCAL_HEADER.size + int(name_length) + int(extra_length)

    def _broken(self, key: str, why: object) -> CheckpointError:
        return CheckpointError(f"array {key!r} of {self.path} cannot be read ({why})")


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(file)
    reader = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if reader is None:
        raise ValueError(f"format version {version}")
    shape, fortran, dtype = reader(file)
    return shape, fortran, dtype
