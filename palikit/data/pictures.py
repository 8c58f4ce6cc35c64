"""Where the picture of a record lies: a file, some bytes, or a stretch of an archive.

A picture is read when it is needed and never kept, so a dataset of any size fits in memory as long
as its labels do.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from PIL import Image

from palikit.errors import ImageError
from palikit.inputs.image import load_image

__all__ = ["BytesPicture", "FilePicture", "MemberPicture", "Picture", "open_picture"]


@runtime_checkable
class Picture(Protocol):
    """An encoded picture that can be read again and again, from any process."""

    @property
    def name(self) -> str:
        """What messages call it."""

    def read(self) -> bytes:
        """The encoded bytes, as they lie there.

        Raises:
            ImageError: it is not there or cannot be read.
        """


@dataclass(frozen=True, slots=True)
class FilePicture:
    """A file of its own."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def read(self) -> bytes:
        if self.path.exists() and not self.path.is_file():
            # A device or a pipe, which a label file can name, would never end.
            raise ImageError(f"{self.path} is no file: give a picture's path")
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise ImageError(f"{self.path} cannot be read: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class BytesPicture:
    """Bytes that are in memory already."""

    name: str
    data: bytes = field(repr=False)

    def read(self) -> bytes:
        return self.data


@dataclass(frozen=True, slots=True)
class MemberPicture:
    """`length` bytes at `offset` of a larger file, such as an uncompressed tar archive."""

    path: Path
    member: str
    offset: int
    length: int

    @property
    def name(self) -> str:
        return f"{self.path}:{self.member}"

    def read(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                data = file.read(self.length)
        except OSError as error:
            raise ImageError(f"{self.name} cannot be read: {error.strerror or error}") from error
        if len(data) != self.length:
            raise ImageError(f"{self.name} ends after {len(data)} of {self.length} bytes")
        return data


def open_picture(picture: Picture) -> Image.Image:
    """The picture as RGB and upright, like `palikit.load_image`, named by its own name in errors.

    Raises:
        ImageError: it is missing, broken, empty or too large.
    """
    data = picture.read()
    try:
        return load_image(data)
    except ImageError as error:
        told = str(error).replace(f"the {len(data)} bytes", picture.name, 1)
        raise ImageError(told) from error
