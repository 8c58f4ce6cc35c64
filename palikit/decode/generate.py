"""The decoding loop: token ids, one column a step. Batch and stream are this same loop.

Follows big_vision's `_decode_with_logp` (`trainers/proj/paligemma/predict_fns.py`): the first token
comes from the prefill's logits, a row ends at its eos, the model is not called after the last
token, and log-probabilities are those of the scores as the model gave them, whatever the sampler
made of them. Departures: prompts need no rolling to a common end, because the cache masks padding
where it stands; each row has its own limit and its own random numbers; the cache has the model's
dtype.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from palikit.errors import UsageError
from palikit.model.cache import KVCache
from palikit.model.paligemma import PaliGemma

from .grammar import FreeWalk, Walk
from .guided import follow
from .sampling import Greedy, Sampler

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
    """

    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finished: bool


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
    generators = _row_generators(seed, tokens.shape[0])
    stops = stop_ids(eos_id)
    if not any(walks):
        return _columns(model, features, tokens, mask_input, stops, limits, sampler, generators)
    assert len(walks) == tokens.shape[0], f"{len(walks)} walks for {tokens.shape[0]} rows"
    with torch.inference_mode():
        cache, logits = start(model, features, tokens, mask_input, max(limits))
    guides = [FreeWalk() if walk is None else walk for walk in walks]
    passes = follow(model, logits, cache, guides, stops, limits, sampler, generators)
    return _unrolled(passes, tokens.shape[0])


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


def _columns(
    model: PaliGemma,
    features: Features,
    tokens: PrefixIds,
    mask_input: PrefixMask,
    stops: frozenset[int],
    limits: list[int],
    sampler: Sampler,
    generators: list[torch.Generator],
) -> Iterator[Column]:
    # The mode is left before each yield, or it would hold for whoever reads the columns.
    with torch.inference_mode():
        cache, logits = start(model, features, tokens, mask_input, max(limits))
    rows = range(tokens.shape[0])
    at_eos = [False for _ in rows]
    for step in range(max(limits)):
        with torch.inference_mode():
            picked = sampler.pick(logits, generators)
            scores = token_logprobs(logits, picked)
            # One transfer a step for all rows; ids are exact in float32 below 2**24.
            ids, logprobs = torch.stack([picked.float(), scores]).tolist()
        live = [step < limits[row] and not at_eos[row] for row in rows]
        at_eos = [at_eos[row] or (live[row] and int(ids[row]) in stops) for row in rows]
        yield Column(
            [int(ids[row]) if live[row] else None for row in rows],
            [logprobs[row] if live[row] else None for row in rows],
            at_eos,
        )
        if all(at_eos[row] or step + 1 >= limits[row] for row in rows):
            return
        with torch.inference_mode():
            # Ended rows are fed what they picked: no row sees another, and nobody reads theirs.
            logits = model.extend(picked[:, None], cache)[:, -1]


def _unrolled(
    passes: Iterable[list[tuple[list[tuple[int, float]], bool]]], rows: int
) -> Iterator[Column]:
    """Passes that told several tokens a row, as columns of one."""
    at_eos = [False] * rows
    for told in passes:
        for i in range(max(len(pairs) for pairs, _ in told)):
            now = [pairs[i] if i < len(pairs) else (None, None) for pairs, _ in told]
            ended = [
                at_eos[row] or (done and i + 1 >= len(pairs))
                for row, (pairs, done) in enumerate(told)
            ]
            yield Column([token for token, _ in now], [score for _, score in now], ended)
            at_eos = ended


def start(
    model: PaliGemma,
    features: Features,
    tokens: PrefixIds,
    mask_input: PrefixMask,
    max_new_tokens: int,
) -> tuple[KVCache, Float[Tensor, "B V"]]:
    """Read pictures and prefixes into a cache with room for answers; logits of the first tokens."""
    images = 0 if features is None else features.shape[1]
    embedding = model.text.embedding.weight
    cache = KVCache(
        model.config.text,
        tokens.shape[0],
        images + tokens.shape[1] + max_new_tokens,
        dtype=embedding.dtype,
        device=embedding.device,
    )
    if mask_input is not None and bool(mask_input.all()):
        mask_input = None  # spares the model a mask over the whole prefill
    return cache, model.prefill(features, tokens, mask_input, cache)


def token_logprobs(logits: Float[Tensor, "B V"], ids: Int[Tensor, " B"]) -> Float[Tensor, " B"]:
    """log softmax(logits)[ids] in float32, without writing out the whole row."""
    logits = logits.float()
    return logits.gather(-1, ids[:, None])[:, 0] - logits.logsumexp(dim=-1)


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


def _row_generators(seed: int | Sequence[int], rows: int) -> list[torch.Generator]:
    seeds = [seed] * rows if isinstance(seed, int) else list(seed)
    assert len(seeds) == rows, f"{len(seeds)} seeds for {rows} rows"
    return [torch.Generator().manual_seed(row_seed) for row_seed in seeds]
