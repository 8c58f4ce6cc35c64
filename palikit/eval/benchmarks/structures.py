"""Pictures of structures as text: tables as HTML, molecules as SMILES, scores as **kern.

File names and keys as in ibm-aur-nlp/PubTabNet, FinTabNet 1.0.0, thomas0809/MolScribe and
antoniorv6/SMT. The report gives none of its prompts; it shows all of these on a white square.
"""

from collections.abc import Iterator
from functools import partial
from html import escape
from pathlib import Path, PurePosixPath

from palikit.data.pictures import Picture
from palikit.errors import DataError

from .altered import SquarePicture
from .files import Row, checked, choose, csv_rows, jsonl_rows, lines, picture, read_text
from .values import Benchmark, Item

__all__ = ["BENCHMARKS"]


def _square(folder: Path, name: str, where: str) -> Picture:
    return SquarePicture(picture(folder, name, where))


def read_pubtabnet(root: Path, *, split: str | None = None) -> list[Item]:
    """PubTabNet 2.0.0; val is what is reported. The group tells tables with spanning cells.

    PubTabNet_2.0.0.jsonl   {"filename", "split": "val", "html": {"structure": {"tokens": ["<tr>",
                            "<td>", "</td>"]}, "cells": [{"tokens": ["a", "<b>"]}]}} a line
    val/PMC1064074_007_00.png
    """
    chosen = choose(split, "val", ("train", "val"))
    path = root / "PubTabNet_2.0.0.jsonl"
    rows = (row for row in jsonl_rows(path) if row.text("split") == chosen)
    return checked((_table(row, "filename", root / chosen, "{}") for row in rows), path)


def read_fintabnet(root: Path, *, split: str | None = None) -> list[Item]:
    """FinTabNet 1.0.0, whose pages are PDF: the tables must be rendered first.

    FinTabNet_1.0.0_cell_test.jsonl   as PubTabNet's, with "table_id" a line
    images/110115.png                 the table's box on its page, rendered, by `table_id`
    """
    chosen = choose(split, "test", ("train", "val", "test"))
    path = root / f"FinTabNet_1.0.0_cell_{chosen}.jsonl"
    found = (_table(row, "table_id", root / "images", "{}.png") for row in jsonl_rows(path))
    return checked(found, path)


def _table(row: Row, key: str, folder: Path, file: str) -> Item:
    name = row.label(key)
    told = row.row("html")
    structure = told.row("structure").texts("tokens")
    cells = [cell.texts("tokens") for cell in told.rows("cells")]
    if structure.count("</td>") != len(cells):
        raise DataError(f"{told.where}: {structure.count('</td>')} <td> have {len(cells)} cells")
    spans = any("colspan" in token or "rowspan" in token for token in structure)
    return Item(
        id=name,
        pictures=(_square(folder, file.format(name), row.where),),
        prefix="table",
        references=(f"<html><body><table>{_html(structure, cells)}</table></body></html>",),
        group="complex" if spans else "simple",
    )


def _html(structure: tuple[str, ...], cells: list[tuple[str, ...]]) -> str:
    """Each cell's letters before its </td>; single characters are letters, never tags."""
    inside = iter(cells)
    parts: list[str] = []
    for token in structure:
        if token == "</td>":
            parts += (escape(part) if len(part) == 1 else part for part in next(inside))
        parts.append(token)
    return "".join(parts)


MOLECULES = ("chemdraw", "indigo", "USPTO", "CLEF", "UOB", "staker", "acs")


def read_molscribe(name: str, root: Path, *, split: str | None = None) -> list[Item]:
    """One of MolScribe's test sets: two synthetic ones, five of publications.

    synthetic/chemdraw.csv        image_id,file_path,SMILES
    synthetic/chemdraw/0.png      by `file_path`, from the folder that holds synthetic/ and real/
    """
    choose(split, "test", ("test",))
    folder = "synthetic" if name in MOLECULES[:2] else "real"
    path = root / folder / f"{name}.csv"
    return checked(map(partial(_molecule, root), csv_rows(path, "file_path", "SMILES")), path)


def _molecule(root: Path, row: Row) -> Item:
    file = row.text("file_path")
    return Item(
        id=row.label("image_id") if row.has("image_id") else PurePosixPath(file).stem,
        pictures=(_square(root, file, row.where),),
        prefix="smiles",
        references=(row.text("SMILES"),),
    )


def read_grandstaff(root: Path, *, split: str | None = None) -> list[Item]:
    """GrandStaff, undistorted, in SMT's partition.

    partitions_grandstaff/types/test.txt              grandstaff_dataset/a/b/c.bekrn  a line
    grandstaff_dataset/a/b/c.krn                      the score
    grandstaff_dataset/a/b/c.jpg                      its picture
    """
    chosen = choose(split, "test", ("train", "val", "test"))
    path = root / "partitions_grandstaff" / "types" / f"{chosen}.txt"
    return checked(_scores(path, root), path)


def _scores(path: Path, root: Path) -> Iterator[Item]:
    for line in lines(path):
        name = str(PurePosixPath(line).with_suffix("")) if PurePosixPath(line).name else line
        score = picture(root, f"{name}.krn", str(path)).path
        yield Item(
            id=name,
            pictures=(_square(root, f"{name}.jpg", str(path)),),
            prefix="music",
            references=(read_text(score),),
        )


def _tables(name: str, metric: str, title: str) -> Benchmark:
    finance = name.startswith("fintabnet")
    return Benchmark(
        name=name,
        title=title,
        split="test" if finance else "val",
        text_length=4096,
        metric=metric,
        licence="CDLA-Permissive-1.0",
        fetch=(
            "fintabnet.tar.gz from IBM's Data Asset eXchange, its tables rendered to images/; the "
            "published numbers are with the corrections of FinTabNet.c."
            if finance
            else "pubtabnet.tar.gz, linked from github.com/ibm-aur-nlp/PubTabNet."
        ),
        read=read_fintabnet if finance else read_pubtabnet,
    )


def _molecules(name: str, title: str) -> Benchmark:
    return Benchmark(
        name=f"molscribe_{name.lower()}",
        title=title,
        split="test",
        text_length=256,
        metric="smiles",
        licence="MIT; pictures of patents and papers under their own terms",
        fetch="synthetic.zip and real.zip of the data linked from github.com/thomas0809/MolScribe.",
        read=partial(read_molscribe, name),
    )


BENCHMARKS = (
    _tables("pubtabnet", "teds", "PubTabNet, TEDS (val)"),
    _tables("pubtabnet_grits", "grits", "PubTabNet, GriTS-Con (val)"),
    _tables("fintabnet", "teds", "FinTabNet, TEDS (test)"),
    _tables("fintabnet_grits", "grits", "FinTabNet, GriTS-Con (test)"),
    _molecules("chemdraw", "MolScribe's ChemDraw set (test)"),
    _molecules("USPTO", "MolScribe's USPTO set (test)"),
    Benchmark(
        name="grandstaff",
        title="GrandStaff, CER (test)",
        split="test",
        text_length=1024,
        metric="kern",
        higher_is_better=False,
        licence="CC BY-NC-SA 4.0",
        fetch="GrandStaff and its partitions from grfia.dlsi.ua.es/sheet-music-transformer.",
        read=read_grandstaff,
    ),
)
