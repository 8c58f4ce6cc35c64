"""Pictures of every kind come out upright and RGB, and bad ones as one sentence."""

import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError
from PIL import Image

from palikit.errors import ImageError
from palikit.inputs.image import load_image

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def corners() -> Image.Image:
    """3 x 2 pixels, red at the top left and blue at the bottom right."""
    image = Image.new("RGB", (3, 2), WHITE)
    image.putpixel((0, 0), RED)
    image.putpixel((2, 1), BLUE)
    return image


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def header_only_png(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing: decoding it would fail."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"\0")), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_path_bytes_pillow_and_array_give_the_same_picture(tmp_path: Path) -> None:
    image = corners()
    path = tmp_path / "picture.png"
    image.save(path)
    for source in (path, str(path), path.read_bytes(), image, np.array(image)):
        got = load_image(source)
        assert got.mode == "RGB"
        assert got.tobytes() == image.tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_exif_turns_the_picture_upright(orientation: int, kind: str) -> None:
    flips = Image.Transpose
    undo = {
        2: flips.FLIP_LEFT_RIGHT, 3: flips.ROTATE_180, 4: flips.FLIP_TOP_BOTTOM,
        5: flips.TRANSPOSE, 6: flips.ROTATE_90, 7: flips.TRANSVERSE, 8: flips.ROTATE_270,
    }  # fmt: skip
    stored = corners() if orientation == 1 else corners().transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    got = load_image(encoded(stored, kind, exif=exif, **options))
    assert got.size == (3, 2)
    assert got.tobytes() == corners().tobytes()


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("block", [b"MM\0*\0\0\xff\xff\x01\x12broken", b"no tiff at all"])
def test_unreadable_exif_leaves_a_whole_picture_as_it_is_stored(block: bytes) -> None:
    data = encoded(corners(), "PNG", exif=b"Exif\0\0" + block)
    assert load_image(data).tobytes() == corners().tobytes()


def test_palette_keeps_its_colours_and_shows_white_where_transparent() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *GREEN])
    image.putpixel((1, 0), 1)
    assert load_image(encoded(image, "PNG")).getpixel((1, 0)) == GREEN
    got = load_image(encoded(image, "PNG", transparency=1))
    assert [got.getpixel((x, 0)) for x in (0, 1)] == [RED, WHITE]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bit_grey_is_scaled_not_clipped(kind: str) -> None:
    values = np.array([[0, 257, 256 * 128, 65535]], dtype=np.uint16)
    got = load_image(encoded(Image.fromarray(values), kind))
    assert [got.getpixel((x, 0))[0] for x in range(4)] == [0, 1, 128, 255]


def test_float_grey_from_0_to_1_is_scaled_and_other_floats_are_refused() -> None:
    got = load_image(Image.fromarray(np.array([[0.0, 0.5, 1.0]], dtype=np.float32)))
    assert [got.getpixel((x, 0))[1] for x in range(3)] == [0, 128, 255]
    for bad in (300.0, -0.1, np.nan):
        with pytest.raises(ImageError, match="scale it to 8 bits"):
            load_image(Image.fromarray(np.array([[0.5, bad]], dtype=np.float32)))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"])
def test_opaque_modes_convert_as_pillow_does(mode: str) -> None:
    image = corners().convert("RGB" if mode == "LAB" else mode)
    if mode == "LAB":
        image = Image.new("LAB", (3, 2), (60, 20, 30))
    assert load_image(image).tobytes() == image.convert("RGB").tobytes()


def test_cmyk_jpeg_keeps_its_colours() -> None:
    red = Image.new("RGB", (16, 16), RED).convert("CMYK")
    r, g, b = load_image(encoded(red, "JPEG")).getpixel((8, 8))
    assert r > 240 > 15 > max(g, b)


@pytest.mark.parametrize("mode", ["LA", "La", "RGBA", "RGBa"])
def test_alpha_is_laid_over_white(mode: str) -> None:
    clear = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    clear.putpixel((1, 0), (0, 0, 0, 255))
    if mode == "La":  # reached from LA alone
        clear = clear.convert("LA")
    got = load_image(clear.convert(mode))
    assert got.getpixel((0, 0)) == WHITE
    assert got.getpixel((1, 0)) == (0, 0, 0)


def test_a_palette_with_an_alpha_channel_is_laid_over_white() -> None:
    image = Image.new("PA", (2, 1))
    image.putpalette([*RED, *GREEN])
    image.putpixel((0, 0), (1, 0))
    image.putpixel((1, 0), (1, 255))
    got = load_image(image)
    assert [got.getpixel((x, 0)) for x in (0, 1)] == [WHITE, GREEN]


def test_half_transparent_black_is_mid_grey() -> None:
    got = load_image(Image.new("RGBA", (1, 1), (0, 0, 0, 128)))
    assert abs(got.getpixel((0, 0))[0] - 127) <= 1


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_an_animation_gives_its_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN)]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert load_image(data).getpixel((4, 4)) == RED


def test_grey_one_channel_and_rgba_arrays_are_pictures_too() -> None:
    grey = np.full((2, 3), 7, dtype=np.uint8)
    assert load_image(grey).getpixel((0, 0)) == (7, 7, 7)
    assert load_image(grey[:, :, None]).size == (3, 2)
    clear = np.zeros((2, 3, 4), dtype=np.uint8)
    assert load_image(clear).getpixel((0, 0)) == WHITE
    flipped = np.array(corners())[:, ::-1]
    assert load_image(flipped).getpixel((2, 0)) == RED


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((0, 4, 3), np.uint8), "0x4x3 has no pixels"),
        (np.zeros((3, 8, 8), np.uint8), "transpose"),
        (np.zeros((8, 8, 2), np.uint8), "8x8x2 is no picture"),
        (np.zeros((2, 8, 8, 3), np.uint8), "2x8x8x3 is no picture"),
        (np.zeros((8, 8, 3), np.float32), "float32 came where uint8"),
        (np.zeros((8, 8, 3), np.uint16), "uint16 came where uint8"),
        (np.array(3), "a single number"),
    ],
)
def test_other_arrays_are_refused_with_what_to_pass(array: np.ndarray, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        load_image(array)


BROKEN = {
    "text.png": (b"just some words\n", "starts with b'just some"),
    "empty.png": (b"", "is empty"),
    "drawing.svg": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    "bare.svg": (b"\n <svg width='3'/>", "SVG"),
    "page.pdf": (b"%PDF-1.7\n", "PDF"),
    "phone.heic": (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
    "drawing.eps": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
        "PostScript",
    ),
    "half.jpg": (encoded(Image.radial_gradient("L"), "JPEG")[:1500], "broken or cut short"),
    "half.png": (encoded(Image.radial_gradient("L"), "PNG")[:500], "broken or cut short"),
    "head.jpg": (encoded(Image.radial_gradient("L"), "JPEG")[:10], "half|starts|broken"),
    "big.png": (header_only_png(10_000, 10_000), r"max_pixels = 89,478,485"),
    "vast.png": (header_only_png(60_000, 60_000), r"max_pixels"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_bad_file_is_one_sentence_with_its_path(name: str, tmp_path: Path) -> None:
    data, words = BROKEN[name]
    path = tmp_path / name
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ImageError, match=words) as caught:
            load_image(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(ImageError):
        load_image(data)


def test_missing_file_folder_address_and_odd_path_are_refused(tmp_path: Path) -> None:
    for source, words in [
        (tmp_path / "none.png", "does not exist"),
        (tmp_path, "is a folder"),
        ("https://example.com/cat.png", "download it"),
        ("a\0b.png", "cannot be read"),
        ("x" * 5000, "cannot be read"),
    ]:
        with pytest.raises(ImageError, match=words):
            load_image(source)
    with pytest.raises((ImageError, TypeCheckError)):
        load_image(torch.zeros(3, 8, 8))


def test_a_hundred_megapixels_are_refused_before_decoding_and_accepted_by_name() -> None:
    data = header_only_png(10_000, 10_000)
    with pytest.raises(ImageError, match=r"10000 x 10000 = 100,000,000 pixels.*max_pixels"):
        load_image(data)
    # With a larger bound the pixels are decoded, and only then seen to be missing.
    with pytest.raises(ImageError, match="broken or cut short"):
        load_image(data, max_pixels=100_000_000)


def test_the_bound_holds_for_open_pictures_and_arrays_and_is_exact() -> None:
    image = Image.new("RGB", (10, 10))
    assert load_image(image, max_pixels=100).size == (10, 10)
    for source in (image, np.array(image), encoded(image, "PNG")):
        with pytest.raises(ImageError, match="max_pixels = 99"):
            load_image(source, max_pixels=99)


def test_a_picture_without_pixels_is_refused() -> None:
    with pytest.raises(ImageError, match="0 x 5"):
        load_image(Image.new("RGB", (0, 5)))


def test_the_users_picture_is_left_as_it_was() -> None:
    image = Image.new("RGBA", (2, 2), (1, 2, 3, 4))
    load_image(image)
    assert (image.mode, image.getpixel((0, 0))) == ("RGBA", (1, 2, 3, 4))
