"""Short piano scores written in **kern and engraved by Verovio.

    {"image": ..., "prefix": "music", "suffix": "**kern\\t**kern\\n*clefF4\\t*clefG2\\n..."}

Two staves, one bar or a few: chords in the left hand and a tune in the right, in several keys and
metres. Verovio draws the score as SVG, which resvg turns into pixels; the score is cut to its ink
and put on a white square, as the reference pads.
"""

from io import BytesIO

import numpy as np
from PIL import Image, ImageOps

from .drawing import Drawing, need, pick

__all__ = ["PREFIX", "draw"]

PREFIX = "music"
"""As `palikit eval grandstaff` asks."""

KEYS = {"*k[]": "", "*k[f#]": "f", "*k[b-]": "b", "*k[f#c#]": "fc", "*k[b-e-]": "be"}
METRES = {"*M4/4": 8, "*M3/4": 6, "*M2/4": 4}
"""Metre to the eighths of a bar."""

LENGTHS = {1: "8", 2: "4", 4: "2"}
"""Eighths to the note's name in **kern."""

LOW, HIGH = "CDEFGAB", "cdefgab"


def draw(rng: np.random.Generator, side: int) -> Drawing:
    """One score of one or two bars."""
    kern = score(rng, bars=int(rng.integers(1, 3)))
    return Drawing(_render(kern, side), {"prefix": PREFIX, "suffix": kern})


def score(rng: np.random.Generator, *, bars: int) -> str:
    """A piano score in **kern; the left hand is the first column."""
    key, metre = pick(rng, list(KEYS)), pick(rng, list(METRES))
    lines = ["**kern\t**kern", "*clefF4\t*clefG2", f"{key}\t{key}", f"{metre}\t{metre}", "=1-\t=1-"]
    for bar in range(bars):
        if bar:
            lines.append(f"={bar + 1}\t={bar + 1}")
        lines += _bar(METRES[metre], key, rng)
    return "\n".join([*lines, "==\t==", "*-\t*-"]) + "\n"


def _bar(eighths: int, key: str, rng: np.random.Generator) -> list[str]:
    """Both hands, a line wherever one of them plays; "." where the other goes on."""
    left, right = _rhythm(eighths, (2, 4), rng), _rhythm(eighths, (1, 2, 4), rng)
    times = sorted({*left, *right})
    return [
        f"{_low(left[at], key, rng) if at in left else '.'}\t"
        f"{_high(right[at], key, rng) if at in right else '.'}"
        for at in times
    ]


def _rhythm(eighths: int, lengths: tuple[int, ...], rng: np.random.Generator) -> dict[int, int]:
    """Where notes start, and how long they are."""
    starts: dict[int, int] = {}
    at = 0
    while at < eighths:
        starts[at] = pick(rng, [length for length in lengths if length <= eighths - at])
        at += starts[at]
    return starts


def _high(length: int, key: str, rng: np.random.Generator) -> str:
    if rng.random() < 0.1:
        return f"{LENGTHS[length]}r"
    note = pick(rng, HIGH) * pick(rng, (1, 1, 2))
    return LENGTHS[length] + _altered(note, key)


def _low(length: int, key: str, rng: np.random.Generator) -> str:
    """A note, or a third."""
    root = int(rng.integers(len(LOW) - 2))
    notes = [LOW[root]] if rng.random() < 0.5 else [LOW[root], LOW[root + 2]]
    return " ".join(LENGTHS[length] + _altered(note, key) for note in notes)


def _altered(note: str, key: str) -> str:
    """With the sharp or flat that its key gives it."""
    if note[0].lower() not in KEYS[key]:
        return note
    return note + ("#" if "#" in key else "-")


def _render(kern: str, side: int) -> Image.Image:
    verovio = need("verovio")
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions(
        {
            **{"inputFrom": "humdrum", "adjustPageHeight": True, "adjustPageWidth": True},
            **{"header": "none", "footer": "none", "breaks": "none", "scale": 60},
        }
    )
    assert toolkit.loadData(kern), "Verovio cannot read what this file writes"
    drawn = need("resvg_py").svg_to_bytes(svg_string=toolkit.renderToSVG(1), background="white")
    image = Image.open(BytesIO(bytes(drawn))).convert("RGB")
    inked = ImageOps.invert(image.convert("L")).getbbox()
    image = ImageOps.expand(image.crop(inked), 12, "white")
    return ImageOps.pad(image, (side, side), Image.Resampling.LANCZOS, color="white")
