"""Generated scenes: emoji pasted on backgrounds, with exact boxes, masks, counts and colours.

    one = scene(seed=7, index=0)
    one.image        uint8 [224, 224, 3]
    one.objects[0]   SceneObject(key='cat', box=Box(...), mask=bool [224, 224])
    one.background   'blue'

A scene follows from (seed, index, side, classes) alone. The drawings are a bundled sheet (see
assets/emoji/LICENSE.md), never the system's font, so no scene depends on what a machine has
installed. `TEST_SEED` is for measuring only.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from palikit.errors import UsageError
from palikit.results import Box

__all__ = [
    "COLOURS",
    "KNOWN",
    "NAMES",
    "NEW",
    "TEST_SEED",
    "Names",
    "Scene",
    "SceneObject",
    "instance_map",
    "scene",
]

TEST_SEED = 300_300
"""Scenes 0..299 of this seed are nano's test set; nothing is ever trained on them."""

CELL = 96
"""Side of a drawing on the sheet, in pixels."""

MIN_SIDE = 32
"""In a smaller scene an emoji may have no pixel that is more than half covered."""

_COLOURS = {
    "red": (200, 50, 45),
    "orange": (240, 145, 40),
    "yellow": (245, 215, 60),
    "green": (70, 160, 75),
    "blue": (60, 110, 205),
    "purple": (140, 75, 180),
    "gray": (130, 130, 130),
    "white": (238, 238, 238),
}
COLOURS = tuple(_COLOURS)
"""Names of the background colours."""


class Names(NamedTuple):
    """What a class is called besides its key, its English name."""

    plural: str
    german: str
    german_plural: str
    german_feminine: bool


def _read_names() -> tuple[dict[str, Names], tuple[str, ...], tuple[str, ...]]:
    rows = json.loads((files("palikit.assets.emoji") / "sprites.json").read_text("utf-8"))
    names = {
        row["key"]: Names(
            row["plural"], row["german"], row["german_plural"], row["german_feminine"]
        )
        for row in rows
    }
    known = tuple(row["key"] for row in rows if row["known"])
    return names, known, tuple(row["key"] for row in rows if not row["known"])


NAMES, KNOWN, NEW = _read_names()
"""NAMES of every class by key; KNOWN keys, which nano learns; NEW keys, which it never sees."""


@dataclass(frozen=True, slots=True, eq=False)
class SceneObject:
    """One pasted emoji: where what is visible of it lies, in pixels of the scene."""

    key: str
    box: Box
    mask: Bool[np.ndarray, "R R"]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A picture and all that is known of it; objects in the order in which they were pasted."""

    image: UInt8[np.ndarray, "R R 3"]
    objects: tuple[SceneObject, ...]
    background: str


def scene(
    seed: int,
    index: int,
    *,
    side: int = 224,
    classes: Sequence[str] = KNOWN,
    repeats: bool = False,
) -> Scene:
    """One to four emoji of 18 to 60 % of the picture's side, each at least 55 % visible.

    With `repeats`, most scenes show several of a kind, as is good for learning to count.

    Raises:
        UsageError: classes that are none or unknown, or a side below 32.
    """
    _check(side, classes)
    rng = np.random.default_rng([seed, index])
    background = COLOURS[rng.integers(len(COLOURS))]
    canvas = Image.fromarray(_background(rng, background, side))
    owner = np.zeros((side, side), np.uint8)
    keys: list[str] = []
    areas: list[int] = []
    for key in (_choose_alike if repeats else _choose)(rng, classes):
        placed = _place(rng, key, owner, areas)
        if placed is None:
            continue
        sprite, mask, left, top = placed
        canvas.paste(sprite, (left, top), sprite)
        window = owner[top : top + mask.shape[0], left : left + mask.shape[1]]
        keys.append(key)
        areas.append(int(mask.sum()))
        window[mask] = len(keys)
    objects = tuple(_object(key, owner == i + 1) for i, key in enumerate(keys))
    return Scene(np.asarray(canvas), objects, background)


def instance_map(one: Scene) -> UInt8[np.ndarray, "R R"]:
    """0 for the background, i + 1 where object i is visible."""
    owner = np.zeros(one.image.shape[:2], np.uint8)
    for i, thing in enumerate(one.objects):
        owner[thing.mask] = i + 1
    return owner


def _check(side: int, classes: Sequence[str]) -> None:
    if side < MIN_SIDE:
        raise UsageError(f"side={side} is too small for a scene: give at least {MIN_SIDE}")
    unknown = sorted(set(classes) - NAMES.keys())
    if unknown or not classes:
        raise UsageError(
            f"classes={list(classes)} holds {f'unknown {unknown}' if unknown else 'none'}: "
            "choose from palikit.data.emoji_world.NAMES"
        )


def _choose(rng: np.random.Generator, classes: Sequence[str]) -> list[str]:
    """One to four keys; in a third of the scenes with several, one key comes more than once."""
    count = int(rng.integers(1, 5))
    kinds = count if rng.random() < 0.5 else int(rng.integers(1, count + 1))
    kinds = min(kinds, len(classes))
    chosen = [str(key) for key in rng.choice(list(classes), kinds, replace=False)]
    chosen += [chosen[0]] * (count - kinds)
    rng.shuffle(chosen)
    return chosen


def _choose_alike(rng: np.random.Generator, classes: Sequence[str]) -> list[str]:
    """One to four keys; in six of ten scenes with several, some key comes more than once."""
    count = int(rng.integers(1, 5))
    kinds = count if count == 1 or rng.random() < 0.4 else int(rng.integers(1, count))
    kinds = min(kinds, len(classes))
    chosen = [str(key) for key in rng.choice(list(classes), kinds, replace=False)]
    chosen += [chosen[i] for i in rng.integers(kinds, size=count - kinds)]
    rng.shuffle(chosen)
    return chosen


def _object(key: str, mask: Bool[np.ndarray, "R R"]) -> SceneObject:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = Box(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
    return SceneObject(key, box, mask)


Placed = tuple[Image.Image, Bool[np.ndarray, "h w"], int, int]


def _place(
    rng: np.random.Generator, key: str, owner: UInt8[np.ndarray, "R R"], areas: Sequence[int]
) -> Placed | None:
    """A drawing and a place where it hides no earlier object too much; None if none was found."""
    side = owner.shape[0]
    for _ in range(8):
        sprite = _pose(rng, key, side * math.exp(rng.uniform(math.log(0.18), math.log(0.6))))
        mask = np.asarray(sprite)[:, :, 3] > 127
        height, width = mask.shape
        if height > side or width > side or not mask.any():
            continue
        left, top = int(rng.integers(side - width + 1)), int(rng.integers(side - height + 1))
        covered = owner[top : top + height, left : left + width][mask]
        hidden = np.bincount(covered, minlength=len(areas) + 1)[1:]
        before = np.bincount(owner.ravel(), minlength=len(areas) + 1)[1:]
        if all(v - h >= 0.55 * a for v, h, a in zip(before, hidden, areas, strict=True)):
            return sprite, mask, left, top
    return None


def _pose(rng: np.random.Generator, key: str, length: float) -> Image.Image:
    """The drawing turned, mirrored, brightened and scaled to about `length` pixels."""
    turn = rng.uniform(-40, 40) if rng.random() < 0.85 else rng.uniform(-180, 180)
    flip = -1.0 if rng.random() < 0.5 else 1.0
    levels = _sprites()[key]
    level = min(len(levels) - 1, max(0, int(math.log2(CELL / length))))
    source = levels[level]
    scale = source.width / length
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    out = math.ceil(length * (abs(cos) + abs(sin)))
    cos, sin = cos * scale, sin * scale
    middle, centre = source.width / 2, out / 2
    matrix = (
        flip * cos,
        flip * sin,
        middle - flip * (cos + sin) * centre,
        -sin,
        cos,
        middle - (cos - sin) * centre,
    )
    posed = source.transform((out, out), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    box = posed.getchannel("A").point(_SOLID).getbbox()
    posed = posed.crop(box) if box else posed
    light = np.minimum(_LEVELS * rng.uniform(0.85, 1.15), 255).astype(int).tolist()
    return posed.point(light * 3 + _LEVELS.tolist())


_LEVELS = np.arange(256)
_SOLID = [0] * 128 + [255] * 128
"""Alpha to 255 where the drawing covers more than half of a pixel."""


@cache
def _sprites() -> dict[str, list[Image.Image]]:
    """Each drawing at 96, 48 and 24 px."""
    with (files("palikit.assets.emoji") / "sprites.png").open("rb") as file:
        sheet = Image.open(file).convert("RGBA")
    columns = sheet.width // CELL
    found = {}
    for i, key in enumerate(NAMES):
        left, top = i % columns * CELL, i // columns * CELL
        full = sheet.crop((left, top, left + CELL, top + CELL))
        found[key] = [full, full.reduce(2), full.reduce(4)]
    return found


def _background(rng: np.random.Generator, name: str, side: int) -> UInt8[np.ndarray, "R R 3"]:
    """The colour, varied in lightness by one of six patterns."""
    colour = np.array(_COLOURS[name], np.float32) + rng.uniform(-12, 12, 3).astype(np.float32)
    pattern = _PATTERNS[rng.integers(len(_PATTERNS))](rng, side)
    strength = np.float32(rng.uniform(8, 26))
    return np.clip(colour + strength * pattern[..., None], 0, 255).astype(np.uint8)


def _plain(rng: np.random.Generator, side: int) -> np.ndarray:
    return np.zeros((side, side), np.float32)


def _gradient(rng: np.random.Generator, side: int) -> np.ndarray:
    return np.sin(_ramp(rng, side, 0.25))


def _stripes(rng: np.random.Generator, side: int) -> np.ndarray:
    return np.sign(np.sin(_ramp(rng, side, rng.uniform(2, 8))))


def _checker(rng: np.random.Generator, side: int) -> np.ndarray:
    cells = np.arange(side) * int(rng.integers(3, 10)) // side % 2
    return (2.0 * (cells[:, None] ^ cells) - 1).astype(np.float32)


def _noise(rng: np.random.Generator, side: int) -> np.ndarray:
    return rng.standard_normal((side, side), np.float32) * np.float32(0.5)


def _blobs(rng: np.random.Generator, side: int) -> np.ndarray:
    coarse = Image.fromarray(rng.standard_normal((6, 6), np.float32))
    return np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC))


def _ramp(rng: np.random.Generator, side: int, waves: float) -> np.ndarray:
    angle, phase = rng.uniform(0, 2 * math.pi, 2)
    axis = np.linspace(0, 2 * math.pi * waves, side, dtype=np.float32)
    across, down = np.float32(math.cos(angle)) * axis, np.float32(math.sin(angle)) * axis
    return across + down[:, None] + np.float32(phase)


_PATTERNS = (_plain, _gradient, _stripes, _checker, _noise, _blobs)
