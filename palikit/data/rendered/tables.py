"""Tables of many styles, drawn by Pillow from one layout that also gives HTML and cell boxes.

    {"image": ..., "prefix": "table", "suffix": "<html><body><table><tr><td colspan=...",
     "cells": [{"text": "Total", "box": [...], "row": 0, "column": 0, "rows": 1, "columns": 2}]}

A head whose cells may span columns, a first column whose cells may span rows, numbers or words.
Rules between all cells, some, or none; shaded heads and every second row; several fonts. The HTML
is of PubTabNet's form, which TEDS and GriTS read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .drawing import FONTS, Drawing, font, pick

__all__ = ["PREFIX", "draw"]

PREFIX = "table"
"""As `palikit eval pubtabnet` asks."""

HEADS = "Year Sales Cost Total Mean Share Rank Size Rate Group Score Price".split()
WORDS = "North South East West Tea Milk Bread Fish Red Blue Ann Ben Low High Yes No".split()
LINES = ("all", "rows", "head", "none")
SHADES = ("#e8e8e8", "#dce6f2", "#f2ead8", "#e2f0dc")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a grid, and the rows and columns that it covers."""

    text: str
    row: int
    column: int
    rows: int = 1
    columns: int = 1
    head: bool = False


@dataclass(frozen=True, slots=True)
class Style:
    """How a table looks."""

    lines: str
    face: str
    bold_head: bool
    shade_head: str
    shade_rows: str
    align: str


def draw(rng: np.random.Generator, side: int) -> Drawing:
    """One table, as large as the square allows, on white."""
    rows, columns = int(rng.integers(2, 6)), int(rng.integers(2, 5))
    cells = tuple(_cells(rows, columns, rng))
    image, boxes = _render(cells, rows, columns, side, _style(rng))
    told = [
        {
            **{"text": cell.text, "box": list(box), "row": cell.row, "column": cell.column},
            **{"rows": cell.rows, "columns": cell.columns},
        }
        for cell, box in zip(cells, boxes, strict=True)
    ]
    spans = any(cell.rows > 1 or cell.columns > 1 for cell in cells)
    labels = {"prefix": PREFIX, "suffix": html(cells, rows), "cells": told}
    return Drawing(image, labels | {"group": "complex" if spans else "simple"})


def html(cells: tuple[Cell, ...], rows: int) -> str:
    """The table as PubTabNet writes one."""
    lines = []
    for row in range(rows):
        mine = sorted((cell for cell in cells if cell.row == row), key=lambda cell: cell.column)
        lines.append("<tr>" + "".join(map(_html, mine)) + "</tr>")
    return f"<html><body><table>{''.join(lines)}</table></body></html>"


def _html(cell: Cell) -> str:
    spans = f' colspan="{cell.columns}"' if cell.columns > 1 else ""
    spans += f' rowspan="{cell.rows}"' if cell.rows > 1 else ""
    return f"<td{spans}>{escape(cell.text, quote=False)}</td>"


def _cells(rows: int, columns: int, rng: np.random.Generator) -> Iterator[Cell]:
    """The head first; a span takes the place of the cells that it covers."""
    covered: set[tuple[int, int]] = set()
    wide = columns > 2 and rng.random() < 0.3
    tall = rows > 3 and rng.random() < 0.3
    for row in range(rows):
        for column in range(columns):
            if (row, column) in covered:
                continue
            cell = Cell(_text(row, column, rng), row, column, head=row == 0)
            if wide and (row, column) == (0, columns - 2):
                cell = replace(cell, columns=2)
            if tall and (row, column) == (1, 0):
                cell = replace(cell, rows=2)
            covered |= {
                (row + down, column + right)
                for down in range(cell.rows)
                for right in range(cell.columns)
            }
            yield cell


def _text(row: int, column: int, rng: np.random.Generator) -> str:
    if row == 0:
        return pick(rng, HEADS)
    if column == 0:
        return pick(rng, WORDS)
    if rng.random() < 0.08:
        return ""
    number = int(rng.integers(0, 1000))
    return pick(rng, (str(number), f"{number / 10:.1f}", f"{number % 100}%"))


def _style(rng: np.random.Generator) -> Style:
    return Style(
        lines=pick(rng, LINES),
        face=pick(rng, FONTS),
        bold_head=bool(rng.random() < 0.5),
        shade_head=pick(rng, SHADES) if rng.random() < 0.5 else "",
        shade_rows=pick(rng, SHADES) if rng.random() < 0.3 else "",
        align=pick(rng, ("left", "middle", "right")),
    )


def _render(
    cells: tuple[Cell, ...], rows: int, columns: int, side: int, style: Style
) -> tuple[Image.Image, list[tuple[float, float, float, float]]]:
    image = Image.new("RGB", (side, side), "white")
    pen = ImageDraw.Draw(image)
    margin = side // 28
    width, height = (side - 2 * margin) // columns, min((side - 2 * margin) // rows, side // 5)
    letters = font(style.face, max(6, min(round(0.45 * height), round(0.24 * width))))
    head = font("DejaVuSans-Bold", letters.size) if style.bold_head else letters
    boxes = []
    for cell in cells:
        x, y = margin + cell.column * width, margin + cell.row * height
        box = (x, y, x + cell.columns * width, y + cell.rows * height)
        if shade := _shade(cell, style):
            pen.rectangle(box, fill=shade)
        if style.lines == "all":
            pen.rectangle(box, outline="black")
        _write(pen, cell.text, box, head if cell.head else letters, style.align)
        x1, y1, x2, y2 = map(float, box)
        boxes.append((x1, y1, x2, y2))
    _rule(pen, cells, rows, (margin, width * columns, height), style)
    return image, boxes


def _shade(cell: Cell, style: Style) -> str:
    if cell.head:
        return style.shade_head
    return style.shade_rows if cell.row % 2 == 0 and cell.rows == 1 else ""


def _rule(
    pen: ImageDraw.ImageDraw,
    cells: tuple[Cell, ...],
    rows: int,
    place: tuple[int, int, int],
    style: Style,
) -> None:
    """Lines above and below rows, where the style has them; none through a cell of two rows."""
    margin, width, height = place
    tall = {cell.row + 1 for cell in cells if cell.rows > 1}
    wanted = {"rows": range(rows + 1), "head": (0, 1, rows)}.get(style.lines, ())
    for row in wanted:
        start = margin + (width // max(c.column + c.columns for c in cells) if row in tall else 0)
        y = margin + row * height
        pen.line((start, y, margin + width, y), fill="black")


def _write(
    pen: ImageDraw.ImageDraw,
    text: str,
    box: tuple[int, int, int, int],
    letters: ImageFont.FreeTypeFont,
    align: str,
) -> None:
    x1, y1, x2, y2 = box
    gap = 3
    x, anchor = {"left": (x1 + gap, "lm"), "right": (x2 - gap, "rm")}.get(
        align, ((x1 + x2) / 2, "mm")
    )
    pen.text((x, (y1 + y2) / 2), text, fill="black", font=letters, anchor=anchor)
