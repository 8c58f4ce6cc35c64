"""Attention in C (`attention.c`), over tensors as the layers give them: no head is moved first."""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import cast

import torch
from torch import Tensor

from palikit.model.attention import Keys, Mask, Queries

from .calling import addresses, room
from .linear import PLAIN
from .native import Kernels, kernels

__all__ = ["attend", "can_attend"]


class _Heads(ctypes.Structure):
    """`struct heads`."""

    _fields_ = [
        ("at", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("example", "head", "token")),
    ]


class _Attention(ctypes.Structure):
    """`struct attention`."""

    _fields_ = [
        *((name, _Heads) for name in ("q", "k", "v", "out")),
        ("mask", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("mask_example", "mask_query")),
        *((name, ctypes.c_int64) for name in ("examples", "heads", "kv_heads")),
        *((name, ctypes.c_int64) for name in ("queries", "slots", "channels", "half", "coarse")),
        *((name, ctypes.c_float) for name in ("scale", "softcap")),
    ]


def can_attend(*heads: Tensor) -> Kernels | None:
    """The kernels, where they take these queries, keys and values, and nobody wants a gradient."""
    if torch.is_grad_enabled() or torch.compiler.is_compiling():
        return None
    dtype = heads[0].dtype
    for some in heads:
        if not (some.is_cpu and some.dtype is dtype and some.stride(-1) == 1):
            return None
    return kernels() if dtype in PLAIN and all(heads[1].shape) else None


def attend(
    native: Kernels,
    q: Queries,
    k: Keys,
    v: Keys,
    *,
    mask: Mask,
    softcap: float | None,
    scale: float = 1.0,
    coarse: bool = False,
) -> Queries:
    """As `model.attention.attend`, of queries times a scale.

    What it returns has a token's heads side by side in memory, as the next layer reads them.
    Where many queries are `coarse`, what is multiplied is rounded to bfloat16 first, on processors
    that have instructions for it; sums, caps and the softmax are in float32 all the same.
    """
    examples, heads, queries, channels = q.shape
    kv_heads, slots = k.shape[1:3]
    assert k.shape == v.shape == (examples, kv_heads, slots, channels), (q.shape, k.shape, v.shape)
    assert heads % kv_heads == 0, (q.shape, k.shape)
    out = q.new_empty(examples, queries, heads, channels).transpose(1, 2)
    apart = (0, 0)
    if mask is not None:
        mask = mask.contiguous()
        apart = (_step(mask, 0, examples), _step(mask, 1, queries))
        assert mask.shape[2] == slots, (mask.shape, k.shape)
    told = _Attention(
        *map(_lie, (q, k, v, out)),
        *addresses(mask),
        *apart,
        *(examples, heads, kv_heads, queries, slots, channels),
        *(int(q.dtype is torch.bfloat16), int(coarse)),
        scale,
        softcap or 0.0,
    )
    threads = torch.get_num_threads()
    size, run = _functions(native)
    space = room(size(told, threads))
    run(told, space.data_ptr(), threads)
    return out


def _lie(heads: Tensor) -> _Heads:
    return _Heads(heads.data_ptr(), *heads.stride()[:3])


def _step(mask: Tensor, dim: int, count: int) -> int:
    """Bytes from one example's or query's to the next's; 0 where there is one for all."""
    assert mask.shape[dim] in (1, count), (mask.shape, count)
    return 0 if mask.shape[dim] == 1 else mask.stride(dim)


@cache
def _functions(native: Kernels) -> tuple[Callable[..., int], Callable[..., None]]:
    size, run = native.library.attention_space, native.library.attend
    told = ctypes.POINTER(_Attention)
    size.argtypes, size.restype = [told, ctypes.c_int], ctypes.c_int64
    run.argtypes, run.restype = [told, ctypes.c_void_p, ctypes.c_int], None
    return cast(Callable[..., int], size), cast(Callable[..., None], run)
