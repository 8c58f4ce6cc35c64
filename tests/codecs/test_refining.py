"""Refined boxes: moved as told, in order, inside the picture; all else stays."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palikit.codecs.boxes import decode_box, format_box
from palikit.codecs.refining import refine_boxes
from palikit.results import Box
from palikit.tasks import Detect, Segment

SIZE = (1023, 2046)  # a bin is a pixel wide and two high
SEGS = "".join(f"<seg{i:03d}>" for i in range(16))

bins = st.tuples(*[st.integers(0, 1023)] * 4)
moves = st.lists(st.floats(-64, 64), min_size=4, max_size=4)


def read(text: str, **how):
    return Detect(["cat", "dog"], **how).parse(text, SIZE, lambda *_, **__: 0.5, [-0.5])


def test_the_docstring_example_holds():
    found = read(f"{format_box((51, 102, 512, 512))} cat")
    (region,) = refine_boxes(found, {0: 0.3, 27: -1.25})
    assert region.box.xyxy == pytest.approx((102, 2 * 51.3, 510.75, 2 * 512))


def test_each_region_is_moved_by_its_own_locs_and_nothing_else_changes():
    text = f"{format_box((1, 2, 3, 4))} cat ; <loc0009> oh ; {format_box((5, 6, 7, 8))}{SEGS} dog"
    found = Segment("cat ; dog").parse(text, SIZE, lambda *_, **__: 0.5, [-0.5])
    moved = refine_boxes(found, {text.index("<loc0002>"): 0.5, text.index("<loc0007>"): 0.25})
    assert moved[0].box == replace(found[0].box, x1=2.5)
    assert moved[1].box.xyxy == pytest.approx((6, 10, 8, 14.5))
    assert replace(moved, items=()) == replace(found, items=())
    for ours, theirs in zip(moved, found, strict=True):
        assert replace(ours, box=theirs.box) == theirs


def test_without_offsets_boxes_are_to_the_bit_what_they_were():
    found = read(f"{format_box((1, 2, 3, 4))} cat ; {format_box((5, 6, 700, 801))}")
    assert refine_boxes(found, {}) == found


def test_regions_that_a_task_has_left_out_are_passed_over():
    boxes = [format_box((i, 2, 30, 40)) for i in range(3)]
    text = f"{boxes[0]} noise ; {boxes[1]} cat ; {boxes[2]} noise"
    (region,) = refine_boxes(read(text, noise=3), {text.index("<loc0001>"): 0.5})
    assert region.box == Box(2.0, 3.0, 40.0, 60.0)


def test_edges_that_would_pass_each_other_stay_as_told_on_that_axis():
    found = read(f"{format_box((10, 20, 12, 40))} cat")
    (region,) = refine_boxes(found, {0: 2.5, 9: -0.5, 18: -1.0, 27: 1.5})
    assert region.box.xyxy == pytest.approx((19.5, 20, 41.5, 24))


@given(bins, moves)
def test_boxes_stay_in_order_inside_the_picture_and_within_their_moves(four, by):
    found = read(f"{format_box(four)} cat")
    offsets = {9 * i: move for i, move in enumerate(by)}
    for region, moved in zip(found, refine_boxes(found, offsets), strict=True):
        x1, y1, x2, y2 = moved.box.xyxy
        assert 0 <= x1 < x2 <= SIZE[0]
        assert 0 <= y1 < y2 <= SIZE[1]
        limits = (abs(by[1]), 2 * abs(by[0]), abs(by[3]), 2 * abs(by[2]))
        for was, now, limit in zip(region.box.xyxy, moved.box.xyxy, limits, strict=True):
            assert abs(was - now) <= limit + 1e-6


def test_a_place_between_two_bins_is_between_their_places():
    low, high = (decode_box((b, b, 1000, 1000), SIZE) for b in (3, 4))
    assert decode_box((3.5, 3.5, 1000.0, 1000.0), SIZE).x1 == (low.x1 + high.x1) / 2
