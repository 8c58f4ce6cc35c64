"""Non-entailment sentences (NES): how much of a long description the picture does not bear out.

Source: PaliGemma 2 report (arXiv 2412.03555), section 4.6, whose judges are five people a sentence.
Who judges here is the caller's choice: people, or a model of pictures and sentences.

    nes(["A dog sits. It wears a hat."], [picture], judge)     # (50.0, [50.0]): there is no hat
"""

import re
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Literal, TypeAlias, TypeVar, get_args

from palikit.errors import UsageError

__all__ = ["Judge", "Verdict", "nes", "split_sentences"]

T = TypeVar("T")

Verdict: TypeAlias = Literal["entailment", "neutral", "contradiction", "nothing"]
"""The picture shows it; does not tell; shows otherwise; or there is nothing to tell about."""

Judge: TypeAlias = Callable[[T, str], Verdict]

_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]*[A-Z0-9])")
_SHORT = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|St|Jr|Sr|vs|approx|e\.g|i\.e|[A-Z])\.$")


def split_sentences(text: str) -> list[str]:
    """Sentences of a description: `"A U.S. flag. It waves!"` -> `["A U.S. flag.", "It waves!"]`."""
    sentences: list[str] = []
    start = 0
    for end in _END.finditer(text):
        if _SHORT.search(text[start : end.start()]):
            continue
        sentences.append(text[start : end.end()].strip())
        start = end.end()
    rest = text[start:].strip()
    return [*sentences, rest] if rest else sentences


def nes(
    descriptions: Sequence[str], pictures: Sequence[T], judge: Judge[T]
) -> tuple[float, list[float]]:
    """Percent of all sentences that are neutral or contradict the picture; less is better.

    Args:
        judge: called with a picture and a sentence of its description.

    Returns:
        The share over all sentences, and the share in each description; one that says nothing has
        no sentence and counts 0.

    Raises:
        UsageError: not one picture a description, none at all, or a verdict that there is not.
    """
    if not descriptions or len(descriptions) != len(pictures):
        raise UsageError(
            f"{len(descriptions)} descriptions came for {len(pictures)} pictures: "
            "give one for each, and at least one"
        )
    counted = [
        [_is_unfounded(judge(picture, sentence)) for sentence in split_sentences(text)]
        for text, picture in zip(descriptions, pictures, strict=True)
    ]
    every = [one for several in counted for one in several]
    each = [100 * fmean(several) if several else 0.0 for several in counted]
    return (100 * fmean(every) if every else 0.0), each


def _is_unfounded(verdict: Verdict) -> bool:
    # Asked first whether it is a text, for what an array is equal to is no truth value.
    if not isinstance(verdict, str) or verdict not in get_args(Verdict):
        raise UsageError(
            f"the judge said {verdict!r}: it must say one of {', '.join(get_args(Verdict))}"
        )
    return verdict in ("neutral", "contradiction")
