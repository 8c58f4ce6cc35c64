"""The decoder's blocks for the few rows of a step, by `rows.c`: one call for a thousand operations.

Between the readings of two weights a step of PyTorch takes longer than its work, which for a step
with int4 weights was a quarter of the time. What is done is what the plain blocks do, in float32
between two sums (`docs/numerics.md`).
"""

import ctypes
from collections.abc import Callable, Iterator
from functools import cache
from operator import is_
from typing import Any, NamedTuple, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from palikit.config import GemmaConfig
from palikit.model.attention import Visibility
from palikit.model.cache import Cache
from palikit.model.gemma import Gemma, rope_angles
from palikit.model.slot_cache import SlotCache
from palikit.shapes import Embeddings

from .calling import addresses, are_few, room
from .described import Block, describe
from .native import Kernels, usable

__all__ = ["FusedGemma"]


class FusedGemma(Gemma):
    """`Gemma` that reads a few rows in flight by one call; any others as the plain one does."""

    def __init__(self, plain: Gemma) -> None:
        nn.Module.__init__(self)
        self.config = plain.config
        for name, part in plain.named_children():
            self.add_module(name, part)
        self._told: _Told | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Without addresses, which a copy's tensors do not have."""
        return {**self.__dict__, "_told": None}

    def forward(
        self,
        x: Embeddings,
        positions: Int[Tensor, "B T"],
        visibility: Visibility,
        cache: Cache | None = None,
        wanted: Int[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "B Q D"]:
        """All blocks and the final norm; a cache takes the new keys and values and gives all."""
        windowed = self.config.sliding_window is not None
        if isinstance(cache, SlotCache) and wanted is None and not windowed:
            native = usable(x) if are_few(x.shape[0] * x.shape[1]) else None
            blocks = None if native is None else self._blocks(x.dtype)
            if native is not None and blocks is not None:
                read = _read(native, blocks, x, positions, cache, self.config)
                return cast(Tensor, self.norm(read))
        return super().forward(x, positions, visibility, cache, wanted)

    def _blocks(self, dtype: torch.dtype) -> "ctypes.Array[Block] | None":
        """What C is told of the blocks, made anew where a part of them is another."""
        if self._told is None or not self._told.still_holds(dtype):
            self._told = _Told.of(self.blocks, dtype)
        return None if any(self._told.hooks) else self._told.blocks


class _Step(ctypes.Structure):
    """`struct step`."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("cos", "sin", "slots", "counts")),
        *((name, ctypes.c_int64) for name in ("rows", "tokens", "longest", "half")),
        ("threads", ctypes.c_int),
    ]


class _Kept(ctypes.Structure):
    """`struct kept`."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("keys", "values")),
        *((name, ctypes.c_int64) for name in ("example_apart", "head_apart")),
    ]


def _read(
    native: Kernels,
    blocks: "ctypes.Array[Block]",
    x: Embeddings,
    positions: Int[Tensor, "B T"],
    cache: SlotCache,
    config: GemmaConfig,
) -> Embeddings:
    """x through all blocks; the cache's newest slots are filled."""
    tokens, rows = x.shape[1], x.shape[0] * x.shape[1]
    assert len(blocks) == len(cache.keys), (len(blocks), len(cache.keys))
    assert cache.slots.shape == x.shape[:2], (cache.slots.shape, x.shape)
    # By name, so that all of it outlives the call.
    cos, sin = rope_angles(positions, config)
    counts, slots = positions + 1, cache.slots.contiguous()
    out = x.float().clone()
    widths = max(block.widest for block in blocks)
    between, scores = 2 * blocks[0].gate.outputs, blocks[0].heads * cache.length
    space = room(rows * (4 * widths + between + scores))
    layers = zip(cache.keys, cache.values, strict=True)
    kept = (_Kept * len(blocks))(*(_lie(pair, x.dtype, len(x)) for pair in layers))
    half, threads = int(x.dtype is torch.bfloat16), torch.get_num_threads()
    where = addresses(cos, sin, slots, counts)
    step = _Step(*where, rows, tokens, cache.length, half, threads)
    _function(native)(blocks, kept, len(blocks), step, *addresses(out, space), widths)
    return out.to(x.dtype)


def _lie(pair: tuple[Tensor, Tensor], dtype: torch.dtype, rows: int) -> _Kept:
    for layer in pair:
        assert layer.is_contiguous(), layer.stride()
        assert layer.dtype is dtype, layer.dtype
        assert len(layer) >= rows, (len(layer), rows)
    return _Kept(*addresses(*pair), *pair[0].stride()[:2])


@cache
def _function(native: Kernels) -> Callable[..., None]:
    function = native.library.read_blocks
    function.argtypes = [
        *map(ctypes.POINTER, (Block, _Kept)),
        ctypes.c_int64,
        ctypes.POINTER(_Step),
        *[ctypes.c_void_p] * 2,
        ctypes.c_int64,
    ]
    function.restype = None
    return cast(Callable[..., None], function)


class _Told(NamedTuple):
    """What C was told, or that it cannot be told, as long as the blocks' parts are these.

    Attributes:
        places: what holds each part, under the name beside it.
        held: the parts.
        tensors: those of the parts that are one.
        lie: where.
        hooks: what others want to be called with; C calls nobody.
    """

    blocks: "ctypes.Array[Block] | None"
    dtype: torch.dtype
    places: list[dict[str, Any]]
    names: list[str]
    held: list[object]
    tensors: list[Tensor]
    lie: list[int]
    hooks: list[dict[int, Any]]

    @classmethod
    def of(cls, blocks: nn.Module, dtype: torch.dtype) -> "_Told":
        described = [describe(block, dtype) for block in blocks.children()]
        known = [block for block in described if block is not None]
        whole = (Block * len(known))(*known) if len(known) == len(described) else None
        places, names, held = zip(*_parts(blocks), strict=True)
        tensors = [part for part in held if isinstance(part, Tensor)]
        lie = [tensor.data_ptr() for tensor in tensors]
        hooks = [h for m in blocks.modules() for h in (m._forward_hooks, m._forward_pre_hooks)]
        return cls(whole, dtype, list(places), list(names), list(held), tensors, lie, hooks)

    def still_holds(self, dtype: torch.dtype) -> bool:
        """Whether nothing was exchanged, moved or converted since."""
        # Of a thousand parts in every step: no loop in Python.
        found = map(dict.get, self.places, self.names)
        same = dtype is self.dtype and all(map(is_, found, self.held))
        return same and list(map(Tensor.data_ptr, self.tensors)) == self.lie


def _parts(module: nn.Module) -> Iterator[tuple[dict[str, Any], str, object]]:
    for place in (module._parameters, module._buffers, module._modules):
        yield from ((place, name, part) for name, part in place.items())
    for child in module.children():
        yield from _parts(child)
