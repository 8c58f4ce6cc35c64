"""Answers of one step to look at: a sheet of pictures, and every answer as a line of JSON."""

import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from palikit.data.pictures import open_picture
from palikit.errors import DataError, ImageError
from palikit.eval.benchmarks.values import Item
from palikit.eval.predictions import Prediction, to_regions
from palikit.results import Regions, Text
from palikit.view.draw import draw

__all__ = ["save_answers", "save_samples"]

SIDE, COLUMNS, GAP = 320, 4, 8


def save_samples(path: Path, samples: Sequence[tuple[Image.Image, str, Text | Regions]]) -> None:
    """Write `path`.jsonl and `path`.png."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps({"prefix": prefix, "answer": answer.text, "score": answer.score})
        for _, prefix, answer in samples
    ]
    path.with_suffix(".jsonl").write_text("\n".join(lines) + "\n")
    _sheet([draw(image, answer, min_side=SIDE) for image, _, answer in samples]).save(
        path.with_suffix(".png")
    )


def save_answers(path: Path, answered: Sequence[tuple[Item, Prediction]]) -> None:
    """The same of a benchmark's answers, the first picture of each; no more than can be opened."""
    samples: list[tuple[Image.Image, str, Text | Regions]] = []
    for item, said in answered:
        try:
            image = open_picture(item.pictures[0])
        except (ImageError, DataError, OSError, IndexError):
            continue
        regions = said.regions and to_regions(
            said, with_masks=any("mask" in r for r in said.regions)
        )
        samples.append((image, item.prefix, regions or Text(said.answer, said.score)))
    if samples:
        save_samples(path, samples)


def _sheet(pictures: Sequence[Image.Image]) -> Image.Image:
    rows = -(-len(pictures) // COLUMNS)
    columns = min(COLUMNS, len(pictures))
    cell = SIDE + GAP
    sheet = Image.new("RGB", (columns * cell + GAP, rows * cell + GAP), "white")
    for i, picture in enumerate(pictures):
        small = picture.copy()
        small.thumbnail((SIDE, SIDE))
        sheet.paste(small, (GAP + i % COLUMNS * cell, GAP + i // COLUMNS * cell))
    return sheet
