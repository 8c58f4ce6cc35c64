"""Words in many fonts on textures, each with its place: text spotting.

    {"image": ..., "prefix": "detect text", "boxes": [{"label": "EXIT", "box": [x1, y1, x2, y2]}]}

A word of another size, font, colour and turn each, none over another. Some are too small to read
and count neither way ("crowd"), as in the benchmarks of text spotting.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .drawing import FONTS, Drawing, font, pick

__all__ = ["PREFIX", "draw"]

PREFIX = "detect text"
"""As `palikit eval icdar15` asks."""

WORDS = (
    "EXIT OPEN SALE STOP BUS TAXI HOTEL BANK CAFE MENU BREAD MILK TEA SHOES BOOKS POST PARK ZONE "
    "NORTH SOUTH EAST WEST GATE ROAD STREET BRIDGE STATION MARKET LUNCH PIZZA FISH FRUIT WATER "
    "FIRE DOOR PUSH PULL NEW OLD FREE FAST SLOW LEFT RIGHT UP DOWN ONE TWO RED BLUE GREEN GOLD "
    "Kiosk Garden School Museum Theatre Library Office Doctor Dentist Bakery Butcher Flowers Music"
).split()

COUNT, TURN, UNREADABLE = 4, 12.0, 0.15
TRIES = 40

Place = tuple[float, float, float, float]


def draw(rng: np.random.Generator, side: int) -> Drawing:
    """One to four words on a texture."""
    image = _texture(rng, side)
    boxes: list[Place] = []
    labels: list[dict[str, object]] = []
    for _ in range(int(rng.integers(1, COUNT + 1))):
        text = _word(rng)
        if (box := _put(image, text, rng, boxes, (0.09, 0.2))) is not None:
            boxes.append(box)
            labels.append({"label": text, "box": list(box)})
    if rng.random() < UNREADABLE:
        text = _word(rng)
        if (box := _put(image, text, rng, boxes, (0.025, 0.03))) is not None:
            labels.append({"label": "###", "box": list(box), "crowd": True})
    if rng.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(0.004 * side))
    return Drawing(image, {"prefix": PREFIX, "boxes": labels})


def _word(rng: np.random.Generator) -> str:
    if rng.random() < 0.2:
        return str(int(rng.integers(1, 1000)))
    word = pick(rng, WORDS)
    return pick(rng, (word, word.upper(), word.capitalize(), word.lower()))


def _texture(rng: np.random.Generator, side: int) -> Image.Image:
    """A plain wall, a gradient, stripes, or blurred noise, light or dark."""
    base = rng.integers(0, 256, 3).astype(np.float64)
    rows, columns = np.mgrid[0:side, 0:side] / side
    kind = int(rng.integers(4))
    waves = {
        0: np.zeros((side, side)),
        1: columns * rng.uniform(-1, 1) + rows * rng.uniform(-1, 1),
        2: 0.5
        * np.sign(np.sin(2 * np.pi * rng.uniform(2, 9) * (columns + rng.uniform(-1, 1) * rows))),
        3: np.asarray(_noise(rng, side), np.float64) / 128 - 1,
    }[kind]
    depth = rng.uniform(20, 45)
    grain = rng.normal(0, rng.uniform(0, 8), (side, side, 1))
    pixels = base + depth * waves[..., None] + grain
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _noise(rng: np.random.Generator, side: int) -> Image.Image:
    few = Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8))
    return few.resize((side, side), Image.Resampling.BICUBIC)


def _put(
    image: Image.Image,
    text: str,
    rng: np.random.Generator,
    taken: Sequence[Place],
    heights: tuple[float, float],
) -> Place | None:
    """Write a word where there is room, and say where; None where there is none."""
    side = image.width
    for _ in range(TRIES):
        size = max(5, round(side * rng.uniform(*heights)))
        mask = _mask(text, font(pick(rng, FONTS), size), float(rng.uniform(-TURN, TURN)))
        if mask.width >= side or mask.height >= side:
            continue
        x, y = (int(rng.integers(0, side - length)) for length in mask.size)
        box = (float(x), float(y), float(x + mask.width), float(y + mask.height))
        if any(_overlap(box, other) for other in taken):
            continue
        image.paste(_ink(image.crop(box), rng), (x, y), mask)
        return box
    return None


def _mask(text: str, face: object, turn: float) -> Image.Image:
    """The word's letters alone, turned and cut to what they cover."""
    left, top, right, bottom = face.getbbox(text)  # type: ignore[attr-defined]
    plain = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
    ImageDraw.Draw(plain).text((2 - left, 2 - top), text, fill=255, font=face)  # type: ignore[arg-type]
    turned = plain.rotate(turn, Image.Resampling.BICUBIC, expand=True)
    covered = turned.point(lambda value: 255 * (value > 60)).getbbox()
    assert covered is not None  # every word has a letter that covers something
    return turned.crop(covered)


def _ink(under: Image.Image, rng: np.random.Generator) -> tuple[int, int, int]:
    """A colour that stands out from what is under the word."""
    behind = np.asarray(under, np.float64).reshape(-1, 3).mean(axis=0)
    dark = behind @ (0.299, 0.587, 0.114) > 128
    red, green, blue = (rng.integers(0, 70, 3) if dark else rng.integers(190, 256, 3)).tolist()
    return red, green, blue


def _overlap(one: Place, other: Place) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
