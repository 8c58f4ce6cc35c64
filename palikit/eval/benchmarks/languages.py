"""Captions in many languages: COCO-35L and XM3600.

File names and keys as on google.github.io/crossmodal-3600.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path

from palikit.data.pictures import Picture
from palikit.errors import DataError

from .captions import CC_BY_FLICKR, coco_picture
from .files import Row, checked, choose, json_rows, jsonl_rows, picture
from .prompts import caption
from .values import Benchmark, Item

__all__ = ["BENCHMARKS"]

COCO35L = (
    "ar bn cs da de el en es fa fi fil fr he hi hr hu id it ja ko mi nl no pl pt ro ru sv sw te th "
    "tr uk vi zh"
).split()
XM3600 = sorted([*COCO35L, "quz"])


def _but_english(languages: Collection[str]) -> tuple[str, ...]:
    return tuple(language for language in languages if language != "en")


def read_coco35l(languages: tuple[str, ...], root: Path, *, split: str | None = None) -> list[Item]:
    """COCO-35L: captions of COCO, translated by machine; called "<picture>_<language>".

        coco_mt_dev.jsonl     {"image_id": "391895_0", "caption_tokenized", "trg_lang": "de",
                              "translation_tokenized"}
        dataset_coco.json     Karpathy's, for where the pictures lie
        val2014/COCO_val2014_000000391895.jpg

    English is the source of the translations to German, as in the reference. A split "dev_de" is
    that language alone. The group is the language.
    """
    known = [*("dev", "train"), *(f"{part}_{one}" for part in ("dev", "train") for one in COCO35L)]
    part, _, one = choose(split, "dev", known).partition("_")
    wanted = {one} if one else set(languages)
    path = root / f"coco_mt_{part}.jsonl"
    captions: dict[tuple[str, str], list[str]] = {}
    for row in jsonl_rows(path):
        _translated(row, wanted, captions)
    pictures = {
        row.label("cocoid"): coco_picture(row, root)
        for row in json_rows(root / "dataset_coco.json", "images")
    }
    if unknown := sorted({name for name, _ in captions} - pictures.keys()):
        raise DataError(f"{root / 'dataset_coco.json'} has no picture {unknown[0]} of {path}")
    return checked(
        (
            _in_language(name, language, pictures[name], texts)
            for (name, language), texts in captions.items()
        ),
        path,
    )


def _translated(row: Row, wanted: set[str], captions: dict[tuple[str, str], list[str]]) -> None:
    """Add what a row says in one of the wanted languages."""
    name, language = row.label("image_id").partition("_")[0], row.text("trg_lang")
    if language in wanted:
        captions.setdefault((name, language), []).append(row.text("translation_tokenized"))
    if language == "de" and "en" in wanted:
        captions.setdefault((name, "en"), []).append(row.text("caption_tokenized"))


def _in_language(name: str, language: str, shown: Picture, texts: Sequence[str]) -> Item:
    return Item(
        id=f"{name}_{language}",
        pictures=(shown,),
        prefix=caption(language),
        references=tuple(texts),
        group=language,
        extra={"image_id": name},
    )


def read_xm3600(languages: tuple[str, ...], root: Path, *, split: str | None = None) -> list[Item]:
    """XM3600: people's captions of 3,600 pictures; called "<picture>_<language>".

        captions.jsonl     {"image/key": "4bde5c9c4f2b8e23", "de": {"caption": [texts],
                           "caption/tokenized": [texts]}, ...}
        images/4bde5c9c4f2b8e23.jpg

    A split "de" is that language alone; the group is the language.
    """
    chosen = choose(split, "test", ["test", *XM3600])
    wanted = languages if chosen == "test" else (chosen,)
    path = root / "captions.jsonl"
    return checked(
        (item for row in jsonl_rows(path) for item in _xm3600(row, root / "images", wanted)), path
    )


def _xm3600(row: Row, folder: Path, languages: tuple[str, ...]) -> Iterator[Item]:
    name = row.text("image/key")
    shown = picture(folder, f"{name}.jpg", row.where)
    for language in languages:
        yield _in_language(name, language, shown, row.row(language).texts("caption"))


COCO35L_FETCH = (
    "coco_mt_dev.jsonl (unpacked) from google.github.io/crossmodal-3600, dataset_coco.json from "
    "cs.stanford.edu/people/karpathy/deepimagesent, train2014 and val2014 from cocodataset.org."
)
XM3600_LICENCE = "CC BY 4.0; pictures of Open Images CC BY 2.0"
XM3600_FETCH = "captions.zip and images.tgz (into images/) from google.github.io/crossmodal-3600."

BENCHMARKS = (
    Benchmark(
        name="coco35l",
        title="COCO-35L, 34 languages but English (dev)",
        split="dev",
        text_length=32,
        metric="cider_by_language",
        licence=CC_BY_FLICKR,
        fetch=COCO35L_FETCH,
        read=partial(read_coco35l, _but_english(COCO35L)),
    ),
    Benchmark(
        name="coco35l_en",
        title="COCO-35L, English (dev)",
        split="dev",
        text_length=32,
        metric="cider",
        licence=CC_BY_FLICKR,
        fetch=COCO35L_FETCH,
        read=partial(read_coco35l, ("en",)),
    ),
    Benchmark(
        name="xm3600",
        title="XM3600, 35 languages but English (test)",
        split="test",
        text_length=32,
        metric="cider_by_language",
        licence=XM3600_LICENCE,
        fetch=XM3600_FETCH,
        read=partial(read_xm3600, _but_english(XM3600)),
    ),
    Benchmark(
        name="xm3600_en",
        title="XM3600, English (test)",
        split="test",
        text_length=32,
        metric="cider",
        licence=XM3600_LICENCE,
        fetch=XM3600_FETCH,
        read=partial(read_xm3600, ("en",)),
    ),
)
