"""Which prediction belongs to which picture, and what was left over on either side.

    pair({"a": p1, "x": p2}, {"a": r1, "b": r2})
    Pairing(ids=("a", "b"), predictions=(p1, None), references=(r1, r2),
            without_prediction=("b",), without_picture=("x",))

Two lists are taken as lists of the same pictures in the same order.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from palikit.errors import UsageError

__all__ = ["Pairing", "PerPicture", "pair"]

P = TypeVar("P")
R = TypeVar("R")

PerPicture: TypeAlias = Mapping[Hashable, P] | Sequence[P]
"""One value a picture: by the picture's id, or in the order of the pictures."""


@dataclass(frozen=True, slots=True)
class Pairing(Generic[P, R]):
    """The pictures in the order of the references.

    Attributes:
        ids: one a picture; the position where lists came.
        predictions: None for a picture in `without_prediction`.
        references: one a picture.
        without_prediction: pictures that have a reference and no prediction.
        without_picture: predictions for pictures that have no reference.
    """

    ids: tuple[Hashable, ...]
    predictions: tuple[P | None, ...]
    references: tuple[R, ...]
    without_prediction: tuple[Hashable, ...] = ()
    without_picture: tuple[Hashable, ...] = ()


def pair(predictions: PerPicture[P], references: PerPicture[R]) -> Pairing[P, R]:
    """Join both sides by picture.

    Raises:
        UsageError: lists of different length, or one mapping and one list.
    """
    if isinstance(predictions, Mapping) and isinstance(references, Mapping):
        return Pairing(
            ids=tuple(references),
            predictions=tuple(predictions.get(key) for key in references),
            references=tuple(references.values()),
            without_prediction=tuple(key for key in references if key not in predictions),
            without_picture=tuple(key for key in predictions if key not in references),
        )
    if isinstance(predictions, Mapping) or isinstance(references, Mapping):
        raise UsageError(
            "predictions and references come one as a mapping and one as a list: "
            "give both as lists in the same order, or both as mappings by picture id"
        )
    if len(predictions) != len(references):
        raise UsageError(
            f"{len(predictions)} predictions came for {len(references)} references: give one of "
            "each a picture in the same order, or mappings by picture id"
        )
    return Pairing(tuple(range(len(references))), tuple(predictions), tuple(references))
