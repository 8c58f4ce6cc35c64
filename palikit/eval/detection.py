"""Boxes against boxes: COCO's average precision and recall, and accuracy at one IoU.

    found = {"1.jpg": Objects(["cat", "dog"], [[10, 10, 60, 50], [0, 5, 20, 30]], [0.9, 0.4])}
    truth = {"1.jpg": Objects(["cat"], [[12, 10, 60, 52]])}
    detection_ap(found, truth).values["ap50"]      # 1.0

Follows the COCO detection protocol (pycocotools `cocoeval.py`), computed by faster-coco-eval: ten
IoU thresholds from 0.50 to 0.95, 101 recall points, at most 100 predictions a picture and class;
what lies on a crowd is neither right nor wrong. Equal scores keep the order of the pictures, and
within a picture the order given.

Departures: a prediction whose label is in no reference cannot count in COCO, which is kept, but it
is reported; a box with swapped corners is one without area, and so a wrong one, where pycocotools
gives it a negative area and then overlooks it.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from palikit.errors import UsageError
from palikit.results import Box, Regions

from .extras import need
from .objects import Columns, Detections, Objects, columns
from .pairing import Pairing, PerPicture, pair

__all__ = ["DetectionScores", "Objects", "box_accuracy", "detection_ap"]

STATS = (
    *("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"),
    *("ar1", "ar10", "ar100", "ar_small", "ar_medium", "ar_large"),
)
"""The twelve numbers of COCO's table, in its order."""


@dataclass(frozen=True, slots=True)
class DetectionScores:
    """What `detection_ap` found.

    Attributes:
        values: ap, ap50, ap75, ap_small, ap_medium, ap_large, ar1, ar10, ar100, ar_small,
            ar_medium, ar_large; each from 0 to 1, and -1 where no object counts, as in COCO.
        per_class: ap, ap50, ap75 and ar100 of every label in the references.
        num_pictures: pictures with a reference.
        num_objects: objects in the references that are no crowd.
        num_predictions: predicted boxes in these pictures, of any label.
        without_prediction: pictures that the predictions lack; scored as if nothing was found.
        without_picture: predictions whose picture the references lack; not scored.
        unknown_labels: predicted labels that no reference has, and how often; not scored.
    """

    values: dict[str, float]
    per_class: dict[str, dict[str, float]]
    num_pictures: int
    num_objects: int
    num_predictions: int
    without_prediction: tuple[Hashable, ...] = ()
    without_picture: tuple[Hashable, ...] = ()
    unknown_labels: Mapping[str, int] | None = None


def detection_ap(
    predictions: PerPicture[Detections], references: PerPicture[Detections]
) -> DetectionScores:
    """AP and AR of boxes on COCO's protocol; the headline AP is `.values["ap"]`, from 0 to 1.

    Both sides are lists in the same order, or mappings by picture id.

    Raises:
        UsageError: lists of different length, or a picture whose labels, boxes and scores do not
            fit together or are not finite.
        MissingExtraError: faster-coco-eval is not installed.
    """
    joined = pair(predictions, references)
    truth = [columns(one, f"reference {key!r}") for key, one in _rows(joined, "references")]
    found = [columns(one, f"prediction {key!r}") for key, one in _rows(joined, "predictions")]
    labels = sorted({label for one in truth for label in one.labels})
    told = Counter(label for one in found for label in one.labels)
    evaluation = _evaluate(found, truth, labels)
    return DetectionScores(
        values=_overall(evaluation),
        per_class={label: _of_class(evaluation, i) for i, label in enumerate(labels)},
        num_pictures=len(truth),
        num_objects=sum(int((~one.crowds).sum()) for one in truth),
        num_predictions=told.total(),
        without_prediction=joined.without_prediction,
        without_picture=joined.without_picture,
        unknown_labels={label: n for label, n in told.items() if label not in set(labels)},
    )


BoxLike: TypeAlias = Box | Regions | Sequence[float] | NDArray[np.float64] | None


def box_accuracy(
    predictions: Sequence[BoxLike], references: Sequence[BoxLike], iou: float = 0.5
) -> float:
    """The share of objects whose predicted box has an IoU of at least `iou`, from 0 to 1.

    Source: `boxacc` of big_vision's segmentation evaluator; the usual "accuracy at 0.5" of
    referring expressions. A box is a `Box`, four numbers x1 y1 x2 y2, or `Regions`, of which the
    first is taken. None, and Regions without any, is an answer without a box: it counts as wrong.

        box_accuracy([Box(0, 0, 10, 10), None], [Box(0, 0, 10, 8), Box(5, 5, 9, 9)])   # 0.5

    Raises:
        UsageError: lists of different length or empty, or a reference without a box.
    """
    if not 0 < iou <= 1:
        raise UsageError(f"iou={iou} is no threshold: give a number above 0 and up to 1")
    if len(predictions) != len(references) or not references:
        raise UsageError(
            f"{len(predictions)} predicted boxes came for {len(references)} references: "
            "give one of each an object, and at least one"
        )
    truth = [_box(one) for one in references]
    if None in truth:
        raise UsageError(f"reference {truth.index(None)} has no box: give x1, y1, x2, y2 in pixels")
    pairs = zip(map(_box, predictions), truth, strict=True)
    return sum(a is not None and b is not None and a.iou(b) >= iou for a, b in pairs) / len(truth)


def _box(value: BoxLike) -> Box | None:
    if value is None or isinstance(value, Box):
        return value
    if isinstance(value, Regions):
        return value[0].box if len(value) else None
    corners = np.asarray(value, np.float64)
    if corners.shape != (4,):
        raise UsageError(f"{value!r} is not a box: give x1, y1, x2, y2 in pixels")
    return Box(*corners.tolist())


def _rows(joined: Pairing[Any, Any], side: str) -> list[tuple[Hashable, Any]]:
    return list(zip(joined.ids, getattr(joined, side), strict=True))


def _evaluate(found: list[Columns], truth: list[Columns], labels: list[str]) -> Any | None:
    """COCO's evaluation after its run; None where there is no object at all."""
    coco = need("faster_coco_eval")
    if not labels:
        return None
    numbers = {label: i + 1 for i, label in enumerate(labels)}
    dataset = {
        "images": [{"id": i} for i in range(len(truth))],
        "categories": [{"id": number, "name": label} for label, number in numbers.items()],
        "annotations": _annotations(truth, numbers),
    }
    ground = coco.COCO(dataset)
    evaluation = coco.COCOeval_faster(ground, ground.loadRes(_results(found, numbers)), "bbox")
    evaluation.run()
    return evaluation


def _annotations(truth: list[Columns], numbers: Mapping[str, int]) -> list[dict[str, Any]]:
    rows = [
        {"image_id": i, "category_id": numbers[label], "bbox": box}
        | {"area": float(area), "iscrowd": int(crowd)}
        for i, one in enumerate(truth)
        for label, box, area, crowd in zip(
            one.labels, one.xywh(), one.areas, one.crowds, strict=True
        )
    ]
    # Ids start at 1: COCO's matching takes 0 for "no match".
    return [{"id": i + 1, **row} for i, row in enumerate(rows)]


def _results(found: list[Columns], numbers: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        {"image_id": i, "category_id": numbers[label], "bbox": box, "score": float(score)}
        for i, one in enumerate(found)
        for label, box, score in zip(one.labels, one.xywh(), one.scores, strict=True)
        if label in numbers
    ]


def _overall(evaluation: Any | None) -> dict[str, float]:
    stats = [-1.0] * len(STATS) if evaluation is None else evaluation.stats
    return {name: float(value) for name, value in zip(STATS, stats, strict=True)}


def _of_class(evaluation: Any, index: int) -> dict[str, float]:
    """From COCO's arrays: precision [IoU, recall, class, size, limit] and recall without recall."""
    precision = evaluation.eval["precision"][:, :, index, 0, -1]
    recall = evaluation.eval["recall"][:, index, 0, -1]
    return {
        "ap": _mean(precision),
        "ap50": _mean(precision[0]),
        "ap75": _mean(precision[5]),
        "ar100": _mean(recall),
    }


def _mean(values: NDArray[np.float64]) -> float:
    counted = values[values > -1]
    return float(counted.mean()) if counted.size else -1.0
