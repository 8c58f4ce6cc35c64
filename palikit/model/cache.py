"""Keys and values of the tokens seen so far, in memory that is allocated once."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from palikit.config import GemmaConfig

__all__ = ["KVCache"]


class KVCache:
    """Room for `capacity` positions a row, in every layer.

    All rows are filled up to the same slot (`length`), so a write is one slice; a row's padding
    stands in slots that `valid` marks False, which no query sees and no position counts. After the
    first `append`, each row is filled up to a slot of its own, and `trim` takes tokens back.

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
        # One slot more than can be read, where `append` puts what is padding.
        shape = (config.depth, batch, config.num_kv_heads, capacity + 1, config.head_dim)
        self.keys: Float[Tensor, "layers B K S H"] = torch.zeros(shape, dtype=dtype, device=device)
        self.values: Float[Tensor, "layers B K S H"] = torch.zeros_like(self.keys)
        self.valid: Bool[Tensor, "B S"] = torch.zeros(
            batch, capacity, dtype=torch.bool, device=device
        )
        self.counts: Int[Tensor, " B"] = torch.zeros(batch, dtype=torch.int64, device=device)
        self.length = 0
        self._filled: Int[Tensor, " B"] | None = None
        self._slots: Int[Tensor, "B T"] | None = None

    @property
    def capacity(self) -> int:
        """Slots a row."""
        return self.keys.shape[3] - 1

    def reserve(self, real: Bool[Tensor, "B T"]) -> Int[Tensor, "B T"]:
        """Take the next T slots; returns the positions of their tokens, counted over real ones."""
        assert self._filled is None, "rows of different lengths take slots by append"
        length = self.length + real.shape[1]
        assert length <= self.capacity, f"cache of {self.capacity} slots asked to hold {length}"
        self.valid[:, self.length : length] = real
        positions = self.counts[:, None] + real.cumsum(dim=1) - 1
        self.counts = self.counts + real.sum(dim=1)
        self.length = length
        return positions.clamp_min(0)

    def append(self, real: Bool[Tensor, "B T"]) -> Int[Tensor, "B T"]:
        """Take as many slots a row as it has real tokens; returns the tokens' positions."""
        if self._filled is None:
            self._filled = torch.full_like(self.counts, self.length)
        ahead = real.cumsum(dim=1) - 1
        slots = self._filled[:, None] + ahead
        assert bool((slots < self.capacity).all()), f"a cache of {self.capacity} slots is full"
        positions = self.counts[:, None] + ahead
        self._slots = torch.where(real, slots, self.capacity)
        self._fill_to(self._filled + real.sum(dim=1))
        return positions.clamp_min(0)

    def trim(self, last: Int[Tensor, " B"]) -> None:
        """Forget the last so many tokens of each row, all of which `append` took."""
        assert self._filled is not None, "only tokens that append took can be taken back"
        self._fill_to(self._filled - last)

    def _fill_to(self, filled: Int[Tensor, " B"]) -> None:
        assert self._filled is not None
        slots = torch.arange(self.capacity, device=filled.device)
        new = (slots >= self._filled[:, None]) & (slots < filled[:, None])
        self.valid = (self.valid | new) & (slots < filled[:, None])
        self.counts = self.counts + filled - self._filled
        self._filled = filled
        self.length = int(filled.max())

    @property
    def slots(self) -> Int[Tensor, "B T"] | None:
        """Where the newest tokens of each row stand, padding past the end; None for one slice."""
        return self._slots

    def write(
        self, layer: int, keys: Float[Tensor, "B K T H"], values: Float[Tensor, "B K T H"]
    ) -> tuple[Float[Tensor, "B K S H"], Float[Tensor, "B K S H"]]:
        """Put a layer's newest keys and values into the slots just reserved; returns all so far."""
        if self._slots is None:
            start = self.length - keys.shape[2]
            self.keys[layer, :, :, start : self.length] = keys
            self.values[layer, :, :, start : self.length] = values
        else:
            rows = torch.arange(len(keys), device=keys.device)[:, None]
            self.keys[layer][rows, :, self._slots] = keys.transpose(1, 2)
            self.values[layer][rows, :, self._slots] = values.transpose(1, 2)
        return self.keys[layer, :, :, : self.length], self.values[layer, :, :, : self.length]

    def reorder(self, rows: Int[Tensor, " B"]) -> None:
        """Row b becomes what row `rows[b]` was, as a beam search wants it."""
        used = slice(0, self.length)
        self.keys[:, :, :, used] = self.keys[:, rows, :, used]
        self.values[:, :, :, used] = self.values[:, rows, :, used]
        self.valid[:, used] = self.valid[rows, used]
        self.counts = self.counts[rows]
