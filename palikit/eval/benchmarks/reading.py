"""Questions about text in photographs: TextVQA and ST-VQA.

File names and keys as on textvqa.org and rrc.cvc.uab.es (challenge 11); turned pictures and the
held-out part of ST-VQA as in big_vision's `datasets`.
"""

import csv
from pathlib import Path

from palikit.data.pictures import Picture
from palikit.errors import DataError

from .altered import TurnedPicture
from .files import Row, checked, choose, json_rows, lines, picture
from .prompts import question
from .values import Benchmark, Item

__all__ = ["BENCHMARKS"]


def read_textvqa(root: Path, *, split: str | None = None) -> list[Item]:
    """TextVQA 0.5.1; the pictures of val lie among those of train.

        TextVQA_0.5.1_val.json             {"data": [{"question_id", "image_id", "question",
                                            "answers": [10 texts]}]}
        train_images/0054c91397f2fe05.jpg
        train_images/rotation.csv          columns ImageID, Rotation

    The last is Open Images' `train-images-boxable-with-rotation.csv` (`test-images-with-
    rotation.csv` for test). Pictures are turned upright by it, as in the reference; without it they
    stay as they lie.
    """
    chosen = choose(split, "val", ("train", "val", "test"))
    path = root / f"TextVQA_0.5.1_{chosen}.json"
    folder = root / ("test_images" if chosen == "test" else "train_images")
    rows = json_rows(path, "data")
    turns = _rotations(folder / "rotation.csv", {row.label("image_id") for row in rows})
    return checked((_textvqa(row, folder, chosen == "test", turns) for row in rows), path)


def _textvqa(row: Row, folder: Path, test: bool, turns: dict[str, int]) -> Item:
    name = row.label("image_id")
    shown: Picture = picture(folder, f"{name}.jpg", row.where)
    if quarters := turns.get(name, 0):
        shown = TurnedPicture(shown, quarters)
    return Item(
        id=row.label("question_id"),
        pictures=(shown,),
        prefix=question(row.text("question")),
        references=() if test else row.texts("answers"),
        extra={"question_id": row.values["question_id"]},
    )


def _rotations(path: Path, wanted: set[str]) -> dict[str, int]:
    """Quarters to the left by picture. The table names all of Open Images, so it is not kept."""
    if not path.exists():
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return {
                str(row["ImageID"]): round(float(row["Rotation"] or 0) / 90)
                for row in csv.DictReader(file)
                if row.get("ImageID") in wanted
            }
    except (OSError, ValueError, KeyError, OverflowError, csv.Error) as error:
        raise DataError(f"{path} is no table with ImageID and Rotation: {error!r}") from error


def read_stvqa(root: Path, *, split: str | None = None) -> list[Item]:
    """ST-VQA, task 3.

        train_task_3.json   {"data": [{"question_id", "question", "answers", "file_path"}]}
        test_task_3.json    the same without answers
        val_paths.txt       one `file_path` a line: the pictures of train that are held out as val
        train_images/coco-text/COCO_train2014_000000209618.jpg
        train2014/          optional: COCO's pictures in their full size

    The authors hold nothing out; the reference's list is not public, so `val_paths.txt` is yours
    to choose (2,628 questions there). "train" is what the list does not name.
    """
    chosen = choose(split, "val", ("train", "val", "test"))
    source = "test" if chosen == "test" else "train"
    path = root / f"{source}_task_3.json"
    folder = root / ("test_task3_images" if chosen == "test" else "train_images")
    rows = json_rows(path, "data")
    if chosen != "test":
        held_out = set(lines(root / "val_paths.txt"))
        rows = [row for row in rows if (row.text("file_path") in held_out) == (chosen == "val")]
    return checked((_stvqa(row, root, folder, chosen == "test") for row in rows), path)


def _stvqa(row: Row, root: Path, folder: Path, test: bool) -> Item:
    name = row.text("file_path")
    if name.startswith("coco-text/") and (root / "train2014").is_dir():
        folder, name = root / "train2014", name.removeprefix("coco-text/")
    return Item(
        id=row.label("question_id"),
        pictures=(picture(folder, name, row.where),),
        prefix=question(row.text("question")),
        references=() if test else tuple(map(str.lower, row.texts("answers"))),
        extra={"question_id": row.values["question_id"]},
    )


BENCHMARKS = (
    Benchmark(
        name="textvqa",
        title="TextVQA (val)",
        split="val",
        text_length=32,
        metric="vqa",
        licence="CC BY 4.0",
        fetch=(
            "TextVQA_0.5.1_val.json, train_val_images.zip and, for test, test_images.zip from "
            "textvqa.org; Open Images' table of rotations beside the pictures as rotation.csv."
        ),
        read=read_textvqa,
        submission="vqa",
    ),
    Benchmark(
        name="stvqa",
        title="ST-VQA (held out of train)",
        split="val",
        text_length=48,
        metric="anls",
        licence="research use, after registration; pictures under the terms of their sources",
        fetch=(
            "Task 3 of challenge 11 from rrc.cvc.uab.es; the list of held-out pictures is your "
            "own, as the reference's is not public."
        ),
        read=read_stvqa,
        submission="vqa",
    ),
)
