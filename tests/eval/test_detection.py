import contextlib
import io
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palikit.errors import MissingExtraError, UsageError
from palikit.eval import extras
from palikit.eval.detection import STATS, Objects, box_accuracy, detection_ap
from palikit.results import Box, Region, Regions

pytest.importorskip("faster_coco_eval", reason="AP needs faster-coco-eval (palikit[eval])")

LABELS = ("ant", "bee", "cat", "dog")


def random_boxes(rng, count):
    """Small, medium and large ones on a coarse grid, so that ties of IoU happen."""
    corners = rng.integers(0, 40, (count, 2)) * 5.0
    sides = rng.choice([5.0, 20.0, 35.0, 80.0, 150.0], (count, 2))
    return np.hstack([corners, corners + sides])


def random_scene(rng):
    """Objects with crowds, and predictions near them and elsewhere, with tied scores."""
    count = int(rng.integers(0, 7)) * int(rng.random() > 0.15)
    boxes = random_boxes(rng, count)
    labels = rng.choice(LABELS[:3], count).tolist()
    sizes = boxes[:, 2:] - boxes[:, :2]
    areas = sizes.prod(axis=1) * rng.uniform(0.4, 1.0, count)
    truth = Objects(labels, boxes, crowds=rng.random(count) < 0.2, areas=areas)
    # By less than half the shortest side, so that no corners change places.
    near = boxes + rng.integers(-2, 3, boxes.shape) * (rng.random(boxes.shape) < 0.5)
    kept = rng.random(count) < 0.8
    stray = random_boxes(rng, int(rng.integers(0, 5)) * int(rng.random() > 0.15))
    told = [label for label, stays in zip(labels, kept, strict=True) if stays]
    told += rng.choice(LABELS, len(stray)).tolist()
    near = np.vstack([near[kept], stray])
    found = Objects(told, near, scores=rng.integers(1, 6, len(told)) / 5)
    return found, truth


def scenes(seed, count):
    rng = np.random.default_rng(seed)
    pairs = [random_scene(rng) for _ in range(count)]
    return [found for found, _ in pairs], [truth for _, truth in pairs]


def xywh(box):
    x1, y1, x2, y2 = map(float, box)
    return [x1, y1, x2 - x1, y2 - y1]


def pycocotools_evaluation(found, truth):
    """The same scenes, written as COCO files and read by the reference implementation."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    numbers = {label: i + 1 for i, label in enumerate(LABELS)}
    rows = [
        {"image_id": i, "category_id": numbers[label], "bbox": xywh(box)}
        | {"area": float(area), "iscrowd": int(crowd)}
        for i, one in enumerate(truth)
        for label, box, area, crowd in zip(
            one.labels, one.boxes, one.areas, one.crowds, strict=True
        )
    ]
    told = [
        {"image_id": i, "category_id": numbers[label], "bbox": xywh(box), "score": float(score)}
        for i, one in enumerate(found)
        for label, box, score in zip(one.labels, one.boxes, one.scores, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        ground = COCO()
        ground.dataset = {
            "images": [{"id": i} for i in range(len(truth))],
            "categories": [{"id": number, "name": label} for label, number in numbers.items()],
            "annotations": [{"id": i + 1, **row} for i, row in enumerate(rows)],
        }
        ground.createIndex()
        evaluation = COCOeval(ground, ground.loadRes(told), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation, numbers


def mean(values):
    counted = values[values > -1]
    return counted.mean() if counted.size else -1.0


@pytest.mark.parametrize("seed", range(4))
def test_ap_equals_pycocotools_on_scenes_with_crowds_ties_and_empty_pictures(seed):
    pytest.importorskip("pycocotools", reason="pycocotools, the oracle, is not installed")
    found, truth = scenes(seed, 200)
    scores = detection_ap(found, truth)
    oracle, numbers = pycocotools_evaluation(found, truth)
    ours = [scores.values[name] for name in STATS]
    assert np.abs(np.array(ours) - oracle.stats).max() <= 1e-9
    for label, values in scores.per_class.items():
        precision = oracle.eval["precision"][:, :, numbers[label] - 1, 0, -1]
        recall = oracle.eval["recall"][:, numbers[label] - 1, 0, -1]
        expected = (mean(precision), mean(precision[0]), mean(precision[5]), mean(recall))
        assert [values[name] for name in ("ap", "ap50", "ap75", "ar100")] == pytest.approx(
            expected, abs=1e-9
        )


def test_each_of_many_single_scenes_equals_pycocotools():
    pytest.importorskip("pycocotools", reason="pycocotools, the oracle, is not installed")
    found, truth = scenes(99, 60)
    for one, other in zip(found, truth, strict=True):
        if not len(one.labels):
            continue
        scores = detection_ap([one], [other])
        oracle, _ = pycocotools_evaluation([one], [other])
        assert np.abs(np.array(list(scores.values.values())) - oracle.stats).max() <= 1e-9


def test_five_thousand_pictures_take_less_than_thirty_seconds():
    found, truth = scenes(5, 5000)
    start = time.process_time()
    detection_ap(found, truth)
    # Time of the processor, so that a busy machine does not fail it.
    assert time.process_time() - start < 30


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_scores_are_shares_and_the_truth_scores_one(seed):
    found, truth = scenes(seed, 6)
    values = detection_ap(found, truth).values.values()
    assert all(value == -1 or 0 <= value <= 1 for value in values)
    whole = [Objects(one.labels, one.boxes) for one in truth]
    perfect = detection_ap(whole, whole).values
    assert perfect["ap"] == (pytest.approx(1) if any(len(one.labels) for one in whole) else -1)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_only_the_order_of_scores_matters(seed):
    found, truth = scenes(seed, 6)
    halved = [Objects(one.labels, one.boxes, np.asarray(one.scores) / 2) for one in found]
    assert detection_ap(found, truth).values == detection_ap(halved, truth).values


def test_the_docstring_example_holds():
    found = {"1.jpg": Objects(["cat", "dog"], [[10, 10, 60, 50], [0, 5, 20, 30]], [0.9, 0.4])}
    truth = {"1.jpg": Objects(["cat"], [[12, 10, 60, 52]])}
    scores = detection_ap(found, truth)
    assert scores.values["ap50"] == pytest.approx(1)
    assert scores.unknown_labels == {"dog": 1}


def test_what_has_no_partner_is_counted_and_named():
    one = Objects(["cat"], [[0, 0, 10, 10]], [0.5])
    truth = {"a": one, "b": one, "empty": Objects([], [])}
    scores = detection_ap({"a": one, "empty": Objects([], []), "z": one}, truth)
    assert scores.without_prediction == ("b",)
    assert scores.without_picture == ("z",)
    assert (scores.num_pictures, scores.num_objects, scores.num_predictions) == (3, 2, 1)
    assert scores.values["ar100"] == pytest.approx(0.5)


def test_regions_count_with_their_scores_and_the_area_of_their_masks():
    mask = np.zeros((200, 200), np.bool_)
    mask[:10, :10] = True
    thing = Region("cat", Box(0, 0, 100, 100), score=None, mask=mask)
    scores = detection_ap([Regions((thing,))], [Regions((thing,))])
    assert scores.values["ap"] == pytest.approx(1)
    # 100 pixels of mask are small, although the box is large.
    assert scores.values["ap_small"] == pytest.approx(1)
    assert scores.values["ap_large"] == -1


def test_swapped_corners_are_a_wrong_box_and_not_overlooked():
    truth = Objects(["cat"], [[0, 0, 10, 10]])
    found = Objects(["cat", "cat"], [[9, 0, 2, 10], [0, 0, 10, 10]], [0.9, 0.8])
    assert detection_ap([found], [truth]).values["ap"] == pytest.approx(0.5)


def test_mappings_are_objects_and_nothing_at_all_is_minus_one():
    plain = {"labels": ["cat"], "boxes": [[0, 0, 5, 5]]}
    assert detection_ap([plain], [plain]).values["ap"] == pytest.approx(1)
    assert detection_ap([], []).values["ap"] == -1
    assert detection_ap([plain], [Objects([], [])]).unknown_labels == {"cat": 1}
    assert detection_ap([Objects([], [])], [plain]).values["ap"] == 0


@pytest.mark.parametrize(
    ("found", "truth", "says"),
    [
        ([], [Objects([], [])], "0 predictions came for 1 references"),
        ({}, [], "both as lists"),
        ([Objects(["a"], [])], [Objects([], [])], "prediction 0 has 1 labels, 0 boxes"),
        ([Objects([], [])], [Objects(["a"], [[0, 0, 1]])], "reference 0 has boxes of shape"),
        ([Objects(["a"], [[0, 0, 1, np.nan]])], [Objects([], [])], "not finite"),
        ([3], [Objects([], [])], "prediction 0 is int"),
        ([{"label": []}], [Objects([], [])], "prediction 0 is dict"),
    ],
)
def test_wrong_scenes_are_refused(found, truth, says):
    with pytest.raises(UsageError, match=says):
        detection_ap(found, truth)


def test_a_missing_package_is_one_sentence():
    with pytest.raises(MissingExtraError, match=r"pip install 'palikit\[eval\]'"):
        extras.need("no_such_package")


def test_box_accuracy_counts_boxes_from_the_threshold_on():
    right = Box(0, 0, 10, 10)
    found = [Box(0, 0, 10, 5), [0, 0, 10, 4.9], None, Regions(()), Regions((Region("", right),))]
    assert box_accuracy(found, [right] * 5) == pytest.approx(2 / 5)
    assert box_accuracy(found, [right] * 5, iou=0.75) == pytest.approx(1 / 5)


def test_a_box_without_area_is_never_right():
    assert box_accuracy([Box(5, 5, 5, 5)], [Box(5, 5, 5, 5)]) == 0


@pytest.mark.parametrize(
    ("found", "truth", "iou", "says"),
    [
        ([], [], 0.5, "at least one"),
        ([None], [None], 0.5, "reference 0 has no box"),
        ([[1, 2, 3]], [Box(0, 0, 1, 1)], 0.5, "not a box"),
        ([None], [Box(0, 0, 1, 1)], 50, "no threshold"),
    ],
)
def test_wrong_boxes_are_refused(found, truth, iou, says):
    with pytest.raises(UsageError, match=says):
        box_accuracy(found, truth, iou)
