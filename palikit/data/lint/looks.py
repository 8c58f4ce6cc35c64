"""What a look at a picture tells: whether it opens, its size, and how to know it again.

The bytes have a digest. Copies that were scaled or compressed again are known by a difference hash
of 256 bits, whether each of 16 x 16 cells is clearly brighter than the one to its right, and by the
cells themselves, which tell two pictures apart whose hashes are alike by chance.
"""

import hashlib
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from palikit.data.pictures import BytesPicture, Picture, open_picture
from palikit.errors import ImageError

__all__ = ["Look", "look_at", "look_at_all"]

SIDE = 16
CLEARLY = 4
"""Grey levels; bits of smaller differences are noise, and change with every compression."""

TURNED = range(5, 9)  # EXIF orientations that swap width and height
ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of one picture.

    Attributes:
        digest: the same for the same bytes; for the same name where nothing was read.
        size: (width, height), upright; None where it could not be opened or was not looked at.
        is_turned: whether EXIF swaps the stored width and height.
        is_blank: whether all its pixels are the same.
        copy_hash: 32 bytes that near copies share but for a few bits; b"" without contrast.
        cells: grey levels of 16 rows of 17 cells.
        problem: the code of what is wrong with it, and `message` in words.
    """

    digest: bytes
    size: tuple[int, int] | None = None
    is_turned: bool = False
    is_blank: bool = False
    copy_hash: bytes = b""
    cells: bytes = b""
    problem: str = ""
    message: str = ""


def look_at_all(
    pictures: Iterable[Picture], advance: Callable[[int, int], None] | None = None
) -> dict[Picture, Look]:
    """Look at every different picture once, on all cores.

    Args:
        advance: told after each picture how many are done, and of how many.
    """
    different = list(dict.fromkeys(pictures))
    looks: dict[Picture, Look] = {}
    with ThreadPoolExecutor() as pool:
        try:
            for picture, look in zip(different, pool.map(look_at, different), strict=True):
                looks[picture] = look
                if advance is not None:
                    advance(len(looks), len(different))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return looks


def look_at(picture: Picture) -> Look:
    """Read and open one picture; whatever is wrong with it is told, not raised."""
    try:
        data = picture.read()
    except Exception as error:  # a name can be anything, such as one with a zero byte
        return _failed(picture.name.encode("utf-8", "surrogatepass"), error, "picture-missing")
    try:
        image = open_picture(BytesPicture(picture.name, data))
    except ImageError as error:
        return _failed(data, error, "picture-broken")
    cells = _cells(image)
    return Look(
        _digest(data),
        image.size,
        is_turned=_is_turned(data),
        is_blank=image.getcolors(maxcolors=1) is not None,
        copy_hash=_copy_hash(cells),
        cells=cells.astype(np.uint8).tobytes(),
    )


def _failed(data: bytes, error: Exception, problem: str) -> Look:
    message = str(error)
    cut = "truncated" in message.lower() or " ends after " in message
    return Look(_digest(data), problem="picture-truncated" if cut else problem, message=message)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _is_turned(data: bytes) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(BytesIO(data)).getexif().get(ORIENTATION, 1) in TURNED
    except Exception:  # a broken EXIF block turns nothing; the pixels were read
        return False


def _cells(image: Image.Image) -> NDArray[np.int16]:
    small = image.convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BOX)
    return np.asarray(small, np.int16)


def _copy_hash(cells: NDArray[np.int16]) -> bytes:
    bits = cells[:, :-1] > cells[:, 1:] + CLEARLY
    return np.packbits(bits).tobytes() if bits.any() else b""
