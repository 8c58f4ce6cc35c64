"""Keys and values of rows that come and go, each of its own length."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from palikit.config import GemmaConfig

__all__ = ["Joining", "SlotCache", "bytes_a_token"]


def bytes_a_token(config: GemmaConfig, dtype: torch.dtype) -> int:
    """Memory of one token's keys and values in all layers: 106,496 for the 3B in bfloat16."""
    return config.depth * 2 * config.num_kv_heads * config.head_dim * dtype.itemsize


class SlotCache:
    """Room for some rows of up to `capacity` tokens; rows in use are always the first ones.

    Token i of a row stands in slot i and has position i: nothing is padded between, so a row's
    length says all about it, and lengths are plain numbers that no device is asked for. The last
    row takes the place of one that leaves, so a pass costs what the rows in use cost.

        slot   0 .. 255   256 257 258 259 260        lengths
        row 0  image      bos cat  \\n  a                260
        row 1  image      bos how many  \\n  3           261
        row 2  (free: zeros)

    Attributes:
        rows: how many there is memory for.
        capacity: tokens a row.
        lengths: tokens of each row in use.
    """

    def __init__(
        self,
        config: GemmaConfig,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        """Without any room until `resize` makes some."""
        none = torch.zeros(0, config.num_kv_heads, 1, config.head_dim, dtype=dtype, device=device)
        # One tensor a layer, so that growing holds one of them twice and never the whole.
        self.keys: list[Float[Tensor, "rows K S H"]] = [none] * config.depth
        self.values: list[Float[Tensor, "rows K S H"]] = [none] * config.depth
        self.rows, self.capacity = 0, 0
        self.lengths: list[int] = []
        # Where `write` puts the tokens just taken: one slice of slots from here, or slots a row.
        self._start = 0
        self._slots: Int[Tensor, "B T"] | None = None
        self._ahead: Int[Tensor, "B T"] = torch.zeros(0, 0, dtype=torch.int64, device=device)

    @property
    def length(self) -> int:
        """Tokens of the longest row in use."""
        return max(self.lengths, default=0)

    @property
    def nbytes(self) -> int:
        """Memory of all keys and values, in use or not."""
        return sum(layer.nbytes for layer in (*self.keys, *self.values))

    @property
    def device(self) -> torch.device:
        """Where they are."""
        return self.keys[0].device

    @property
    def slots(self) -> Int[Tensor, "B T"]:
        """Where the tokens just taken stand; padding where nobody reads."""
        return self._ahead if self._slots is None else self._slots

    @property
    def positions(self) -> Int[Tensor, "1 S"]:
        """Of every slot, as far as the longest row reaches."""
        return torch.arange(self.length, device=self.device)[None]

    def rounded(self, rows: int, capacity: int) -> tuple[int, int]:
        """Sizes to `resize` to where memory allows, at least these; here, just these."""
        return rows, capacity

    def resize(self, rows: int, capacity: int) -> None:
        """Make room for so many rows of so many tokens; those in use stay as they are."""
        assert rows >= len(self.lengths), f"{len(self.lengths)} rows are in use, not {rows}"
        assert capacity >= self.length, f"a row holds {self.length} tokens, not {capacity}"
        used = (slice(0, len(self.lengths)), slice(None), slice(0, self.length))
        # Should memory not suffice half-way, all layers have at least this.
        self.rows, self.capacity = min(rows, self.rows), min(capacity, self.capacity)
        for layers in (self.keys, self.values):
            for i, old in enumerate(layers):
                # Zeros, for a number that is none would spoil even what is weighed with nothing.
                # One slot more than can be read, where `write` puts what is padding.
                new = old.new_zeros(rows, old.shape[1], capacity + 1, old.shape[3])
                new[used] = old[used]
                layers[i] = new
        self.rows, self.capacity = rows, capacity

    def joining(self, lengths: Sequence[int]) -> "Joining":
        """Rows behind those in use, for prefixes of these lengths to be read into."""
        assert len(self.lengths) + len(lengths) <= self.rows, "no row is free"
        return Joining(self, tuple(lengths))

    def leave(self, row: int) -> None:
        """Free a row: the last one in use takes its place, and nothing stays behind."""
        last = len(self.lengths) - 1
        for layer in (*self.keys, *self.values):
            if row != last:
                layer[row] = layer[last]
            layer[last] = 0
        self.lengths[row] = self.lengths[last]
        self.lengths.pop()

    def take(self, counts: Sequence[int]) -> Int[Tensor, "B T"]:
        """Go on by so many tokens a row; returns positions, which padding counts on."""
        before = self.lengths
        self.advance(counts)
        starts, added = torch.tensor([before, list(counts)]).to(self.device, non_blocking=True)
        ahead = torch.arange(max(counts), device=self.device)
        positions = starts[:, None] + ahead
        self._start, self._slots, self._ahead = before[0], None, positions
        if len(set(before)) > 1 or len(set(counts)) > 1:
            self._slots = torch.where(ahead < added[:, None], positions, self.capacity)
        return positions

    def advance(self, counts: Sequence[int]) -> None:
        """Count so many more tokens a row."""
        self.lengths = [old + new for old, new in zip(self.lengths, counts, strict=True)]
        assert self.length <= self.capacity, f"a row of {self.capacity} slots is full"

    def trim(self, lengths: Sequence[int]) -> None:
        """Forget what the rows hold past these lengths."""
        assert all(new <= old for new, old in zip(lengths, self.lengths, strict=True))
        self.lengths = list(lengths)

    def visible(self, positions: Int[Tensor, "B T"]) -> Bool[Tensor, "B T S"] | None:
        """What tokens at these positions may look at: all up to themselves; None for everything."""
        if self._slots is None and positions.shape[1] == 1:
            return None
        return positions[:, :, None] >= self.positions[:, None]

    def write(
        self, layer: int, keys: Float[Tensor, "B K T H"], values: Float[Tensor, "B K T H"]
    ) -> tuple[Float[Tensor, "B K S H"], Float[Tensor, "B K S H"]]:
        """Put a layer's newest keys and values into the slots just taken; returns all so far."""
        pair = (self.keys[layer][: len(keys)], self.values[layer][: len(keys)])
        for kept, new in zip(pair, (keys, values), strict=True):
            if self._slots is None:
                kept.narrow(2, self._start, new.shape[2]).copy_(new)
            else:
                rows = torch.arange(len(new), device=new.device)[:, None]
                kept[rows, :, self._slots] = new.transpose(1, 2)
        length = self.length
        return pair[0].narrow(2, 0, length), pair[1].narrow(2, 0, length)


@dataclass(frozen=True, slots=True, eq=False)
class Joining:
    """Prefixes on their way into free rows, which are theirs once `stay` is called.

    Attributes:
        lengths: real tokens of each, pictures with them; the real ones stand first.
    """

    cache: SlotCache
    lengths: tuple[int, ...]

    def reserve(self, real: Bool[Tensor, "B T"]) -> Int[Tensor, "B T"]:
        """Positions of the prefixes' tokens."""
        return (real.cumsum(dim=1) - 1).clamp_min(0)

    def write(
        self, layer: int, keys: Float[Tensor, "B K T H"], values: Float[Tensor, "B K T H"]
    ) -> tuple[Float[Tensor, "B K T H"], Float[Tensor, "B K T H"]]:
        """Keep a layer's keys and values; a prefix sees nothing but itself."""
        first = len(self.cache.lengths)
        used = (slice(first, first + len(keys)), slice(None), slice(0, keys.shape[2]))
        self.cache.keys[layer][used] = keys
        self.cache.values[layer][used] = values
        return keys, values

    def stay(self) -> None:
        """From now on the rows are in use."""
        self.cache.lengths.extend(self.lengths)
