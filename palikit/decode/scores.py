"""Scores of what may come next: of all ids, or of those that somebody asks for.

Where few tokens are allowed, only their scores are computed; to gather most rows of the embedding
would cost more than the product with all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from palikit.model.paligemma import PaliGemma

__all__ = ["Scores", "columns_of", "masked", "token_logprobs"]


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of rows, from what is known of them: all logits, or states to compute some from."""

    model: PaliGemma
    hidden: Float[Tensor, "n D"] | None = None
    logits: Float[Tensor, "n V"] | None = None

    @property
    def vocabulary(self) -> int:
        """How many ids there are."""
        return self.model.config.text.vocab_size

    def of(self, rows: list[int], columns: Int[Tensor, " c"] | None) -> Float[Tensor, "r c"]:
        """Those of some rows and columns; None for all columns."""
        known = self.hidden if self.logits is None else self.logits
        assert known is not None
        some = known if len(rows) == len(known) else known[rows]
        if columns is not None:
            columns = columns.to(known.device)
        if self.logits is not None:
            return some if columns is None else some[:, columns]
        return self.model.text.logits(some[:, None], columns)[:, 0]


def columns_of(sets: Sequence[Int[Tensor, " _"]], vocabulary: int) -> Int[Tensor, " c"] | None:
    """All that these hold, in order; None for every id, where one of them holds most."""
    if 2 * max(map(len, sets)) > vocabulary:
        return None
    held = torch.zeros(vocabulary, dtype=torch.bool)
    for ids in sets:
        held[ids] = True
    return held.nonzero()[:, 0]


def masked(
    logits: Float[Tensor, "r c"],
    columns: Int[Tensor, " c"] | None,
    sets: Sequence[Int[Tensor, " _"]],
) -> Float[Tensor, "r c"]:
    """Scores of `columns` where each row has its own set of them; -inf for the others."""
    barred = _barred(sets, columns, logits.shape[1])
    return logits.float().masked_fill(barred.to(logits.device), -torch.inf)


def _barred(
    sets: Sequence[Int[Tensor, " _"]], columns: Int[Tensor, " c"] | None, width: int
) -> Bool[Tensor, "r {width}"]:
    """True where a column is not allowed to a row; `width` is their number."""
    barred = torch.ones(len(sets), width, dtype=torch.bool)
    for row, ids in zip(barred, sets, strict=True):
        row[ids if columns is None else torch.searchsorted(columns, ids)] = False
    return barred


def token_logprobs(logits: Float[Tensor, "B V"], ids: Int[Tensor, " B"]) -> Float[Tensor, " B"]:
    """log softmax(logits)[ids] in float32, without writing out the whole row."""
    logits = logits.float()
    return logits.gather(-1, ids[:, None])[:, 0] - logits.logsumexp(dim=-1)
