"""Counting and looking closely: TallyQA, CountBenchQA, POPE, MMVP.

File names and keys as in manoja328/TallyQA_dataset, teaching-clip-to-count, big_vision's
`datasets/countbenchqa/data`, AoiDragon/POPE and MMVP/MMVP.
"""

import re
from functools import partial
from pathlib import Path

from palikit.errors import DataError

from .files import Row, checked, choose, csv_rows, first, json_rows, jsonl_rows, picture
from .prompts import multiple_choice, question
from .values import Benchmark, Item

__all__ = ["BENCHMARKS"]

POPE = ("random", "popular", "adversarial")
OPTION = re.compile(r"\(([a-z])\)\s*([^()]+)")


def read_tallyqa(simple: bool, root: Path, *, split: str | None = None) -> list[Item]:
    """TallyQA: the simple or the complex questions of test, or all of train, which has no marks.

    test.json              [{"image": "VG_100K/2.jpg", "image_id", "question", "question_id",
                           "answer": 2, "issimple": true}]
    VG_100K/2.jpg          and VG_100K_2/..., train2014/..., val2014/...
    """
    chosen = choose(split, "test", ("train", "test"))
    path = root / f"{chosen}.json"
    rows = json_rows(path)
    if chosen == "test":
        rows = [row for row in rows if row.flag("issimple") == simple]
    kind = {"train": "", "test": "simple" if simple else "complex"}[chosen]
    return checked((_tally(row, root, kind) for row in rows), path)


def _tally(row: Row, root: Path, kind: str) -> Item:
    return Item(
        id=f"{row.label('image_id')}/{row.label('question_id')}",
        pictures=(picture(root, row.text("image"), row.where),),
        prefix=question(row.text("question")),
        references=(str(row.whole("answer")),),
        group=kind,
        extra={"simple": kind == "simple" if kind else None},
    )


def read_countbenchqa(root: Path, *, split: str | None = None) -> list[Item]:
    """CountBenchQA: the questions belong to CountBench's pictures by their position.

        CountBench.json                      [{"image_url", "text", "number": 9}]
        countbench_paired_questions.json     [{"question"}]
        images/0.jpg                         or .png, by position

    About a tenth of the pictures is gone from the web, and the published numbers are without them:
    a position that has no file in `images` is left out.
    """
    choose(split, "test", ("test",))
    path, asked = root / "CountBench.json", root / "countbench_paired_questions.json"
    pictures, questions = json_rows(path), json_rows(asked)
    if len(pictures) != len(questions):
        raise DataError(f"{asked} has {len(questions)} questions for {len(pictures)} pictures")
    found: dict[str, str] = {}
    if (root / "images").is_dir():
        found = {file.stem: file.name for file in (root / "images").iterdir()}
    return checked(
        (
            Item(
                id=str(i),
                pictures=(picture(root / "images", found[str(i)], counted.where),),
                prefix=question(row.text("question")),
                references=(str(counted.whole("number")),),
            )
            for i, (counted, row) in enumerate(zip(pictures, questions, strict=True))
            if str(i) in found
        ),
        path,
    )


def read_pope(root: Path, *, split: str | None = None) -> list[Item]:
    """POPE on COCO: is a thing in the picture? The group is the subset, also a split of its own.

    output/coco/coco_pope_random.json    {"image", "text", "label": "yes"} a line, or lying in root
    val2014/COCO_val2014_000000310196.jpg
    """
    chosen = choose(split, "test", ("test", *POPE))
    return [item for part in (POPE if chosen == "test" else [chosen]) for item in _pope(root, part)]


def _pope(root: Path, part: str) -> list[Item]:
    name = f"coco_pope_{part}.json"
    path = first(root / "output" / "coco" / name, root / name)
    return checked(
        (
            Item(
                id=f"{part}_{i}",
                pictures=(picture(root / "val2014", row.text("image"), row.where),),
                prefix=question(row.text("text")),
                references=(_yes_or_no(row),),
                group=part,
            )
            for i, row in enumerate(jsonl_rows(path))
        ),
        path,
    )


def _yes_or_no(row: Row) -> str:
    label = row.text("label")
    if label not in ("yes", "no"):
        row.refuse("label", '"yes" or "no"')
    return label


def read_mmvp(root: Path, *, split: str | None = None) -> list[Item]:
    """MMVP: pairs of pictures with one question; a pair is right when both answers are.

        Questions.csv          Index,Question,Options,Correct Answer
                               1,Are the wings open?,(a) Open (b) Closed,(a)
        MMVP Images/1.jpg

    How PaliGemma was asked is not known: it is asked as A-OKVQA, and both the option's words and
    its letter are right. `extra["pair"]` joins questions 1 and 2, 3 and 4, ...
    """
    choose(split, "test", ("test",))
    path = root / "Questions.csv"
    rows = csv_rows(path, "Index", "Question", "Options", "Correct Answer")
    return checked((_mmvp(row, root / "MMVP Images") for row in rows), path)


def _mmvp(row: Row, folder: Path) -> Item:
    options = {letter: words.strip() for letter, words in OPTION.findall(row.text("Options"))}
    letter = row.text("Correct Answer").strip(" ()")
    if letter not in options:
        row.refuse("Correct Answer", f"one of {', '.join(options) or 'some options'}")
    number = row.whole("Index")
    return Item(
        id=str(number),
        pictures=(picture(folder, f"{number}.jpg", row.where),),
        prefix=multiple_choice(row.text("Question"), tuple(options.values())),
        references=(options[letter], letter, f"({letter})"),
        extra={"pair": (number - 1) // 2},
    )


def _tallyqa(kind: str) -> Benchmark:
    return Benchmark(
        name=f"tallyqa_{kind}",
        title=f"TallyQA, {kind} (test)",
        split="test",
        text_length=32,
        metric="tally",
        licence="Apache-2.0; pictures of Visual Genome and COCO under their own terms",
        fetch=(
            "tallyqa.zip from github.com/manoja328/TallyQA_dataset, both parts of Visual Genome's "
            "pictures from homes.cs.washington.edu/~ranjay/visualgenome."
        ),
        read=partial(read_tallyqa, kind == "simple"),
    )


BENCHMARKS = (
    _tallyqa("simple"),
    _tallyqa("complex"),
    Benchmark(
        name="countbenchqa",
        title="CountBenchQA (test)",
        split="test",
        text_length=32,
        metric="count",
        licence="questions Apache-2.0; pictures found on the web, under their own terms",
        fetch=(
            "CountBench.json from teaching-clip-to-count.github.io, the questions from "
            "google-research/big_vision, the pictures of huggingface.co/datasets/nielsr/countbench "
            "written out as images/<position>.jpg."
        ),
        read=read_countbenchqa,
    ),
    Benchmark(
        name="pope",
        title="POPE on COCO (random, popular, adversarial)",
        split="test",
        text_length=48,
        metric="pope",
        licence="MIT; pictures under their Flickr terms",
        fetch="output/coco of github.com/AoiDragon/POPE, val2014.zip from cocodataset.org.",
        read=read_pope,
    ),
    Benchmark(
        name="mmvp",
        title="MMVP (test)",
        split="test",
        text_length=48,
        metric="paired",
        licence="MIT; pictures of ImageNet and LAION under their own terms",
        fetch="Questions.csv and the folder MMVP Images from huggingface.co/datasets/MMVP/MMVP.",
        read=read_mmvp,
    ),
)
