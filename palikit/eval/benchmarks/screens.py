"""Captions of screens, figures and scenes: Screen2Words, Widget Captioning, SciCap, DOCCI.

File names and keys as in google-research-datasets/screen2words and widget-caption, on
interactionmining.org/rico, in tingyaohsu/SciCap and on google.github.io/docci.
"""

from pathlib import Path

from PIL import Image

from palikit.errors import DataError
from palikit.results import Box

from .altered import BoxedPicture
from .files import (
    Row,
    checked,
    choose,
    csv_rows,
    first,
    json_object,
    jsonl_rows,
    lines,
    picture,
    read_json,
)
from .prompts import caption
from .values import Benchmark, Item

__all__ = ["BENCHMARKS"]

CANVAS = 2560
"""Height in which Rico gives the bounds of widgets, whatever the height of the picture."""

DEEPEST = 1000


def read_screen2words(root: Path, *, split: str | None = None) -> list[Item]:
    """Screen2Words: five summaries a screen of Rico.

    split/test_screens.txt      one screen a line
    screen_summaries.csv        screenId,summary
    combined/54137.jpg
    """
    chosen = choose(split, "test", ("train", "dev", "test"))
    path = root / "split" / f"{chosen}_screens.txt"
    summaries: dict[str, list[str]] = {}
    table = root / "screen_summaries.csv"
    for row in csv_rows(table, "screenId", "summary"):
        summaries.setdefault(row.label("screenId"), []).append(row.text("summary"))
    screens = lines(path)
    if missing := [name for name in screens if name not in summaries]:
        raise DataError(f"{table} has no summary of screen {missing[0]}")
    folder = root / "combined"
    return checked(
        (
            Item(
                id=name,
                pictures=(picture(folder, f"{name}.jpg", str(path)),),
                prefix=caption(),
                references=tuple(summaries[name]),
            )
            for name in screens
        ),
        path,
    )


def read_widgetcap(root: Path, *, split: str | None = None) -> list[Item]:
    """Widget Captioning: a widget of a screen of Rico, framed in red; "<screen>_<node>".

        split/test.txt             one screen a line
        widget_captions.csv        screenId,nodeId,captions: "0.0.1", "close|go back"
        combined/54137.jpg         and 54137.json, {"activity": {"root": {"bounds": [x1, y1, x2,
                                   y2], "children": [...]}}}

    A node is a path of positions from the root. The bounds are in pixels of a canvas 2,560 high,
    so the frame needs the height of the picture, which is read where the file is there.
    """
    chosen = choose(split, "test", ("train", "dev", "test"))
    path = root / "widget_captions.csv"
    screens = set(lines(first(root / "split" / f"{chosen}.txt", root / f"{chosen}.txt")))
    rows = csv_rows(path, "screenId", "nodeId", "captions")
    mine = (row for row in rows if row.label("screenId") in screens)
    return checked((_widget(row, root / "combined") for row in mine), path)


def _widget(row: Row, folder: Path) -> Item:
    screen, node = row.label("screenId"), row.text("nodeId")
    plain = picture(folder, f"{screen}.jpg", row.where)
    tree = picture(folder, f"{screen}.json", row.where).path
    scale = _height(plain.path) / CANVAS
    x1, y1, x2, y2 = (scale * value for value in _bounds(tree, node))
    return Item(
        id=f"{screen}_{node}",
        pictures=(BoxedPicture(plain, Box(x1, y1, x2, y2)),),
        prefix=caption(),
        references=tuple(row.text("captions").split("|")),
    )


def _bounds(path: Path, node: str) -> tuple[float, ...]:
    row = json_object(path).row("activity").row("root")
    for part in node.split(".")[1 : DEEPEST + 1]:
        children = row.values.get("children")
        listed = children if isinstance(children, list) else []
        if not (part.isascii() and part.isdigit() and len(part) < 6) or int(part) >= len(listed):
            raise DataError(f"{path} has no node {node}")
        row = Row({"child": listed[int(part)]}, f"{path}, node {node}").row("child")
    return row.numbers("bounds", 4)


def _height(path: Path) -> int:
    """Of a picture in pixels; the canvas' own where there is none, which is no error here."""
    try:
        with Image.open(path) as image:
            return image.height
    except (OSError, ValueError, Image.DecompressionBombError):
        return CANVAS


def read_scicap(root: Path, *, split: str | None = None) -> list[Item]:
    """SciCap: figures without parts, the first sentence of their caption, tokenised in lower case.

    List-of-Files-for-Each-Experiments/First-Sentence/No-Subfig/test/file_idx.json   ["a.png"]
    SciCap-Caption-All/test/a.json     {"1-lowercase-and-token-and-remove-figure-index":
                                       {"caption"}}
    SciCap-No-Subfig-Img/test/a.png
    """
    chosen = choose(split, "test", ("train", "val", "test"))
    experiment = root / "List-of-Files-for-Each-Experiments" / "First-Sentence" / "No-Subfig"
    path = experiment / chosen / "file_idx.json"
    names = Row({"files": read_json(path)}, str(path)).texts("files")
    return checked((_figure(name, root, chosen, path) for name in names), path)


def _figure(name: str, root: Path, split: str, path: Path) -> Item:
    stem = name.removesuffix(".png")
    folder = root / "SciCap-Caption-All" / split
    told = json_object(picture(folder, f"{stem}.json", str(path)).path)
    words = told.row("1-lowercase-and-token-and-remove-figure-index").text("caption")
    return Item(
        id=stem,
        pictures=(picture(root / "SciCap-No-Subfig-Img" / split, name, str(path)),),
        prefix=caption(),
        references=(words,),
    )


def read_docci(root: Path, *, split: str | None = None) -> list[Item]:
    """DOCCI: long descriptions. The published rates are people's judgements of qual_dev.

    docci_descriptions.jsonlines   {"example_id", "split": "qual_dev", "image_file",
                                   "description"} a line
    images/qual_dev_00000.jpg
    """
    chosen = choose(split, "qual_dev", ("qual_dev", "test", "train", "qual_test"))
    path = root / "docci_descriptions.jsonlines"
    return checked(
        (
            Item(
                id=row.label("example_id"),
                pictures=(picture(root / "images", row.text("image_file"), row.where),),
                prefix="describe en",
                references=(row.text("description"),),
            )
            for row in jsonl_rows(path)
            if row.text("split") == chosen
        ),
        path,
    )


BENCHMARKS = (
    Benchmark(
        name="screen2words",
        title="Screen2Words (test)",
        split="test",
        text_length=24,
        metric="cider",
        licence="CC BY 4.0; Rico for research",
        fetch="github.com/google-research-datasets/screen2words; unique_uis.tar.gz of Rico.",
        read=read_screen2words,
    ),
    Benchmark(
        name="widgetcap",
        title="Widget Captioning (test)",
        split="test",
        text_length=32,
        metric="cider",
        licence="CC BY 4.0; Rico for research",
        fetch="github.com/google-research-datasets/widget-caption; unique_uis.tar.gz of Rico.",
        read=read_widgetcap,
    ),
    Benchmark(
        name="scicap",
        title="SciCap, first sentence (test)",
        split="test",
        text_length=96,
        metric="cider",
        licence="CC BY-NC-SA 4.0",
        fetch="scicap_data.zip, linked from github.com/tingyaohsu/SciCap.",
        read=read_scicap,
    ),
    Benchmark(
        name="docci",
        title="DOCCI (qual_dev)",
        split="qual_dev",
        text_length=192,
        metric="nes",
        higher_is_better=False,
        licence="CC BY 4.0",
        fetch="docci_descriptions.jsonlines and docci_images.tar.gz from google.github.io/docci.",
        read=read_docci,
    ),
)
