import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palikit.codecs.boxes import decode_box, encode_box, format_box
from palikit.errors import UsageError
from palikit.results import Box

bins = st.tuples(*[st.integers(0, 1023)] * 4)
sizes = st.tuples(st.integers(1, 8000), st.integers(1, 8000))


def test_the_docstring_example_holds():
    assert encode_box(Box(64, 24, 320, 240), (640, 480)) == (51, 102, 512, 512)
    assert format_box((51, 102, 512, 512)) == "<loc0051><loc0102><loc0512><loc0512>"


def test_the_order_is_y1_x1_y2_x2():
    assert encode_box(Box(100, 0, 200, 50), (200, 100)) == (0, 512, 512, 1023)


def test_halves_round_to_even():
    # On a side of 2046 pixels, an odd pixel lies exactly between two bins.
    assert encode_box(Box(1, 3, 5, 7), (2046, 2046)) == (2, 0, 4, 2)


def test_the_far_edge_is_bin_1023_and_reads_back_as_the_far_edge():
    assert encode_box(Box(0, 0, 640, 480), (640, 480)) == (0, 0, 1023, 1023)
    assert decode_box((0, 0, 1023, 1023), (640, 480)) == Box(0, 0, 640, 480)


def test_what_lies_outside_moves_to_the_edge():
    assert encode_box(Box(-50, -1, 9999, 481), (640, 480)) == (0, 0, 1023, 1023)


@given(bins, sizes)
def test_bins_survive_decode_and_encode(four, size):
    assert encode_box(decode_box(four, size), size) == four


@given(st.tuples(*[st.floats(0, 1)] * 4), sizes)
def test_a_box_comes_back_within_half_a_bin(corners, size):
    width, height = size
    x1, y1, x2, y2 = corners
    box = Box(x1 * width, y1 * height, x2 * width, y2 * height)
    back = decode_box(encode_box(box, size), size)
    for was, now, side in zip(box.xyxy, back.xyxy, (width, height) * 2, strict=True):
        assert abs(was - now) <= side * 0.5 / 1023 + 1e-6


@pytest.mark.parametrize("size", [(0, 10), (10, 0), (-1, 5)])
def test_a_picture_without_area_is_refused(size):
    with pytest.raises(UsageError, match="not a picture"):
        encode_box(Box(0, 0, 1, 1), size)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_box_that_is_not_finite_is_refused(value):
    with pytest.raises(UsageError, match="not finite"):
        encode_box(Box(0, 0, value, 1), (10, 10))


@pytest.mark.parametrize("four", [(0, 0, 0), (0, 0, 0, 1024), (-1, 0, 0, 0)])
def test_bins_out_of_range_are_not_written(four):
    with pytest.raises(UsageError, match="four numbers"):
        format_box(four)
