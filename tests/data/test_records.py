"""Records: masks of things, and pictures wherever they lie."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from palikit.coco import encode_rle, fill_polygons, polygons
from palikit.data.pictures import BytesPicture, FilePicture, MemberPicture, open_picture
from palikit.data.records import Thing
from palikit.errors import DataError, ImageError
from palikit.results import Box

BOX = Box(0.0, 0.0, 4.0, 4.0)


@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_filling_the_outlines_of_a_mask_gives_the_mask(mask):
    height, width = mask.shape
    assert (fill_polygons(polygons(mask), (width, height)) == mask).all()


def test_an_outline_may_leave_the_picture():
    mask = fill_polygons([[-5.0, -5.0, 30.0, -5.0, 30.0, 3.2, -5.0, 3.2]], (10, 6))
    assert mask[:3].all()
    assert not mask[3:].any()


def test_a_thing_tells_its_mask_from_outline_or_run_lengths():
    square = np.zeros((5, 6), np.bool_)
    square[1:3, 2:5] = True
    outlined = Thing("a", BOX, polygons=((2.0, 1.0, 5.0, 1.0, 5.0, 3.0, 2.0, 3.0),))
    counted = Thing("a", BOX, rle=encode_rle(square))
    assert (outlined.mask((6, 5)) == square).all()
    assert (counted.mask((6, 5)) == square).all()
    assert Thing("a", BOX).mask((6, 5)) is None
    assert outlined.has_mask
    assert not Thing("a", BOX).has_mask


@pytest.mark.parametrize(
    "rle",
    [
        {"size": [4, 4], "counts": [3, 4, 9]},
        {"size": [5, 6], "counts": [3]},
        {"size": [5, 6]},
        {"size": [5, 6], "counts": [-3, 33]},
        {"size": [10**6, 10**6], "counts": [10**12]},
        {"size": 30, "counts": [30]},
    ],
)
def test_run_lengths_that_do_not_fit_are_refused(rle):
    with pytest.raises(DataError, match="run lengths of 'a'"):
        Thing("a", BOX, rle=rle).mask((6, 5))


def test_pictures_are_read_from_files_bytes_and_archives(tmp_path):
    buffer = io.BytesIO()
    Image.new("RGB", (7, 5), "red").save(buffer, "png")
    data = buffer.getvalue()
    (tmp_path / "a.png").write_bytes(data)
    (tmp_path / "a.tar").write_bytes(b"x" * 512 + data + b"y" * 9)
    for picture in (
        FilePicture(tmp_path / "a.png"),
        BytesPicture("row 3", data),
        MemberPicture(tmp_path / "a.tar", "a.png", 512, len(data)),
    ):
        assert open_picture(picture).size == (7, 5)


def test_a_picture_that_fails_is_called_by_its_name(tmp_path):
    (tmp_path / "short.tar").write_bytes(b"x" * 600)
    with pytest.raises(ImageError, match=r"no\.png cannot be read"):
        open_picture(FilePicture(tmp_path / "no.png"))
    with pytest.raises(ImageError, match=r"^row 3"):
        open_picture(BytesPicture("row 3", b"no picture"))
    with pytest.raises(ImageError, match=r"short\.tar:b\.png ends after 88 of 100 bytes"):
        open_picture(MemberPicture(tmp_path / "short.tar", "b.png", 512, 100))


def test_a_device_is_no_picture():
    with pytest.raises(ImageError, match="/dev/zero is no file"):
        FilePicture(Path("/dev/zero")).read()
