"""Scorers of boxes, masks and words in places."""

from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from statistics import fmean
from typing import Literal

import numpy as np

from palikit.data.records import Thing
from palikit.errors import DataError
from palikit.eval.benchmarks.values import Item
from palikit.eval.detection import detection_ap
from palikit.eval.found_masks import mask_iou, match_regions
from palikit.eval.objects import Objects, columns
from palikit.eval.predictions import Prediction, to_regions
from palikit.eval.resampled_ap import ap_intervals, match_pictures
from palikit.eval.scores import Rows, Scores
from palikit.eval.spotting import Word, spotting_scores
from palikit.results import MaskArray, Regions

from .build import Answers, Items, Scorer, build_scores

__all__ = ["REGIONS"]


def _detection(headline: Literal["ap", "ap50"], answers: Answers, items: Items) -> Scores:
    """COCO's AP; one picture's number is its F1 of boxes at IoU 0.5, whatever their scores."""
    found = [to_regions(one) for one in answers]
    truth = [_objects(item) for item in items]
    scores = detection_ap(found, truth)
    told = [columns(one, f"answer {item.id!r}") for one, item in zip(found, items, strict=True)]
    known = [columns(one, f"item {item.id!r}") for one, item in zip(truth, items, strict=True)]
    low, high = ap_intervals(match_pictures(told, known), len(items))[headline]
    values = [_f1(item, regions) for item, regions in zip(items, found, strict=True)]
    plain = build_scores(answers, items, values)
    matches = sum(len(_match(item, regions)) for item, regions in zip(items, found, strict=True))
    others = {name: 100 * v for name, v in scores.values.items() if v >= 0 and name != headline}
    others["found at IoU 0.5"] = 100 * matches / max(scores.num_objects, 1)
    others["right at IoU 0.5"] = 100 * matches / max(scores.num_predictions, 1)
    return Scores(
        headline=100 * max(scores.values[headline], 0.0),
        interval=(100 * low, 100 * high),
        per_item=plain.per_item,
        others=others,
        groups={name: 100 * row[headline] for name, row in scores.per_class.items()},
        unparsed=plain.unparsed,
        rows=plain.rows,
    )


def _segmentation(answers: Answers, items: Items) -> Scores:
    """The mean mask IoU of the things that were found; one picture's number counts all things."""
    rows: list[tuple[float, ...]] = []
    values: list[float] = []
    by_class: dict[str, list[float]] = defaultdict(list)
    by_size: dict[str, list[float]] = defaultdict(list)
    told = 0
    for one, item in zip(answers, items, strict=True):
        found = to_regions(one, with_masks=True)
        ious = dict(_mask_ious(item, found))
        for i, thing in enumerate(item.things):
            by_class[thing.label].append(ious.get(i, 0.0))
            by_size[_size_name(thing.box.area)].append(ious.get(i, 0.0))
        told += len(found)
        rows.append((sum(ious.values()), float(len(ious))))
        values.append(100 * sum(ious.values()) / len(item.things) if item.things else 100.0)
    matched = sum(row[1] for row in rows)
    everything = [iou for ious_of in by_class.values() for iou in ious_of]
    others = {
        "of all things": 100 * fmean(everything or [0.0]),
        "found": 100 * matched / max(len(everything), 1),
        "right": 100 * matched / max(told, 1),
    }
    others |= {f"of all {name} things": 100 * fmean(by_size[name]) for name in sorted(by_size)}
    groups = {name: 100 * fmean(by_class[name]) for name in sorted(by_class)}
    return build_scores(
        answers, items, values, rows=Rows("ratio", tuple(rows)), others=others, groups=groups
    )


def _mask_ious(item: Item, found: Regions) -> Iterator[tuple[int, float]]:
    """Thing and IoU, of those that were found."""
    for i, j in match_regions([(t.label, t.box) for t in item.things], found.items):
        mask, right = found[j].mask, item.things[i].mask(found.size)
        yield i, 0.0 if mask is None or right is None else mask_iou(right, mask)


def _referring(answers: Answers, items: Items) -> Scores:
    """RefCOCO's mIoU; the masks were drawn as its evaluation draws them when they were answered."""
    counts = [_pixels(one, item) for one, item in zip(answers, items, strict=True)]
    values = [100 * shared / joint if joint else 0.0 for shared, joint in counts]
    boxes = [_first_iou(one, item) for one, item in zip(answers, items, strict=True)]
    others = {
        "cIoU": 100 * sum(shared for shared, _ in counts) / max(sum(j for _, j in counts), 1),
        "box accuracy at 0.5": 100 * fmean(iou >= 0.5 for iou in boxes),
        "box accuracy at 0.75": 100 * fmean(iou >= 0.75 for iou in boxes),
    }
    return build_scores(answers, items, values, others=others)


def _pixels(one: Prediction, item: Item) -> tuple[int, int]:
    """How many pixels are in both masks, and in either."""
    found = to_regions(one, with_masks=True)
    size = one.size or item.size
    if size is None:
        return 0, 0
    right = _right_mask(item.things[0], item, size)
    mask = found[0].mask if len(found) else None
    if mask is None:
        return 0, int(right.sum())
    return int((right & mask).sum()), int((right | mask).sum())


def _right_mask(thing: Thing, item: Item, size: tuple[int, int]) -> MaskArray:
    mask = thing.mask(size)
    if mask is None:
        raise DataError(f"item {item.id!r} has no mask: a metric of masks needs one")
    return mask


def _box_accuracy(answers: Answers, items: Items) -> Scores:
    """The share of first boxes with an IoU of 0.5 or more."""
    ious = [_first_iou(one, item) for one, item in zip(answers, items, strict=True)]
    others = {
        "at IoU 0.75": 100 * fmean(iou >= 0.75 for iou in ious),
        "mean IoU": 100 * fmean(ious),
    }
    return build_scores(answers, items, [100.0 * (iou >= 0.5) for iou in ious], others=others)


def _first_iou(one: Prediction, item: Item) -> float:
    found = to_regions(one)
    return found[0].box.iou(item.things[0].box) if len(found) else 0.0


def _spotting(answers: Answers, items: Items) -> Scores:
    """HierText's F1 of words, end to end; a crowd is a word that nobody can read."""
    rows: list[tuple[float, ...]] = []
    tightness = right = told = wanted = 0.0
    for one, item in zip(answers, items, strict=True):
        found = spotting_scores([to_regions(one)], [[_word(thing) for thing in item.things]])
        rows.append((2.0 * found.right, float(found.num_predictions + found.num_references)))
        right, tightness = right + found.right, tightness + found.tightness
        told, wanted = told + found.num_predictions, wanted + found.num_references
    values = [100 * hits / total if total else 100.0 for hits, total in rows]
    others = {
        "precision": 100 * right / told if told else 100.0,
        "recall": 100 * right / wanted if wanted else 100.0,
        "mean IoU of right words": 100 * tightness / right if right else 0.0,
    }
    return build_scores(answers, items, values, rows=Rows("ratio", tuple(rows)), others=others)


def _word(thing: Thing) -> Word:
    x1, y1, x2, y2 = thing.box.xyxy
    corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
    if thing.polygons:
        corners = [(x, y) for x, y in np.reshape(thing.polygons[0], (-1, 2)).tolist()]
    return Word(thing.label, corners, care=not thing.crowd)


def _objects(item: Item) -> Objects:
    return Objects(
        labels=[thing.label for thing in item.things],
        boxes=[thing.box.xyxy for thing in item.things],
        crowds=[thing.crowd for thing in item.things],
        areas=[_area(thing) for thing in item.things],
    )


def _area(thing: Thing) -> float:
    """Square pixels of its outline (of parts that do not overlap), as COCO's own files have it."""
    corners = [np.reshape(outline, (-1, 2)) for outline in thing.polygons]
    outlines = sum(
        abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2 for x, y in (c.T for c in corners)
    )
    return outlines or thing.box.area


def _match(item: Item, found: Regions) -> list[tuple[int, int]]:
    return match_regions([(t.label, t.box) for t in item.things if not t.crowd], found.items)


def _f1(item: Item, found: Regions) -> float:
    total = sum(not thing.crowd for thing in item.things) + len(found)
    return 100 * 2 * len(_match(item, found)) / total if total else 100.0


def _size_name(area: float) -> str:
    """COCO's sizes."""
    if area <= 32**2:
        return "small"
    return "medium" if area <= 96**2 else "large"


def _reads_regions(one: Prediction) -> bool:
    """An empty answer says that nothing was found; words without a region say nothing."""
    return bool(one.regions) or not one.answer.strip()


def _reads_mask(one: Prediction) -> bool:
    return bool(one.regions) and one.regions[0].get("mask") is not None


_COCO = ("faster_coco_eval",)
_WORDS = ("shapely",)

REGIONS: dict[str, Scorer] = {
    "detection": Scorer(partial(_detection, "ap"), _reads_regions, "boxes", "", "AP", _COCO),
    "detection_ap50": Scorer(
        partial(_detection, "ap50"), _reads_regions, "boxes", "", "AP50", _COCO
    ),
    "segmentation": Scorer(_segmentation, _reads_regions, "masks", "things", "% IoU"),
    "referring": Scorer(_referring, _reads_mask, "reference masks", "things", "% IoU"),
    "box_accuracy": Scorer(_box_accuracy, lambda one: bool(one.regions), "boxes", "things"),
    "spotting": Scorer(_spotting, _reads_regions, "boxes", "", "F1", _WORDS),
}
"""Metric key to scorer."""
