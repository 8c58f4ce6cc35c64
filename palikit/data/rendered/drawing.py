"""What every world shares: a Drawing, the packages behind it, and fonts that may be used."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image, ImageFont

from palikit.errors import MissingExtraError

__all__ = ["FONTS", "Drawing", "font", "need", "pick", "written"]

T = TypeVar("T")

FONTS = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSansMono"),
    *("DejaVuSansMono-Bold", "STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic"),
)
"""Fonts that Matplotlib brings along: DejaVu (Bitstream Vera's licence) and STIX (OFL)."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A picture, and its labels as the keys of one JSON line (see `readers.jsonl`)."""

    image: Image.Image
    labels: dict[str, Any]


def need(module: str) -> Any:
    """A renderer's module.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingExtraError(
            f"these scenes need {package}, which is not installed: pip install 'palikit[scenes]'"
        ) from error


def pick(rng: np.random.Generator, values: Sequence[T]) -> T:
    """One of the values, itself and not numpy's copy of it."""
    return values[int(rng.integers(len(values)))]


@lru_cache(maxsize=256)
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """One of FONTS at a size in pixels."""
    folder = Path(need("matplotlib").get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / f"{name}.ttf"), size)


def written(value: float) -> str:
    """A number as people write it: `12`, `0.5`."""
    return f"{value:.10g}"
