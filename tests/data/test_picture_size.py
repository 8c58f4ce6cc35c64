"""The size that a header says is the size of the picture, and no pixel is decoded for it."""

import io
import os
import struct
import zlib

import pytest
from PIL import Image

from palikit import load_image
from palikit.data.picture_size import picture_size
from palikit.data.pictures import BytesPicture, FilePicture
from palikit.errors import ImageError


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff", "webp"])
def test_the_size_in_the_header_is_that_of_the_upright_picture(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{kind}"
    Image.new("RGB", (7, 5), "red").save(path, kind, exif=exif)
    assert picture_size(FilePicture(path)) == load_image(path).size


def test_exif_behind_the_pixels_of_a_png_is_seen(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.new("RGB", (7, 5), "red").save(buffer, "png")
    body = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    data = buffer.getvalue()
    (tmp_path / "a.png").write_bytes(data[:-12] + chunk + data[-12:])
    assert load_image(tmp_path / "a.png").size == (5, 7)
    assert picture_size(FilePicture(tmp_path / "a.png")) == (5, 7)


def test_the_size_is_read_without_pixels(tmp_path):
    buffer = io.BytesIO()
    Image.effect_noise((400, 300), 50).save(buffer, "png")
    head = buffer.getvalue()[:200]
    (tmp_path / "cut.png").write_bytes(head)
    assert picture_size(FilePicture(tmp_path / "cut.png")) == (400, 300)
    assert picture_size(BytesPicture("cut.png", head)) == (400, 300)


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_has_no_size(tmp_path, data):
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(ImageError, match=r"a\.png cannot be read as a picture"):
        picture_size(FilePicture(tmp_path / "a.png"))


def test_what_is_no_file_is_told(tmp_path):
    os.mkfifo(tmp_path / "a.png")  # which nobody ever writes to
    for name, said in (("none.png", "none"), ("a.png", "is no file")):
        with pytest.raises(ImageError, match=said):
            picture_size(FilePicture(tmp_path / name))
