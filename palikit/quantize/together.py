"""Layers that read the same rows, multiplied by one call of C, which rounds the rows once."""

from collections.abc import Sequence
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from .calling import MOST_ROWS, whole_or_half, wide
from .int4 import Int4Linear
from .int8 import Int8Linear
from .linear import Linear, padded_inputs
from .native import Kernels, usable
from .packed import PackedLinear

__all__ = ["gated", "together", "watched"]


def together(x: Float[Tensor, "... i"], layers: Sequence[nn.Module]) -> list[Tensor]:
    """What each layer, of up to three, makes of x: [..., o]."""
    native = _multiplies(x, layers)
    # By name, so that they outlive the call.
    biases = [_bias(layer) for layer in layers] if native else []
    told = native and _described(layers, biases, native)
    if not native or not told:
        return [layer(x) for layer in layers]
    outs = native.products(x.flatten(0, -2), told, whole_or_half(x.dtype))
    return [out.view(*x.shape[:-1], -1) for out in outs]


def gated(
    x: Float[Tensor, "... i"], gate: nn.Module, up: nn.Module
) -> Float[Tensor, "... o"] | None:
    """gelu(gate(x)) times up(x), in the form with tanh; None where C does not take these layers."""
    native = _multiplies(x, (gate, up))
    if native is None or _bias(gate) is not None or _bias(up) is not None:
        return None
    told = _described((gate, up), (None, None), native)
    if told is None or told[0].outputs != told[1].outputs:
        return None
    (out,) = native.products(x.flatten(0, -2), told, whole_or_half(x.dtype), gated=True)
    return out.view(*x.shape[:-1], -1)


def _multiplies(x: Tensor, layers: Sequence[nn.Module]) -> Kernels | None:
    """The kernels, where they take such layers and rows, and nobody wants to see them called."""
    if not all(type(layer) in (Int8Linear, Int4Linear) for layer in layers):
        return None
    # Where one asks for a gradient, a layer multiplies what is not rounded, even under `no_grad`.
    biases = [cast(Tensor | None, layer.bias) for layer in layers]
    asks = any(some is not None and some.requires_grad for some in (x, *biases))
    if asks or watched(*layers):
        return None
    native = usable(x)
    many = x.numel() > MOST_ROWS * x.shape[-1]
    return native if native is not None and native.multiplies_int8 and many else None


def watched(*layers: nn.Module) -> bool:
    """Whether somebody wants to see these called, or keeps what they return."""
    return any(
        layer._forward_hooks or layer._forward_pre_hooks or "forward" in vars(layer)
        for layer in layers
    )


def _bias(layer: nn.Module) -> Tensor | None:
    return wide(cast(Tensor | None, layer.bias))


def _described(
    layers: Sequence[nn.Module], biases: Sequence[Tensor | None], native: Kernels
) -> list[Linear] | None:
    if not native.multiplies_int4 and any(type(layer) is Int4Linear for layer in layers):
        return None
    pairs = zip(layers, biases, strict=True)
    told = [cast(PackedLinear, layer).described(bias) for layer, bias in pairs]
    known = [layer for layer in told if layer is not None]
    same = len(known) == len(told) and padded_inputs(known) is not None
    return known if same else None
