"""The decoding loop where some rows follow a grammar.

It picks what `generate` would pick among the allowed tokens, with less work:

- A draft of what comes next (sure, like a separator, or likely, like a label) is read in the same
  pass as the token before it. Each position then says whether the draft was right; the rest of a
  wrong one is taken back out of the cache. So a draft changes no answer.
- Where few tokens are allowed, only their scores are computed.

Log-probabilities are those among the allowed tokens: a token without alternative has 0.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from palikit.model.cache import KVCache
from palikit.model.paligemma import PaliGemma

from .grammar import Ids, Walk
from .sampling import Sampler

__all__ = ["follow"]


@dataclass(slots=True)
class _Row:
    """One answer in the making.

    Attributes:
        limit: tokens it may still tell.
        pending: the token that the model has not read yet.
        told: tokens and log-probabilities that nobody has been shown.
    """

    walk: Walk
    limit: int
    generator: torch.Generator
    stops: frozenset[int]
    pending: int = 0
    told: list[tuple[int, float]] = field(default_factory=list)
    at_eos: bool = False

    @property
    def live(self) -> bool:
        return not self.at_eos and self.limit > 0

    def tell(self, token: int, logprob: float) -> None:
        self.pending = token
        self.walk.advance(token)
        self.limit -= 1
        self.at_eos = token in self.stops
        self.told.append((token, logprob))

    def feed(self) -> Ids:
        """What to read next: the pending token and a draft of what the row may still tell."""
        return (self.pending, *self.walk.draft()[: self.limit - 1])


def follow(
    model: PaliGemma,
    logits: Float[Tensor, "B V"],
    cache: KVCache,
    walks: Sequence[Walk],
    stops: frozenset[int],
    limits: Sequence[int],
    sampler: Sampler,
    generators: Sequence[torch.Generator],
) -> Iterator[list[tuple[list[tuple[int, float]], bool]]]:
    """After each pass, for every row: the (token, logprob) pairs it told, and whether it ended.

    `logits` are those of the first tokens, `cache` holds the prefixes.
    """
    rows = [
        _Row(walk, limit, generator, stops)
        for walk, limit, generator in zip(walks, limits, generators, strict=True)
    ]
    with torch.inference_mode():
        _tell(rows, _Scores(model, logits=logits), sampler)
    yield _show(rows)
    while any(row.live for row in rows):
        with torch.inference_mode():
            _pass(model, cache, rows, sampler)
        yield _show(rows)


def _pass(model: PaliGemma, cache: KVCache, rows: Sequence[_Row], sampler: Sampler) -> None:
    """Read every live row's pending token and draft; tell what the new states say."""
    fed = [row.feed() if row.live else () for row in rows]
    width = max(len(ids) for ids in fed)
    device = cache.keys.device
    tokens = torch.tensor([[*ids, *[0] * (width - len(ids))] for ids in fed], device=device)
    lengths = torch.tensor([len(ids) for ids in fed], device=device)
    real = torch.arange(width, device=device) < lengths[:, None]
    hidden = model.extend_ragged(tokens, real, cache)
    right = _check(model, hidden, rows, fed, sampler)
    if right != [len(ids) for ids in fed]:
        cache.trim(lengths - torch.tensor(right, device=device))


def _check(
    model: PaliGemma,
    hidden: Float[Tensor, "B T D"],
    rows: Sequence[_Row],
    fed: Sequence[Ids],
    sampler: Sampler,
) -> list[int]:
    """Tell tokens as long as they are the draft's; how many fed tokens of each row were right."""
    right = [min(len(ids), 1) for ids in fed]
    for at in range(hidden.shape[1]):
        checked = [i for i, row in enumerate(rows) if right[i] == at + 1 and row.live]
        if not checked:
            break
        _tell([rows[i] for i in checked], _Scores(model, hidden=hidden[checked, at]), sampler)
        for i in checked:
            if fed[i][at + 1 : at + 2] == (rows[i].pending,) and rows[i].live:
                right[i] += 1
    return right


@dataclass(frozen=True, slots=True)
class _Scores:
    """Scores of rows, from what is known of them: all logits, or states to compute some from."""

    model: PaliGemma
    hidden: Float[Tensor, "n D"] | None = None
    logits: Float[Tensor, "n V"] | None = None

    def of(self, rows: list[int], columns: Int[Tensor, " c"] | None) -> Float[Tensor, "r c"]:
        """Those of some rows and columns; None for all columns."""
        if self.logits is not None:
            return self.logits[rows] if columns is None else self.logits[rows][:, columns]
        assert self.hidden is not None
        return self.model.text.logits(self.hidden[rows][:, None], columns)[:, 0]


def _tell(rows: Sequence[_Row], scores: _Scores, sampler: Sampler) -> None:
    """Each row's next token; only those with a choice cost anything."""
    allowed = [row.walk.allowed() for row in rows]
    choosing = [i for i, ids in enumerate(allowed) if ids is None or len(ids) > 1]
    for i, ids in enumerate(allowed):
        if ids is not None and len(ids) == 1:
            rows[i].tell(int(ids[0]), 0.0)
    if not choosing:
        return
    sets = [allowed[i] for i in choosing]
    some = [ids for ids in sets if ids is not None]
    columns: Tensor | None = None
    if len(some) == len(sets):
        columns = torch.from_numpy(np.unique(torch.cat(some).numpy()))
    logits = scores.of(choosing, None if columns is None else columns.to(_device(scores)))
    logits = logits.float().masked_fill(_barred(sets, columns, logits), -torch.inf)
    picked = sampler.pick(logits, [rows[i].generator for i in choosing])
    chosen = logits.gather(-1, picked[:, None])[:, 0] - logits.logsumexp(dim=-1)
    told: list[int] = (picked.cpu() if columns is None else columns[picked.cpu()]).tolist()
    for i, token, logprob in zip(choosing, told, chosen.tolist(), strict=True):
        rows[i].tell(token, logprob)


def _barred(
    sets: Sequence[Int[Tensor, " _"] | None],
    columns: Int[Tensor, " c"] | None,
    logits: Float[Tensor, "r c"],
) -> Bool[Tensor, "r c"]:
    """True where a column is not allowed to a row."""
    barred = torch.ones(logits.shape, dtype=torch.bool)
    for row, ids in zip(barred, sets, strict=True):
        if ids is None:
            row[:] = False
        else:
            row[ids if columns is None else torch.searchsorted(columns, ids)] = False
    return barred.to(logits.device)


def _device(scores: _Scores) -> torch.device:
    known = scores.hidden if scores.logits is None else scores.logits
    assert known is not None
    return known.device


def _show(rows: Sequence[_Row]) -> list[tuple[list[tuple[int, float]], bool]]:
    shown = [(row.told, row.at_eos) for row in rows]
    for row in rows:
        row.told = []
    return shown
