"""A linear layer in C's words: where its weight lies and how it is packed."""

import ctypes
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int8, UInt8
from torch import Tensor

from .calling import BLOCK, addresses, refuse_others

__all__ = ["PLAIN", "Linear", "int4_linear", "int8_linear", "padded_inputs", "plain_linear"]

PLAIN = (torch.float32, torch.bfloat16)
"""Of weights as they are; in C such a weight's kind is its place here."""

INT8, INT4 = 2, 3


class Linear(ctypes.Structure):
    """`struct linear`. It holds nothing alive: whoever uses it keeps the tensors."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("weight", "steps", "offsets", "scale", "bias")),
        *((name, ctypes.c_int64) for name in ("kind", "inputs", "padded", "outputs", "group")),
    ]


def plain_linear(weight: Float[Tensor, "o i"]) -> Linear:
    """A weight of one of the plain kinds."""
    outputs, inputs = weight.shape
    kind = PLAIN.index(weight.dtype)
    return Linear(*addresses(weight), None, None, None, None, kind, inputs, inputs, outputs, 1)


def int8_linear(
    packed: Int8[Tensor, "o i"], scale: Float[Tensor, " o"], bias: Float[Tensor, " o"] | None
) -> Linear:
    """What `pack_int8` made; the bias in float32."""
    outputs, inputs = packed.shape
    refuse_others(outputs, scale, bias)
    weight, scales, biases = addresses(packed, scale, bias)
    return Linear(weight, None, None, scales, biases, INT8, inputs, inputs, outputs, 1)


def int4_linear(
    codes: UInt8[Tensor, "blocks padded 32"],
    steps: UInt8[Tensor, "groups o"],
    offsets: Int8[Tensor, "groups o"],
    scale: Float[Tensor, " o"],
    bias: Float[Tensor, " outputs"] | None,
    inputs: int,
    outputs: int,
) -> Linear:
    """What `pack_int4` made, so many inputs and outputs of it; the bias in float32."""
    padded = codes.shape[1]
    assert inputs <= padded, (inputs, codes.shape)
    assert -(-outputs // BLOCK) == len(codes), (outputs, codes.shape)
    refuse_others(len(codes) * BLOCK, scale, steps[0])
    refuse_others(outputs, bias)
    held = addresses(codes, steps, offsets, scale, bias)
    return Linear(*held, INT4, inputs, padded, outputs, padded // len(steps))


def padded_inputs(layers: Sequence[Linear]) -> int | None:
    """How many inputs rows have for all of these layers; None where they differ."""
    ends = {-(-layer.inputs // BLOCK) * BLOCK for layer in layers if layer.kind == INT8}
    ends |= {layer.padded for layer in layers if layer.kind == INT4}
    return ends.pop() if len(ends) == 1 else None
