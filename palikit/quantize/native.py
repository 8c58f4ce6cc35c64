"""The functions of our C files over tensors (those of `rows.c` and `attention.c` stand elsewhere).

PyTorch's own products of one row with a stored weight read memory at a half to two thirds of its
speed, and those of many rows in whole numbers rearrange the weight each time. Without a C compiler,
or with PALIKIT_KERNELS=off, they do the work all the same.
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch
from jaxtyping import BFloat16, Float, Int8, Int32, UInt8
from torch import Tensor

from .building import built
from .calling import (
    BLOCK,
    addresses,
    are_few,
    declare,
    fits,
    readable,
    refuse_others,
    room,
    room_for,
)
from .linear import Linear, padded_inputs

__all__ = ["Kernels", "kernels", "usable"]

SWITCH = "PALIKIT_KERNELS"

MOST_LAYERS = 3
"""That `matrices.c` takes at once."""


class Kernels:
    """The library's functions over contiguous tensors on the CPU, whose sizes C does not check.

    `half`, `int8` and `int4` are products of 1 to MOST_ROWS rows; the others take any number.

    Attributes:
        multiplies_int8: whether this processor is one for which there is `products`.
        multiplies_int4: and whether they may be of four bits.
    """

    def __init__(self, path: Path) -> None:
        """Open a built library.

        Raises:
            OSError: it cannot be loaded.
        """
        self.library = library = ctypes.CDLL(str(path))
        self._plain = declare(library.plain_rows, pointers=3, sizes=4)
        self._int8 = declare(library.int8_rows, pointers=5, sizes=3)
        self._int4 = declare(library.int4_rows, pointers=8, sizes=5)
        self._round = declare(library.round_rows, pointers=3, sizes=2)
        self._scale = declare(library.scale_sums, pointers=4, sizes=3)
        self._unpack = declare(library.unpack_int4, pointers=4, sizes=4)
        self._norm = declare(library.rms_norm, pointers=3, sizes=3, numbers=1)
        self._rotate = declare(library.rotate_rows, pointers=3, sizes=4, numbers=1)
        self._gelu = declare(library.gelu_product, pointers=2, sizes=2)
        self.multiplies_int8 = hasattr(library, "matrix_products")
        self.multiplies_int4 = hasattr(library, "multiplies_int4")
        if self.multiplies_int8:
            self._products = library.matrix_products
            self._products.restype = None
            self._products.argtypes = [
                *(ctypes.POINTER(Linear), ctypes.c_void_p, ctypes.c_int64),
                *[ctypes.c_void_p] * 4,
                *[ctypes.c_int64] * 5,
                ctypes.c_int,
            ]

    def half(self, x: Float[Tensor, "r i"], weight: BFloat16[Tensor, "o i"]) -> Tensor:
        """x Wᵀ: float32 [r, o]."""
        (rows, inputs), outputs = x.shape, len(weight)
        assert are_few(rows), rows
        assert inputs == weight.shape[1], (x.shape, weight.shape)
        x, out = x.float().contiguous(), room(rows, outputs)
        self._plain(*addresses(weight, x, out), rows, inputs, outputs, 1, torch.get_num_threads())
        return out

    def int8(
        self, x: Float[Tensor, "r i"], packed: Int8[Tensor, "o i"], scale: Float[Tensor, " o"]
    ) -> Tensor:
        """As `int8_product`, to the last bit: float32 [r, o]."""
        (rows, inputs), outputs = x.shape, len(packed)
        assert are_few(rows), rows
        assert inputs == packed.shape[1], (x.shape, packed.shape)
        x, out = x.float().contiguous(), room(rows, outputs)
        rounded = room(rows, inputs, dtype=torch.int16)
        threads = torch.get_num_threads()
        self._int8(*addresses(packed, scale, x, out, rounded), rows, inputs, outputs, threads)
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
        x, out = x.float().contiguous(), room(rows, outputs)
        rounded = room(rows, padded, dtype=torch.int8)
        sums = room(rows, len(steps), dtype=torch.int32)
        sizes = (rows, inputs, padded, outputs, padded // len(steps))
        arrays = addresses(codes, steps, offsets, scale, x, out, rounded, sums)
        self._int4(*arrays, *sizes, torch.get_num_threads())
        return out

    def products(
        self,
        x: Float[Tensor, "r i"],
        layers: Sequence[Linear],
        dtype: torch.dtype,
        *,
        gated: bool = False,
    ) -> list[Tensor]:
        """x Wᵀ + b of up to MOST_LAYERS layers, whose rows are rounded once: each [r, o].

        Each as `int8_product` and `int4_product`, to the last bit, in bfloat16 or float32. With
        `gated` there is one result, gelu(first) times second.
        """
        rows, inputs = x.shape
        padded = padded_inputs(layers)
        assert rows, x.shape
        assert padded is not None
        assert all(layer.outputs for layer in layers), layers
        assert all(layer.inputs == inputs for layer in layers), (x.shape, layers)
        assert len(layers) == 2 or (not gated and 1 <= len(layers) <= MOST_LAYERS), layers
        wanted = layers[:1] if gated else layers
        assert not gated or layers[0].outputs == layers[1].outputs
        x, halves = readable(x, dtype)
        outs = [room(rows, layer.outputs, dtype=dtype) for layer in wanted]
        rounded = room_for(rows, padded)  # by name, so that it outlives the call
        told = (Linear * len(layers))(*layers)
        self._products(
            *(told, (ctypes.c_void_p * len(outs))(*addresses(*outs)), len(outs)),
            *addresses(x, *rounded),
            *(rows, padded, *halves, int(gated), torch.get_num_threads()),
        )
        return outs

    def round_rows(
        self, x: Float[Tensor, "r i"]
    ) -> tuple[Int8[Tensor, "r i"], Float[Tensor, " r"]]:
        """As `int8.round_rows`, to the last bit."""
        x = x.float().contiguous()
        rounded, scale = room(*x.shape, dtype=torch.int8), room(len(x))
        self._round(*addresses(x, rounded, scale), *x.shape, torch.get_num_threads())
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
        arrays = addresses(sums, x_scale, scale, out)
        self._scale(*arrays, *sums.shape, out.stride(0), threads)

    def rms_norm(self, x: Float[Tensor, "... i"], weight: Tensor, eps: float) -> Tensor:
        """x / rms(x) * (1 + weight) of each row, in the dtype of x: float32 or bfloat16."""
        refuse_others(x.shape[-1], weight)
        out, weight, half = torch.empty_like(x), weight.float(), x.dtype is torch.bfloat16
        sizes = (x.numel() // x.shape[-1], x.shape[-1], int(half))
        self._norm(*addresses(x, weight, out), *sizes, eps, torch.get_num_threads())
        return out

    def gelu_product(self, x: Float[Tensor, "... i"], factor: Tensor | None) -> Tensor:
        """x becomes gelu(x), in the form with tanh, times `factor`; both float32 or bfloat16."""
        assert x.is_contiguous()
        if factor is not None:
            assert (factor.shape, factor.dtype) == (x.shape, x.dtype)
            assert factor.is_contiguous()
        half = int(x.dtype is torch.bfloat16)
        self._gelu(*addresses(x, factor), x.numel(), half, torch.get_num_threads())
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
        self._rotate(*addresses(x, cos, sin), *sizes, scale, torch.get_num_threads())
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
        out = room(padded, blocks * BLOCK, dtype=torch.int8)
        sizes = (blocks, padded, outputs, padded // len(steps))
        at = first * BLOCK
        arrays = addresses(codes[first:], steps[:, at:], offsets[:, at:], out)
        self._unpack(*arrays, *sizes, torch.get_num_threads())
        return out


def usable(*tensors: Tensor) -> Kernels | None:
    """The kernels, where they take these activations, and nobody wants a gradient."""
    if torch.is_grad_enabled() or not fits(*tensors):
        return None
    known = all(tensor.dtype in (torch.float32, torch.bfloat16) for tensor in tensors)
    return kernels() if known else None


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
