"""Augmentations that move the labels with the picture.

    vary = Augment(flip=0.5, crop=0.2, scale=0.25, colour=0.2, jpeg=0.1)
    image, things = vary(image, things, np.random.default_rng(17))

Boxes, outlines and run lengths follow every turn, cut and zoom; colour and JPEG leave them alone.
The same numbers from `rng` give the same picture. A thing that is cut is clipped to what is left of
it, and dropped where that is less than `keep` of its box.

Words do not follow. `for_words` gives an `Augment` that cannot make a text false in the two ways
that can be told from it: flips go where it has a word of that direction (left, oben, 右), and all
moves go where it has `<loc>` or `<seg>` tokens, since nobody rewrites those. Writing in a picture
is mirrored by a flip and things that a caption counts may be cut off by a crop: set them to 0 for
such data.
"""

import io
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

import numpy as np
from PIL import Image, ImageEnhance

from palikit.errors import UsageError

from .moves import Move, View, move_thing
from .records import Thing

__all__ = ["Augment"]

FILL = (128, 128, 128)
"""What lies around a picture that was made smaller: the middle of what the model sees, 0."""
HUE_LEVELS = 24
"""At colour=1 hues turn by up to 24 of 256 levels, 34 degrees: red may become orange, not green."""
QUALITIES = (30, 95)

CODES = re.compile(r"<(?:loc|seg)\d")
# Words of one side, whatever else they mean ("right" is also correct): a flip less does no harm.
SIDEWAYS = re.compile(
    r"\b(?:left|right|(?:left|right)(?:most|hand|ward|wards)|(?:counter|anti)?clockwise|east|west"
    r"|links|rechts|link(?:e|en|er|es|em)|recht(?:e|en|er|es|em)|gauche|droite?|izquierd[oa]"
    r"|derech[oa]|sinistr[oa]|destr[oa]|esquerd[oa]|direit[oa]|лев\w+|прав\w+|слева|справа)\b"
    r"|左|右|왼|오른",
    re.IGNORECASE,
)
UPWARDS = re.compile(
    r"\b(?:top|bottom|upper|lower|above|below|beneath|under|underneath|over|up|down|upside|north"
    r"|south|(?:counter|anti)?clockwise|oben|unten|über|unter|haut|bas|dessus|dessous|arriba|abajo"
    r"|encima|debajo|sopra|sotto|acima|abaixo|верх\w*|вниз\w*|низ\w*|сверху|снизу)\b"
    r"|上|下|위|아래",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Augment:
    """What may happen to a picture; all but the flip is off until it is given a strength.

    Attributes:
        flip: how often left and right are swapped, from 0 to 1.
        flip_vertical: how often top and bottom are swapped.
        crop: the largest share of each side that is cut away, below 1; 0.2 leaves at least 0.8.
        scale: zoom by up to 1 + scale, in or out; grey fills what is not covered.
        colour: brightness, contrast and saturation change by up to this share, hue a little.
        jpeg: how often the picture is saved as a JPEG of random quality and read again.
        keep: the share of its box that must be left of a thing.
    """

    flip: float = 0.5
    flip_vertical: float = 0.0
    crop: float = 0.0
    scale: float = 0.0
    colour: float = 0.0
    jpeg: float = 0.0
    keep: float = 0.4

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            most = 3.0 if field.name == "scale" else 1.0
            if not 0.0 <= value <= most or (field.name == "crop" and value == 1.0):
                raise UsageError(
                    f"Augment({field.name}={value}) came where a number from 0 to "
                    f"{'below 1' if field.name == 'crop' else f'{most:g}'} was expected"
                )

    def __call__(
        self, image: Image.Image, things: tuple[Thing, ...], rng: np.random.Generator
    ) -> tuple[Image.Image, tuple[Thing, ...]]:
        """Another view of an RGB picture, and its things in pixels of that view.

        Raises:
            DataError: run lengths that do not fit the picture.
        """
        untouched = view = View.of(image.size)
        for step in (self._flip, self._flip_vertical, self._crop, self._zoom):
            image, move = step(image, rng)
            view = view.then(move, image.size)
        if view != untouched:
            moved = (move_thing(thing, view, self.keep) for thing in things)
            things = tuple(thing for thing in moved if thing is not None)
        return self._jpeg(self._colour(image, rng), rng), things

    def for_words(self, texts: Iterable[str]) -> "Augment":
        """The same without what would make one of the texts false; itself where nothing would.

        Augment(flip=0.5).for_words(["the cat on the left"]).flip     # 0.0
        """
        told = "\n".join(texts)
        if CODES.search(told):
            return replace(self, flip=0.0, flip_vertical=0.0, crop=0.0, scale=0.0)
        flip = 0.0 if SIDEWAYS.search(told) else self.flip
        vertical = 0.0 if UPWARDS.search(told) else self.flip_vertical
        if (flip, vertical) == (self.flip, self.flip_vertical):
            return self
        return replace(self, flip=flip, flip_vertical=vertical)

    def _flip(self, image: Image.Image, rng: np.random.Generator) -> tuple[Image.Image, Move]:
        if rng.random() >= self.flip:
            return image, Move()
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), Move((-1, 1), (image.width, 0))

    def _flip_vertical(
        self, image: Image.Image, rng: np.random.Generator
    ) -> tuple[Image.Image, Move]:
        if rng.random() >= self.flip_vertical:
            return image, Move()
        return image.transpose(Image.Transpose.FLIP_TOP_BOTTOM), Move((1, -1), (0, image.height))

    def _crop(self, image: Image.Image, rng: np.random.Generator) -> tuple[Image.Image, Move]:
        if not self.crop:
            return image, Move()
        width, height = (max(1, round(s * (1 - rng.uniform(0, self.crop)))) for s in image.size)
        left = int(rng.integers(0, image.width - width + 1))
        top = int(rng.integers(0, image.height - height + 1))
        window = (left, top, left + width, top + height)
        return image.crop(window), Move((1, 1), (-left, -top))

    def _zoom(self, image: Image.Image, rng: np.random.Generator) -> tuple[Image.Image, Move]:
        if not self.scale:
            return image, Move()
        most = math.log1p(self.scale)
        zoom, x, y = math.exp(rng.uniform(-most, most)), rng.random(), rng.random()
        return _enlarge(image, zoom, x, y) if zoom > 1 else _shrink(image, zoom, x, y)

    def _colour(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:
        if not self.colour:
            return image
        for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
            image = change(image).enhance(1 + rng.uniform(-self.colour, self.colour))
        turn = round(rng.uniform(-self.colour, self.colour) * HUE_LEVELS)
        hue, *others = image.convert("HSV").split()
        levels = [(level + turn) % 256 for level in range(256)]
        return Image.merge("HSV", (hue.point(levels), *others)).convert("RGB")

    def _jpeg(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:
        if rng.random() >= self.jpeg:
            return image
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=int(rng.integers(*QUALITIES, endpoint=True)))
        return Image.open(buffer).convert("RGB")


def _enlarge(image: Image.Image, zoom: float, x: float, y: float) -> tuple[Image.Image, Move]:
    """A part of the picture as large as the whole; x and y say which, each from 0 to 1."""
    width, height = image.width / zoom, image.height / zoom
    left, top = x * (image.width - width), y * (image.height - height)
    # Sums of floats may end a little behind the edge, which Pillow refuses.
    window = (left, top, min(left + width, image.width), min(top + height, image.height))
    grown = image.resize(image.size, Image.Resampling.BICUBIC, box=window)
    return grown, Move((zoom, zoom), (-left * zoom, -top * zoom))


def _shrink(image: Image.Image, zoom: float, x: float, y: float) -> tuple[Image.Image, Move]:
    """The picture made smaller on a grey one of its old size; x and y say where."""
    width, height = (max(1, round(side * zoom)) for side in image.size)
    left, top = round(x * (image.width - width)), round(y * (image.height - height))
    canvas = Image.new("RGB", image.size, FILL)
    canvas.paste(image.resize((width, height), Image.Resampling.BICUBIC), (left, top))
    return canvas, Move((width / image.width, height / image.height), (left, top))
