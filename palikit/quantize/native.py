"""The functions of `kernels.c`, `matrices.c` and `fused.c` over tensors, where they can be built.

PyTorch's own products of one row with a stored weight read memory at a half to two thirds of its
speed, and those of many rows in whole numbers rearrange the weight each time. Without a C compiler,
or with PALIKIT_KERNELS=off, they do the work all the same.
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

import torch
from jaxtyping import BFloat16, Float, Int8, Int32, UInt8
from torch import Tensor

from .building import built

__all__ = ["MOST_ROWS", "Kernels", "are_few", "fits", "kernels", "whole_or_half"]

MOST_ROWS = 4
"""Of a call; with more of them, a matrix product is faster."""

BLOCK = 64
TILE = 12
"""Rows that `matrices.c` rounds side by side."""

SWITCH = "PALIKIT_KERNELS"


class Kernels:
    """The library's functions over contiguous tensors on the CPU, whose sizes C does not check.

    `half`, `int8` and `int4` are products of 1 to MOST_ROWS rows; the others take any number.

    Attributes:
        has_int8_matrix: whether this processor is one for which there is `int8_matrix`.
        has_int4_matrix: and `int4_matrix`.
    """

    def __init__(self, path: Path) -> None:
        """Open a built library.

        Raises:
            OSError: it cannot be loaded.
        """
        library = ctypes.CDLL(str(path))
        self._half = _declare(library.half_rows, pointers=3, sizes=3)
        self._int8 = _declare(library.int8_rows, pointers=5, sizes=3)
        self._int4 = _declare(library.int4_rows, pointers=8, sizes=5)
        self._round = _declare(library.round_rows, pointers=3, sizes=2)
        self._scale = _declare(library.scale_sums, pointers=4, sizes=3)
        self._unpack = _declare(library.unpack_int4, pointers=4, sizes=4)
        self._norm = _declare(library.rms_norm, pointers=3, sizes=3, numbers=1)
        self._rotate = _declare(library.rotate_rows, pointers=3, sizes=4, numbers=1)
        self._gelu = _declare(library.gelu_product, pointers=2, sizes=2)
        self.has_int8_matrix = hasattr(library, "int8_matrix")
        self.has_int4_matrix = hasattr(library, "int4_matrix")
        if self.has_int8_matrix:
            self._int8_matrix = _declare(library.int8_matrix, pointers=8, sizes=5)
        if self.has_int4_matrix:
            self._int4_matrix = _declare(library.int4_matrix, pointers=10, sizes=7)

    def half(self, x: Float[Tensor, "r i"], weight: BFloat16[Tensor, "o i"]) -> Tensor:
        """x Wᵀ: float32 [r, o]."""
        (rows, inputs), outputs = x.shape, len(weight)
        assert are_few(rows), rows
        assert inputs == weight.shape[1], (x.shape, weight.shape)
        x, out = x.float().contiguous(), torch.empty(rows, outputs)
        self._half(*_at(weight, x, out), rows, inputs, outputs, torch.get_num_threads())
        return out

    def int8(
        self, x: Float[Tensor, "r i"], packed: Int8[Tensor, "o i"], scale: Float[Tensor, " o"]
    ) -> Tensor:
        """As `int8_product`, to the last bit: float32 [r, o]."""
        (rows, inputs), outputs = x.shape, len(packed)
        assert are_few(rows), rows
        assert inputs == packed.shape[1], (x.shape, packed.shape)
        x, out = x.float().contiguous(), torch.empty(rows, outputs)
        room = torch.empty(rows, inputs, dtype=torch.int16)
        threads = torch.get_num_threads()
        self._int8(*_at(packed, scale, x, out, room), rows, inputs, outputs, threads)
        return out

    def int4(
        self,
        x: Float[Tensor, "r i"],
        codes: UInt8[Tensor, "blocks padded 32"],
        steps: UInt8[Tensor, "groups o"],
        offsets: Int8[Tensor, "groups o"],
        scale: Float[Tensor, " o"],
    ) -> Tensor:
        """As `int4_product`, to the last bit: float32 [r, o]."""
        (rows, inputs), padded, outputs = x.shape, codes.shape[1], len(scale)
        assert are_few(rows), rows
        assert inputs <= padded, (x.shape, codes.shape)
        x, out = x.float().contiguous(), torch.empty(rows, outputs)
        room = torch.empty(rows, padded, dtype=torch.int8)
        sums = torch.empty(rows, len(steps), dtype=torch.int32)
        sizes = (rows, inputs, padded, outputs, padded // len(steps))
        arrays = _at(codes, steps, offsets, scale, x, out, room, sums)
        self._int4(*arrays, *sizes, torch.get_num_threads())
        return out

    def int8_matrix(
        self,
        x: Float[Tensor, "r i"],
        packed: Int8[Tensor, "o i"],
        scale: Float[Tensor, " o"],
        bias: Tensor | None,
        dtype: torch.dtype,
    ) -> Tensor:
        """As `int8_product`, to the last bit: [r, o] of bfloat16 or float32."""
        (rows, inputs), outputs = x.shape, len(packed)
        assert inputs == packed.shape[1], (x.shape, packed.shape)
        _refuse_others(outputs, scale, bias)
        x, halves = _readable(x, dtype)
        out, bias = torch.empty(rows, outputs, dtype=dtype), None if bias is None else bias.float()
        room = _room(rows, -(-inputs // BLOCK) * BLOCK)  # by name, so that it outlives the call
        arrays = _at(packed, scale, bias, x, out, *room)
        self._int8_matrix(*arrays, rows, inputs, outputs, *halves, torch.get_num_threads())
        return out

    def int4_matrix(
        self,
        x: Float[Tensor, "r i"],
        codes: UInt8[Tensor, "blocks padded 32"],
        steps: UInt8[Tensor, "groups o"],
        offsets: Int8[Tensor, "groups o"],
        scale: Float[Tensor, " o"],
        bias: Tensor | None,
        outputs: int,
        dtype: torch.dtype,
    ) -> Tensor:
        """As `int4_product`, to the last bit: so many outputs, of bfloat16 or float32."""
        (rows, inputs), padded = x.shape, codes.shape[1]
        assert inputs <= padded, (x.shape, codes.shape)
        assert -(-outputs // BLOCK) == len(codes), (outputs, codes.shape)
        _refuse_others(len(codes) * BLOCK, scale, steps[0])
        _refuse_others(outputs, bias)
        x, halves = _readable(x, dtype)
        out, bias = torch.empty(rows, outputs, dtype=dtype), None if bias is None else bias.float()
        room = _room(rows, padded)
        arrays = _at(codes, steps, offsets, scale, bias, x, out, *room)
        sizes = (rows, inputs, padded, outputs, padded // len(steps))
        self._int4_matrix(*arrays, *sizes, *halves, torch.get_num_threads())
        return out

    def round_rows(
        self, x: Float[Tensor, "r i"]
    ) -> tuple[Int8[Tensor, "r i"], Float[Tensor, " r"]]:
        """As `int8.round_rows`, to the last bit."""
        x = x.float().contiguous()
        rounded, scale = torch.empty(x.shape, dtype=torch.int8), torch.empty(len(x))
        self._round(*_at(x, rounded, scale), *x.shape, torch.get_num_threads())
        return rounded, scale

    def scale_sums(
        self,
        sums: Int32[Tensor, "r o"],
        x_scale: Float[Tensor, " r"],
        scale: Float[Tensor, " o"],
        out: Float[Tensor, "r o"],
    ) -> None:
        """sums * x_scale[:, None] * scale, into `out`, whose rows may be parts of longer ones."""
        assert out.stride(1) == 1
        threads = torch.get_num_threads()
        arrays = _at(sums, x_scale, scale, out)
        self._scale(*arrays, *sums.shape, out.stride(0), threads)

    def rms_norm(self, x: Float[Tensor, "... i"], weight: Tensor, eps: float) -> Tensor:
        """x / rms(x) * (1 + weight) of each row, in the dtype of x: float32 or bfloat16."""
        _refuse_others(x.shape[-1], weight)
        out, weight, half = torch.empty_like(x), weight.float(), x.dtype is torch.bfloat16
        sizes = (x.numel() // x.shape[-1], x.shape[-1], int(half))
        self._norm(*_at(x, weight, out), *sizes, eps, torch.get_num_threads())
        return out

    def gelu_product(self, x: Float[Tensor, "... i"], factor: Tensor | None) -> Tensor:
        """x becomes gelu(x), in the form with tanh, times `factor`; both float32 or bfloat16."""
        assert x.is_contiguous()
        if factor is not None:
            assert (factor.shape, factor.dtype) == (x.shape, x.dtype)
            assert factor.is_contiguous()
        half = int(x.dtype is torch.bfloat16)
        self._gelu(*_at(x, factor), x.numel(), half, torch.get_num_threads())
        return x

    def rotate(
        self,
        x: Float[Tensor, "B T channels"],
        cos: Float[Tensor, "B 1 T pairs"],
        sin: Float[Tensor, "B 1 T pairs"],
        scale: float,
    ) -> Tensor:
        """x, float32 or bfloat16, becomes `gemma.rotate` of its heads, times `scale`."""
        rows, pairs = x.shape[0] * x.shape[1], cos.shape[-1]
        assert x.is_contiguous()
        assert x.shape[2] % (2 * pairs) == 0, (x.shape, cos.shape)
        assert cos.numel() == sin.numel() == rows * pairs, (x.shape, cos.shape)
        sizes = (rows, x.shape[2] // (2 * pairs), pairs, int(x.dtype is torch.bfloat16))
        self._rotate(*_at(x, cos, sin), *sizes, scale, torch.get_num_threads())
        return x

    def unpack_int4(
        self,
        codes: UInt8[Tensor, "blocks padded 32"],
        steps: UInt8[Tensor, "groups o"],
        offsets: Int8[Tensor, "groups o"],
        first: int,
        blocks: int,
    ) -> Int8[Tensor, "padded outputs"]:
        """As `int4.unpack_int4` of so many blocks from the first."""
        padded, outputs = codes.shape[1], steps.shape[1]
        out = torch.empty(padded, blocks * BLOCK, dtype=torch.int8)
        sizes = (blocks, padded, outputs, padded // len(steps))
        at = first * BLOCK
        arrays = _at(codes[first:], steps[:, at:], offsets[:, at:], out)
        self._unpack(*arrays, *sizes, torch.get_num_threads())
        return out


def are_few(rows: int) -> bool:
    """Whether `half`, `int8` and `int4` take so many; none at all is not for them."""
    return 1 <= rows <= MOST_ROWS


def whole_or_half(dtype: torch.dtype) -> torch.dtype:
    """What `int8_matrix` and `int4_matrix` can give of a dtype, or something wider."""
    return dtype if dtype is torch.bfloat16 else torch.float32


def fits(*tensors: Tensor) -> bool:
    """Whether the kernels can read these."""
    if torch.compiler.is_compiling():
        return False
    # Asked some hundred times a token, so without a generator or a device's name.
    for tensor in tensors:  # noqa: SIM110
        if not (tensor.is_cpu and tensor.is_contiguous()):
            return False
    return True


@cache
def kernels() -> Kernels | None:
    """The library, built if it is not yet; None where it cannot be or is not wanted."""
    compiler = shutil.which(os.environ.get("CC") or "cc")
    if compiler is None or os.name != "posix" or os.environ.get(SWITCH) == "off":
        return None
    try:
        return Kernels(built(compiler))
    # Whatever this machine lacks, PyTorch's own kernels do the same.
    except (OSError, subprocess.SubprocessError):
        return None


def _declare(function: Any, *, pointers: int, sizes: int, numbers: int = 0) -> Callable[..., None]:
    arrays, counts = [ctypes.c_void_p] * pointers, [ctypes.c_int64] * sizes
    function.restype = None
    function.argtypes = [*arrays, *counts, *[ctypes.c_float] * numbers, ctypes.c_int]
    return cast(Callable[..., None], function)


def _at(*tensors: Tensor | None) -> list[int | None]:
    return [None if tensor is None else tensor.data_ptr() for tensor in tensors]


def _refuse_others(count: int, *vectors: Tensor | None) -> None:
    """C reads so many numbers of each, whatever there are."""
    for vector in vectors:
        assert vector is None or vector.shape == (count,), (count, vector.shape)


def _readable(x: Tensor, dtype: torch.dtype) -> tuple[Tensor, tuple[int, int]]:
    """What `matrices.c` reads, and whether that and what it writes are bfloat16."""
    assert dtype in (torch.bfloat16, torch.float32), dtype
    x = (x if x.dtype is torch.bfloat16 else x.float()).contiguous()
    return x, (int(x.dtype is torch.bfloat16), int(dtype is torch.bfloat16))


def _room(rows: int, inputs: int) -> tuple[Tensor, Tensor, Tensor]:
    """For rows in eight bits: whole tiles of them, their scales and their sums."""
    tiles = -(-rows // TILE)
    bytes_ = torch.empty(tiles * TILE, inputs, dtype=torch.int8)
    return bytes_, torch.empty(rows), torch.empty(rows, dtype=torch.int32)
