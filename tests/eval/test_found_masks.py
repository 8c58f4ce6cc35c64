"""Things and the regions that found them."""

import numpy as np
import pytest

from palikit.eval.found_masks import mask_iou, match_regions
from palikit.results import Box, Region


def square(x: int) -> Box:
    return Box(float(x), 0.0, float(x + 20), 20.0)


def test_matching_takes_the_best_pair_first_and_each_thing_once() -> None:
    things = [("cat", square(0)), ("cat", square(10)), ("dog", square(50))]
    regions = [
        Region("cat", square(1)),  # IoU 0.90 with thing 0, 0.38 with thing 1
        Region("cat", square(3)),  # IoU 0.74 with thing 0, which is taken; 0.48 with thing 1
        Region("cat", square(50)),  # the dog's place, but the wrong label
    ]
    assert match_regions(things, regions) == [(0, 0)]
    assert match_regions(things, [*regions, Region("cat", square(9))]) == [(0, 0), (1, 3)]


def test_mask_iou_by_hand() -> None:
    a, b = np.zeros((20, 40), bool), np.zeros((20, 40), bool)
    a[:, :20], b[:, 10:30] = True, True
    assert mask_iou(a, b) == pytest.approx(1 / 3)
    assert mask_iou(np.zeros((4, 4), bool), np.zeros((4, 4), bool)) == 0.0
