"""AP by weights: with every picture once it is COCO's, and weights are repetitions."""

import numpy as np
import pytest

from palikit.eval.detection import detection_ap
from palikit.eval.objects import Objects, columns
from palikit.eval.resampled_ap import THRESHOLDS, ap, ap_intervals, match_pictures


def pictures(seed: int, count: int = 12) -> tuple[list[Objects], list[Objects]]:
    """Objects and guesses near them, some on crowds, some with equal scores, some of no class."""
    rng = np.random.default_rng(seed)
    found, truth = [], []
    for _ in range(count):
        n, extra = rng.integers(0, 5), rng.integers(0, 4)
        corners = rng.uniform(0, 60, (n, 2))
        boxes = np.hstack([corners, corners + rng.uniform(10, 40, (n, 2))])
        labels = [str(rng.choice(["cat", "dog", "key"])) for _ in range(n)]
        crowds = rng.random(n) < 0.2
        near = boxes + rng.normal(0, 2.5, boxes.shape)
        far = rng.uniform(0, 40, (extra, 2))
        told = np.vstack([near, np.hstack([far, far + 30])])
        names = [*labels, *(str(rng.choice(["cat", "dog", "unicorn"])) for _ in range(extra))]
        scores = rng.integers(1, 6, len(told)) / 5
        truth.append(Objects(labels, boxes, crowds=crowds))
        found.append(Objects(names, told, scores))
    return found, truth


def checked(several: list[Objects]) -> list:
    return [columns(one, "picture") for one in several]


@pytest.mark.parametrize("seed", range(12))
def test_every_picture_once_is_cocos_ap(seed: int) -> None:
    found, truth = pictures(seed)
    values = detection_ap(found, truth).values
    matched = match_pictures(checked(found), checked(truth))
    once = np.ones((1, len(truth)))
    assert ap(matched, once, THRESHOLDS)[0] == pytest.approx(values["ap"], abs=1e-6)
    assert ap(matched, once, THRESHOLDS[:1])[0] == pytest.approx(values["ap50"], abs=1e-6)


def test_a_weight_is_a_repetition() -> None:
    found, truth = pictures(3)
    for one in found:  # different scores: equal ones fall in the pictures' order
        one.scores[:] = np.random.default_rng(int(one.scores.sum() * 5)).random(len(one.scores))
    drawn = np.random.default_rng(0).integers(0, len(truth), len(truth))
    values = detection_ap([found[i] for i in drawn], [truth[i] for i in drawn]).values
    weights = np.bincount(drawn, minlength=len(truth))[None].astype(float)
    matched = match_pictures(checked(found), checked(truth))
    assert ap(matched, weights, THRESHOLDS)[0] == pytest.approx(values["ap"], abs=1e-6)


def test_intervals_hold_the_value_and_close_on_a_perfect_one() -> None:
    found, truth = pictures(5, 30)
    matched = match_pictures(checked(found), checked(truth))
    low, high = ap_intervals(matched, len(truth), n=200)["ap"]
    assert low < detection_ap(found, truth).values["ap"] < high
    perfect = [Objects(["cat"], [[0, 0, 9, 9]], [0.5]), Objects(["cat"], [[2, 2, 9, 9]], [0.6])]
    matched = match_pictures(checked(perfect), checked(perfect))
    assert ap_intervals(matched, 2, n=20) == {"ap": (1.0, 1.0), "ap50": (1.0, 1.0)}


def test_nothing_to_find_and_nothing_found_are_nought() -> None:
    nothing, one = Objects([], []), Objects(["cat"], [[0, 0, 9, 9]])
    assert ap_intervals(match_pictures(checked([nothing]), checked([nothing])), 1, n=3) == {
        "ap": (0.0, 0.0),
        "ap50": (0.0, 0.0),
    }
    matched = match_pictures(checked([nothing]), checked([one]))
    assert ap(matched, np.ones((1, 1)), THRESHOLDS)[0] == 0.0
