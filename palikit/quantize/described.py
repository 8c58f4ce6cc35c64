"""A decoder's block in C's words (`rows.c`): where its weights lie and how they are packed."""

import ctypes

import torch
from torch import Tensor, nn

from palikit.model.gemma import GemmaAttention, GemmaBlock, GemmaMlp, RMSNorm

from .calling import addresses, fits
from .fused import FusedGemmaAttention, FusedGemmaMlp, FusedNorm
from .half import HalfLinear
from .int4 import Int4Linear
from .int8 import Int8Linear

__all__ = ["Block", "describe"]

PLAIN = (torch.float32, torch.bfloat16)
"""Of activations, and of weights as they are; in C such a weight's kind is its place here."""

INT8, INT4 = 2, 3

KNOWN = (GemmaAttention, FusedGemmaAttention, GemmaMlp, FusedGemmaMlp)
NORMS = (RMSNorm, FusedNorm, nn.Identity)
"""Exactly these: another kind may do more than C."""

LAYERS = ("q", "k", "v", "out", "gate", "up", "down")


class Linear(ctypes.Structure):
    """`struct linear`."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("weight", "steps", "offsets", "scale")),
        *((name, ctypes.c_int64) for name in ("kind", "inputs", "padded", "outputs", "group")),
    ]


class Block(ctypes.Structure):
    """`struct block`."""

    _fields_ = [
        *((name, Linear) for name in LAYERS),
        ("norms", ctypes.c_void_p * 4),
        *((name, ctypes.c_int64) for name in ("width", "heads", "kv_heads", "head_dim")),
        *((name, ctypes.c_float) for name in ("eps", "query_scale", "softcap")),
    ]

    @property
    def widest(self) -> int:
        """Numbers of a row that go into a product, or come out of one that is not the MLP's."""
        layers = [getattr(self, name) for name in LAYERS]
        come_out = [layer.outputs for layer in layers[:4]]
        return max(*come_out, *(layer.padded for layer in layers))


def describe(block: nn.Module, dtype: torch.dtype) -> Block | None:
    """Of a block for activations of a dtype; None where a part of it is none that C knows.

    It holds nothing alive: whoever uses it sees to it that the block's tensors are where they were.
    """
    if type(block) is not GemmaBlock or dtype not in PLAIN:
        return None
    attn, mlp = block.attn, block.mlp
    norms = [block.pre_attn_norm, block.post_attn_norm, block.pre_mlp_norm, block.post_mlp_norm]
    if not all(type(part) in KNOWN for part in (attn, mlp)) or any(
        type(norm) not in NORMS for norm in norms
    ):
        return None
    layers = []
    for layer in (attn.q, attn.k, attn.v, attn.out, mlp.gate, mlp.up, mlp.down):
        described = _linear(layer)
        if described is None:
            return None
        layers.append(described)
    weights = [norm.weight if isinstance(norm, RMSNorm) else None for norm in norms]
    if any(weight is not None and weight.dtype is not dtype for weight in weights):
        return None
    q, k, *_ = layers
    return Block(
        *layers,
        (ctypes.c_void_p * 4)(*addresses(*weights)),
        q.inputs,
        q.outputs // attn.head_dim,
        k.outputs // attn.head_dim,
        attn.head_dim,
        block.pre_attn_norm.eps,
        attn.query_scale,
        attn.softcap or 0.0,
    )


def _linear(layer: nn.Module) -> Linear | None:
    """A layer without a bias; exactly these kinds, for another may do more."""
    if getattr(layer, "bias", None) is not None:
        return None
    if type(layer) is Int8Linear:
        return _int8(layer)
    if type(layer) is Int4Linear:
        return _int4(layer)
    if type(layer) in (nn.Linear, HalfLinear):
        return _plain(layer.weight)  # type: ignore[arg-type]
    return None


def _plain(weight: Tensor) -> Linear | None:
    if weight.dtype not in PLAIN or not fits(weight):
        return None
    outputs, inputs = weight.shape
    kind = PLAIN.index(weight.dtype)
    return Linear(*addresses(weight), None, None, None, kind, inputs, inputs, outputs, 1)


def _int8(layer: Int8Linear) -> Linear | None:
    if not fits(layer.packed, layer.scale):
        return None
    weight, scale = addresses(layer.packed, layer.scale)
    return Linear(weight, None, None, scale, INT8, layer.inputs, layer.inputs, layer.outputs, 1)


def _int4(layer: Int4Linear) -> Linear | None:
    held = (layer.codes, layer.steps, layer.offsets, layer.scale)
    # Whole blocks of outputs: longer rows are not what those who read them expect.
    if not fits(*held) or len(layer.scale) != layer.outputs:
        return None
    padded = layer.codes.shape[1]
    return Linear(*addresses(*held), INT4, layer.inputs, padded, layer.outputs, layer.group)
