"""How sure a model was of an answer, from the log-probabilities of its tokens."""

import math
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from palikit.codecs.text import BOX_LENGTH, RegionSpan

__all__ = ["Score", "mean_score", "region_score"]


@runtime_checkable
class Score(Protocol):
    """How sure the model was of a part of its answer."""

    def __call__(self, start: int, end: int, /, *, joint: bool = False) -> float:
        """exp of the mean log-probability of all tokens in text[start:end]; `joint`: of the sum."""
        ...


def mean_score(logprobs: Sequence[float]) -> float | None:
    """exp of their mean; None without any."""
    return math.exp(math.fsum(logprobs) / len(logprobs)) if logprobs else None


def region_score(span: RegionSpan, score: Score, *, by_label: bool = False) -> float:
    """Of place and label alike; of the place where there is no label.

    `by_label`: the label's probability, where it says whether there is anything at all.
    """
    if by_label:
        return score(span.label_start, span.label_end, joint=True)
    place = score(span.start, span.start + BOX_LENGTH)
    if not span.label:
        return place
    return math.sqrt(place * score(span.label_start, span.label_end))
