"""Questions about documents, charts and book covers: DocVQA, InfoVQA, ChartQA, OCR-VQA.

File names and keys as on rrc.cvc.uab.es (challenge 17), in vis-nlp/ChartQA and on
ocr-vqa.github.io. DocVQA and ChartQA are asked with the bare question, as in the reference.
"""

from functools import partial
from itertools import permutations
from pathlib import Path, PurePosixPath

from palikit.errors import DataError

from .files import Row, checked, choose, first, json_object, json_rows, picture
from .prompts import question
from .values import Benchmark, Item

__all__ = ["BENCHMARKS"]

MOST_PARTS = 7
"""A list of more parts is not permuted: 8! texts help nobody."""


def read_docvqa(root: Path, *, split: str | None = None) -> list[Item]:
    """DocVQA, single pages.

        val_v1.0_withQT.json           {"data": [{"questionId", "question", "question_types",
                                        "image", "answers"}]}
        val/documents/xnbl0037_1.png   or documents/xnbl0037_1.png

    The older `val_v1.0.json` is read too. The group is the first question type.
    """
    chosen = choose(split, "val", ("train", "val", "test"))
    path = first(root / f"{chosen}_v1.0_withQT.json", root / f"{chosen}_v1.0.json")
    folder = root / chosen if (root / chosen).is_dir() else root
    return checked((_docvqa(row, folder) for row in json_rows(path, "data")), path)


def _docvqa(row: Row, folder: Path) -> Item:
    kinds = row.texts("question_types") if row.has("question_types") else ()
    return Item(
        id=row.label("questionId"),
        pictures=(picture(folder, row.text("image"), row.where),),
        prefix=row.text("question"),
        references=row.texts("answers") if row.has("answers") else (),
        group=kinds[0] if kinds else "",
        extra={"questionId": row.values["questionId"]},
    )


def read_infovqa(root: Path, *, split: str | None = None) -> list[Item]:
    """InfographicVQA.

        infographicsVQA_val_v1.0_withQT.json   {"data": [{"questionId", "question",
                                                "image_local_name", "answers", "answer_type"}]}
        infographicsvqa_images/31774.jpeg      or images/31774.jpeg

    As in the reference, answers are in lower case, and in val an answer with ", " counts in any
    order of its parts. The group is the first answer type.
    """
    chosen = choose(split, "val", ("train", "val", "test"))
    start = f"infographicsVQA_{chosen}_v1.0"
    path = first(root / f"{start}_withQT.json", root / f"{start}.json")
    folder = first(root / "infographicsvqa_images", root / "images")
    return checked(
        (_infovqa(row, folder, chosen == "val") for row in json_rows(path, "data")), path
    )


def _infovqa(row: Row, folder: Path, any_order: bool) -> Item:
    answers = tuple(map(str.lower, row.texts("answers"))) if row.has("answers") else ()
    kinds = row.texts("answer_type") if row.has("answer_type") else ()
    return Item(
        id=row.label("questionId"),
        pictures=(picture(folder, row.text("image_local_name"), row.where),),
        prefix=question(row.text("question")),
        references=_in_any_order(answers) if any_order else answers,
        group=kinds[0] if kinds else "",
        extra={"questionId": row.values["questionId"]},
    )


def _in_any_order(answers: tuple[str, ...]) -> tuple[str, ...]:
    orders: dict[str, None] = {}
    for answer in answers:
        parts = answer.split(", ")
        several = permutations(parts) if len(parts) <= MOST_PARTS else [parts]
        orders.update(dict.fromkeys(map(", ".join, several)))
    return tuple(orders)


def read_chartqa(source: str, root: Path, *, split: str | None = None) -> list[Item]:
    """ChartQA: `source` is "human" or "augmented"; questions have no ids and get their position.

    test/test_human.json     [{"imgname", "query", "label"}]
    test/png/41699051005347.png
    """
    chosen = choose(split, "test", ("train", "val", "test"))
    path = root / chosen / f"{chosen}_{source}.json"
    folder = root / chosen / "png"
    return checked((_chartqa(i, row, folder) for i, row in enumerate(json_rows(path))), path)


def _chartqa(index: int, row: Row, folder: Path) -> Item:
    return Item(
        id=str(index),
        pictures=(picture(folder, row.text("imgname"), row.where),),
        prefix=row.text("query"),
        references=(row.text("label"),),
    )


OCRVQA = {"train": 1, "val": 2, "test": 3}


def read_ocrvqa(root: Path, *, split: str | None = None) -> list[Item]:
    """OCR-VQA: one object a book cover, several questions each, called "<cover>_<position>".

    dataset.json             {"0002179008": {"imageURL", "questions", "answers", "split": 1|2|3}}
    images/0002179008.jpg    with the ending of the URL, as the authors' loadDataset.py saves it
    """
    number = OCRVQA[choose(split, "test", OCRVQA)]
    path = root / "dataset.json"
    covers = json_object(path).items()
    chosen = ((name, row) for name, row in covers if row.whole("split") == number)
    return checked((item for name, row in chosen for item in _cover(name, row, root)), path)


def _cover(name: str, row: Row, root: Path) -> list[Item]:
    questions, answers = row.texts("questions"), row.texts("answers")
    if len(questions) != len(answers):
        raise DataError(f"{row.where}: {len(questions)} questions have {len(answers)} answers")
    file = name + PurePosixPath(row.text("imageURL")).suffix
    shown = (picture(root / "images", file, row.where),)
    return [
        Item(id=f"{name}_{i}", pictures=shown, prefix=question(asked), references=(answer,))
        for i, (asked, answer) in enumerate(zip(questions, answers, strict=True))
    ]


def _charts(name: str, part: str) -> Benchmark:
    return Benchmark(
        name=name,
        title=f"ChartQA, {part} (test)",
        split="test",
        text_length=48,
        metric="relaxed",
        licence="GPL-3.0",
        fetch=(
            "ChartQA Dataset.zip from huggingface.co/datasets/ahmed-masry/ChartQA; its inner "
            "folder."
        ),
        read=partial(read_chartqa, part),
    )


BENCHMARKS = (
    Benchmark(
        name="docvqa",
        title="DocVQA (val)",
        split="val",
        text_length=32,
        metric="anls",
        licence="research use, after registration; documents of the UCSF Industry Library",
        fetch="Task 1 (single page) of challenge 17 from rrc.cvc.uab.es: questions and images.",
        read=read_docvqa,
        submission="docvqa",
    ),
    Benchmark(
        name="infovqa",
        title="InfographicVQA (val)",
        split="val",
        text_length=48,
        metric="anls",
        licence="research use, after registration",
        fetch="Task 3 (InfographicVQA) of challenge 17 from rrc.cvc.uab.es: questions and images.",
        read=read_infovqa,
        submission="docvqa",
    ),
    _charts("chartqa_human", "human"),
    _charts("chartqa_aug", "augmented"),
    Benchmark(
        name="ocrvqa",
        title="OCR-VQA (test)",
        split="test",
        text_length=32,
        metric="exact_lower",
        licence="research use; covers belong to their publishers",
        fetch="dataset.json from ocr-vqa.github.io; its loadDataset.py fetches the covers.",
        read=read_ocrvqa,
    ),
)
