"""Tables as HTML: the tree of the first one, and its cells on a grid.

    read_cells("<table><tr><td colspan='2'>a</td></tr><tr><td>b</td><td>c</td></tr></table>")
    [Cell(rows=range(0, 1), columns=range(0, 2), text="a"), Cell(rows=range(1, 2), ...), ...]

HTML is read by lxml (libxml2), as in PubTabNet's script, so that a malformed table is mended here
in the same way as there: an unclosed cell ends where the next one starts, an unknown tag is kept.

Departures: a bare `<table>` is taken as well as a whole page; a span that is not a whole number
counts as 1 where the script stops with an error.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from palikit.errors import UsageError

from .extras import need

__all__ = ["Cell", "Table", "read_cells", "read_table", "span"]

MAX_SPAN = 1000
"""HTML's own limit for a colspan. It keeps a runaway answer from growing a grid without end."""

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table.

    Attributes:
        rows: the rows of the grid that it takes, counted from 0.
        columns: the columns that it takes.
        text: its words.
        box: x1 y1 x2 y2, in any unit that both tables share; None where it is not known.
    """

    rows: range
    columns: range
    text: str = ""
    box: tuple[float, ...] | None = None


Table: TypeAlias = str | Sequence[Cell | Mapping[str, Any]] | Sequence[Sequence[str]]
"""HTML; or cells, as `Cell` or as mappings with `row_nums`, `column_nums`, `cell_text` and `bbox`;
or rows of words, where no cell spans."""


def read_table(html: str) -> Any | None:
    """The lxml element of the first table right under the body; None where there is none.

    Raises:
        UsageError: what came is not text.
    """
    if not isinstance(html, str):
        raise UsageError(f"a table came as {type(html).__name__}: give its HTML as text")
    etree = need("lxml.etree")
    parser = etree.HTMLParser(remove_comments=True, remove_pis=True, encoding="utf-8")
    # As bytes: lxml refuses text that declares an encoding.
    page = etree.fromstring(html.encode("utf-8", "replace") or b" ", parser)
    tables = [] if page is None else page.xpath("/html/body/table")
    return tables[0] if tables else None


def span(element: Any, name: str) -> int:
    """`colspan` or `rowspan` of a cell; 1 where it has none or none that can be read."""
    try:
        return int(element.get(name, "1"))
    except ValueError:
        return 1


def read_cells(table: Table) -> list[Cell]:
    """The cells of a table in reading order; none where the HTML has no table.

    Raises:
        UsageError: what came is no table in one of the three forms.
    """
    if isinstance(table, str):
        root = read_table(table)
        return [] if root is None else _cells_of_html(root)
    if not isinstance(table, Sequence):
        raise UsageError(
            f"a table came as {type(table).__name__}: give HTML, a list of cells or rows of words"
        )
    cells: list[Cell] = []
    for i, one in enumerate(table):
        if isinstance(one, Cell):
            cells.append(one)
        elif isinstance(one, Mapping):
            cells.append(_cell(one))
        else:
            words = enumerate(_words(one))
            cells += [Cell(range(i, i + 1), range(j, j + 1), text) for j, text in words]
    return cells


def _words(row: Any) -> Sequence[str]:
    listed = isinstance(row, Sequence) and not isinstance(row, str)
    if not listed or not all(isinstance(text, str) for text in row):
        raise UsageError(f"{row!r} is not a row of a table: give a list of words, one a cell")
    return row


def _cell(entry: Mapping[str, Any]) -> Cell:
    try:
        rows, columns = entry["row_nums"], entry["column_nums"]
        box = entry.get("bbox")
        return Cell(
            rows=range(min(rows), max(rows) + 1),
            columns=range(min(columns), max(columns) + 1),
            text=entry.get("cell_text", ""),
            box=None if box is None else tuple(map(float, box)),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise UsageError(
            f"{dict(entry)} is not a cell: give row_nums and column_nums, with cell_text and bbox"
        ) from error


def _cells_of_html(table: Any) -> list[Cell]:
    """Each cell in the first free column of its row, as a browser lays a table out."""
    cells: list[Cell] = []
    taken: set[tuple[int, int]] = set()
    row = -1
    for element in table.iter("tr", "td", "th"):
        if element.tag == "tr":
            row += 1
            continue
        top, left = max(row, 0), 0
        while (top, left) in taken:
            left += 1
        rows = range(top, top + _size(element, "rowspan"))
        columns = range(left, left + _size(element, "colspan"))
        taken.update((i, j) for i in rows for j in columns)
        # The script joins pieces of text by blanks, so "a<b>b</b>" reads "a b".
        cells.append(Cell(rows, columns, " ".join(element.itertext()), _coords(element)))
    return cells


def _size(element: Any, name: str) -> int:
    return min(max(span(element, name), 1), MAX_SPAN)


def _coords(element: Any) -> tuple[float, ...] | None:
    """Four numbers of `coords`: `<loc0010><loc0020><loc0200><loc0050>`, or `10 20 200 50`."""
    numbers = NUMBER.findall(element.get("coords", ""))
    return tuple(map(float, numbers)) if len(numbers) == 4 else None
