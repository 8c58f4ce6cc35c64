"""A training example as a card: what its tokens say, drawn, and its words in pieces.

    card_of(Example((image,), "detect cat", "<loc0051>…<loc0512> cat ; dog"), "train.json, image 3")
    card.suffix      [Piece("<loc0051>…<loc0512>", "code"), Piece(" cat", "word"),
                      Piece(" ; ", "word"), Piece("dog", "unread")]

Nothing of the labels is used: boxes and masks are read back from the suffix, so what cannot be seen
here cannot be learned.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import torch
from PIL import Image

from palikit.codecs.boxes import decode_box
from palikit.codecs.masks import MaskCodec, paste_mask
from palikit.codecs.text import BOX_LENGTH, RegionSpan, parse_spans
from palikit.data.examples import Example
from palikit.results import Region, Regions
from palikit.view.draw import draw

__all__ = ["SIDE", "Card", "Piece", "card_of", "pieces_of", "shortened"]

SIDE = 320
"""Longer side of a picture on a card, in pixels."""

Kind = Literal["word", "code", "unread"]

ASKS_FOR_REGIONS = re.compile(r"\s*(?:detect|segment)\b")
SEGS = re.compile(r"(<seg\d+>)(?:<seg\d+>)+")
CODES = re.compile(r"<(?:loc|seg)")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some letters of a suffix: words, codes, or what no parser understands."""

    text: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Card:
    """One example, ready to be laid out.

    Attributes:
        origin: where its labels stand.
        picture: with all that its suffix says drawn on; None where it could not be made.
        problem: why not.
    """

    origin: str
    picture: Image.Image | None
    prefix: str = ""
    suffix: tuple[Piece, ...] = ()
    problem: str = ""


def card_of(example: Example, origin: str, codec: MaskCodec | None = None) -> Card:
    """Draw an example; without a codec, boxes stand for masks."""
    suffix = pieces_of(example.prefix, example.suffix)
    if not example.pictures:
        return Card(origin, None, example.prefix, suffix, "no picture")
    shown = [_fitted(picture, len(example.pictures)) for picture in example.pictures]
    # Codes are fractions of the picture's sides, so they can be read in the size that is shown.
    drawn = draw(shown[0], _regions(example.suffix, shown[0].size, codec))
    return Card(origin, _beside([drawn, *shown[1:]]), example.prefix, suffix)


def pieces_of(prefix: str, suffix: str) -> tuple[Piece, ...]:
    """The suffix in pieces that, joined, are the suffix again."""
    spatial = bool(ASKS_FOR_REGIONS.match(prefix) or CODES.search(suffix))
    kinds: list[Kind] = ["unread" if spatial else "word"] * len(suffix)
    for span in parse_spans(suffix)[0]:
        for start, end, kind in _parts(span):
            kinds[start:end] = [kind] * (end - start)
    for i, letter in enumerate(suffix):
        if letter in " ;\t":  # separators are nobody's
            kinds[i] = "word"
    runs = groupby(zip(suffix, kinds, strict=True), key=lambda pair: pair[1])
    return tuple(Piece("".join(letter for letter, _ in run), kind) for kind, run in runs)


def shortened(piece: Piece) -> str:
    """Its text, with one code for the sixteen of a mask."""
    return SEGS.sub(r"\1…", piece.text) if piece.kind == "code" else piece.text


def _parts(span: RegionSpan) -> Iterable[tuple[int, int, Kind]]:
    box_end = span.start + BOX_LENGTH
    yield span.start, box_end, "code"
    if span.codes is not None:
        codes_end = box_end + len("<seg000>") * len(span.codes)
        yield box_end, max(codes_end, min(span.label_start, span.end)), "code"
    yield span.label_start, span.label_end, "word"


def _regions(suffix: str, size: tuple[int, int], codec: MaskCodec | None) -> Regions:
    regions = []
    for span in parse_spans(suffix)[0]:
        box, mask = decode_box(span.bins, size), None
        if codec is not None and span.codes is not None:
            mask = paste_mask(codec.decode(torch.tensor([span.codes]))[0], box, size)
        regions.append(Region(span.label, box, mask=mask))
    return Regions(tuple(regions), size=size)


def _fitted(picture: Image.Image, count: int) -> Image.Image:
    """In the card's size, small ones enlarged, so that labels can be read."""
    factor = SIDE / count / max(picture.size)
    width, height = (max(1, round(side * factor)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.BICUBIC)


def _beside(pictures: list[Image.Image]) -> Image.Image:
    width = sum(picture.width for picture in pictures)
    row = Image.new("RGB", (width, max(picture.height for picture in pictures)), "white")
    left = 0
    for picture in pictures:
        row.paste(picture, (left, 0))
        left += picture.width
    return row
