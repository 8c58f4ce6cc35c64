"""Products with a frozen weight that is stored in another way than it is multiplied.

A graph through `F.linear` would keep the widened weight until its gradient has passed; here nothing
is kept, and the weight is widened once more on the way back. The weight itself gets no gradient.
"""

from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["Frozen", "frozen_product"]


@runtime_checkable
class Frozen(Protocol):
    """A stored weight W, outputs x inputs."""

    def ahead(self, x: Float[Tensor, "r i"]) -> Float[Tensor, "r o"]:
        """x Wᵀ."""

    def back(self, gradient: Float[Tensor, "r o"]) -> Float[Tensor, "r i"]:
        """gradient W: the gradient of x from that of x Wᵀ."""


def frozen_product(x: Float[Tensor, "... i"], weight: Frozen) -> Float[Tensor, "... o"]:
    """x Wᵀ, in the dtype that `ahead` ends in, with a gradient for x."""
    product: Tensor = _FrozenProduct.apply(x.flatten(0, -2), weight)  # type: ignore[no-untyped-call]
    return product.view(*x.shape[:-1], product.shape[-1])


class _FrozenProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Frozen) -> Tensor:
        ctx.weight, ctx.dtype = weight, x.dtype
        return weight.ahead(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.weight.back(gradients[0]).to(ctx.dtype), None
