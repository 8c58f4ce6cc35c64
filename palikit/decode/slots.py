"""In-flight batching: requests join, are decoded together, and leave, each at its own time.

    slots = Slots(model, Room(slots=2, cache_bytes=1 << 30))
    a, b, c = (slots.join(request) for request in requests)
    slots.step()     reads a and b                 -> their first tokens
    slots.step()     one pass over both            -> their second ones; b has come to its end
    slots.step()     reads c, which had to wait    -> its first token
    slots.cancel(a)  frees a's slot at once

A step is one call of the model: it reads newcomers, or it decodes. Where there is both to do, the
two take turns, so nobody who is being answered waits for more than one batch of newcomers. Those
wait in the order in which they came; one that does not fit yet lets nobody pass.

What a request is told does not depend on who else is there. The cache grows with those in flight,
within its bytes, and is given back when the last one has left. One thread at a time may call these.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from palikit.errors import UsageError
from palikit.model.paligemma import PaliGemma
from palikit.model.slot_cache import bytes_a_token

from .room import Room
from .rows import Request, Row, read_on, tell
from .scores import Scores

__all__ = ["Slots", "Told"]

ROUND = 64
"""Capacities are multiples of it where memory allows, so that few newcomers make a cache grow."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a step told one request.

    Attributes:
        ids: its new tokens, an end token with them: `(87, 1)`.
        logprobs: natural logarithms of their probabilities at temperature 1.
        ended: how its answer ended, if it did; the slot is free then.
        error: why it failed. One that cannot be read fails alone or with those read beside it; a
            pass that fails takes all in flight with it; whoever waits goes on.
        offsets: of each token, how far from it the model's mean lies (see `Ruler`).
    """

    ticket: int
    ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    ended: Literal["eos", "limit", "failed"] | None = None
    error: Exception | None = None
    offsets: tuple[float, ...] = ()


class Slots:
    """The one decoding loop, a step at a time."""

    def __init__(self, model: PaliGemma, room: Room) -> None:
        embedding = model.text.embedding.weight
        config = model.config.text
        self.room = room
        self.cache = model.slot_cache()
        self._model = model
        self._tokens = room.cache_bytes // bytes_a_token(config, embedding.dtype)
        self._tickets = count()
        self._waiting: deque[Row] = deque()
        self._rows: list[Row] = []
        self._just_read = False

    @property
    def in_flight(self) -> int:
        """Requests that are being answered."""
        return len(self._rows)

    @property
    def waiting(self) -> int:
        """Requests that nothing was read of yet."""
        return len(self._waiting)

    @property
    def busy(self) -> bool:
        """Whether a step has anything to do."""
        return bool(self._rows or self._waiting)

    def join(self, request: Request) -> int:
        """Wait for a slot; returns the ticket by which steps speak of this request.

        Raises:
            UsageError: it would not fit if it were alone, or asks nothing.
        """
        if not request.prefix:
            raise UsageError("a request without a prefix came; give the ids of a prompt")
        if request.need + 1 > self._tokens:
            raise UsageError(
                f"a request of {request.image_tokens} image, {len(request.prefix)} prefix and up "
                f"to {request.max_new_tokens} answer tokens came, but cache_bytes="
                f"{self.room.cache_bytes} has room for {max(0, self._tokens - 1)}: "
                "give more cache_bytes, fewer pictures or a smaller max_new_tokens"
            )
        row = Row(next(self._tickets), request)
        self._waiting.append(row)
        return row.ticket

    @torch.inference_mode()
    def cancel(self, ticket: int) -> bool:
        """Forget a request, its slot free at once; False where it has ended already."""
        for row in self._waiting:
            if row.ticket == ticket:
                self._waiting.remove(row)
                return True
        for place, row in enumerate(self._rows):
            if row.ticket == ticket:
                self._leave(place)
                return True
        return False

    @torch.inference_mode()
    def close(self) -> None:
        """Forget all requests."""
        self._waiting.clear()
        self._leave_all()

    @torch.inference_mode()
    def step(self) -> list[Told]:
        """Call the model once, if there is anything to do; what that told, one entry a request."""
        newcomers = [] if self._rows and self._just_read else self._newcomers()
        self._just_read = bool(newcomers)
        if newcomers:
            return self._read(newcomers)
        if not self._rows:
            return []
        try:
            read_on(self._model, self.cache, self._rows)
        # Nobody knows how far each of them came; those who wait have lost nothing.
        except Exception as error:
            failed = [_failure(row, error) for row in self._rows]
            self._leave_all()
            return failed
        return self._show()

    def _newcomers(self) -> list[Row]:
        """Those of the queue's head that can be read together now."""
        chosen: list[Row] = []
        longest = 0
        for row in self._waiting:
            # Rows of different numbers of pictures do not fit into one tensor.
            if chosen and row.request.image_tokens != chosen[0].request.image_tokens:
                break
            longest = max(longest, row.request.length)
            if chosen and longest * (len(chosen) + 1) > self.room.read_tokens:
                break
            if not self._fits([*self._rows, *chosen, row]):
                break
            chosen.append(row)
        return chosen

    def _fits(self, rows: list[Row]) -> bool:
        return len(rows) <= self.room.slots and self._holds(len(rows), _need(rows))

    def _read(self, newcomers: list[Row]) -> list[Told]:
        """Prefixes of newcomers, and their first tokens."""
        for _ in newcomers:
            self._waiting.popleft()
        failed: list[Told] = []
        seen = list(self._look(newcomers, failed))
        newcomers = [row for row, _ in seen]
        if not newcomers:
            return failed
        try:
            self._prefill(newcomers, [features for _, features in seen])
        # Whatever it was (memory, most likely), those in flight are as they were.
        except Exception as error:
            self._give_back()
            return [*failed, *(_failure(row, error) for row in newcomers)]
        return [*failed, *self._show()]

    def _look(
        self, newcomers: list[Row], failed: list[Told]
    ) -> Iterator[tuple[Row, Float[Tensor, "1 I D"] | None]]:
        """Each with what the vision tower made of its picture; one whose picture fails is out."""
        for row in newcomers:
            try:
                yield row, row.request.features() if row.request.features else None
            except Exception as error:
                failed.append(_failure(row, error))

    def _prefill(self, newcomers: list[Row], seen: list[Float[Tensor, "1 I D"] | None]) -> None:
        self._make_room(newcomers)
        tokens, real = _padded([row.request.prefix for row in newcomers])
        features = [one for one in seen if one is not None]
        joining = self.cache.joining([row.request.length for row in newcomers])
        logits = self._model.prefill(
            torch.cat(features) if features else None,
            tokens.to(self.cache.device),
            None if real is None else real.to(self.cache.device),
            joining,
        )
        tell(newcomers, Scores(self._model, logits=logits))
        joining.stay()
        self._rows += newcomers

    def _make_room(self, newcomers: list[Row]) -> None:
        """Let the cache grow where it is too small, by enough to seldom grow again."""
        cache, rows = self.cache, len(self._rows) + len(newcomers)
        need = _need([*self._rows, *newcomers])
        if rows <= cache.rows and need <= cache.capacity:
            return
        capacity = max(-(-need // ROUND) * ROUND, cache.capacity)
        if not self._holds(rows, capacity):
            capacity = max(need, self._tokens // rows - 1)
        most = min(self.room.slots, self._tokens // (capacity + 1))
        grown = cache.rows if rows <= cache.rows else 2 * cache.rows
        wished = min(max(grown, rows + len(self._waiting)), most), capacity
        sizes = cache.rounded(*wished), cache.rounded(rows, need), wished
        cache.resize(*next(size for size in sizes if self._holds(*size)))

    def _holds(self, rows: int, capacity: int) -> bool:
        return rows * (capacity + 1) <= self._tokens

    def _show(self) -> list[Told]:
        """What nobody has been shown yet; rows that have ended leave."""
        shown = [_told(row) for row in self._rows if row.told]
        for place in reversed(range(len(self._rows))):
            self._rows[place].told = []
            if not self._rows[place].live:
                self._leave(place)
        return shown

    def _leave(self, place: int) -> None:
        self.cache.leave(place)
        self._rows[place] = self._rows[-1]
        self._rows.pop()
        self._give_back()

    def _leave_all(self) -> None:
        while self._rows:
            self._leave(len(self._rows) - 1)

    def _give_back(self) -> None:
        if not self._rows:
            self.cache.resize(0, 0)


def _need(rows: list[Row]) -> int:
    return max(row.request.need for row in rows)


def _told(row: Row) -> Told:
    ids, logprobs, offsets = zip(*row.told, strict=True)
    ended: Literal["eos", "limit"] | None = "eos" if row.at_eos else None if row.live else "limit"
    return Told(row.ticket, ids, logprobs, ended, offsets=offsets)


def _failure(row: Row, error: Exception) -> Told:
    return Told(row.ticket, ended="failed", error=error)


def _padded(
    prefixes: list[tuple[int, ...]],
) -> tuple[Int[Tensor, "B T"], Bool[Tensor, "B T"] | None]:
    """Prefixes with padding behind them, and which tokens are real; None where all are."""
    width = max(map(len, prefixes))
    tokens = torch.tensor([[*ids, *[0] * (width - len(ids))] for ids in prefixes])
    lengths = torch.tensor([len(ids) for ids in prefixes])
    real = torch.arange(width) < lengths[:, None]
    return tokens, None if bool(real.all()) else real
