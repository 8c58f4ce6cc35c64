"""A font that can write a label, or the nearest that can be written.

Pillow's own font is first; it has the plain Latin letters. For other letters the first of some
common fonts of the system that has them all is taken. Where none has, an accent is dropped, and any
other letter that is missing is written as its code point (U+732B), so that a label is never a row
of empty boxes.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

from palikit.errors import UsageError

__all__ = ["font_for", "writable"]

Font = ImageFont.FreeTypeFont

# Pillow looks these names up in the font folders of the system it runs on.
COMMON = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "wqy-microhei.ttc",
    "NotoSansArabic-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansThai-Regular.ttf",
    "Arial Unicode.ttf",
    "PingFang.ttc",
    "segoeui.ttf",
    "msyh.ttc",
    "malgun.ttf",
    "Nirmala.ttf",
)


def font_for(text: str, size: int, path: str | Path | None = None) -> Font:
    """The first font that has every letter of `text`, or else the one that lacks the fewest."""
    if path is not None:
        return _named(str(path), size)
    if text.isascii():
        return _default(size)
    return min(_available(size), key=lambda font: len(_missing(font, text)))


def writable(text: str, font: Font) -> str:
    """The text as this font can show it, on one line."""
    line = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    gaps = _missing(font, line)
    return "".join(_stand_in(c, font) if c in gaps else c for c in line)


def _stand_in(letter: str, font: Font) -> str:
    plain = "".join(
        c for c in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(c)
    )
    if plain and plain != letter and not _missing(font, plain):
        return plain
    return f"U+{ord(letter):04X}"


def _available(size: int) -> Iterator[Font]:
    yield _default(size)
    for name in COMMON:
        try:
            yield _named(name, size)
        except UsageError:
            continue


@lru_cache(maxsize=64)
def _default(size: int) -> Font:
    font = ImageFont.load_default(size)
    assert isinstance(font, Font), "Pillow was built without FreeType"
    return font


@lru_cache(maxsize=64)
def _named(name: str, size: int) -> Font:
    try:
        return ImageFont.truetype(name, size)
    except OSError as error:
        raise UsageError(
            f"font {name!r} cannot be opened: give the path of a .ttf or .otf"
        ) from error


def _missing(font: Font, text: str) -> set[str]:
    """Letters that come out as the font's sign for "I have no such letter"."""
    unknown = _shape(font, "\U0010ffff")
    return {c for c in set(text) if not c.isspace() and _shape(font, c) == unknown}


def _shape(font: Font, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)
