import builtins
import json

import numpy as np
import pytest
from faster_coco_eval import COCO
from hypothesis import given
from hypothesis import strategies as st

from palikit.coco import decode_rle
from palikit.errors import MissingExtraError, UsageError
from palikit.results import Box, Region, Regions, Text

numbers = st.floats(-1e4, 1e4)
boxes = st.builds(Box, numbers, numbers, numbers, numbers)


def scene():
    mask = np.zeros((60, 80), np.bool_)
    mask[10:30, 5:25] = True
    return Regions(
        items=(
            Region("cat", Box(5, 10, 25, 30), 0.9, mask, tuple(range(16))),
            Region("dog", Box(40.5, 20, 70, 50.25), 0.5),
            Region("cat", Box(0, 0, 4, 4), 0.25),
        ),
        unparsed="and more",
        size=(80, 60),
        text="...",
        score=0.7,
        logprobs=(-0.5, -0.25),
    )


def test_a_box_knows_its_size_and_area():
    box = Box(1, 2, 4, 8)
    assert (box.xyxy, box.xywh, box.area) == ((1, 2, 4, 8), (1, 2, 3, 6), 18)
    assert Box(4, 2, 1, 8).area == 0


def test_overlap_is_shared_area_over_joint_area():
    assert Box(0, 0, 2, 2).iou(Box(1, 1, 3, 3)) == pytest.approx(1 / 7)
    assert Box(0, 0, 2, 2).iou(Box(2, 0, 4, 2)) == 0
    assert Box(1, 1, 1, 1).iou(Box(1, 1, 1, 1)) == 0


@given(boxes, boxes)
def test_overlap_is_symmetric_and_between_0_and_1(a, b):
    assert 0 <= a.iou(b) <= 1 + 1e-9
    assert a.iou(b) == b.iou(a)


@given(boxes.filter(lambda box: box.area > 1e-6))
def test_a_box_overlaps_itself_wholly(box):
    assert box.iou(box) == pytest.approx(1)


def test_regions_are_a_sequence_with_labels_and_boxes():
    found = scene()
    assert len(found) == 3
    assert [region.label for region in found] == list(found.labels) == ["cat", "dog", "cat"]
    assert found[1].label == "dog"
    assert [region.label for region in found[1:]] == ["dog", "cat"]
    assert found.boxes.dtype == np.float64
    assert found.boxes[1].tolist() == [40.5, 20, 70, 50.25]
    assert Regions(()).boxes.shape == (0, 4)


def test_results_compare_and_hash_although_they_hold_masks():
    assert scene() == scene()
    assert hash(scene()) == hash(scene())


def test_results_go_to_json_and_the_mask_comes_back():
    found = json.loads(json.dumps(scene().to_dict()))
    assert found["regions"][1]["box"] == [40.5, 20, 70, 50.25]
    assert found["regions"][1]["mask"] is None
    assert found["regions"][0]["codes"] == list(range(16))
    assert np.array_equal(decode_rle(found["regions"][0]["mask"]), scene()[0].mask)
    assert (found["unparsed"], found["size"], found["logprobs"]) == (
        "and more",
        [80, 60],
        [-0.5, -0.25],
    )
    assert Text("a cat", 0.5, (-0.7,)).to_dict() == {
        "text": "a cat",
        "score": 0.5,
        "logprobs": [-0.7],
        "finished": True,
    }
    assert str(Text("a cat")) == "a cat"


@pytest.mark.parametrize("masks", ["rle", "polygon"])
def test_annotations_are_read_by_the_coco_api_with_their_masks(masks):
    rows = scene().to_coco(image_id=7, category_ids={"cat": 1, "dog": 2}, masks=masks)
    rows = json.loads(json.dumps(rows))
    assert [row["bbox"] for row in rows[1:]] == [[40.5, 20, 29.5, 30.25], [0, 0, 4, 4]]
    assert [row["category_id"] for row in rows] == [1, 2, 1]
    assert [row["score"] for row in rows] == [0.9, 0.5, 0.25]
    assert [row["area"] for row in rows] == [400, 29.5 * 30.25, 16]
    assert "segmentation" not in rows[1]
    coco = COCO()
    coco.dataset = {
        "images": [{"id": 7, "width": 80, "height": 60}],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [{"id": 1, **rows[0]}],
    }
    coco.createIndex()
    back = coco.annToMask(coco.loadAnns([1])[0]).astype(np.bool_)
    assert np.array_equal(back, scene()[0].mask)


def test_coco_needs_a_number_for_every_label_and_a_known_form():
    with pytest.raises(UsageError, match="dog"):
        scene().to_coco(image_id=1, category_ids={"cat": 1})
    with pytest.raises(UsageError, match="polygon"):
        scene().to_coco(image_id=1, category_ids={"cat": 1, "dog": 2}, masks="png")


def test_supervision_sees_the_same_boxes_labels_scores_and_masks():
    pytest.importorskip("supervision")
    there = scene().to_supervision()
    assert np.array_equal(there.xyxy, scene().boxes)
    assert there.class_id.tolist() == [0, 1, 0]
    assert there.data["class_name"].tolist() == ["cat", "dog", "cat"]
    assert there.confidence.tolist() == [0.9, 0.5, 0.25]
    assert there.mask.sum(axis=(1, 2)).tolist() == [400, 0, 0]


def test_supervision_takes_nothing_found_and_scores_unknown():
    pytest.importorskip("supervision")
    assert len(Regions((), size=(80, 60)).to_supervision()) == 0
    there = Regions((Region("cat", Box(0, 0, 1, 1)),), size=(80, 60)).to_supervision()
    assert there.confidence is None
    assert there.mask is None


def test_a_missing_supervision_names_the_command(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "supervision":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match="pip install supervision"):
        scene().to_supervision()
