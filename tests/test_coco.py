import numpy as np
import pytest
from faster_coco_eval.core import mask as theirs
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays

from palikit.coco import decode_rle, encode_rle, polygons, run_lengths

any_mask = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24))


def their_counts(mask):
    return theirs.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"].decode("ascii")


@settings(deadline=None)
@given(any_mask)
def test_run_lengths_equal_the_coco_api_letter_for_letter(mask):
    rle = encode_rle(mask)
    assert rle == {"size": list(mask.shape), "counts": their_counts(mask)}
    assert np.array_equal(decode_rle(rle), mask)


def test_run_lengths_of_large_masks_equal_the_coco_api():
    y, x = np.mgrid[:700, :900]
    ring = np.abs(np.hypot(y - 350, x - 450) - 200) < 60
    for mask in (ring, ~ring, np.ones_like(ring), np.zeros_like(ring)):
        assert encode_rle(mask)["counts"] == their_counts(mask)
        assert np.array_equal(decode_rle(encode_rle(mask)), mask)


def test_run_lengths_as_bytes_or_plain_counts_are_read_too():
    mask = np.array([[0, 1], [1, 1]], np.bool_)
    assert np.array_equal(decode_rle({"size": [2, 2], "counts": [1, 3]}), mask)
    assert np.array_equal(decode_rle({"size": [2, 2], "counts": b"13"}), mask)


@settings(deadline=None)
@given(any_mask)
def test_the_counts_of_a_mask_fill_it(mask):
    counts = run_lengths(encode_rle(mask))
    assert sum(counts) == mask.size
    assert sum(counts[1::2]) == mask.sum()


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ([1, 2], "they are of 3 pixels, and 2 x 2 is 4"),
        ([10**30], "they are of 1000000000000000000000000000000 pixels"),
        ([-1, 5], "negative"),
        ("1", "they are of 1 pixels"),
        ("1Q", "end in the middle of a count"),
        ("o" * 100_000, "'o' cannot stand where it does"),
        ("\x00", "cannot stand"),
        ("1Ä", "cannot stand"),
    ],
)
def test_broken_run_lengths_are_told_before_anything_is_allocated(counts, why):
    with pytest.raises(ValueError, match=why):
        decode_rle({"size": [2, 2], "counts": counts})


def test_a_count_that_is_no_whole_number_is_refused():
    with pytest.raises(TypeError):
        run_lengths({"size": [2, 2], "counts": [1.0, 3]})


def filled(outlines, shape):
    """The pixels whose centre lies inside an odd number of outlines."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    inside = np.zeros(shape, np.bool_)
    for flat in outlines:
        points = np.array(flat).reshape(-1, 2)
        for (ax, ay), (bx, by) in zip(points, np.roll(points, -1, axis=0), strict=True):
            if ax == bx:  # edges run along pixels: only upright ones cross a line of sight
                inside ^= (x < ax) & (y > min(ay, by)) & (y < max(ay, by))
    return inside


@settings(deadline=None)
@given(any_mask)
def test_polygons_fill_to_the_same_mask(mask):
    assert np.array_equal(filled(polygons(mask), mask.shape), mask)


@settings(deadline=None)
@given(any_mask)
def test_each_polygon_is_an_outline_and_never_a_hole(mask):
    union = np.zeros_like(mask)
    for flat in polygons(mask):
        part = filled([flat], mask.shape)
        assert not (part & union).any()
        union |= part
    assert np.array_equal(union, mask)


def test_a_rectangle_is_four_corners():
    mask = np.zeros((10, 10), np.bool_)
    mask[2:5, 3:9] = True
    assert polygons(mask) == [[3.0, 2.0, 9.0, 2.0, 9.0, 5.0, 3.0, 5.0]]


@pytest.mark.parametrize("shape", ["disc", "ring", "two parts"])
def test_polygons_of_large_masks_survive_the_coco_api(shape):
    y, x = np.mgrid[:240, :320]
    distance = np.hypot(y - 120, x - 160)
    mask = {
        "disc": distance < 90,
        "ring": np.abs(distance - 70) < 25,
        "two parts": (np.hypot(y - 60, x - 60) < 40) | (np.hypot(y - 160, x - 230) < 60),
    }[shape]
    rles = theirs.frPyObjects(polygons(mask), 240, 320)
    back = theirs.decode(theirs.merge(rles)).astype(np.bool_)
    assert (back & mask).sum() / (back | mask).sum() > 0.98
