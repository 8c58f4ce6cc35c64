"""How near a caption is to what people wrote: CIDEr-D, BLEU and ROUGE-L.

    mean, each = cider(["a cat on a mat"], [["a cat sits on a mat", "there is a cat"]])
    bleu(predictions, references)[3]             # BLEU-4 of the corpus
    rouge_l(predictions, references)

As pycocoevalcap computes them (Vedantam et al. 2015; Papineni et al. 2002; Lin 2004), on the tokens
of `ptb_tokenize_all`. `predictions` is one caption a picture, `references` a list of captions a
picture, in the same order. CIDEr is from 0 to 10 and is published times 100; the other two are from
0 to 1. What is no caption at all scores as the empty string does.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from statistics import fmean
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from palikit.eval.checks import need_references
from palikit.eval.ptb import ptb_tokenize_all

__all__ = ["bleu", "cider", "rouge_l"]

Words: TypeAlias = list[str]
Grams: TypeAlias = Counter[tuple[str, ...]]

LONGEST = 4
SIGMA = 6.0
"""How far apart, in words, two captions may be in length (CIDEr-D)."""

BETA = 1.2
"""How much more recall counts than precision (ROUGE-L)."""

# pycocoevalcap's: they decide what nothing of nothing is, and reach into the ninth digit.
SMALL, TINY = 1e-9, 1e-15


def cider(
    predictions: Sequence[str], references: Sequence[Sequence[str]]
) -> tuple[float, NDArray[np.float64]]:
    """CIDEr-D of the corpus and of each caption, from 0 to 10.

    How rare a phrase is comes from the references of this corpus, so a corpus of one picture scores
    0: nothing is rare in it.

    Raises:
        UsageError: lists of different length, nothing to score, or a picture without references.
    """
    told, right = _tokenize(predictions, references)
    grams = [_grams(_split(words)) for words in told]
    right_grams = [[_grams(_split(words)) for words in several] for several in right]
    frequency = Counter(gram for several in right_grams for gram in set().union(*several))
    weigh = _weigher(frequency, len(grams))
    pairs = zip(map(weigh, grams), right_grams, strict=True)
    scores = [
        10 * fmean(_likeness(one, weigh(other)) for other in several) for one, several in pairs
    ]
    return fmean(scores), np.array(scores)


class _Weighed:
    """A caption as weighed phrases.

    Attributes:
        weights: for each phrase its count times its rarity.
        norms: for each length of phrase, the norm of those weights.
        num_pairs: phrases of two words. The length that the reference compares, one less than the
            number of words.
    """

    __slots__ = ("norms", "num_pairs", "weights")

    def __init__(self, grams: Grams, frequency: Grams, rarities: list[float]) -> None:
        seen = frequency.get
        self.weights = {gram: n * rarities[seen(gram, 0)] for gram, n in grams.items()}
        squares = [0.0] * LONGEST
        for gram, weight in self.weights.items():
            squares[len(gram) - 1] += weight * weight
        self.norms = [math.sqrt(value) for value in squares]
        self.num_pairs = sum(count for gram, count in grams.items() if len(gram) == 2)


def _weigher(frequency: Grams, num_pictures: int) -> Callable[[Grams], _Weighed]:
    """From the counts of a caption to its weights; rarity is log(pictures / pictures with it)."""
    whole = math.log(num_pictures)
    # The same few counts come again and again.
    rarities = [whole - math.log(max(1, n)) for n in range(max(frequency.values(), default=0) + 1)]
    return lambda grams: _Weighed(grams, frequency, rarities)


def _likeness(one: _Weighed, other: _Weighed) -> float:
    """The mean, over the lengths of phrases, of a cosine with counts clipped to the reference."""
    shared = [0.0] * LONGEST
    for gram, weight in one.weights.items():
        right = other.weights.get(gram)
        if right is not None:
            shared[len(gram) - 1] += min(weight, right) * right
    cosines = (
        value / (a * b) if a and b else value
        for value, a, b in zip(shared, one.norms, other.norms, strict=True)
    )
    apart = one.num_pairs - other.num_pairs
    return sum(cosines) / LONGEST * math.exp(-(apart**2) / (2 * SIGMA**2))


def bleu(
    predictions: Sequence[str], references: Sequence[Sequence[str]], n: int = 4
) -> list[float]:
    """BLEU-1 to BLEU-n of the corpus, from 0 to 1; the last one is BLEU-n.

    Matches, lengths and the references' nearest lengths (the shorter of two as near) are summed
    over the corpus before any ratio is taken.

    Raises:
        UsageError: lists of different length, nothing to score, or a picture without references.
    """
    told, right = _tokenize(predictions, references)
    matches, guesses = np.zeros(n), np.zeros(n)
    length = nearest = 0
    for words, several in zip(map(_split, told), right, strict=True):
        length += len(words)
        nearest += min((abs(size - len(words)), size) for size in _lengths(several))[1]
        matches += _matches(words, several, n)
        guesses += [max(0, len(words) - k) for k in range(n)]
    ratio = (length + TINY) / (nearest + SMALL)
    brevity = math.exp(1 - 1 / ratio) if ratio < 1 else 1.0
    products = np.cumprod((matches + TINY) / (guesses + SMALL))
    return [float(value ** (1 / (k + 1)) * brevity) for k, value in enumerate(products)]


def _lengths(several: Sequence[Words]) -> list[int]:
    return [len(_split(words)) for words in several]


def _matches(words: Words, references: Sequence[Words], n: int) -> NDArray[np.float64]:
    """For each length, how many phrases some reference has, each as often as the most in one."""
    right: Grams = Counter()
    for other in references:
        right |= _grams(_split(other), n)
    found = np.zeros(n)
    for gram, count in (_grams(words, n) & right).items():
        found[len(gram) - 1] += count
    return found


def rouge_l(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """The mean ROUGE-L, from 0 to 1.

    Precision and recall are each the best over the references, not of one and the same.

    Raises:
        UsageError: lists of different length, nothing to score, or a picture without references.
    """
    told, right = _tokenize(predictions, references)
    return math.fsum(map(_rouge, told, right)) / len(told)


def _rouge(told: Words, references: Sequence[Words]) -> float:
    # No tokens at all are one empty token there, equal only to another such caption.
    words = told or [""]
    common = [(_common(words, other or [""]), len(other or [""])) for other in references]
    precision = max(length for length, _ in common) / len(words)
    recall = max(length / whole for length, whole in common)
    if not precision or not recall:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def _common(a: Words, b: Words) -> int:
    """The length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for word in a:
        diagonal = 0
        for j, other in enumerate(b, start=1):
            above = row[j]
            row[j] = diagonal + 1 if word == other else max(above, row[j - 1])
            diagonal = above
    return row[-1]


def _tokenize(
    predictions: Sequence[str], references: Sequence[Sequence[str]]
) -> tuple[list[Words], list[list[Words]]]:
    """The tokens of both sides, each side as one file: see `ptb_tokenize_all`."""
    need_references(predictions, references)
    page = iter(ptb_tokenize_all([text for several in references for text in several]))
    return ptb_tokenize_all(predictions), [[next(page) for _ in several] for several in references]


def _split(tokens: Words) -> Words:
    """The words of the phrases: a token with a no-break space inside is two of them."""
    return " ".join(tokens).split()


def _grams(words: Words, longest: int = LONGEST) -> Grams:
    """How often each phrase of up to `longest` words stands in a caption."""
    shifted = [words[start:] for start in range(longest)]
    return Counter(
        chain.from_iterable(zip(*shifted[:k], strict=False) for k in range(1, longest + 1))
    )
