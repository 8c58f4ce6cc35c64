"""Keys and values of the tokens seen so far, in memory that is allocated once."""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from palikit.config import GemmaConfig

__all__ = ["Cache", "KVCache", "PrefixCache"]


@runtime_checkable
class Cache(Protocol):
    """What the layers ask of a cache, whoever lays out its rows."""

    def write(
        self, layer: int, keys: Float[Tensor, "B K T H"], values: Float[Tensor, "B K T H"]
    ) -> tuple[Float[Tensor, "B K S H"], Float[Tensor, "B K S H"]]:
        """Keep a layer's newest keys and values; returns all that the queries may look at."""
        ...


@runtime_checkable
class PrefixCache(Cache, Protocol):
    """A cache that a prefix can be read into."""

    def reserve(self, real: Bool[Tensor, "B T"]) -> Int[Tensor, "B T"]:
        """Take the next T slots; returns the positions of their tokens, counted over real ones."""
        ...


class KVCache:
    """Room for `capacity` positions a row, in every layer.

    All rows are filled up to the same slot (`length`), so a write is one slice; a row's padding
    stands in slots that `valid` marks False, which no query sees and no position counts.

        slot      0 .. 255   256 257 258 259 260
        row 0     image      bos cat  \\n  ·   A      valid 1…1 1 1 1 0 1
        row 1     image      bos how many \\n  3      valid 1…1 1 1 1 1 1
    """

    def __init__(
        self,
        config: GemmaConfig,
        batch: int,
        capacity: int,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        shape = (config.depth, batch, config.num_kv_heads, capacity, config.head_dim)
        self.keys: Float[Tensor, "layers B K S H"] = torch.zeros(shape, dtype=dtype, device=device)
        self.values: Float[Tensor, "layers B K S H"] = torch.zeros_like(self.keys)
        self.valid: Bool[Tensor, "B S"] = torch.zeros(
            batch, capacity, dtype=torch.bool, device=device
        )
        self.counts: Int[Tensor, " B"] = torch.zeros(batch, dtype=torch.int64, device=device)
        self.length = 0

    @property
    def capacity(self) -> int:
        """Slots a row."""
        return self.keys.shape[3]

    def reserve(self, real: Bool[Tensor, "B T"]) -> Int[Tensor, "B T"]:
        """Take the next T slots; returns the positions of their tokens, counted over real ones."""
        length = self.length + real.shape[1]
        assert length <= self.capacity, f"cache of {self.capacity} slots asked to hold {length}"
        self.valid[:, self.length : length] = real
        positions = self.counts[:, None] + real.cumsum(dim=1) - 1
        self.counts = self.counts + real.sum(dim=1)
        self.length = length
        return positions.clamp_min(0)

    def write(
        self, layer: int, keys: Float[Tensor, "B K T H"], values: Float[Tensor, "B K T H"]
    ) -> tuple[Float[Tensor, "B K S H"], Float[Tensor, "B K S H"]]:
        """Put a layer's newest keys and values into the slots just reserved; returns all so far."""
        start = self.length - keys.shape[2]
        self.keys[layer, :, :, start : self.length] = keys
        self.values[layer, :, :, start : self.length] = values
        return self.keys[layer, :, :, : self.length], self.values[layer, :, :, : self.length]

    def reorder(self, rows: Int[Tensor, " B"]) -> None:
        """Row b becomes what row `rows[b]` was, as a beam search wants it."""
        used = slice(0, self.length)
        self.keys[:, :, :, used] = self.keys[:, rows, :, used]
        self.values[:, :, :, used] = self.values[:, rows, :, used]
        self.valid[:, used] = self.valid[rows, used]
        self.counts = self.counts[rows]
