"""Boxes of all classes: COCO and DocLayNet, both in COCO's annotation format."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from palikit.data.records import Thing
from palikit.errors import DataError

from .annotated import read_thing
from .captions import CC_BY_FLICKR
from .files import Row, checked, choose, json_object, picture
from .values import Benchmark, Item

__all__ = ["BENCHMARKS"]

PREFIX = "detect all classes"
LENGTH = 1024
"""Tokens of about 150 boxes; the report does not give its own."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Annotation file and folder of pictures, with {} for the split, and what splits there are."""

    file: str
    folder: str
    splits: tuple[str, ...]


COCO = _Layout("annotations/instances_{}2017.json", "{}2017", ("val", "train"))
DOCLAYNET = _Layout("COCO/{}.json", "PNG", ("test", "val", "train"))


def read_coco_format(layout: _Layout, root: Path, *, split: str | None = None) -> list[Item]:
    """One item a picture, also where nothing is in it; the first split is the benchmark's own.

    annotations/instances_val2017.json   {"images": [{"id", "file_name", "width", "height"}],
                                          "annotations": [{"image_id", "category_id", "bbox",
                                          "segmentation", "iscrowd"}], "categories": [{"id",
                                          "name"}]}
    val2017/000000397133.jpg             DocLayNet: COCO/test.json and PNG/<hash>.png
    """
    chosen = choose(split, layout.splits[0], layout.splits)
    path = root / layout.file.format(chosen)
    file = json_object(path)
    classes = {row.label("id"): row.text("name") for row in file.rows("categories")}
    things: dict[str, list[Thing]] = {row.label("id"): [] for row in file.rows("images")}
    for row in file.rows("annotations"):
        _add(row, things, classes)
    folder = root / layout.folder.format(chosen)
    return checked((_item(row, folder, things) for row in file.rows("images")), path)


def _add(row: Row, things: dict[str, list[Thing]], classes: dict[str, str]) -> None:
    image, kind = row.label("image_id"), row.label("category_id")
    if image not in things:
        raise DataError(f"{row.where} is of picture {image}, which the file does not list")
    if kind not in classes:
        raise DataError(f"{row.where} is of class {kind}, which the file does not list")
    things[image].append(read_thing(row, classes[kind]))


def _item(row: Row, folder: Path, things: dict[str, list[Thing]]) -> Item:
    name = row.label("id")
    return Item(
        id=name,
        pictures=(picture(folder, row.text("file_name"), row.where),),
        prefix=PREFIX,
        things=tuple(things[name]),
        extra={"image_id": row.values["id"]},
        size=(row.whole("width"), row.whole("height")),
    )


BENCHMARKS = (
    Benchmark(
        name="coco_detection",
        title="COCO detection (val 2017)",
        split="val",
        text_length=LENGTH,
        metric="detection",
        licence=CC_BY_FLICKR,
        fetch="annotations_trainval2017.zip and val2017.zip from cocodataset.org.",
        read=partial(read_coco_format, COCO),
    ),
    Benchmark(
        name="doclaynet",
        title="DocLayNet (test)",
        split="test",
        text_length=LENGTH,
        metric="detection",
        licence="CDLA-Permissive-1.0",
        fetch="DocLayNet_core.zip from github.com/DS4SD/DocLayNet.",
        read=partial(read_coco_format, DOCLAYNET),
    ),
)
