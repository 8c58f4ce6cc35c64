"""Questions about pictures from the air: RSVQA, low and high resolution, without numbers.

File names and keys as on rsvqa.sylvainlobry.com; left-out question types as in big_vision's
`datasets/rsvqa_lr` and `rsvqa_hr`.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from palikit.errors import DataError

from .files import Row, checked, choose, first, json_rows, picture
from .prompts import question
from .values import Benchmark, Item

__all__ = ["BENCHMARKS"]


@dataclass(frozen=True, slots=True)
class _Layout:
    """How files start, where pictures lie, question types that ask for numbers, splits by name."""

    start: str
    folder: str
    numbers: tuple[str, ...]
    splits: dict[str, str]


LR = _Layout("LR", "Images_LR", ("count",), {one: one for one in ("train", "val", "test")})
HR = _Layout("USGS", "Data", ("area", "count"), {**LR.splits, "test2": "test_phili"})


def read_rsvqa(
    layout: _Layout, default: str, root: Path, *, split: str | None = None
) -> list[Item]:
    """RSVQA: active questions of the types that are answered in words; the group is the type.

    LR_split_test_questions.json   {"questions": [{"id", "img_id", "type", "question",
                                    "answers_ids": [7], "active"}]}
    LR_split_test_answers.json     {"answers": [{"id", "answer", "active"}]}
    Images_LR/12.tif               HR: USGS_split_test_..., Data/12.tif or .png; test2 is
                                    USGS_split_test_phili_...
    """
    chosen = layout.splits[choose(split, default, layout.splits)]
    start = f"{layout.start}_split_{chosen}"
    path, answers_path = root / f"{start}_questions.json", root / f"{start}_answers.json"
    answers = {row.label("id"): row for row in json_rows(answers_path, "answers") if _active(row)}
    rows = (row for row in json_rows(path, "questions") if _active(row))
    mine = (row for row in rows if row.text("type") not in layout.numbers)
    return checked((_item(row, answers, root / layout.folder, answers_path) for row in mine), path)


def _active(row: Row) -> bool:
    """Questions that were taken back keep nothing but their id."""
    return row.flag("active") if row.has("active") else True


def _item(row: Row, answers: dict[str, Row], folder: Path, path: Path) -> Item:
    listed = row.values.get("answers_ids")
    if not isinstance(listed, list) or not listed:
        row.refuse("answers_ids", "a list of ids")
    name = Row({"answers_ids": listed[0]}, row.where).label("answers_ids")
    if name not in answers:
        raise DataError(f"{path} has no answer {name}, which question {row.label('id')} names")
    image = row.label("img_id")
    file = first(folder / f"{image}.tif", folder / f"{image}.png").name
    return Item(
        id=row.label("id"),
        pictures=(picture(folder, file, row.where),),
        prefix=question(row.text("question")),
        references=(answers[name].text("answer").lower(),),
        group=row.text("type"),
    )


def _benchmark(name: str, title: str, layout: _Layout, split: str, record: str) -> Benchmark:
    return Benchmark(
        name=name,
        title=title,
        split=split,
        text_length=32,
        metric="rsvqa",
        licence="CC BY 4.0",
        fetch=f"Everything of zenodo.org/record/{record}, the pictures unpacked.",
        read=partial(read_rsvqa, layout, split),
    )


BENCHMARKS = (
    _benchmark("rsvqa_lr", "RSVQA, low resolution (test)", LR, "test", "6344334"),
    _benchmark("rsvqa_hr", "RSVQA, high resolution (test)", HR, "test", "6344367"),
    _benchmark("rsvqa_hr_test2", "RSVQA, high resolution (test 2)", HR, "test2", "6344367"),
)
