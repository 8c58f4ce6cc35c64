"""A model's linear layers and its table exchanged for packed ones, from outside.

part                         int8      int4
decoder's linear layers      int8      int4, in groups
vision tower, connector      int8      int8: they always see many rows, where int8 is faster
vocabulary table, tied head  int8      int8: a third of what a step reads, but <loc> tokens,
                                       and with them boxes, are the first to suffer
norms, patch convolution, position embedding, biases: as they are, in the model's dtype
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from palikit.errors import CheckpointError, UsageError
from palikit.model.gemma import TiedEmbedding

from .int4 import GROUP, GROUPS, Int4Linear
from .int8 import Int8Embedding, Int8Linear
from .packed import Packed

__all__ = ["Mode", "Quantization", "pack_into", "quantize_model"]

Mode = Literal["int8", "int4"]
_DECODER = "text."

FORMAT = 1
"""Of the packed numbers in a file: to be raised when their meaning changes."""


@dataclass(frozen=True, slots=True)
class Quantization:
    """How weights are packed.

    Attributes:
        group: input channels that share a step, in int4.
    """

    mode: Mode
    group: int = GROUP

    def __post_init__(self) -> None:
        assert self.mode in get_args(Mode), self.mode
        assert self.group in GROUPS, self.group

    @classmethod
    def named(cls, mode: str) -> "Quantization":
        """As it usually is, by the word that a user writes."""
        for known in get_args(Mode):
            if mode == known:
                return cls(known)
        raise UsageError(f"there is no quantisation {mode!r}: write 'int8' or 'int4'")

    def describe(self) -> dict[str, Any]:
        """What a quantised folder's configuration says."""
        return {"mode": self.mode, "group_size": self.group, "format": FORMAT}

    @classmethod
    def read(cls, described: dict[str, Any], where: str) -> "Quantization":
        """What `describe` said.

        Raises:
            CheckpointError: it is of another version.
        """
        mode: Any = described.get("mode")
        group: Any = described.get("group_size")
        if described.get("format") != FORMAT or mode not in get_args(Mode) or group not in GROUPS:
            raise CheckpointError(
                f"{where} is quantised in a way that this palikit does not know ({described}): "
                "update palikit, or quantise the original again"
            )
        return cls(mode, group)


def quantize_model(
    model: nn.Module, quantization: Quantization, dtype: torch.dtype | None = None
) -> nn.Module:
    """Swap every linear layer and the table, in place; on `meta`, for empty ones.

    Args:
        dtype: of the activations; None takes the weights'.
    """
    for name, owner, child in list(_swappable(model)):
        weight = child.weight
        packed = _empty(name, child, quantization, dtype or weight.dtype)
        if not weight.is_meta:
            packed.pack(weight.detach())
            if isinstance(child, nn.Linear):
                packed.register_parameter("bias", child.bias)
        setattr(owner, name.rpartition(".")[2], packed)
    return model


def pack_into(
    quantization: Quantization, dtype: torch.dtype
) -> Callable[[nn.Module], Callable[[str, Tensor], bool]]:
    """For loading: swaps the modules of a model on `meta`, then takes weights one by one.

    What it returns for a model says of a parameter's name and tensor whether it has packed it.
    """

    def prepare(model: nn.Module) -> Callable[[str, Tensor], bool]:
        quantize_model(model, quantization, dtype)

        def take(name: str, tensor: Tensor) -> bool:
            owner, _, leaf = name.rpartition(".")
            module = model.get_submodule(owner)
            if leaf != "weight" or not isinstance(module, Packed):
                return False
            module.pack(tensor)
            return True

        return take

    return prepare


def _swappable(
    model: nn.Module,
) -> Iterator[tuple[str, nn.Module, nn.Linear | TiedEmbedding]]:
    for name, child in model.named_modules():
        # Exactly these: a layer that was swapped already has a reason for it.
        if type(child) is nn.Linear or type(child) is TiedEmbedding:
            yield name, model.get_submodule(name.rpartition(".")[0]), child


def _empty(
    name: str, layer: nn.Linear | TiedEmbedding, quantization: Quantization, dtype: torch.dtype
) -> Packed:
    outputs, inputs = layer.weight.shape
    with torch.device("meta"):
        if isinstance(layer, TiedEmbedding):
            return Int8Embedding(inputs, outputs, dtype)
        bias = layer.bias is not None
        if quantization.mode == "int4" and name.startswith(_DECODER):
            return Int4Linear(inputs, outputs, bias=bias, dtype=dtype, group=quantization.group)
        return Int8Linear(inputs, outputs, bias=bias, dtype=dtype)
