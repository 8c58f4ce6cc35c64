"""How the next token is picked from its scores, as frozen values with one method.

Follows big_vision's `greedy`, `temperature` and `nucleus`
(`trainers/proj/paligemma/predict_fns.py`). Departures: top-k is ours; where scores are exactly
equal at the edge of a top-k or top-p set, the lower ids stay (as argmax picks the first), so that
the set is the smallest one and TopK(1) is Greedy even in bfloat16, where ties are common.

Randomness is one uniform number a row and step, drawn on the CPU from that row's own generator: a
batch draws what its rows draw one by one, on every device.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeGuard, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from palikit.errors import UsageError

__all__ = ["Decoding", "Greedy", "Sampler", "Temperature", "TopK", "TopP"]

RowLogits = Float[Tensor, "B V"]
Picked = Int[Tensor, " B"]


@runtime_checkable
class Sampler(Protocol):
    """Scores of every vocabulary row in, one token id a row out."""

    def pick(self, logits: RowLogits, generators: Sequence[torch.Generator]) -> Picked:
        """Choose; `generators` holds one generator for each row."""
        ...


@dataclass(frozen=True, slots=True)
class Greedy:
    """The likeliest token; of equals, the first."""

    def pick(self, logits: RowLogits, generators: Sequence[torch.Generator]) -> Picked:
        """Argmax; nothing is drawn."""
        return logits.argmax(dim=-1)


@dataclass(frozen=True, slots=True)
class Temperature:
    """Any token, with probability softmax(logits / temperature)."""

    temperature: float

    def __post_init__(self) -> None:
        _check_temperature(self.temperature)

    def pick(self, logits: RowLogits, generators: Sequence[torch.Generator]) -> Picked:
        """Draw from the whole vocabulary."""
        return _draw(logits / self.temperature, generators)


@dataclass(frozen=True, slots=True)
class TopK:
    """One of the k likeliest tokens, with their probabilities at this temperature."""

    k: int
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if isinstance(self.k, bool) or not isinstance(self.k, int) or self.k < 1:
            raise UsageError(f"k is {self.k!r}; write a whole number from 1, such as TopK(40)")
        _check_temperature(self.temperature)

    def pick(self, logits: RowLogits, generators: Sequence[torch.Generator]) -> Picked:
        """Draw from the k likeliest."""
        logits = logits / self.temperature
        k = min(self.k, logits.shape[-1])
        edge = logits.topk(k, dim=-1).values[:, -1:]
        return _draw(_keep(logits, edge, k), generators)


@dataclass(frozen=True, slots=True)
class TopP:
    """One token of the nucleus: the smallest set of likeliest ones that sums to p or more."""

    p: float
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not (_is_number(self.p) and 0 < self.p <= 1):
            raise UsageError(
                f"p is {self.p!r}; write a probability above 0 and up to 1, such as TopP(0.9)"
            )
        _check_temperature(self.temperature)

    def pick(self, logits: RowLogits, generators: Sequence[torch.Generator]) -> Picked:
        """Draw from the nucleus."""
        logits = logits / self.temperature
        ranked = logits.sort(dim=-1, descending=True).values
        short = ranked.softmax(dim=-1).cumsum(dim=-1) < self.p
        # Rounding can leave the whole sum below p = 1: then the last one is the edge and all stay.
        last = short.sum(dim=-1, keepdim=True).clamp_max(logits.shape[-1] - 1)
        return _draw(_keep(logits, ranked.gather(-1, last), last + 1), generators)


@dataclass(frozen=True, slots=True)
class Decoding:
    """How an answer is written, for a request or a batch of them.

    Attributes:
        sampler: picks each token.
        beam_size: 1 writes one answer token by token; more keeps that many alive and returns the
            likeliest finished one.
        max_new_tokens: limit of the answer with its eos; None leaves it to the task.
        seed: starts every row's own random numbers; an answer does not depend on its batch.
        grammar: hold answers to their task's form, such as boxes of the asked labels; a beam
            search does not.
        refine: put the edges of boxes between the bins, where the model's mean of each lies (see
            `Ruler`), and not on the bins that it told; tokens, texts and scores stay. Not with a
            beam search.
    """

    sampler: Sampler = field(default_factory=Greedy)
    beam_size: int = 1
    max_new_tokens: int | None = None
    seed: int = 0
    grammar: bool = True
    refine: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.sampler, Sampler):
            raise UsageError(
                f"sampler is {self.sampler!r}; "
                "write Greedy(), Temperature(0.7), TopK(40) or TopP(0.9)"
            )
        _check_count("beam_size", self.beam_size)
        if self.max_new_tokens is not None:
            _check_count("max_new_tokens", self.max_new_tokens)
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise UsageError(f"seed is {self.seed!r}; write a whole number, such as seed=0")
        if self.beam_size > 1 and not isinstance(self.sampler, Greedy):
            raise UsageError(
                f"a beam of {self.beam_size} came with {self.sampler!r}, but a beam search draws "
                "nothing; leave the sampler out or write beam_size=1"
            )
        if self.beam_size > 1 and self.refine:
            raise UsageError(
                f"a beam of {self.beam_size} came with refine=True, but a beam search keeps no "
                "distributions to refine boxes by; leave refine out or write beam_size=1"
            )


def _keep(
    logits: RowLogits, edge: Float[Tensor, "B 1"], count: Int[Tensor, "B 1"] | int
) -> RowLogits:
    """The `count` highest of each row, all others -inf; `edge` is the lowest value that stays."""
    above = logits > edge
    level = logits == edge
    room = count - above.sum(dim=-1, keepdim=True)
    return logits.masked_fill(~(above | (level & (level.cumsum(dim=-1) <= room))), -math.inf)


def _draw(logits: RowLogits, generators: Sequence[torch.Generator]) -> Picked:
    """One token a row from softmax(logits): the first whose running sum of it reaches 1 - u."""
    drawn = [torch.rand(1, generator=generator) for generator in generators]
    # 1 - u is above 0 and at most 1, so a token without probability is never the first to reach it.
    level = (1 - torch.cat(drawn)).to(logits.device)[:, None]
    cumulative = logits.float().softmax(dim=-1).cumsum(dim=-1)
    return torch.searchsorted(cumulative, level * cumulative[:, -1:])[:, 0]


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_temperature(value: object) -> None:
    if not (_is_number(value) and 0 < value < math.inf):
        raise UsageError(
            f"temperature is {value!r}; write a number above 0, such as 0.7, "
            "or Greedy() for the likeliest token"
        )


def _check_count(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(f"{name} is {value!r}; write a whole number from 1, such as {name}=3")
