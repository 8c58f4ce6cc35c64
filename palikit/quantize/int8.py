"""Weights in eight bits: whole numbers from -127 to 127, and one scale for each output channel.

A product takes its activations in eight bits too, with one scale for each row, found anew each time
(per-row dynamic quantisation), so that the sums are exact in 32-bit integers and only the roundings
to eight bits remain; a row's result does not depend on what else is in its batch.

Rows go through kernels of `native.py` where there are some, a few through another than many, or
through `torch._int_mm`, which on a CPU takes any shape, with the same result. The alternative,
`_weight_int8pack_mm`, is written for bfloat16 alone (in float32 it was 20 to 400 times slower) and
slower at one row as well.
"""

import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor
from torch.nn import functional as F

from .calling import are_few, fits, is_wide, room, whole_or_half, wide
from .frozen import frozen_product
from .linear import Linear, int8_linear
from .native import kernels
from .packed import Packed, PackedLinear, finished, refuse_nonfinite

__all__ = [
    "Int8Embedding",
    "Int8Linear",
    "int8_product",
    "int_mm",
    "pack_int8",
    "round_rows",
    "unpack_int8",
]

LEVELS = 127
"""Largest whole number; -128 is not used, so that a weight and its negative are stored alike."""

BLOCK_NUMBERS = 1 << 20
"""Weights that are rounded at once, in float32: 4 MB, whatever the size of the whole."""

BLOCK_OUTPUTS = 1024
"""Outputs of a product of many rows at once: a megabyte of sums for a picture's tokens."""


def pack_int8(
    weight: Float[Tensor, "o i"], levels: int = LEVELS
) -> tuple[Int8[Tensor, "o i"], Float[Tensor, " o"]]:
    """Each row as whole numbers, and the scale that gives it back within half a step.

    `[[1.0, -0.25]]` -> `[[127, -32]], [1 / 127]`. A row of zeros has scale 0.

    Raises:
        CheckpointError: there is a NaN or an infinity among the weights.
    """
    packed = torch.empty(weight.shape, dtype=torch.int8, device=weight.device)
    scale = torch.empty(len(weight), dtype=torch.float32, device=weight.device)
    step = max(1, BLOCK_NUMBERS // weight.shape[1])
    for start in range(0, len(weight), step):
        rows = slice(start, start + step)
        packed[rows], scale[rows] = round_rows(weight[rows].float(), levels)
    refuse_nonfinite(scale)
    return packed, scale


def unpack_int8(packed: Int8[Tensor, "o i"], scale: Float[Tensor, " o"]) -> Float[Tensor, "o i"]:
    """The weights that `pack_int8` stored, float32."""
    return packed * scale[:, None]


def int8_product(
    x: Float[Tensor, "r i"],
    packed: Int8[Tensor, "o i"],
    scale: Float[Tensor, " o"],
    bias: Float[Tensor, " o"] | None = None,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "r o"]:
    """x Wᵀ + b, both sides of the product in eight bits; every way has the same bits."""
    native = kernels() if fits(packed) and is_wide(scale) else None
    if native is None:
        rounded, x_scale = round_rows(x.float())
        sums = int_mm(rounded, packed.t())
        return finished(sums.float().mul_(x_scale[:, None]).mul_(scale), bias, dtype)
    if are_few(len(x)):
        return finished(native.int8(x, packed, scale), bias, dtype)
    if native.multiplies_int8 and len(x):
        held = wide(bias)  # by name, so that it outlives the call
        layer = int8_linear(packed, scale, held)
        return native.products(x, [layer], whole_or_half(dtype))[0].to(dtype)
    rounded, x_scale = native.round_rows(x)
    out = room(len(x), len(packed))
    # A block at a time, so that its sums are still in the processor's cache when they are scaled.
    for start in range(0, len(packed), BLOCK_OUTPUTS):
        block = slice(start, start + BLOCK_OUTPUTS)
        sums = int_mm(rounded, packed[block].t())
        native.scale_sums(sums, x_scale, scale[block], out[:, block])
    return finished(out, bias, dtype)


def round_rows(
    x: Float[Tensor, "r i"], levels: int = LEVELS
) -> tuple[Int8[Tensor, "r i"], Float[Tensor, " r"]]:
    """Each row in whole numbers of its own largest one over `levels`."""
    scale = x.abs().amax(dim=1) / levels
    # The inverse of anything smaller overflows: such a row counts as zeros.
    scale = torch.where(scale < torch.finfo(torch.float32).tiny, 0.0, scale)
    inverse = torch.where(scale == 0, 0.0, 1 / scale)
    return (x * inverse[:, None]).round_().to(torch.int8), scale


def int_mm(x: Int8[Tensor, "r i"], columns: Int8[Tensor, "i o"]) -> Int[Tensor, "r o"]:
    """Exact products in 32 bits."""
    if x.shape[1] == 1:  # for one input the CPU's kernel returns memory that it never wrote
        return x.int() * columns.int()
    if x.device.type != "cuda":
        return torch._int_mm(x, columns)
    # There the kernel wants more than 16 rows, sizes in multiples of 8, and columns one by one.
    (rows, inputs), outputs = x.shape, columns.shape[1]
    x = _padded(x, -inputs % 8, max(0, 17 - rows))
    by_column = _padded(columns.t(), -inputs % 8, -outputs % 8).contiguous()
    return torch._int_mm(x, by_column.t())[:rows, :outputs]


def _padded(x: Int8[Tensor, "r i"], inputs: int, rows: int) -> Int8[Tensor, "R I"]:
    # `F.pad` by nothing is a copy, which for a weight would be most of the work.
    return F.pad(x, (0, inputs, 0, rows)) if inputs or rows else x


class Int8Linear(PackedLinear):
    """A linear layer with `pack_int8`'s numbers for its weight."""

    packed: Tensor
    scale: Tensor

    def __init__(
        self, inputs: int, outputs: int, *, bias: bool, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__(inputs, outputs, bias=bias, dtype=dtype)
        self.register_buffer("packed", torch.empty(outputs, inputs, dtype=torch.int8))
        self.register_buffer("scale", torch.empty(outputs))

    def pack(self, weight: Float[Tensor, "o i"]) -> None:
        """As `pack_int8`."""
        packed, scale = pack_int8(weight)
        self._replace(packed=packed, scale=scale)

    def unpack(self, outputs: slice = slice(None)) -> Float[Tensor, "o i"]:
        """As `unpack_int8`."""
        return unpack_int8(self.packed[outputs], self.scale[outputs])

    def product(self, x: Float[Tensor, "r i"]) -> Float[Tensor, "r o"]:
        """As `int8_product`."""
        return int8_product(x, self.packed, self.scale, self.bias, x.dtype)

    def described(self, bias: Float[Tensor, " o"] | None) -> Linear | None:
        """For C."""
        if not (fits(self.packed) and is_wide(self.scale)):
            return None
        return int8_linear(self.packed, self.scale, bias)


class Int8Embedding(Packed):
    """The vocabulary table in eight bits, one scale a row, read both ways as `TiedEmbedding` is."""

    packed: Tensor
    scale: Tensor

    def __init__(self, width: int, rows: int, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(width, rows, dtype)
        self.register_buffer("packed", torch.empty(rows, width, dtype=torch.int8))
        self.register_buffer("scale", torch.empty(rows))

    def pack(self, weight: Float[Tensor, "V D"]) -> None:
        """As `pack_int8`."""
        packed, scale = pack_int8(weight)
        self._replace(packed=packed, scale=scale)

    def unpack(self, outputs: slice = slice(None)) -> Float[Tensor, "V D"]:
        """As `unpack_int8`."""
        return unpack_int8(self.packed[outputs], self.scale[outputs])

    def forward(self, tokens: Int[Tensor, "..."]) -> Float[Tensor, "... D"]:
        """Rows of the table, in the model's dtype."""
        rows = tokens.flatten()
        table = unpack_int8(self.packed[rows], self.scale[rows])
        return table.to(self.dtype).view(*tokens.shape, self.inputs)

    def scores(self, hidden: Float[Tensor, "... D"]) -> Float[Tensor, "... V"]:
        """Products with every row, float32; activations are exact where a gradient is to pass."""
        if hidden.requires_grad:
            return frozen_product(hidden, self).float()
        product = int8_product(hidden.flatten(0, -2), self.packed, self.scale)
        return product.view(*hidden.shape[:-1], self.outputs)
