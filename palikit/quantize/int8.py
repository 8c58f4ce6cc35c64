"""Weights in eight bits: a whole number from -127 to 127 and one scale for each output channel.

A product takes its activations in eight bits too, with one scale for each row, found anew each time
(per-row dynamic quantisation), so that the sums are exact in 32-bit integers and only the roundings
to eight bits remain. The one kernel is `torch._int_mm`: on a CPU it takes any shape, its rows of
one reach the memory's speed, and its many rows are the fastest product that PyTorch has there.
"""

import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor, nn
from torch.nn import functional as F

from palikit.model.gemma import TiedEmbedding

from .checks import check_finite

__all__ = ["Int8Embedding", "Int8Linear", "int8_product", "pack_int8", "unpack_int8"]

LEVELS = 127
"""Largest whole number; -128 is not used, so that a weight and its negative are stored alike."""

BLOCK_NUMBERS = 1 << 22
"""Weights that are rounded at once, in float32: 16 MB, whatever the size of the whole."""


def pack_int8(weight: Float[Tensor, "o i"]) -> tuple[Int8[Tensor, "o i"], Float[Tensor, " o"]]:
    """Each row as whole numbers and the scale that gives it back within half a step.

    `[[1.0, -0.25]]` -> `[[127, -32]], [1 / 127]`. A row of zeros has scale 0.

    Raises:
        CheckpointError: there is a NaN or an infinity among the weights.
    """
    packed = torch.empty_like(weight, dtype=torch.int8, memory_format=torch.contiguous_format)
    scale = weight.new_empty(len(weight), dtype=torch.float32)
    step = max(1, BLOCK_NUMBERS // weight.shape[1])
    for start in range(0, len(weight), step):
        rows = slice(start, start + step)
        packed[rows], scale[rows] = _round_rows(weight[rows].float())
    check_finite(scale)
    return packed, scale


def unpack_int8(packed: Int8[Tensor, "o i"], scale: Float[Tensor, " o"]) -> Float[Tensor, "o i"]:
    """The weights that `pack_int8` stored, float32."""
    return packed * scale[:, None]


def int8_product(
    x: Float[Tensor, "r i"], packed: Int8[Tensor, "o i"], scale: Float[Tensor, " o"]
) -> Float[Tensor, "r o"]:
    """x Wᵀ with both sides in eight bits, float32."""
    rounded, x_scale = _round_rows(x.float())
    return _int_mm(rounded, packed) * x_scale[:, None] * scale


def _round_rows(x: Float[Tensor, "r i"]) -> tuple[Int8[Tensor, "r i"], Float[Tensor, " r"]]:
    scale = x.abs().amax(dim=1) / LEVELS
    # Of a row of zeros any scale would do; one so small that its inverse overflows is one of zeros.
    scale = torch.where(scale < torch.finfo(torch.float32).tiny * LEVELS, 0.0, scale)
    inverse = torch.where(scale > 0, 1 / scale, 0.0)
    return (x * inverse[:, None]).round_().to(torch.int8), scale


def _int_mm(x: Int8[Tensor, "r i"], packed: Int8[Tensor, "o i"]) -> Int[Tensor, "r o"]:
    """Exact products in 32 bits."""
    if x.device.type != "cuda":
        return torch._int_mm(x, packed.t())
    # There the kernel wants more than 16 rows, and every size a multiple of 8.
    rows, outputs = x.shape[0], packed.shape[0]
    x = F.pad(x, (0, -x.shape[1] % 8, 0, max(0, 17 - rows)))
    packed = F.pad(packed, (0, -packed.shape[1] % 8, 0, -outputs % 8))
    return torch._int_mm(x, packed.t())[:rows, :outputs]


class Int8Linear(nn.Module):
    """A linear layer with `pack_int8`'s numbers for its weight."""

    packed: Tensor
    scale: Tensor

    def __init__(
        self,
        packed: Int8[Tensor, "o i"],
        scale: Float[Tensor, " o"],
        bias: Float[Tensor, " o"] | None,
    ) -> None:
        super().__init__()
        self.register_buffer("packed", packed)
        self.register_buffer("scale", scale)
        self.register_parameter("bias", bias if bias is None else as_parameter(bias))

    @property
    def weight(self) -> Float[Tensor, "o i"]:
        """The weights that it stands for, made anew at each reading: for a look, not for a loop."""
        return unpack_int8(self.packed, self.scale)

    def forward(self, x: Float[Tensor, "... i"]) -> Float[Tensor, "... o"]:
        """x Wᵀ + b, in the dtype of x."""
        product = int8_product(x.flatten(0, -2), self.packed, self.scale)
        if self.bias is not None:
            product += self.bias
        return product.to(x.dtype).unflatten(0, x.shape[:-1])

