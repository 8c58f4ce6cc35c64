"""Keys and values that keep their address and come in few shapes, for a pass that is compiled.

Sizes are rounded up to those below. A flight's memory is an `Arena`, one flat tensor a layer, whose
beginning is seen as [rows, K, slots, H]. It outlives the flight, so that the next one finds the
addresses that a CUDA graph has written into it. Where a size is larger than all of these, or the
rounded one is more than the room allows, the cache is a plain `SlotCache` meanwhile.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from palikit.config import GemmaConfig
from palikit.model.slot_cache import SlotCache

__all__ = ["Arena", "FixedCache", "Shape"]

ROWS = (1, 8, 16, 32, 64)
"""Of a pass. Padding adds keys and values to what it reads: of the 3B in bfloat16 with 512 tokens a
row, 6% where 2 rows become 8 and 24% where 33 become 64."""

WIDTHS = (1, 8, 24)
"""Tokens that a pass reads of a row: one, a draft of a box, a draft of a mask and its label."""

CAPACITIES = tuple(1 << n for n in range(7, 15))
"""Tokens of a row, from 128 to 16,384."""

Layers = list[Float[Tensor, "rows K S H"]]


class Shape(NamedTuple):
    """Sizes of a pass that is compiled once."""

    rows: int
    width: int
    capacity: int


class Arena:
    """Memory for one flight's keys and values."""

    def __init__(self, config: GemmaConfig, dtype: torch.dtype, device: torch.device) -> None:
        """Without any until `look` needs some."""
        self._token = (config.num_kv_heads, config.head_dim)
        none = torch.zeros(0, dtype=dtype, device=device)
        self._flat: list[Float[Tensor, " numbers"]] = [none] * (2 * config.depth)
        self._views: dict[tuple[int, int], tuple[Layers, Layers]] = {}

    def clear(self, layer: int, rows: int, slots: int) -> Float[Tensor, "rows K S H"]:
        """Zeros of this shape; keys of all layers count before values. Larger needs more memory."""
        old = self._flat[layer]
        if old.numel() < rows * slots * self._token[0] * self._token[1]:
            # Views of it, which other shapes hold, would keep the old memory.
            self._views.clear()
            self._flat[layer] = old.new_zeros(rows * slots * self._token[0] * self._token[1])
        view = self._view(layer, rows, slots)
        return view.zero_()

    def look(self, rows: int, slots: int) -> tuple[Layers, Layers]:
        """All layers' keys and values in a shape: the same tensors each time."""
        if (rows, slots) not in self._views:
            views = [self._view(layer, rows, slots) for layer in range(len(self._flat))]
            for view in views:
                torch._dynamo.mark_static_address(view)
            half = len(views) // 2
            self._views[rows, slots] = views[:half], views[half:]
        return self._views[rows, slots]

    def _view(self, layer: int, rows: int, slots: int) -> Float[Tensor, "rows K S H"]:
        heads, width = self._token
        return self._flat[layer][: rows * heads * slots * width].view(rows, heads, slots, width)


class FixedCache(SlotCache):
    """A slot cache in an arena while one of the sizes above fits; all else as `SlotCache`."""

    def __init__(
        self,
        config: GemmaConfig,
        idle: list[Arena],
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        """Without any room; `idle` holds arenas of flights that are over, and is shared by all."""
        super().__init__(config, dtype=dtype, device=device)
        self._config = config
        self._idle = idle
        self._arena: Arena | None = None

    def rounded(self, rows: int, capacity: int) -> tuple[int, int]:
        """The next of `ROWS` and `CAPACITIES`; these as they are where one is larger than all."""
        tall, long = _next(rows, ROWS), _next(capacity, CAPACITIES)
        return (rows, capacity) if tall is None or long is None else (tall, long)

    def resize(self, rows: int, capacity: int) -> None:
        """Make room in an arena for rounded sizes, and in memory of its own for any other."""
        if rows not in ROWS or capacity not in CAPACITIES:
            super().resize(rows, capacity)
            if self._arena is not None:
                self._idle.append(self._arena)
                self._arena = None
            return
        arena = self._arena or self._idle_arena()
        used = (slice(0, len(self.lengths)), slice(None), slice(0, self.length))
        # Should memory not suffice half-way, all layers have this, and passes are plain.
        self._arena = None
        self.rows, self.capacity = min(rows, self.rows), min(capacity, self.capacity)
        for first, layers in ((0, self.keys), (len(self.keys), self.values)):
            for i, old in enumerate(layers):
                kept = old[used].clone()
                layers[i] = arena.clear(first + i, rows, capacity + 1)
                layers[i][used] = kept
        self.rows, self.capacity = rows, capacity
        self._arena = arena

    def shape(self, rows: int, width: int) -> Shape | None:
        """Of a pass over so many rows and tokens; None where it is none of the fixed ones."""
        tall, wide = _next(rows, ROWS), _next(width, WIDTHS)
        if self._arena is None or tall is None or wide is None:
            return None
        return Shape(tall, wide, self.capacity)

    def look(self, rows: int) -> tuple[Layers, Layers]:
        """Keys and values of the first so many rows, in use or not: the same tensors each time."""
        assert self._arena is not None
        return self._arena.look(rows, self.capacity + 1)

    def take_fixed(self, counts: Sequence[int], rows: int) -> Int[Tensor, "2 R"]:
        """Go on by so many tokens a row: where each starts, and how many; 0 and 0 for idle rows."""
        idle = [0] * (rows - len(counts))
        ends = torch.tensor([[*self.lengths, *idle], [*counts, *idle]])
        self.advance(counts)
        return ends.to(self.device, non_blocking=True)

    def _idle_arena(self) -> Arena:
        if self._idle:
            return self._idle.pop()
        return Arena(self._config, self.keys[0].dtype, self.device)


def _next(wanted: int, sizes: Sequence[int]) -> int | None:
    """The smallest that is enough."""
    return next((size for size in sizes if size >= wanted), None)
