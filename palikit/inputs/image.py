"""Any picture to upright 8-bit RGB, and RGB to the model's square of pixels in [-1, 1].

Follows Pillow for files and `SiglipImageProcessor` for the bicubic resize; `Resize(...,
"reference")` follows big_vision's `resize` op. Departures from what others do: EXIF turns the
picture, transparency shows white, 16-bit grey is scaled to 8 bits where Pillow would clip it, and
the size is checked in the header before any pixel is decoded.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional as F

from palikit.errors import ImageError, UsageError

__all__ = ["ImageSource", "Resize", "load_image", "stack_frames"]

ImageSource = str | Path | bytes | Image.Image | np.ndarray

MAX_PIXELS = 89_478_485  # Pillow's own bound: 256 MB of RGB

_ORIENTATION = 0x0112
# How a picture stored under each EXIF orientation is set upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def load_image(source: ImageSource, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The picture as RGB, upright, over white where it is transparent; an animation's first frame.

    Args:
        source: a path, an encoded file's bytes, a Pillow image, or a uint8 array `[H, W, 3]`,
            `[H, W, 4]` or `[H, W]`.
        max_pixels: a larger picture is refused before it is decoded.

    Raises:
        ImageError: in one sentence, with the name of what was read.
    """
    if isinstance(source, np.ndarray):
        name, image = "the array", _from_array(source)
    elif isinstance(source, Image.Image):
        name, image = "the Pillow image", source
    elif isinstance(source, bytes):
        name, image = f"the {len(source)} bytes", _open(source, f"the {len(source)} bytes")
    elif isinstance(source, (str, Path)):
        name, image = str(source), _open(_read(source), str(source))
    else:
        raise ImageError(
            f"a {type(source).__name__} is no picture: pass a path, bytes, a Pillow image "
            "or a uint8 array [H, W, 3]"
        )
    width, height = image.size
    if width * height == 0:
        raise ImageError(f"{name} is {width} x {height} and has no pixels: pass a picture that has")
    if width * height > max_pixels:
        raise ImageError(
            f"{name} is {width} x {height} = {width * height:,} pixels, more than "
            f"max_pixels = {max_pixels:,}: shrink it, or pass a larger max_pixels if you trust it"
        )
    return _to_rgb(_decode(image, name), name)


@dataclass(frozen=True, slots=True)
class Resize:
    """To a square of `size` pixels, whatever the aspect ratio, as float32 [3, R, R] in [-1, 1].

    Attributes:
        size: side of the square.
        resample: "bicubic" is what released checkpoints name in their `preprocessor_config.json`;
            "bilinear" is Pillow's too; "reference" is big_vision's bilinear, cut to whole levels
            and by default not antialiased.
        antialias: for "reference" only; Pillow always does it.
    """

    size: int
    resample: Literal["bicubic", "bilinear", "reference"] = "bicubic"
    antialias: bool = False

    def __post_init__(self) -> None:
        if self.size < 1 or self.resample not in ("bicubic", "bilinear", "reference"):
            raise UsageError(
                f"Resize({self.size}, {self.resample!r}) came where a size of at least 1 and "
                '"bicubic", "bilinear" or "reference" was expected'
            )

    def __call__(self, image: Image.Image) -> Float32[Tensor, "3 R R"]:
        """Resize an RGB picture, as `load_image` gives it."""
        assert image.mode == "RGB", image.mode
        if self.resample == "reference":
            pixels = torch.from_numpy(np.array(image, dtype=np.uint8)).permute(2, 0, 1)
            levels = _reference_resize(pixels, self.size, self.antialias)
        else:
            method = Image.Resampling[self.resample.upper()]
            small = image.resize((self.size, self.size), method)
            levels = torch.from_numpy(np.array(small)).permute(2, 0, 1)
        return levels.to(torch.float32).div(127.5).sub(1.0).contiguous()


def stack_frames(images: Sequence[Image.Image], resize: Resize) -> Float32[Tensor, "F 3 R R"]:
    """Several RGB pictures or video frames as the `F` axis of one example."""
    return torch.stack([resize(image) for image in images])


def _read(path: str | Path) -> bytes:
    if str(path).startswith(("http://", "https://")):
        raise ImageError(f"{path} is an address: download it and pass the file's path")
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise ImageError(f"{path} does not exist: check the path") from error
    except IsADirectoryError as error:
        raise ImageError(f"{path} is a folder: pass the path of a picture in it") from error
    except (OSError, ValueError) as error:
        raise ImageError(f"{path} cannot be read ({error}): check the path") from error


def _open(data: bytes, name: str) -> Image.Image:
    """Read the header; no pixel is decoded."""
    if not data:
        raise ImageError(f"{name} is empty: pass a picture that was written to its end")
    try:
        with warnings.catch_warnings():
            # load_image checks the size itself and says so in one sentence.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(BytesIO(data))
    except Image.DecompressionBombError as error:
        raise ImageError(
            f"{name} has more pixels than Pillow opens, let alone max_pixels (by default "
            f"{MAX_PIXELS:,}): shrink it, or raise PIL.Image.MAX_IMAGE_PIXELS too if you trust it"
        ) from error
    except UnidentifiedImageError as error:
        raise ImageError(f"{name} {_what_it_is(data)}") from error
    except Exception as error:  # a broken header makes Pillow's readers raise nearly anything
        raise _broken(name, error) from error
    if image.format == "EPS":  # Pillow would run Ghostscript on it
        raise ImageError(f"{name} is a PostScript drawing: convert it to PNG or JPEG first")
    return image


def _what_it_is(data: bytes) -> str:
    """Why Pillow did not know a file, as the rest of a sentence."""
    head = data[:512].lstrip().lower()
    if b"<svg" in head or head.startswith(b"<?xml"):
        return "is an SVG or XML file, not pixels: convert it to PNG first"
    if head.startswith(b"%pdf"):
        return "is a PDF: convert its page to PNG first"
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"msf1"):
        return "is a HEIC picture, which Pillow cannot read: convert it to JPEG first"
    return f"is no picture that Pillow can read (it starts with {data[:12]!r}): pass a PNG or JPEG"


def _broken(name: str, error: Exception) -> ImageError:
    why = " ".join(str(error).split()) or type(error).__name__
    return ImageError(f"{name} is broken or cut short ({why}): copy or save it again")


def _decode(image: Image.Image, name: str) -> Image.Image:
    """Decode the pixels and set them upright."""
    try:
        image.load()
    except Exception as error:  # a broken file makes Pillow's readers raise nearly anything
        raise _broken(name, error) from error
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # an unreadable EXIF block says nothing of orientation; the pixels are whole
        orientation = 1
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        image = Image.fromarray(_to_8_bits(np.asarray(image), name))
    if image.mode == "La":  # grey times alpha, which Pillow converts to LA alone
        image = image.convert("LA")
    if image.has_transparency_data:
        over = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("RGB")
    return image.convert("RGB")


def _to_8_bits(values: NDArray[np.generic], name: str) -> UInt8[np.ndarray, "H W"]:
    """Grey of 16 bits, or of floats in [0, 1], as 8 bits; Pillow's own conversion would clip."""
    wide = values.astype(np.float64)
    full = 1.0 if values.dtype.kind == "f" else 65535.0
    if not (wide.min() >= 0 and wide.max() <= full):  # so that NaN fails too
        raise ImageError(
            f"{name} holds values from {wide.min():g} to {wide.max():g}, where 0 to {full:g} was "
            "expected: scale it to 8 bits first"
        )
    return np.rint(wide * (255.0 / full)).astype(np.uint8)


def _from_array(array: NDArray[np.generic]) -> Image.Image:
    shape = "x".join(map(str, array.shape)) or "a single number"
    if array.ndim == 3 and array.shape[2] not in (1, 3, 4) and array.shape[0] in (1, 3, 4):
        raise ImageError(
            f"an array of {shape} has its channels first: pass array.transpose(1, 2, 0)"
        )
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ImageError(f"an array of {shape} is no picture: pass [H, W, 3], [H, W, 4] or [H, W]")
    if array.dtype != np.uint8:
        raise ImageError(
            f"an array of {array.dtype} came where uint8 from 0 to 255 was expected: "
            "scale it and pass array.astype('uint8')"
        )
    if array.size == 0:
        raise ImageError(f"an array of {shape} has no pixels: pass a picture that has")
    flat = array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array
    return Image.fromarray(np.ascontiguousarray(flat))


def _reference_resize(
    pixels: UInt8[Tensor, "3 H W"], size: int, antialias: bool
) -> Float[Tensor, "3 R R"]:
    """Bilinear on half-pixel centres in float32, then cut (not rounded) to whole levels."""
    x = pixels.to(torch.float32)
    if antialias:
        # Weights that sum to 1 - 1e-7 must not cut a flat 200 down to 199.
        out = F.interpolate(x[None], (size, size), mode="bilinear", antialias=True)[0] + 1e-3
        return out.clamp(0, 255).floor()
    for dim in (2, 1):  # along a row first, as TensorFlow's kernel does
        low, high, weight = _taps(x.shape[dim], size)
        shape = (1, 1, size) if dim == 2 else (1, size, 1)
        start = x.index_select(dim, low)
        x = start + (x.index_select(dim, high) - start) * weight.view(shape)
    return x.clamp(0, 255).floor()


def _taps(length: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """For each output pixel: the two input pixels it lies between, and how far along."""
    centre = (torch.arange(size, dtype=torch.float32) + 0.5) * (length / size) - 0.5
    low = centre.floor()
    high = centre.ceil().clamp(max=length - 1)
    return low.clamp(min=0).long(), high.long(), centre - low
