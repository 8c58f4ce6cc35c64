"""Captions of photographs: COCO, NoCaps, TextCaps.

File names and keys as in Karpathy's caption_datasets.zip, on nocaps.org and textvqa.org/textcaps.
"""

from collections.abc import Iterator
from pathlib import Path

from palikit.data.pictures import Picture
from palikit.errors import DataError

from .files import Row, checked, choose, json_object, json_rows, picture
from .prompts import caption
from .values import Benchmark, Item

__all__ = ["BENCHMARKS", "CC_BY_FLICKR", "coco_picture"]


def read_coco(root: Path, *, split: str | None = None) -> list[Item]:
    """COCO captions by Karpathy's division of COCO 2014.

    dataset_coco.json     {"images": [{"cocoid", "filepath": "val2014", "filename", "split":
                          "train"|"restval"|"val"|"test", "sentences": [{"raw"}]}]}
    val2014/COCO_val2014_000000391895.jpg
    """
    chosen = choose(split, "val", ("train", "restval", "val", "test"))
    path = root / "dataset_coco.json"
    rows = (row for row in json_rows(path, "images") if row.text("split") == chosen)
    return checked((_coco(row, root) for row in rows), path)


def _coco(row: Row, root: Path) -> Item:
    return Item(
        id=row.label("cocoid"),
        pictures=(coco_picture(row, root),),
        prefix=caption(),
        references=tuple(sentence.text("raw") for sentence in row.rows("sentences")),
        extra={"image_id": row.values["cocoid"]},
    )


def coco_picture(row: Row, root: Path) -> Picture:
    """Where a picture of Karpathy's splits lies: `val2014/COCO_val2014_000000391895.jpg`."""
    return picture(root, f"{row.text('filepath')}/{row.text('filename')}", row.where)


def read_nocaps(root: Path, *, split: str | None = None) -> list[Item]:
    """NoCaps: pictures of Open Images, ten captions each in val; the group is the domain.

    nocaps_val_4500_captions.json     {"images": [{"id", "file_name", "domain", "width", "height"}],
                                       "annotations": [{"image_id", "caption"}]}
    nocaps_test_image_info.json       {"images": [...]}
    validation/0013ea2087020901.jpg   test/...
    """
    chosen = choose(split, "val", ("val", "test"))
    test = chosen == "test"
    path = root / ("nocaps_test_image_info.json" if test else "nocaps_val_4500_captions.json")
    file = json_object(path)
    captions: dict[str, list[str]] = {}
    for row in [] if test else file.rows("annotations"):
        captions.setdefault(row.label("image_id"), []).append(row.text("caption"))
    folder = root / ("test" if test else "validation")
    found = (_nocaps(row, folder, captions) for row in file.rows("images"))
    return checked(_captioned(found, path, needed=not test), path)


def _nocaps(row: Row, folder: Path, captions: dict[str, list[str]]) -> Item:
    name = row.label("id")
    return Item(
        id=name,
        pictures=(picture(folder, row.text("file_name"), row.where),),
        prefix=caption(),
        references=tuple(captions.get(name, ())),
        group=row.text("domain", ""),
        extra={"image_id": row.values["id"]},
    )


def _captioned(items: Iterator[Item], path: Path, *, needed: bool) -> Iterator[Item]:
    for item in items:
        if needed and not item.references:
            raise DataError(f"{path} has no caption of picture {item.id}")
        yield item


def read_textcaps(root: Path, *, split: str | None = None) -> list[Item]:
    """TextCaps 0.1: one row a caption, joined by picture; those of val lie among train's.

    TextCaps_0.1_val.json   {"data": [{"image_id", "image_name", "caption_str"}]}
    train_images/0054c91397f2fe05.jpg
    """
    chosen = choose(split, "val", ("train", "val", "test"))
    test = chosen == "test"
    path = root / f"TextCaps_0.1_{chosen}.json"
    rows: dict[str, Row] = {}
    captions: dict[str, list[str]] = {}
    for row in json_rows(path, "data"):
        name = row.label("image_id")
        rows.setdefault(name, row)
        captions.setdefault(name, []).extend(filter(None, [row.text("caption_str", "")]))
    folder = root / ("test_images" if test else "train_images")
    found = (_textcaps(name, row, folder, captions[name]) for name, row in rows.items())
    return checked(_captioned(found, path, needed=not test), path)


def _textcaps(name: str, row: Row, folder: Path, captions: list[str]) -> Item:
    file = row.label("image_name" if row.has("image_name") else "image_id")
    return Item(
        id=name,
        pictures=(picture(folder, f"{file}.jpg", row.where),),
        prefix=caption(),
        references=tuple(captions),
        extra={"image_id": row.values["image_id"]},
    )


CC_BY_FLICKR = "annotations CC BY 4.0; pictures under their Flickr terms"
BENCHMARKS = (
    Benchmark(
        name="cococap",
        title="COCO captions (Karpathy's val)",
        split="val",
        text_length=32,
        beam=2,
        metric="cider",
        licence=CC_BY_FLICKR,
        fetch=(
            "dataset_coco.json of caption_datasets.zip from cs.stanford.edu/people/karpathy/"
            "deepimagesent, val2014 and train2014 from cocodataset.org."
        ),
        read=read_coco,
        submission="coco_caption",
    ),
    Benchmark(
        name="nocaps",
        title="NoCaps (val)",
        split="val",
        text_length=32,
        beam=2,
        metric="cider",
        licence="annotations CC BY 2.0; pictures of Open Images CC BY 2.0",
        fetch=(
            "nocaps_val_4500_captions.json from nocaps.org, Open Images' validation.tar.gz and, "
            "for test, test.tar.gz."
        ),
        read=read_nocaps,
        submission="coco_caption",
    ),
    Benchmark(
        name="textcaps",
        title="TextCaps (val)",
        split="val",
        text_length=32,
        beam=3,
        metric="cider",
        licence="CC BY 4.0",
        fetch="TextCaps_0.1_val.json and train_val_images.zip from textvqa.org/textcaps.",
        read=read_textcaps,
        submission="coco_caption",
    ),
)
