"""How large a picture is, upright, from its header: no pixel is decoded."""

import struct
import warnings
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import Image, PngImagePlugin, TiffImagePlugin

from palikit.errors import ImageError

from .pictures import FilePicture, Picture

__all__ = ["picture_size"]

ORIENTATION = 0x0112
ON_ITS_SIDE = (5, 6, 7, 8)
LATE = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")


def picture_size(picture: Picture) -> tuple[int, int]:
    """(width, height) of the picture as `open_picture` gives it.

    Raises:
        ImageError: it is missing or no picture.
    """
    try:
        with warnings.catch_warnings(), _open(picture) as file:
            # Whoever decodes it checks how large it is.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file) as image:
                width, height = image.size
                sideways = _orientation(image, file) in ON_ITS_SIDE
    except ImageError:
        raise
    except Exception as error:  # a broken header makes Pillow's readers raise nearly anything
        why = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(
            f"{picture.name} cannot be read as a picture ({why}): check the file"
        ) from error
    return (height, width) if sideways else (width, height)


def _open(picture: Picture) -> BinaryIO:
    """A file is read as far as is asked for, other pictures whole."""
    if isinstance(picture, FilePicture) and not _is_device(picture.path):
        return picture.path.open("rb")
    return BytesIO(picture.read())  # which refuses a device


def _is_device(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _orientation(image: Image.Image, file: BinaryIO) -> int:
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return 1  # Pillow has swapped the sides already
    try:
        if isinstance(image, PngImagePlugin.PngImageFile) and not _told_late(file):
            # Its own getexif decodes the picture to reach what may stand behind the pixels.
            return int(Image.Image.getexif(image).get(ORIENTATION, 1))
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # an unreadable EXIF block says nothing of orientation
        return 1


def _told_late(file: BinaryIO) -> bool:
    """Whether a PNG has EXIF or text behind its pixels, from the heads of its chunks."""
    at, pixels = file.tell(), False
    try:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            pixels = pixels or kind == b"IDAT"
            if pixels and kind in LATE:
                return True
            file.seek(length + 4, 1)
        return False
    finally:
        file.seek(at)
