"""A batch of prefixes that start together, as tensors: token ids, one column a step.

Follows big_vision's `_decode_with_logp` (`trainers/proj/paligemma/predict_fns.py`): the first token
comes from the prefill's logits, a row ends at its eos, the model is not called after the last
token, and log-probabilities are those of the scores as the model gave them, whatever the sampler
made of them. Departures: prompts need no rolling to a common end, because a row holds no padding;
each row has its own limit and its own random numbers; the cache has the model's dtype.

The loop itself is `slots.Slots`.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from jaxtyping import Bool, Float, Int
from torch import Tensor

from palikit.errors import UsageError
from palikit.model.paligemma import PaliGemma
from palikit.model.slot_cache import bytes_a_token

from .grammar import FreeWalk, Walk
from .room import Room
from .rows import Request
from .sampling import Greedy, Sampler
from .slots import Slots

__all__ = ["Column", "Generated", "collect", "generate"]

Features = Float[Tensor, "B I D"] | None
PrefixIds = Int[Tensor, "B T"]
PrefixMask = Bool[Tensor, "B T"] | None


@dataclass(frozen=True, slots=True)
class Column:
    """One token for every row of a batch; None for a row that has ended.

    Where rows follow a grammar, also for one that tells nothing while others tell what their
    grammar foresaw.

    Attributes:
        ids: of three rows, the second ended before: `[87, None, 1]`.
        logprobs: natural logarithms of their probabilities at temperature 1: `[-0.2, None, -0.01]`.
        at_eos: True from the column on in which the row came to an eos: `[False, True, True]`.
    """

    ids: list[int | None]
    logprobs: list[float | None]
    at_eos: list[bool]


@dataclass(frozen=True, slots=True)
class Generated:
    """A row's whole answer.

    Attributes:
        ids: its tokens, the eos with them where there is one.
        logprobs: one for each token.
        finished: False when the limit came before an eos.
        offsets: one for each token, in marks of the request's `Ruler`; empty where none was asked.
    """

    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finished: bool
    offsets: tuple[float, ...] = ()


def generate(
    model: PaliGemma,
    features: Features,
    tokens: PrefixIds,
    mask_input: PrefixMask,
    *,
    eos_id: int | Collection[int],
    max_new_tokens: int | Sequence[int],
    sampler: Sampler = Greedy(),
    seed: int | Sequence[int] = 0,
    walks: Sequence[Walk | None] = (),
) -> Iterator[Column]:
    """Answer a batch of prefixes, yielding each step's tokens as soon as they are known.

    Args:
        features: `embed_image` output, or None to ask without pictures.
        mask_input: False for padding, which may stand anywhere; None when there is none.
        eos_id: the id, or several, that ends a row; it is the row's last token.
        max_new_tokens: a limit for all rows, or one for each.
        seed: for all rows, or one for each; a row draws the same numbers in any batch.
        walks: what each row may say, None for anything; empty when all may.
    """
    limits = row_limits(max_new_tokens, tokens.shape[0])
    seeds = [seed] * len(limits) if isinstance(seed, int) else list(seed)
    assert len(seeds) == len(limits), f"{len(seeds)} seeds for {len(limits)} rows"
    assert not walks or len(walks) == len(limits), f"{len(walks)} walks for {len(limits)} rows"
    stops = stop_ids(eos_id)
    requests = [
        replace(one, max_new_tokens=limit, stops=stops, sampler=sampler, seed=row_seed)
        for one, limit, row_seed in zip(
            _requests(features, tokens, mask_input, walks), limits, seeds, strict=True
        )
    ]
    slots = Slots(model, _room_for(model, requests))
    return _columns(slots, [slots.join(request) for request in requests])


def collect(columns: Iterable[Column]) -> list[Generated]:
    """Read `generate` to its end; one whole answer a row."""
    ids: list[list[int]] = []
    logprobs: list[list[float]] = []
    finished: list[bool] = []
    for column in columns:
        if not ids:
            ids, logprobs = [[] for _ in column.ids], [[] for _ in column.ids]
            finished = [False] * len(column.ids)
        for row, (token, logprob) in enumerate(zip(column.ids, column.logprobs, strict=True)):
            if token is not None and logprob is not None:
                ids[row].append(token)
                logprobs[row].append(logprob)
                finished[row] = column.at_eos[row]
    return [
        Generated(tuple(row), tuple(scores), finished=ended)
        for row, scores, ended in zip(ids, logprobs, finished, strict=True)
    ]


def _requests(
    features: Features, tokens: PrefixIds, mask_input: PrefixMask, walks: Sequence[Walk | None]
) -> Iterator[Request]:
    """A request for each row, without its settings."""
    for row, ids in enumerate(tokens):
        prefix = ids if mask_input is None else ids[mask_input[row]]
        walk = walks[row] if walks else None
        yield Request(
            tuple(prefix.tolist()),
            1,
            features=None if features is None else partial(_row, features, row),
            image_tokens=0 if features is None else features.shape[1],
            walk=FreeWalk() if walk is None else walk,
        )


def _row(features: Float[Tensor, "B I D"], row: int) -> Float[Tensor, "1 I D"]:
    return features[row : row + 1]


def _room_for(model: PaliGemma, requests: Sequence[Request]) -> Room:
    """What these need, all at once."""
    need = max(request.need for request in requests)
    rows, capacity = model.slot_cache().rounded(len(requests), need)
    size = bytes_a_token(model.config.text, model.text.embedding.weight.dtype)
    total = rows * (capacity + 1)
    return Room(len(requests), total * size, read_tokens=total)


def _columns(slots: Slots, tickets: Sequence[int]) -> Iterator[Column]:
    """What steps told, as columns of one token a row."""
    at_eos = dict.fromkeys(tickets, False)
    while slots.busy:
        told = {one.ticket: one for one in slots.step()}
        for one in told.values():
            if one.error is not None:
                raise one.error
        for i in range(max(len(one.ids) for one in told.values())):
            now = {ticket: one for ticket, one in told.items() if i < len(one.ids)}
            for ticket, one in now.items():
                at_eos[ticket] = one.ended == "eos" and i + 1 == len(one.ids)
            yield Column(
                [now[ticket].ids[i] if ticket in now else None for ticket in tickets],
                [now[ticket].logprobs[i] if ticket in now else None for ticket in tickets],
                list(at_eos.values()),
            )


def row_limits(max_new_tokens: int | Sequence[int], rows: int) -> list[int]:
    """One limit a row, each at least 1."""
    limits = [max_new_tokens] * rows if isinstance(max_new_tokens, int) else list(max_new_tokens)
    assert len(limits) == rows, f"{len(limits)} limits for {rows} rows"
    if any(limit < 1 for limit in limits):
        raise UsageError(
            f"max_new_tokens is {max_new_tokens!r}; write a whole number from 1, "
            "such as max_new_tokens=32"
        )
    return limits


def stop_ids(eos_id: int | Collection[int]) -> frozenset[int]:
    """The ids that end a row; none at all lets every row run to its limit."""
    return frozenset([eos_id] if isinstance(eos_id, int) else eos_id)
