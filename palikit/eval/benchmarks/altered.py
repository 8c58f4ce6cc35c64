"""Pictures that a benchmark shows otherwise than they lie there: turned, lettered, framed, squared.

Each is altered when it is read, from the file as it is distributed, and handed on as PNG.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from io import BytesIO
from typing import TypeAlias

from PIL import Image, ImageDraw

from palikit.data.pictures import Picture, open_picture
from palikit.results import Box
from palikit.view.fonts import font_for

__all__ = ["BoxedPicture", "LetteredPicture", "SquarePicture", "TurnedPicture"]

Lettering: TypeAlias = tuple[str, tuple[float, float, float, float]]
"""Letters, and the rectangle x1 y1 x2 y2 in pixels that they are written into."""

LARGEST_LETTERS = 100
LINES = 224
RED = (255, 0, 0)


@dataclass(frozen=True, slots=True)
class _Altered(ABC):
    """Another picture, altered by `alter`."""

    picture: Picture

    @property
    def name(self) -> str:
        return self.picture.name

    def read(self) -> bytes:
        """Raises ImageError as `open_picture` does."""
        file = BytesIO()
        self.alter(open_picture(self.picture)).save(file, "PNG", compress_level=1)
        return file.getvalue()

    @abstractmethod
    def alter(self, image: Image.Image) -> Image.Image:
        """The picture as it is to be seen."""


@dataclass(frozen=True, slots=True)
class TurnedPicture(_Altered):
    """Turned to the left by so many quarters: Open Images has scans that lie on their side."""

    quarters: int

    def alter(self, image: Image.Image) -> Image.Image:
        return image.rotate(90 * (self.quarters % 4), expand=True)


@dataclass(frozen=True, slots=True)
class LetteredPicture(_Altered):
    """White rectangles with black letters on top, as AI2D names the parts of a diagram.

    As in big_vision's `datasets/ai2d`: the largest letters up to 100 px that fit, centred, at the
    top. Departure: Pillow's own font instead of DM Sans.
    """

    letterings: tuple[Lettering, ...]

    def alter(self, image: Image.Image) -> Image.Image:
        canvas = ImageDraw.Draw(image)
        for text, (x1, y1, x2, y2) in self.letterings:
            canvas.rectangle((x1, y1, x2, y2), fill="white")
            size = _fitting(text, x2 - x1, y2 - y1)
            font = font_for(text, size)
            shift = max((x2 - x1 - font.getbbox(text)[2]) // 2, 0)
            canvas.text((x1 + shift, y1), text, fill="black", font=font)
        return image


def _fitting(text: str, width: float, height: float) -> int:
    """The largest size whose letters fit; sizes and widths grow in step, so halving finds it."""
    low, high = 1, LARGEST_LETTERS
    while low < high:
        middle = (low + high + 1) // 2
        _, _, right, bottom = font_for(text, middle).getbbox(text)
        low, high = (middle, high) if right <= width and bottom <= height else (low, middle - 1)
    return low


@dataclass(frozen=True, slots=True)
class BoxedPicture(_Altered):
    """A red frame around `box`, as Widget Captioning shows which widget is meant.

    The reference draws a line of one pixel after the picture was resized. Here the line is drawn
    before, 1/224 of the picture wide and high, so that it is one pixel of 224 or two of 448.
    """

    box: Box

    def alter(self, image: Image.Image) -> Image.Image:
        across, down = (max(round(side / LINES), 1) for side in image.size)
        x1, y1, x2, y2 = _inside(self.box, image.size)
        canvas = ImageDraw.Draw(image)
        for frame in (
            (x1, y1, x2, y1 + down - 1),
            (x1, y2 - down + 1, x2, y2),
            (x1, y1, x1 + across - 1, y2),
            (x2 - across + 1, y1, x2, y2),
        ):
            canvas.rectangle(_ordered(frame), fill=RED)
        return image


def _inside(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    width, height = size
    x1, x2 = sorted(min(max(round(x), 0), width - 1) for x in (box.x1, box.x2))
    y1, y2 = sorted(min(max(round(y), 0), height - 1) for y in (box.y1, box.y2))
    return x1, y1, x2, y2


def _ordered(frame: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Corners in order also where the box is thinner than its line."""
    x1, y1, x2, y2 = frame
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


@dataclass(frozen=True, slots=True)
class SquarePicture(_Altered):
    """Widened to a square with white at the right or below, so that a resize keeps its shape.

    So the report (section 4.3) shows tables, molecules and scores; on which side is not said.
    """

    def alter(self, image: Image.Image) -> Image.Image:
        square = Image.new("RGB", (max(image.size),) * 2, "white")
        square.paste(image, (0, 0))
        return square
