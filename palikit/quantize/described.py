"""A decoder's block in C's words (`rows.c`): where its weights lie and how they are packed."""

import ctypes
from typing import cast

import torch
from torch import Tensor, nn

from palikit.model.gemma import GemmaAttention, GemmaBlock, GemmaMlp, RMSNorm

from .calling import addresses, fits
from .fused import FusedGemmaAttention, FusedGemmaMlp, FusedNorm
from .half import HalfLinear
from .int4 import Int4Linear
from .int8 import Int8Linear
from .linear import PLAIN, Linear, plain_linear
from .packed import PackedLinear

__all__ = ["Block", "describe"]

KNOWN = (GemmaAttention, FusedGemmaAttention, GemmaMlp, FusedGemmaMlp)
NORMS = (RMSNorm, FusedNorm, nn.Identity)
"""Exactly these: another kind may do more than C."""

LAYERS = ("q", "k", "v", "out", "gate", "up", "down")


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
    if getattr(layer, "bias", None) is not None or "forward" in vars(layer):
        return None
    if type(layer) in (Int8Linear, Int4Linear):
        described = cast(PackedLinear, layer).described(None)
        # Whole blocks of outputs: longer rows are not what those who read them expect.
        whole = described is not None and len(cast(Tensor, layer.scale)) == described.outputs
        return described if whole else None
    if type(layer) in (nn.Linear, HalfLinear):
        weight = cast(Tensor, layer.weight)
        return plain_linear(weight) if weight.dtype in PLAIN and fits(weight) else None
    return None
