"""One pass of the model over rows that each have their own place, sampler and grammar.

It picks each row's next token among the allowed ones, with little work where few are:

- A draft of what comes next (sure, like a separator, or likely, like a label) is read in the same
  pass as the token before it. Each position then says whether the draft was right; the rest of a
  wrong one is taken back out of the cache. So a draft changes no answer.
- What the model makes of tokens behind a wrong guess is the next draft: told y1 and x1, the far
  corners of a box are often right although what stood between was not (Jacobi decoding, as in
  Santilli et al. 2023, arXiv 2305.10427, over the rest of a region).
- Where few tokens are allowed, only their scores are computed.
- The head runs once for all rows, and one transfer tells what was picked.

Log-probabilities are those of the scores as the model gave them, whatever the sampler made of them.
Along a grammar they are those among the allowed tokens and their rivals: a token without
alternative has 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from palikit.model.paligemma import PaliGemma
from palikit.model.slot_cache import SlotCache

from .grammar import FreeWalk, Ids, Walk
from .ruler import Ruler
from .sampling import Greedy, Sampler
from .scores import Scores, columns_of, masked, token_logprobs

__all__ = ["Request", "Row", "read_on", "tell"]


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """What one row is asked.

    Attributes:
        prefix: ids of the prompt, bos and newline with them.
        max_new_tokens: limit of the answer, its end token counted.
        stops: ids that end it; none lets it run to its limit.
        features: gives `embed_image` output, when it is the request's turn; None without a picture.
        image_tokens: how many soft tokens that will be.
        sampler: picks each token.
        seed: of the row's own random numbers, so that no neighbour changes what it draws.
        walk: what may be said; it is used up by the answer.
        ruler: ids that stand for places, which are then told with how far the model's mean lies
            from each; None tells the ids alone.
    """

    prefix: Ids
    max_new_tokens: int
    stops: frozenset[int] = frozenset()
    features: Callable[[], Float[Tensor, "1 I D"]] | None = None
    image_tokens: int = 0
    sampler: Sampler = field(default_factory=Greedy)
    seed: int = 0
    walk: Walk = field(default_factory=FreeWalk)
    ruler: Ruler | None = None

    @property
    def length(self) -> int:
        """Tokens to read before an answer."""
        return self.image_tokens + len(self.prefix)

    @property
    def need(self) -> int:
        """Slots for it and for the longest answer."""
        return self.length + self.max_new_tokens


class Row:
    """One answer in the making.

    Attributes:
        left: tokens it may still tell.
        pending: the token that the model has not read yet.
        told: tokens, log-probabilities and offsets (see `Ruler`) that nobody has been shown.
    """

    __slots__ = ("at_eos", "generator", "left", "pending", "request", "ticket", "told")

    def __init__(self, ticket: int, request: Request) -> None:
        self.ticket = ticket
        self.request = request
        self.generator = torch.Generator().manual_seed(request.seed)
        self.left = request.max_new_tokens
        self.pending = 0
        self.told: list[tuple[int, float, float]] = []
        self.at_eos = False

    @property
    def live(self) -> bool:
        """Whether there is more to tell."""
        return not self.at_eos and self.left > 0

    def tell(self, token: int, logprob: float, offset: float = 0.0) -> None:
        """Go on by one token."""
        self.pending = token
        self.request.walk.advance(token)
        self.left -= 1
        self.at_eos = token in self.request.stops
        self.told.append((token, logprob, offset))

    def feed(self) -> Ids:
        """What to read next: the pending token and a draft of what the row may still tell."""
        return (self.pending, *self.request.walk.draft()[: self.left - 1])


def read_on(model: PaliGemma, cache: SlotCache, rows: Sequence[Row]) -> None:
    """Read every row's pending token and draft; tell what the new states say."""
    fed = [row.feed() for row in rows]
    counts = [len(ids) for ids in fed]
    width = max(counts)
    tokens = torch.tensor([[*ids, *[0] * (width - len(ids))] for ids in fed])
    hidden = model.extend_ragged(tokens.to(cache.device, non_blocking=True), counts, cache)
    right = _check(model, hidden, rows, fed)
    if right != counts:
        _foresee(model, hidden, rows, counts, right)
        ends = zip(cache.lengths, counts, right, strict=True)
        cache.trim([length - count + kept for length, count, kept in ends])


def _check(
    model: PaliGemma, hidden: Float[Tensor, "B T D"], rows: Sequence[Row], fed: Sequence[Ids]
) -> list[int]:
    """Tell tokens as long as they are the draft's; how many fed tokens of each row were right."""
    right = [1] * len(rows)
    for at in range(hidden.shape[1]):
        checked = [i for i, row in enumerate(rows) if right[i] == at + 1 and row.live]
        if not checked:
            break
        states = hidden[:, at] if len(checked) == len(rows) else hidden[checked, at]
        tell([rows[i] for i in checked], Scores(model, hidden=states))
        for i in checked:
            if fed[i][at + 1 : at + 2] == (rows[i].pending,) and rows[i].live:
                right[i] += 1
    return right


def _foresee(
    model: PaliGemma,
    hidden: Float[Tensor, "B T D"],
    rows: Sequence[Row],
    counts: Sequence[int],
    right: Sequence[int],
) -> None:
    """Let the states behind a wrong guess say what is likely to come where it stood."""
    asked = [
        (i, at, ids)
        for i, row in enumerate(rows)
        if row.live
        for at, ids in zip(range(right[i], counts[i]), row.request.walk.unsure(), strict=False)
    ]
    if not asked:
        return
    places, ats, sets = zip(*asked, strict=True)
    columns = torch.from_numpy(np.unique(torch.cat(sets).numpy()))
    states = Scores(model, hidden=hidden[list(places), list(ats)])
    logits = masked(states.of(list(range(len(asked))), columns), columns, sets)
    guesses = columns[logits.argmax(dim=-1).cpu()].tolist()
    for place, some in groupby(zip(places, guesses, strict=True), key=itemgetter(0)):
        rows[place].request.walk.foreseen = tuple(guess for _, guess in some)


def tell(rows: Sequence[Row], scores: Scores) -> None:
    """Each row's next token; only those with a choice cost anything."""
    allowed = [row.request.walk.allowed() for row in rows]
    free = [i for i, ids in enumerate(allowed) if ids is None]
    rivals = [row.request.walk.rivals() for row in rows]
    held: list[tuple[int, Int[Tensor, " _"]]] = []
    for i, (row, ids) in enumerate(zip(rows, allowed, strict=True)):
        if ids is not None and len(ids) + len(rivals[i]) > 1:
            held.append((i, ids))
        elif ids is not None:
            row.tell(int(ids[0]), 0.0)
    found: list[Float[Tensor, "3 r"]] = []
    if free:
        found.append(_free(scores.of(free, None), [rows[i] for i in free]))
    if held:
        found.append(_held(scores, rows, held, rivals))
    if not found:
        return
    choosing = [*free, *(i for i, _ in held)]
    # One transfer for all rows; ids are exact in float32 below 2**24.
    told = torch.cat(found, dim=1).tolist()
    for i, token, logprob, offset in zip(choosing, *told, strict=True):
        rows[i].tell(int(token), logprob, offset)


def _free(logits: Float[Tensor, "r V"], rows: Sequence[Row]) -> Float[Tensor, "3 r"]:
    """Ids, log-probabilities and offsets where anything may come."""
    picked = _pick(logits, rows)
    offsets = _offsets(logits, None, picked, rows)
    return torch.stack([picked.float(), token_logprobs(logits, picked), offsets])


def _held(
    scores: Scores,
    rows: Sequence[Row],
    held: Sequence[tuple[int, Int[Tensor, " _"]]],
    rivals: Sequence[Ids],
) -> Float[Tensor, "3 r"]:
    """The same of the rows that have a set of allowed ids each; what it is weighed beside."""
    places, sets = [i for i, _ in held], [ids for _, ids in held]
    weighed = [torch.cat([ids, torch.tensor(rivals[i], dtype=ids.dtype)]) for i, ids in held]
    columns = columns_of(weighed, scores.vocabulary)
    logits = masked(scores.of(places, columns), columns, weighed)
    sayable = masked(logits, columns, sets) if any(rivals) else logits
    choosing = [rows[i] for i in places]
    picked = _pick(sayable, choosing)
    columns = None if columns is None else columns.to(picked.device)
    ids = picked if columns is None else columns[picked]
    offsets = _offsets(sayable, columns, ids, choosing)
    return torch.stack([ids.float(), token_logprobs(logits, picked), offsets])


def _pick(logits: Float[Tensor, "r c"], rows: Sequence[Row]) -> Int[Tensor, " r"]:
    """Each row's choice by its own sampler: one call for neighbours that share one."""
    picked: list[Int[Tensor, " _"]] = []
    at = 0
    for sampler, some in groupby(rows, key=lambda row: row.request.sampler):
        generators = [row.generator for row in some]
        picked.append(sampler.pick(logits[at : at + len(generators)], generators))
        at += len(generators)
    return torch.cat(picked)


def _offsets(
    logits: Float[Tensor, "r c"],
    columns: Int[Tensor, " c"] | None,
    ids: Int[Tensor, " r"],
    rows: Sequence[Row],
) -> Float[Tensor, " r"]:
    """How far each row's mean lies from its id, by its own ruler; 0 without one."""
    found: list[Float[Tensor, " _"]] = []
    at = 0
    for ruler, some in groupby(rows, key=lambda row: row.request.ruler):
        here = slice(at, at + len(list(some)))
        if ruler is None:
            found.append(torch.zeros(here.stop - at, device=logits.device))
        else:
            found.append(ruler.offsets(logits[here], columns, ids[here]))
        at = here.stop
    return torch.cat(found)
