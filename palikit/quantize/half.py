"""bfloat16 weights on a CPU, multiplied faster than PyTorch's own bfloat16 matrix product.

PyTorch 2.13 reaches about a third of a core's arithmetic where the processor has no bfloat16
instructions, and, on any processor, a half to two thirds of the memory's speed for a single row.
Here a few rows take a kernel of `native.py`, or PyTorch's matrix-vector kernel where there is none,
and many rows widen the weight to float32 a block at a time into a small buffer. Sums are in float32
in all cases, so results differ from PyTorch's by rounding only.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from palikit.model.gemma import TiedEmbedding

from .calling import are_few, fits
from .frozen import frozen_product
from .native import kernels

__all__ = ["HalfLinear", "half_product", "speed_up_bfloat16"]

BLOCK_ROWS = 1024
"""Rows of the weight widened at once: a buffer of 38 MB at the widest layer of the 3B."""

FEW_ROWS = 4
"""Below this many rows, widening the weight costs more than the slow product."""


def speed_up_bfloat16(model: nn.Module) -> nn.Module:
    """Swap every bfloat16 linear and tied embedding on a CPU, in place; the weights are shared."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            weight = getattr(child, "weight", None)
            if weight is None or weight.dtype != torch.bfloat16:
                continue
            if weight.device.type not in ("cpu", "meta"):  # on meta, to see what it would take
                continue
            if type(child) is nn.Linear:
                setattr(module, name, HalfLinear(child.weight, child.bias))
            elif type(child) is TiedEmbedding:
                setattr(module, name, HalfEmbedding(child.weight))
    return model


class HalfLinear(nn.Module):
    """A linear layer that uses `half_product`."""

    def __init__(self, weight: Float[Tensor, "o i"], bias: Float[Tensor, " o"] | None) -> None:
        super().__init__()
        self.weight = weight
        self.bias = bias
        self.outputs, self.inputs = weight.shape

    def forward(self, x: Float[Tensor, "... i"]) -> Float[Tensor, "... o"]:
        """x Wᵀ + b, in the weight's dtype."""
        if self.weight.requires_grad:
            return F.linear(x, self.weight, self.bias)
        if x.requires_grad:
            product = frozen_product(x, _Half(self.weight))
            return product if self.bias is None else product + self.bias
        product = half_product(x.flatten(0, -2), self.weight)
        if self.bias is not None:
            product = product + self.bias
        return product.to(x.dtype).view(*x.shape[:-1], product.shape[1])


class HalfEmbedding(TiedEmbedding):
    """A tied embedding whose scores use `half_product`."""

    def __init__(self, weight: Float[Tensor, "V D"]) -> None:
        super().__init__(weight.shape[0], weight.shape[1], _weight=weight)
        self.weight = weight

    def scores(self, hidden: Float[Tensor, "... D"]) -> Float[Tensor, "... V"]:
        """Products with every row, float32."""
        if self.weight.requires_grad:
            return super().scores(hidden)
        if hidden.requires_grad:
            return frozen_product(hidden, _Half(self.weight)).float()
        product = half_product(hidden.flatten(0, -2), self.weight)
        return product.float().view(*hidden.shape[:-1], product.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class _Half:
    """A frozen weight, both ways."""

    weight: Float[Tensor, "o i"]

    def ahead(self, x: Float[Tensor, "r i"]) -> Float[Tensor, "r o"]:
        return half_product(x, self.weight).to(x.dtype)

    def back(self, gradient: Float[Tensor, "r o"]) -> Float[Tensor, "r i"]:
        return _half_back(gradient, self.weight)


def half_product(x: Float[Tensor, "r i"], weight: Float[Tensor, "o i"]) -> Float[Tensor, "r o"]:
    """x Wᵀ for bfloat16 x and W; bfloat16 or float32, whichever the chosen way ends in."""
    rows = x.shape[0]
    if weight.dtype is not torch.bfloat16:  # the model was converted after its layers were swapped
        return F.linear(x, weight)
    if are_few(rows) and fits(weight) and (native := kernels()) is not None:
        return native.half(x, weight)
    if rows == 1:
        return torch.mv(weight, x[0])[None]
    if rows < FEW_ROWS or torch.compiler.is_compiling() or _has_bfloat16_arithmetic():
        return F.linear(x, weight)
    wide = x.float()
    out = wide.new_empty(rows, weight.shape[0])
    buffer = wide.new_empty(min(BLOCK_ROWS, weight.shape[0]), weight.shape[1])
    for start in range(0, weight.shape[0], BLOCK_ROWS):
        block = weight[start : start + BLOCK_ROWS]
        widened = buffer[: len(block)].copy_(block)
        torch.mm(wide, widened.t(), out=out[:, start : start + len(block)])
    return out


def _half_back(
    gradient: Float[Tensor, "r o"], weight: Float[Tensor, "o i"]
) -> Float[Tensor, "r i"]:
    """gradient W, widened in the same blocks; float32 where they are."""
    if gradient.shape[0] < FEW_ROWS or _has_bfloat16_arithmetic():
        return gradient @ weight
    wide = gradient.float()
    out = wide.new_zeros(gradient.shape[0], weight.shape[1])
    buffer = wide.new_empty(min(BLOCK_ROWS, weight.shape[0]), weight.shape[1])
    for start in range(0, weight.shape[0], BLOCK_ROWS):
        block = weight[start : start + BLOCK_ROWS]
        out.addmm_(wide[:, start : start + len(block)], buffer[: len(block)].copy_(block))
    return out


def _has_bfloat16_arithmetic() -> bool:
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
