"""Questions about photographs, ten people's answers each: VQAv2, OK-VQA, A-OKVQA, VizWiz.

File names and keys as on visualqa.org, okvqa.allenai.org, aokvqa.allenai.org and vizwiz.org.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from palikit.errors import DataError

from .files import Row, checked, choose, json_rows, picture
from .prompts import multiple_choice, question
from .values import Benchmark, Item

__all__ = ["BENCHMARKS"]


@dataclass(frozen=True, slots=True)
class _Files:
    """Of one split: names of the files, the folder of pictures and what their names start with."""

    questions: str
    annotations: str
    folder: str
    name: str

    def picture(self, root: Path, row: Row) -> tuple[Path, str]:
        return root / self.folder, f"{self.name}_{row.whole('image_id'):012d}.jpg"


def _files(start: str, split: str, year: str | None = None) -> _Files:
    folder = year or split
    return _Files(
        f"{start}OpenEnded_mscoco_{split}_questions.json",
        f"{start}mscoco_{split}_annotations.json" if "test" not in split else "",
        folder,
        f"COCO_{folder}",
    )


VQAV2 = {
    "train": _files("v2_", "train2014"),
    "val": _files("v2_", "val2014"),
    "test": _files("v2_", "test2015"),
    "test-dev": _files("v2_", "test-dev2015", "test2015"),
}
OKVQA = {"train": _files("", "train2014"), "val": _files("", "val2014")}


def read_vqa(layout: dict[str, _Files], root: Path, *, split: str | None = None) -> list[Item]:
    """Questions and answers in two files, joined by `question_id`; pictures of COCO 2014.

        v2_OpenEnded_mscoco_val2014_questions.json   {"questions": [{"question_id", "image_id",
                                                      "question"}]}
        v2_mscoco_val2014_annotations.json           {"annotations": [{"question_id",
                                                      "question_type", "answer_type",
                                                      "answers": [{"answer"}]}]}
        val2014/COCO_val2014_000000262148.jpg

    OK-VQA has the same without "v2_". Test splits have no annotations. The group is the answer
    type (yes/no, number, other) of VQAv2, and the kind of knowledge of OK-VQA.
    """
    files = layout[choose(split, "val", layout)]
    path = root / files.questions
    answers = _annotations(root / files.annotations) if files.annotations else None
    return checked((_vqa(row, answers, files, root) for row in json_rows(path, "questions")), path)


def _annotations(path: Path) -> dict[str, Row]:
    return {row.label("question_id"): row for row in json_rows(path, "annotations")}


def _vqa(row: Row, annotations: dict[str, Row] | None, files: _Files, root: Path) -> Item:
    name = row.label("question_id")
    found = None if annotations is None else annotations.get(name)
    if found is None and annotations is not None:
        raise DataError(f"{root / files.annotations} has no annotation of question {name}")
    return Item(
        id=name,
        pictures=(picture(*files.picture(root, row), row.where),),
        prefix=question(row.text("question")),
        references=() if found is None else _answers(found),
        group="" if found is None else _kind(found),
        extra={"question_id": row.values["question_id"]},
    )


def _answers(row: Row) -> tuple[str, ...]:
    return tuple(answer.text("answer") for answer in row.rows("answers"))


def _kind(row: Row) -> str:
    """OK-VQA numbers its kinds of knowledge in words, and calls every answer "other"."""
    kind = row.text("question_type", "")
    return KNOWLEDGE.get(kind) or row.text("answer_type", "")


KNOWLEDGE = {
    "one": "vehicles and transportation",
    "two": "brands, companies and products",
    "three": "objects, material and clothing",
    "four": "sports and recreation",
    "five": "cooking and food",
    "six": "geography, history, language and culture",
    "seven": "people and everyday life",
    "eight": "plants and animals",
    "nine": "science and technology",
    "ten": "weather and climate",
}


def read_aokvqa(choices: bool, root: Path, *, split: str | None = None) -> list[Item]:
    """A-OKVQA: one list a split, pictures of COCO 2017.

        aokvqa_v1p0_val.json     [{"question_id", "image_id", "question", "choices",
                                   "correct_choice_idx", "direct_answers",
                                   "difficult_direct_answer"}]
        val2017/000000299207.jpg

    With `choices` the answer is one of four; else there are ten direct answers. As in the
    reference, questions whose direct answer is marked difficult are asked too; the group says so.
    """
    chosen = choose(split, "val", ("train", "val", "test"))
    path = root / f"aokvqa_v1p0_{chosen}.json"
    item = partial(_aokvqa, chosen, choices, root)
    return checked(map(item, json_rows(path)), path)


def _aokvqa(split: str, choices: bool, root: Path, row: Row) -> Item:
    options = row.texts("choices")
    if split == "test":
        references: tuple[str, ...] = ()
    elif choices:
        references = (pick(row, options, "correct_choice_idx"),)
    else:
        references = row.texts("direct_answers")
    words = row.text("question")
    return Item(
        id=row.label("question_id"),
        pictures=(picture(root / f"{split}2017", f"{row.whole('image_id'):012d}.jpg", row.where),),
        prefix=multiple_choice(words, options) if choices else question(words),
        references=references,
        group="difficult" if row.values.get("difficult_direct_answer") else "",
        extra={"question_id": row.values["question_id"], "choices": options},
    )


def pick(row: Row, options: tuple[str, ...], key: str) -> str:
    """The option that `key` gives the number of, from 0."""
    number = row.whole(key)
    if number >= len(options):
        row.refuse(key, f"the number of one of {len(options)} options")
    return options[number]


def read_vizwiz(root: Path, *, split: str | None = None) -> list[Item]:
    """VizWiz-VQA: one list a split; a question is called as its picture.

        Annotations/val.json            [{"image", "question", "answers": [{"answer"}],
                                          "answer_type", "answerable"}]
        val/VizWiz_val_00000000.jpg

    Empty answers, of which there are a few, are left out as in the reference; the group is the
    answer type.
    """
    chosen = choose(split, "val", ("train", "val", "test"))
    path = root / "Annotations" / f"{chosen}.json"
    return checked((_vizwiz(chosen, root, row) for row in json_rows(path)), path)


def _vizwiz(split: str, root: Path, row: Row) -> Item:
    name = row.text("image")
    answers = () if split == "test" else tuple(filter(None, _answers(row)))
    return Item(
        id=name,
        pictures=(picture(root / split, name, row.where),),
        prefix=question(row.text("question")),
        references=answers,
        group=row.text("answer_type", ""),
        extra={"image": name},
    )


AOKVQA_LICENCE = "Apache-2.0; pictures under their Flickr terms"
AOKVQA_FETCH = "aokvqa_v1p0.tar.gz from aokvqa.allenai.org, val2017 and test2017 of COCO."

BENCHMARKS = (
    Benchmark(
        name="vqav2",
        title="VQAv2 (val)",
        split="val",
        text_length=32,
        metric="vqa",
        licence="annotations CC BY 4.0; pictures under their Flickr terms",
        fetch=(
            "Questions and annotations v2 from visualqa.org, train2014, val2014 and test2015 of "
            "cocodataset.org, unpacked into one folder. The published numbers are of 10,240 "
            "questions of val (minival), in an order that only TFDS knows; here val is whole."
        ),
        read=partial(read_vqa, VQAV2),
        submission="vqa",
    ),
    Benchmark(
        name="okvqa",
        title="OK-VQA (val)",
        split="val",
        text_length=32,
        metric="soft",
        licence="CC BY 4.0; pictures under their Flickr terms",
        fetch="Questions and annotations 1.1 from okvqa.allenai.org, val2014 of cocodataset.org.",
        read=partial(read_vqa, OKVQA),
    ),
    Benchmark(
        name="aokvqa_da",
        title="A-OKVQA, direct answers (val)",
        split="val",
        text_length=32,
        metric="soft",
        licence=AOKVQA_LICENCE,
        fetch=AOKVQA_FETCH,
        read=partial(read_aokvqa, False),
        submission="aokvqa_da",
    ),
    Benchmark(
        name="aokvqa_mc",
        title="A-OKVQA, multiple choice (val)",
        split="val",
        text_length=128,
        metric="exact",
        licence=AOKVQA_LICENCE,
        fetch=AOKVQA_FETCH,
        read=partial(read_aokvqa, True),
        submission="aokvqa_mc",
    ),
    Benchmark(
        name="vizwiz",
        title="VizWiz-VQA (val)",
        split="val",
        text_length=48,
        metric="soft",
        licence="CC BY 4.0",
        fetch="Annotations.zip, val.zip and test.zip of the VQA task from vizwiz.org.",
        read=read_vizwiz,
        submission="vizwiz",
    ),
)
