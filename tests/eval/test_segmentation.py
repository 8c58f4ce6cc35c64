import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from palikit.codecs.boxes import decode_box
from palikit.errors import UsageError
from palikit.eval.segmentation import MaskAnswer, draw_answer, mask_answers, referring_iou
from palikit.results import Region, Regions


def reference_iou(bins, patch, truth):
    """One object as big_vision's evaluator walks through it, with its own names of the steps."""
    height, width = truth.shape
    y1, x1, y2, x2 = np.array(bins, np.int32) / 1023
    y1, x1, y2, x2 = int(y1 * height), int(x1 * width), int(y2 * height), int(x2 * width)
    if x2 <= x1 or y2 <= y1:
        return 0.0
    resized = np.asarray(Image.fromarray(patch).resize([x2 - x1, y2 - y1], Image.BILINEAR)) > 0.0
    overlap = (truth[y1:y2, x1:x2] & resized).sum()
    return overlap / (truth.sum() + resized.sum() - overlap)


def random_case(rng):
    height, width = rng.integers(20, 120, 2)
    truth = np.zeros((height, width), np.bool_)
    top, left = rng.integers(0, height - 5), rng.integers(0, width - 5)
    truth[top : top + rng.integers(4, 60), left : left + rng.integers(4, 60)] = True
    ends = np.sort(rng.integers(0, 1024, (2, 2)), axis=0)
    patch = rng.normal(0.3, 1.0, (64, 64)).astype(np.float32)
    return (int(ends[0, 0]), int(ends[0, 1]), int(ends[1, 0]), int(ends[1, 1])), patch, truth


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_masks_are_drawn_and_counted_as_the_reference_does(seed):
    rng = np.random.default_rng(seed)
    cases = [random_case(rng) for _ in range(8)]
    answers = [MaskAnswer(bins, patch) for bins, patch, _ in cases]
    scores = referring_iou(answers, [truth for _, _, truth in cases])
    expected = [reference_iou(*case) for case in cases]
    assert scores.ious == pytest.approx(expected, abs=1e-12)
    assert scores.miou == pytest.approx(np.mean(expected), abs=1e-12)
    assert 0 <= scores.ciou <= 1


def answer(bins=(0, 0, 1023, 1023), value=1.0):
    return MaskAnswer(bins, np.full((64, 64), value, np.float32))


def test_the_whole_picture_is_itself_and_nothing_shares_nothing():
    whole = np.ones((30, 40), np.bool_)
    assert referring_iou([answer()], [whole]).miou == 1
    assert referring_iou([answer(value=-1.0)], [~whole]).miou == 0


def test_ciou_weighs_objects_by_their_pixels():
    small, large = np.zeros((100, 100), np.bool_), np.ones((100, 100), np.bool_)
    small[:10, :10] = True
    # The small one is missed, the large one exact: 10000 shared of 10000 + 100 pixels.
    scores = referring_iou([None, answer()], [small, large])
    assert scores.miou == 0.5
    assert scores.ciou == pytest.approx(10000 / 10100)
    assert scores.invalid == (0,)


def test_corners_are_cut_and_not_rounded():
    # 512 / 1023 of 101 pixels is 50.55.
    mask = draw_answer(answer((0, 0, 512, 512)), (101, 101))
    assert mask.sum() == 50 * 50


def test_a_box_of_no_whole_pixel_is_invalid():
    scores = referring_iou([answer((5, 5, 5, 900)), answer((0, 0, 9, 9))], [np.ones((9, 9))] * 2)
    assert scores.invalid == (0, 1)
    assert scores.miou == scores.ciou == 0


def test_the_first_channel_above_zero_is_inside():
    pixels = np.zeros((20, 20, 3), np.uint8)
    pixels[..., 0] = 7
    assert referring_iou([answer()], [pixels]).miou == 1


def test_regions_become_answers_in_one_call_of_the_decoder():
    size, bins, codes = (101, 57), (10, 20, 500, 1000), tuple(range(16))
    masked = Region("", decode_box(bins, size), codes=codes)
    plain = Region("", decode_box(bins, size))
    asked = []

    def decode(codes):
        asked.append(codes.tolist())
        return np.ones((len(codes), 64, 64), np.float32)

    found = [Regions((masked,), size=size), Regions((plain,), size=size), Regions((), size=size)]
    answers = mask_answers([*found, found[0]], decode)
    assert [one and one.bins for one in answers] == [bins, None, None, bins]
    assert asked == [[list(codes)] * 2]
    assert mask_answers(found[1:], decode) == [None, None]


@pytest.mark.parametrize(
    ("answers", "masks", "says"),
    [
        ([], [], "at least one"),
        ([None], [], "1 masks came for 0"),
        ([None], [np.ones(4)], "no mask"),
        ([answer((0, 0, 1024, 5))], [np.ones((4, 4))], "four numbers"),
        ([MaskAnswer((0, 0, 9, 9), np.ones(3))], [np.ones((4, 4))], "decoder's"),
    ],
)
def test_wrong_masks_are_refused(answers, masks, says):
    with pytest.raises(UsageError, match=says):
        referring_iou(answers, masks)
