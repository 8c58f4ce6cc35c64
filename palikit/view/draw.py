"""Answers drawn onto their picture: boxes, masks, labels and scores, readable on any background.

    pk.draw(image, vlm.detect(image, ["cat", "dog"])).save("boxed.png")

Readable means: a line is a bright colour between two dark ones, so it stands out from light, dark
and busy pictures and from its own colour; a label stands on a plate of its colour in black or
white, whichever contrasts more, inside the picture and beside the other labels where there is room;
sizes follow the picture's. A picture that is less than four labels high or wide would be hidden by
them and shows none: `min_side` enlarges it first.
"""

import math
import textwrap
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from palikit.coco import MaskArray
from palikit.errors import UsageError
from palikit.inputs.image import ImageSource, load_image
from palikit.results import Box, Region, Regions, Text
from palikit.view.fonts import Font, font_for, writable

__all__ = ["colours", "draw"]

Colour: TypeAlias = tuple[int, int, int]
Rectangle: TypeAlias = tuple[int, int, int, int]

# Bright enough (relative luminance 0.2 and more) to stand out from the dark line around them.
PALETTE: tuple[Colour, ...] = (
    (255, 82, 82), (64, 196, 255), (105, 240, 74), (255, 214, 0), (224, 92, 255), (255, 145, 40),
    (29, 233, 182), (255, 128, 191), (140, 158, 255), (205, 220, 57), (188, 143, 100),
    (0, 184, 212), (255, 205, 170), (76, 175, 80), (176, 190, 197), (186, 104, 200),
)  # fmt: skip
DARK: Colour = (16, 16, 16)
LIGHT: Colour = (255, 255, 255)
MASK_ALPHA = 0.45


@dataclass(frozen=True, slots=True)
class Style:
    """Sizes that follow the picture's, in pixels."""

    line: int
    halo: int
    font: int

    @classmethod
    def of(cls, size: tuple[int, int]) -> "Style":
        extent = math.sqrt(size[0] * size[1])
        line = max(1, round(extent / 280))
        letters = max(10, min(round(extent / 34), min(size) // 6))
        return cls(line, max(1, line // 2), letters)


def draw(
    image: ImageSource,
    found: Regions | Text,
    *,
    boxes: bool = True,
    masks: bool = True,
    labels: bool = True,
    scores: bool = True,
    font: str | Path | None = None,
    min_side: int = 0,
) -> Image.Image:
    """A copy of the picture with the answer on it; an answer in words goes onto a strip below.

    Args:
        font: a font file to use in place of Pillow's own and the system's.
        min_side: enlarge a picture whose longer side is below this, so that labels can be read.

    Raises:
        UsageError: the regions belong to a picture of another size.
    """
    picture = load_image(image)
    if isinstance(found, Text):
        return _with_strip(_enlarged(picture, min_side), found, scores, font)
    if found.size not in ((0, 0), picture.size):
        raise UsageError(
            f"these regions lie in a picture of {found.size}, this one has {picture.size}: "
            "draw on the picture that was asked about"
        )
    canvas = _enlarged(picture, min_side)
    factor = canvas.width / picture.width
    style, colour = Style.of(canvas.size), colours(found.labels)
    largest_first = sorted(found, key=lambda region: -region.box.area)
    if masks:
        for region in largest_first:
            if region.mask is not None:
                _draw_mask(canvas, region.mask, colour[region.label], style)
    if boxes:
        for region in largest_first:
            _draw_box(
                canvas, _corners(region.box, factor, canvas.size), colour[region.label], style
            )
    if labels and min(canvas.size) >= 4 * 1.4 * style.font:
        _draw_labels(canvas, found, factor, colour, style, scores, font)
    return canvas


def colours(labels: Iterable[str]) -> dict[str, Colour]:
    """A colour for each label, different ones as far as the palette reaches.

    A label has the same colour in every picture, unless another label of the same picture holds it.
    """
    chosen: dict[str, Colour] = {}
    for label in sorted(set(labels)):
        start = zlib.crc32(label.encode("utf-8", "replace")) % len(PALETTE)
        turns = [PALETTE[(start + i) % len(PALETTE)] for i in range(len(PALETTE))]
        free = (shade for shade in turns if shade not in chosen.values())
        chosen[label] = next(free, turns[0])
    return chosen


def _enlarged(picture: Image.Image, min_side: int) -> Image.Image:
    if max(picture.size) >= min_side:
        return picture.copy()
    factor = min_side / max(picture.size)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, Image.Resampling.BICUBIC)


def _corners(box: Box, factor: float, size: tuple[int, int]) -> Rectangle:
    """Whole pixels inside the picture, first and last of each side."""
    x1, x2 = (min(max(round(x * factor), 0), size[0]) for x in (box.x1, box.x2))
    y1, y2 = (min(max(round(y * factor), 0), size[1]) for y in (box.y1, box.y2))
    left, top = min(x1, size[0] - 1), min(y1, size[1] - 1)
    return left, top, max(x2 - 1, left), max(y2 - 1, top)


def _draw_box(canvas: Image.Image, at: Rectangle, colour: Colour, style: Style) -> None:
    pen = ImageDraw.Draw(canvas)
    left, top, right, bottom = at
    # Dark outside, bright, dark inside. A box at the picture's edge loses only the outer dark line.
    for inset, width, shade in (
        (-style.halo, style.line + 2 * style.halo, DARK),
        (0, style.line, colour),
    ):
        frame = (left + inset, top + inset, right - inset, bottom - inset)
        pen.rectangle(frame, outline=shade, width=min(width, _thickest(frame)))


def _thickest(frame: Rectangle) -> int:
    return max(1, (min(frame[2] - frame[0], frame[3] - frame[1]) + 1) // 2)


def _draw_mask(canvas: Image.Image, mask: MaskArray, colour: Colour, style: Style) -> None:
    ys, xs = np.nonzero(mask)
    if not ys.size:
        return
    factor = canvas.width / mask.shape[1]
    margin = style.line + style.halo + 1
    window = (
        max(math.floor(xs.min() * factor) - margin, 0),
        max(math.floor(ys.min() * factor) - margin, 0),
        min(math.ceil((xs.max() + 1) * factor) + margin, canvas.width),
        min(math.ceil((ys.max() + 1) * factor) + margin, canvas.height),
    )
    shape = Image.fromarray(np.asarray(mask, np.uint8) * 255)
    if shape.size != canvas.size:
        shape = shape.resize(canvas.size, Image.Resampling.NEAREST)
    inside = shape.crop(window)
    # Grown and shrunk by a blur, whose cost does not depend on the width as a rank filter's does.
    dark = inside.filter(ImageFilter.BoxBlur(style.halo)).point(lambda v: 255 if v else 0)
    core = inside.filter(ImageFilter.BoxBlur(style.line)).point(lambda v: v // 255 * 255)
    part = canvas.crop(window)
    part.paste(DARK, mask=_difference(dark, inside))
    part.paste(colour, mask=core.point(lambda v: round(v * MASK_ALPHA)))
    part.paste(colour, mask=_difference(inside, core))
    canvas.paste(part, window[:2])


def _difference(outer: Image.Image, inner: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(outer) - np.asarray(inner))


def _draw_labels(
    canvas: Image.Image,
    found: Regions,
    factor: float,
    colour: dict[str, Colour],
    style: Style,
    scores: bool,
    font_path: str | Path | None,
) -> None:
    pen = ImageDraw.Draw(canvas)
    pad = max(1, style.font // 5)
    taken: list[Rectangle] = []
    for region in found:
        words = _words(region, scores)
        if not words:
            continue
        font = font_for(words, style.font, font_path)
        text = _shortened(writable(words, font), font, canvas.width - 2 * pad - 2)
        if not text:
            continue
        ascent, descent = font.getmetrics()
        plate = (math.ceil(font.getlength(text)) + 2 * pad, ascent + descent + pad)
        at = _corners(region.box, factor, canvas.size)
        spot = _best_spot(plate, at, canvas.size, taken)
        taken.append(spot)
        shade = colour[region.label]
        pen.rectangle(spot, fill=shade, outline=DARK, width=style.halo if style.font > 12 else 1)
        baseline = spot[1] + pad // 2 + ascent
        pen.text((spot[0] + pad, baseline), text, fill=_ink(shade), font=font, anchor="ls")


def _words(region: Region, scores: bool) -> str:
    shown = f"{region.score:.2f}" if scores and region.score is not None else ""
    return f"{region.label} {shown}".strip()


def _shortened(text: str, font: Font, width: int) -> str:
    """The text, or as many of its letters as fit with two dots after them; "" where none does."""
    if font.getlength(text) <= width:
        return text
    for end in range(len(text) - 1, 0, -1):
        if font.getlength(text[:end] + "..") <= width:
            return text[:end].rstrip() + ".."
    return ""


def _best_spot(
    plate: tuple[int, int], at: Rectangle, size: tuple[int, int], taken: list[Rectangle]
) -> Rectangle:
    """The first place by the box where no label is yet; otherwise the one that covers least."""
    best, least = (0, 0, *plate), math.inf
    for spot in _spots(plate, at, size):
        covered = sum(_shared(spot, other) for other in taken)
        if covered < least:
            best, least = spot, covered
        if not covered:
            break
    return best


def _spots(plate: tuple[int, int], at: Rectangle, size: tuple[int, int]) -> Iterator[Rectangle]:
    """Above the box, inside at its top, below, inside at its bottom, then further down and up."""
    (width, height), (left, top, right, bottom) = plate, at
    last_x, last_y = max(size[0] - width - 1, 0), max(size[1] - height - 1, 0)
    rows = [top - height + 1, top, bottom, bottom - height + 1]
    rows += [top + height * i for i in (1, 2, 3)] + [top - height * i for i in (2, 3, 4)]
    for y in [y for y in rows if 0 <= y <= last_y] or [min(top, last_y)]:
        for x in (left, right - width + 1):
            x1 = min(max(x, 0), last_x)
            yield x1, y, x1 + width, y + height


def _shared(a: Rectangle, b: Rectangle) -> int:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)


def _ink(plate: Colour) -> Colour:
    """Black or white, whichever contrasts more with the plate (WCAG's relative luminance)."""
    red, green, blue = (
        v / 3294.6 if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in plate
    )
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return DARK if luminance > 0.179 else LIGHT


def _with_strip(
    picture: Image.Image, answer: Text, scores: bool, font_path: str | Path | None
) -> Image.Image:
    size = max(12, Style.of(picture.size).font)
    font = font_for(answer.text, size, font_path)
    score = f" ({answer.score:.2f})" if scores and answer.score is not None else ""
    lines = _wrapped(writable(answer.text, font) + score, font, picture.width - size)
    step = round(size * 1.35)
    out = Image.new("RGB", (picture.width, picture.height + step * len(lines) + size), LIGHT)
    out.paste(picture, (0, 0))
    pen = ImageDraw.Draw(out)
    for i, line in enumerate(lines):
        at = (size // 2, picture.height + size // 2 + step * i)
        pen.text(at, line, fill=DARK, font=font)
    return out


def _wrapped(text: str, font: Font, width: int) -> list[str]:
    letters = max(4, int(width / max(font.getlength("abcdefghij") / 10, 1)))
    lines = textwrap.wrap(text, letters) or [""]
    while letters > 4 and max(font.getlength(line) for line in lines) > width:
        letters -= 1
        lines = textwrap.wrap(text, letters)
    return lines
