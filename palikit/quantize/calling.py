"""How C is called with tensors: what it can take, where that lies, and room for it to work in."""

import ctypes
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

__all__ = [
    "BLOCK",
    "MOST_ROWS",
    "addresses",
    "are_few",
    "declare",
    "fits",
    "is_wide",
    "readable",
    "refuse_others",
    "room",
    "room_for",
    "whole_or_half",
    "wide",
]

MOST_ROWS = 4
"""Of a call; with more of them, a matrix product is faster."""

BLOCK = 64
TILE = 12
"""Rows that `matrices.c` rounds side by side."""


def are_few(rows: int) -> bool:
    """Whether `half`, `int8` and `int4` take so many; none at all is not for them."""
    return 1 <= rows <= MOST_ROWS


def whole_or_half(dtype: torch.dtype) -> torch.dtype:
    """What `products` can give of a dtype, or something wider."""
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


def room(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Memory for C, whatever dtype and device PyTorch makes tensors of by default."""
    return torch.empty(shape, dtype=dtype, device="cpu")


def is_wide(scale: Tensor) -> bool:
    """Whether C can read a weight's scales: not where its model was converted since."""
    return scale.dtype is torch.float32 and fits(scale)


def wide(bias: Tensor | None) -> Tensor | None:
    """As C reads it."""
    return None if bias is None else bias.detach().float().contiguous()


def declare(function: Any, *, pointers: int, sizes: int, numbers: int = 0) -> Callable[..., None]:
    arrays, counts = [ctypes.c_void_p] * pointers, [ctypes.c_int64] * sizes
    function.restype = None
    function.argtypes = [*arrays, *counts, *[ctypes.c_float] * numbers, ctypes.c_int]
    return cast(Callable[..., None], function)


def addresses(*tensors: Tensor | None) -> list[int | None]:
    """Addresses for C; whoever calls keeps the tensors meanwhile."""
    return [None if tensor is None else tensor.data_ptr() for tensor in tensors]


def refuse_others(count: int, *vectors: Tensor | None) -> None:
    """C reads so many numbers of each, whatever there are."""
    for vector in vectors:
        assert vector is None or vector.shape == (count,), (count, vector.shape)


def readable(x: Tensor, dtype: torch.dtype) -> tuple[Tensor, tuple[int, int]]:
    """What `matrices.c` reads, and whether that and what it writes are bfloat16."""
    assert dtype in (torch.bfloat16, torch.float32), dtype
    x = (x if x.dtype is torch.bfloat16 else x.float()).contiguous()
    return x, (int(x.dtype is torch.bfloat16), int(dtype is torch.bfloat16))


def room_for(rows: int, inputs: int) -> tuple[Tensor, Tensor, Tensor]:
    """For rows in eight bits: whole tiles of them, their scales and their sums."""
    tiles = -(-rows // TILE)
    bytes_ = room(tiles * TILE, inputs, dtype=torch.int8)
    return bytes_, room(rows), room(rows, dtype=torch.int32)
