"""Text spotting: words with their places and letters, by HierText's protocol.

    truth = [[Word("EXIT", [(0, 0), (40, 0), (40, 10), (0, 10)])]]
    found = [[Word("EXIT", [(1, 0), (41, 0), (41, 10), (1, 10)])]]
    spotting_scores(found, truth).f1        # 1.0

Source: `evaluator/evaluator.py` of google-research-datasets/hiertext: words as polygons, end to end

1. A prediction of which at least half the area lies on one don't-care word is left out.
2. Each reference that counts and each prediction name the one that overlaps them most; a pair that
   names each other with an IoU of 0.5 or more is a match.
3. A match is right when both texts are equal, letter by letter, case and marks included.

Precision, recall and F1 are of sums over the whole data set. As in the source, the areas below the
line have 1e-5 square pixels added, polygons that cross themselves are mended, and with no
prediction at all precision is 1, with no reference recall.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from palikit.errors import UsageError
from palikit.results import Regions

from .extras import need
from .pairing import PerPicture, pair

__all__ = ["SpottingScores", "Word", "spotting_scores"]

EPSILON = 1e-5
"""Square pixels, in every quotient of areas of the source."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word in a picture.

    Attributes:
        text: its letters.
        polygon: [n, 2] corners x y in pixels, at least three, in order around the word.
        care: False for a reference that cannot be read: it counts neither way.
    """

    text: str
    polygon: ArrayLike
    care: bool = True


Words: TypeAlias = Regions | Sequence[Word]
"""Words; or Regions, each with its label as text and its box as polygon."""


@dataclass(frozen=True, slots=True)
class SpottingScores:
    """What `spotting_scores` found.

    Attributes:
        matched: pairs of the same place.
        right: pairs of the same place and text.
        num_predictions: predicted words that count.
        num_references: reference words that count.
        num_ignored: predicted words left out because they lie on a don't-care word.
        tightness: the sum of the IoUs of the pairs in `right`.
        without_prediction: pictures that the predictions lack; scored as if nothing was found.
        without_picture: predictions whose picture the references lack; not scored.
    """

    matched: int
    right: int
    num_predictions: int
    num_references: int
    num_ignored: int
    tightness: float
    without_prediction: tuple[Hashable, ...] = ()
    without_picture: tuple[Hashable, ...] = ()

    @property
    def precision(self) -> float:
        """Right words over predicted words, from 0 to 1."""
        return self.right / self.num_predictions if self.num_predictions else 1.0

    @property
    def recall(self) -> float:
        """Right words over reference words, from 0 to 1."""
        return self.right / self.num_references if self.num_references else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall; the headline number."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    @property
    def pq(self) -> float:
        """F1 times the mean IoU of the right words."""
        return self.f1 * (self.tightness / self.right if self.right else 1.0)


def spotting_scores(
    predictions: PerPicture[Words], references: PerPicture[Words]
) -> SpottingScores:
    """End-to-end precision, recall and F1 of words, each from 0 to 1.

    Both sides are lists in the same order, or mappings by picture id.

    Raises:
        UsageError: lists of different length, or a polygon of fewer than three corners.
        MissingExtraError: shapely is not installed.
    """
    joined = pair(predictions, references)
    counts = [
        _score(_Places.of(found or ()), _Places.of(truth))
        for found, truth in zip(joined.predictions, joined.references, strict=True)
    ]
    matched, right, told, wanted, ignored, tightness = _sums(counts)
    return SpottingScores(
        matched=int(matched),
        right=int(right),
        num_predictions=int(told),
        num_references=int(wanted),
        num_ignored=int(ignored),
        tightness=tightness,
        without_prediction=joined.without_prediction,
        without_picture=joined.without_picture,
    )


Counts: TypeAlias = tuple[int, int, int, int, int, float]


def _sums(counts: Sequence[Counts]) -> list[float]:
    return [sum(column) for column in zip(*counts, strict=True)] if counts else [0] * 6


@dataclass(frozen=True, slots=True)
class _Places:
    """The words of one picture, their polygons as shapely's."""

    texts: list[str]
    polygons: NDArray[np.object_]
    care: NDArray[np.bool_]

    @classmethod
    def of(cls, words: Words) -> "_Places":
        listed = _words(words) if isinstance(words, Regions) else list(words)
        polygons = np.empty(len(listed), object)
        polygons[:] = [_polygon(word) for word in listed]
        care = np.array([word.care for word in listed], np.bool_)
        return cls([word.text for word in listed], polygons, care)

    def only(self, chosen: NDArray[np.bool_]) -> "_Places":
        texts = [text for text, stays in zip(self.texts, chosen, strict=True) if stays]
        return _Places(texts, self.polygons[chosen], self.care[chosen])

    @property
    def areas(self) -> NDArray[np.float64]:
        areas: NDArray[np.float64] = need("shapely").area(self.polygons)
        return areas


def _words(regions: Regions) -> list[Word]:
    words = []
    for region in regions:
        x1, y1, x2, y2 = region.box.xyxy
        words.append(Word(region.label, [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]))
    return words


def _polygon(word: Word) -> Any:
    shapely = need("shapely")
    corners = np.asarray(word.polygon, np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
        raise UsageError(
            f"the polygon of {word.text!r} has shape {corners.shape}: give three corners or more, "
            "each x and y in pixels"
        )
    if not np.isfinite(corners).all():
        raise UsageError(f"the polygon of {word.text!r} is not finite: give pixels of the picture")
    polygon = shapely.Polygon(corners)
    if polygon.is_valid:
        return polygon
    # Mending can leave lines beside the areas, and shapely cannot intersect such a mixture.
    parts = shapely.get_parts(shapely.make_valid(polygon))
    return shapely.union_all(parts[shapely.area(parts) > 0])


def _score(found: _Places, truth: _Places) -> Counts:
    kept = found.only(~_on_dont_care(found, truth.only(~truth.care)))
    wanted = truth.only(truth.care)
    pairs = _matches(kept, wanted)
    right = [iou for i, j, iou in pairs if wanted.texts[i] == kept.texts[j]]
    ignored = len(found.texts) - len(kept.texts)
    return len(pairs), len(right), len(kept.texts), len(wanted.texts), ignored, sum(right)


def _on_dont_care(found: _Places, unread: _Places) -> NDArray[np.bool_]:
    if not unread.texts or not found.texts:
        return np.zeros(len(found.texts), np.bool_)
    covered = _shared(found, unread) / (found.areas[:, None] + EPSILON)
    on_one: NDArray[np.bool_] = covered.max(axis=1) >= 0.5
    return on_one


def _matches(found: _Places, truth: _Places) -> list[tuple[int, int, float]]:
    """(reference, prediction, IoU) of the pairs that are each other's best."""
    if not found.texts or not truth.texts:
        return []
    shared = _shared(truth, found)
    iou = shared / (truth.areas[:, None] + found.areas - shared + EPSILON)
    of_truth, of_found = iou.argmax(axis=1), iou.argmax(axis=0)
    return [
        (i, int(j), float(iou[i, j]))
        for i, j in enumerate(of_truth)
        if iou[i, j] >= 0.5 and of_found[j] == i
    ]


def _shared(a: _Places, b: _Places) -> NDArray[np.float64]:
    shapely = need("shapely")
    areas: NDArray[np.float64] = shapely.area(
        shapely.intersection(a.polygons[:, None], b.polygons[None, :])
    )
    return areas
