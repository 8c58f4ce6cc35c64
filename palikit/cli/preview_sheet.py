"""Cards on one picture: a contact sheet."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from PIL import Image, ImageDraw

from palikit.view.fonts import font_for, writable

from .preview_cards import SIDE, Card, Piece, shortened

__all__ = ["sheet"]

MARGIN = 14
LETTERS = 13
LINE = 18
MOST_LINES = 7
MOST_LETTERS = 1000
BACKGROUND, FRAME = (255, 255, 255), (214, 214, 214)
INK = {"word": (20, 20, 20), "code": (140, 140, 140), "unread": (200, 0, 0)}
PREFIX, ORIGIN = (0, 70, 170), (120, 120, 120)

Colour: TypeAlias = tuple[int, int, int]
Run: TypeAlias = tuple[int, str, Colour]
"""How far to the right, which letters, in which colour."""

# Where a line may be broken: at spaces and between codes.
WORD = re.compile(r"<(?:loc|seg)\d+>|\s+|[^\s<]+|<")


def sheet(cards: Sequence[Card]) -> Image.Image:
    """All cards in rows, nearly as wide as high; pictures at the top, their words below."""
    columns = max(1, min(len(cards), math.ceil(math.sqrt(len(cards) * 1.4))))
    texts = [_lines(card) for card in cards]
    rows = [range(i, min(i + columns, len(cards))) for i in range(0, len(cards), columns)]
    tops = [max((_height(cards[i]) for i in row), default=0) for row in rows]
    heights = [
        MARGIN + top + MARGIN // 2 + LINE * max(len(texts[i]) for i in row)
        for top, row in zip(tops, rows, strict=True)
    ]
    size = (MARGIN + columns * (SIDE + MARGIN), sum(heights) + MARGIN)
    canvas = Image.new("RGB", size, BACKGROUND)
    y = MARGIN
    for row, top, height in zip(rows, tops, heights, strict=True):
        for place, i in enumerate(row):
            _paste(canvas, cards[i], texts[i], (MARGIN + place * (SIDE + MARGIN), y), top)
        y += height
    return canvas


def _height(card: Card) -> int:
    return SIDE // 4 if card.picture is None else card.picture.height


def _paste(
    canvas: Image.Image, card: Card, lines: list[list[Run]], at: tuple[int, int], top: int
) -> None:
    pen = ImageDraw.Draw(canvas)
    left, y = at
    if card.picture is None:
        pen.rectangle((left, y, left + SIDE - 1, y + _height(card) - 1), outline=FRAME)
    else:
        canvas.paste(card.picture, (left + (SIDE - card.picture.width) // 2, y))
    y += top + MARGIN // 2
    for line in lines:
        for offset, text, colour in line:
            pen.text((left + offset, y), text, fill=colour, font=font_for(text, LETTERS))
        y += LINE


def _lines(card: Card) -> list[list[Run]]:
    """Prefix, suffix and origin, each at most a few lines of the card's width."""
    told = [_flow([(card.prefix or "(no prefix)", PREFIX)], MOST_LINES)]
    if card.problem:
        told.append(_flow([(card.problem, INK["unread"])], MOST_LINES))
    else:
        told.append(_flow(_coloured(card.suffix), MOST_LINES))
        unread = [piece.text for piece in card.suffix if piece.kind == "unread"]
        if unread and told[-1][-1][-1][1] == "...":  # what is red must not be cut off
            told.append(_flow([(f"not read: {' ; '.join(unread)}", INK["unread"])], MOST_LINES))
    told.append(_flow([(card.origin, ORIGIN)], 2))
    return [line for lines in told for line in lines]


def _coloured(pieces: Sequence[Piece]) -> list[tuple[str, Colour]]:
    return [(shortened(piece), INK[piece.kind]) for piece in pieces] or [("(empty)", INK["code"])]


def _flow(parts: Sequence[tuple[str, Colour]], most: int) -> list[list[Run]]:
    """Words from left to right, broken into lines; what is more than `most` ends in three dots."""
    lines: list[list[Run]] = [[]]
    x = 0.0
    dots = font_for(".", LETTERS).getlength("...")
    for word, colour in _words(parts):
        width = font_for(word, LETTERS).getlength(word)
        if x and x + width > SIDE and not word.isspace():
            if len(lines) == most:
                while lines[-1] and x > SIDE - dots:
                    x = lines[-1].pop()[0]
                lines[-1].append((round(x), "...", colour))
                break
            lines.append([])
            x = 0.0
        if lines[-1] or not word.isspace():
            lines[-1].append((round(x), word, colour))
            x += width
    return lines


def _words(parts: Sequence[tuple[str, Colour]]) -> Iterator[tuple[str, Colour]]:
    """Words that fit on a line; longer ones, such as a path, are cut, and half characters are ?."""
    for text, colour in parts:
        start = text[:MOST_LETTERS].encode("utf-8", "replace").decode()
        for match in WORD.finditer(writable(start, font_for(start, LETTERS))):
            word = match.group()
            while word:
                end = min(len(word), SIDE)  # no letter is thinner than a pixel
                while end > 1 and font_for(word, LETTERS).getlength(word[:end]) > SIDE * 0.8:
                    end -= 1
                yield word[:end], colour
                word = word[end:]
