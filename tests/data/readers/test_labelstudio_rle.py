"""Label Studio's run lengths: a mask comes back, and broken bytes are told."""

import numpy as np
from helpers.brush import brush
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from palikit.data.readers.labelstudio_rle import decode_brush


@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))), st.booleans())
def test_a_brush_comes_back_as_it_was(mask, runs):
    height, width = mask.shape
    assert (decode_brush(brush(mask, runs), (width, height)) == mask).all()


def test_a_brush_of_label_studios_own_encoder_is_read():
    recorded = [0, 0, 0, 24, 57, 27, 252, 96, 22, 255, 231, 0, 0]
    assert decode_brush(recorded, (3, 2)).tolist() == [[False, True, True], [True, False, False]]


@given(st.lists(st.integers(0, 255), max_size=60))
def test_any_bytes_are_a_mask_or_an_error(data):
    head = list((2 * 3 * 4).to_bytes(4, "big"))
    try:
        mask = decode_brush(head + data, (2, 3))
    except ValueError:
        return
    assert mask.shape == (3, 2)
