"""Low-rank adapters (Hu et al. 2021, arXiv 2106.09685), put around linear layers from outside.

    add_lora(model, ["text.blocks.*.attn.*"], rank=8)     # every name a pattern as a shell reads it
    merge_lora(model)                                     # plain layers again, the same function

y = W x + b + scale * B (A x), where scale is alpha / rank. B starts at zero, so a new adapter
changes nothing. The base may be any layer at all, a quantised one too; adapters are float32
whatever the base is, and are multiplied in the dtype of their input.
"""

import math
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["LoraLinear", "add_lora", "lora_layers", "merge_lora"]


class LoraLinear(nn.Module):
    """A frozen layer and the low-rank change to it that is learned."""

    def __init__(self, base: nn.Module, rank: int, alpha: float, dropout: float = 0.0) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        outputs, inputs = _shape(base)
        self.rank, self.alpha = rank, alpha
        self.dropout = dropout
        device = self.weight.device
        self.lora_a = nn.Parameter(torch.empty(rank, inputs, device=device))
        self.lora_b = nn.Parameter(torch.zeros(outputs, rank, device=device))
        nn.init.kaiming_uniform_(self.lora_a, a=math.sqrt(5))

    @property
    def scale(self) -> float:
        """What the low-rank product is multiplied by."""
        return self.alpha / self.rank

    @property
    def weight(self) -> Tensor:
        """The base's: others ask a layer's weight for its dtype and device."""
        weight: Tensor = self.base.weight  # type: ignore[assignment]
        return weight

    def forward(self, x: Float[Tensor, "... i"]) -> Float[Tensor, "... o"]:
        """The base's output plus the change."""
        y: Tensor = self.base(x)
        inner = F.dropout(x, self.dropout, self.training) if self.dropout else x
        low = F.linear(inner, self.lora_a.to(x.dtype))
        return y + F.linear(low, (self.scale * self.lora_b).to(x.dtype)).to(y.dtype)

    def delta(self) -> Float[Tensor, "o i"]:
        """The change as a full matrix, float32."""
        return self.scale * (self.lora_b @ self.lora_a)

    def merged(self) -> nn.Linear:
        """One plain layer that does the same."""
        base = self.base
        assert type(base) is nn.Linear, "a quantised base cannot take the change in"
        with torch.no_grad():
            # A new tensor: the old one may be a file that is mapped.
            changed = (base.weight.float() + self.delta()).to(base.weight.dtype)
        base.weight = nn.Parameter(changed, requires_grad=False)
        return base


def add_lora(
    model: nn.Module,
    patterns: Sequence[str],
    *,
    rank: int,
    alpha: float | None = None,
    dropout: float = 0.0,
) -> list[str]:
    """Wrap every linear layer whose name matches one of the patterns, in place; their names.

    Everything else is left as it is, frozen or not. `alpha` None is twice the rank.
    """
    names = [name for name, layer in _linears(model) if _matches(name, patterns)]
    for name in names:
        owner, _, leaf = name.rpartition(".")
        base = model.get_submodule(name)
        wrapped = LoraLinear(base, rank, 2.0 * rank if alpha is None else alpha, dropout)
        setattr(model.get_submodule(owner), leaf, wrapped)
    return names


def merge_lora(model: nn.Module) -> nn.Module:
    """Add every change into its base, in place, and leave plain layers."""
    for name, layer in list(lora_layers(model)):
        owner, _, leaf = name.rpartition(".")
        setattr(model.get_submodule(owner), leaf, layer.merged())
    return model


def lora_layers(model: nn.Module) -> Iterator[tuple[str, LoraLinear]]:
    """Every adapter with the name of the layer that it stands for."""
    for name, layer in model.named_modules():
        if isinstance(layer, LoraLinear):
            yield name, layer


def _linears(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    inside = {f"{name}.base" for name, _ in lora_layers(model)}
    for name, layer in model.named_modules():
        if name not in inside and hasattr(layer, "weight") and _is_linear(layer):
            yield name, layer


def _is_linear(layer: nn.Module) -> bool:
    # A quantised layer is none of torch's, but it says how many numbers go in and come out.
    sizes = hasattr(layer, "inputs") and hasattr(layer, "outputs") and hasattr(layer, "bias")
    return isinstance(layer, nn.Linear) or sizes


def _shape(layer: nn.Module) -> tuple[int, int]:
    if isinstance(layer, nn.Linear):
        return layer.out_features, layer.in_features
    return layer.outputs, layer.inputs  # type: ignore[return-value]


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
