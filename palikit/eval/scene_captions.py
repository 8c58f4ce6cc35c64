"""Captions of generated scenes: which things they name, and how many of each.

    told, right = "a cat and a dog on a red background", "a cat and two dogs on a red background"
    object_f1([told], [right]).f1      # 0.5: "a cat" is right, "a dog" is not "two dogs"

Ours: the captions are those of `palikit.data.emoji_world`, in English or German. From 0 to 1.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from palikit.errors import UsageError
from palikit.eval.checks import need_pairs

__all__ = ["ObjectScores", "caption_objects", "object_f1"]

JOINTS = {"en": (" on ", " and "), "de": (" auf ", " und ")}
"""What stands before the background, and before the last thing."""


@dataclass(frozen=True, slots=True)
class ObjectScores:
    """Over all captions together.

    Attributes:
        f1: twice the right phrases over all phrases of both sides.
        precision: share of the predicted phrases that are right; 0 where there are none.
        recall: share of the true phrases that were predicted.
        exact: share of captions that equal the reference, ends stripped.
    """

    f1: float
    precision: float
    recall: float
    exact: float


def object_f1(
    predictions: Sequence[str], references: Sequence[str], lang: str = "en"
) -> ObjectScores:
    """Phrases such as `two dogs`, each right or wrong as a whole, in any order.

    Raises:
        UsageError: lists of different length, nothing to score, or a language without captions.
    """
    need_pairs(predictions, references)
    told = [caption_objects(text, lang) for text in predictions]
    right = [caption_objects(text, lang) for text in references]
    hits = sum((a & b).total() for a, b in zip(told, right, strict=True))
    num_told, num_right = (sum(one.total() for one in side) for side in (told, right))
    pairs = zip(predictions, references, strict=True)
    return ObjectScores(
        f1=_ratio(2 * hits, num_told + num_right),
        precision=_ratio(hits, num_told),
        recall=_ratio(hits, num_right),
        exact=fmean(a.strip() == b.strip() for a, b in pairs),
    )


def caption_objects(text: str, lang: str = "en") -> Counter[str]:
    """`a cat and two dogs on a blue background` as the phrases `a cat` and `two dogs`.

    Raises:
        UsageError: a language without captions.
    """
    if lang not in JOINTS:
        raise UsageError(f"lang={lang!r} has no scene captions: use one of {', '.join(JOINTS)}")
    ground, joint = JOINTS[lang]
    things = text.strip().rsplit(ground, 1)[0]
    pieces = [piece.strip() for part in things.split(", ") for piece in part.split(joint)]
    return Counter(piece for piece in pieces if piece)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
