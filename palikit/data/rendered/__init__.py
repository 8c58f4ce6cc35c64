"""Pictures of specialised tasks, drawn by real renderers with labels that are exact: WORLDS.

    write_world(Path("charts"), "charts", count=1000, held_out=100, seed=1, side=224)
    charts/train.jsonl, charts/val.jsonl, charts/images/train-000000.png ...

One file a world, with one function `draw(rng, side) -> Drawing`; nothing is downloaded, and a
picture follows from the seed and its number alone. A world's answers are measured by its
metric, as `palikit eval own-<metric>` does.
"""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np

from palikit.errors import UsageError

from .drawing import Drawing

__all__ = ["WORLDS", "Drawing", "draw", "write_world"]

WORLDS: dict[str, str] = {
    "charts": "relaxed",
    "words": "spotting",
    "molecules": "smiles",
    "tables": "teds",
    "music": "kern",
}
"""World to metric; each is a file of its name beside this one."""


def draw(world: str, seed: int, index: int, side: int, *, held_out: bool = False) -> Drawing:
    """One picture of a world; the same numbers give the same one.

    Raises:
        UsageError: an unknown world.
        MissingExtraError: its renderer is not installed.
    """
    if world not in WORLDS:
        raise UsageError(f"{world!r} is no world: choose one of {', '.join(WORLDS)}")
    make: Callable[[np.random.Generator, int], Drawing]
    make = import_module(f"{__name__}.{world}").draw
    return make(np.random.default_rng([seed, int(held_out), index]), side)


def write_world(
    folder: Path,
    world: str,
    *,
    count: int,
    held_out: int,
    seed: int,
    side: int,
    shown: Callable[[int], None] = lambda done: None,
) -> list[Path]:
    """Write `train.jsonl` of `count` pictures and `val.jsonl` of `held_out` others; return both."""
    if side < 56:
        raise UsageError(f"--side {side} is too small to read anything in: give 56 or more")
    (folder / "images").mkdir(parents=True, exist_ok=True)
    paths = []
    for name, number in (("train", count), ("val", held_out)):
        if not number:
            continue
        lines = []
        for index in range(number):
            one = draw(world, seed, index, side, held_out=name == "val")
            file = f"images/{name}-{index:06d}.png"
            one.image.save(folder / file)
            told = {"image": file, "id": f"{name}-{index:06d}", "size": list(one.image.size)}
            lines.append(json.dumps(told | one.labels, ensure_ascii=False) + "\n")
            shown(1)
        path = folder / f"{name}.jsonl"
        path.write_text("".join(lines), encoding="utf-8")
        paths.append(path)
    return paths
