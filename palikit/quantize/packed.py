"""What every layer with packed weights has in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn

from palikit.errors import CheckpointError

from .frozen import frozen_product
from .linear import Linear

__all__ = ["Packed", "PackedLinear", "finished", "refuse_nonfinite"]

UNPACKED_ROWS = 1 << 14
"""Outputs that are unpacked at once for training: every layer of the 3B whole, its table in 16."""


class Packed(nn.Module, ABC):
    """A weight of `outputs` x `inputs` in fewer bits, in buffers that are saved with the model.

    It is built empty, as any module is (so on `meta` it takes no memory), and filled by `pack`.
    """

    def __init__(self, inputs: int, outputs: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.dtype = dtype

    @property
    def weight(self) -> Tensor:
        """Empty: it only tells the dtype and the device of what goes in and comes out."""
        return next(self.buffers()).new_empty(0, self.inputs, dtype=self.dtype)

    @abstractmethod
    def pack(self, weight: Float[Tensor, "o i"]) -> None:
        """Round a weight into the buffers, which move to its device.

        Raises:
            CheckpointError: there is a NaN or an infinity among the weights.
        """

    @abstractmethod
    def unpack(self, outputs: slice = slice(None)) -> Float[Tensor, "o i"]:
        """The weight that the buffers stand for, float32; or rows of it, from a multiple of 64."""

    def ahead(self, x: Float[Tensor, "r i"]) -> Float[Tensor, "r o"]:
        """x Wᵀ with exact activations, for training."""
        parts = [x @ self.unpack(some).to(x.dtype).t() for some in self._parts()]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

    def back(self, gradient: Float[Tensor, "r o"]) -> Float[Tensor, "r i"]:
        """gradient W."""
        total = gradient.new_zeros(len(gradient), self.inputs, dtype=torch.float32)
        for some in self._parts():
            total += gradient[:, some] @ self.unpack(some).to(gradient.dtype)
        return total

    def _parts(self) -> Iterator[slice]:
        # The 3B's table is 2.4 GB in float32, and none of it is needed for longer than a product.
        for start in range(0, self.outputs, UNPACKED_ROWS):
            yield slice(start, min(start + UNPACKED_ROWS, self.outputs))

    def _replace(self, **buffers: Tensor) -> None:
        for name, tensor in buffers.items():
            assert tensor.shape == self.get_buffer(name).shape
            self.register_buffer(name, tensor)

    def extra_repr(self) -> str:
        """Sizes, as PyTorch's layers show them."""
        return f"{self.inputs}, {self.outputs}, dtype={self.dtype}"


class PackedLinear(Packed):
    """A linear layer over a packed weight; its bias stays a parameter."""

    bias: nn.Parameter | None

    def __init__(self, inputs: int, outputs: int, *, bias: bool, dtype: torch.dtype) -> None:
        super().__init__(inputs, outputs, dtype)
        empty = nn.Parameter(torch.empty(outputs, dtype=dtype), requires_grad=False)
        self.register_parameter("bias", empty if bias else None)

    @abstractmethod
    def product(self, x: Float[Tensor, "r i"]) -> Float[Tensor, "r o"]:
        """x Wᵀ + b, in the dtype of x."""

    @abstractmethod
    def described(self, bias: Float[Tensor, " o"] | None) -> Linear | None:
        """For C, with a bias in float32; None where C cannot read the buffers."""

    def forward(self, x: Float[Tensor, "... i"]) -> Float[Tensor, "... o"]:
        """x Wᵀ + b, in the dtype of x.

        Where a gradient is to pass, activations are not rounded: what trains on a quantised base
        learns from its weights alone.
        """
        if x.requires_grad or (self.bias is not None and self.bias.requires_grad):
            product = frozen_product(x, self)
            return product if self.bias is None else product + self.bias
        return self.product(x.flatten(0, -2)).view(*x.shape[:-1], self.outputs)


def finished(
    product: Float[Tensor, "r o"], bias: Float[Tensor, " o"] | None, dtype: torch.dtype
) -> Float[Tensor, "r o"]:
    """A float32 product, which is changed, with its bias and in its last form."""
    return (product if bias is None else product.add_(bias)).to(dtype)


def refuse_nonfinite(scale: Tensor) -> None:
    """Raise where a row's scale tells that there was no finite weight to find."""
    if not scale.is_meta and not torch.isfinite(scale).all():
        raise CheckpointError(
            "these weights hold NaN or infinite numbers, for which no scale can be found: "
            "download them again, or quantise an earlier step"
        )
