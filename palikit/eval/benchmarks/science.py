"""Multiple choice from school books: ScienceQA and AI2D.

File names and keys as in lupantech/ScienceQA and on allenai.org/data/diagrams.
"""

from collections.abc import Iterator
from pathlib import Path

from palikit.data.pictures import Picture

from .altered import LetteredPicture, Lettering
from .files import Row, checked, choose, first, json_object, lines, picture
from .prompts import LETTERS, lettered_choice, multiple_choice
from .questions import pick
from .values import Benchmark, Item

__all__ = ["BENCHMARKS"]


def read_science_qa(root: Path, *, split: str | None = None) -> list[Item]:
    """ScienceQA: the questions that have a picture; the group is the subject.

    problems.json             {"5": {"question", "choices", "answer": 0, "hint", "image":
                              "image.png", "split": "test", "subject"}}
    test/5/image.png          or images/test/5/image.png
    """
    chosen = choose(split, "test", ("train", "val", "test"))
    path = root / "problems.json"
    folder = first(root / chosen, root / "images" / chosen)
    rows = json_object(path).items()
    mine = (
        (name, row) for name, row in rows if row.text("split") == chosen and row.values.get("image")
    )
    return checked((_science_qa(name, row, folder) for name, row in mine), path)


def _science_qa(name: str, row: Row, folder: Path) -> Item:
    choices = row.texts("choices")
    if len(choices) > len(LETTERS):
        row.refuse("choices", f"at most {len(LETTERS)} options")
    pick(row, choices, "answer")
    return Item(
        id=name,
        pictures=(picture(folder, f"{name}/{row.text('image')}", row.where),),
        prefix=lettered_choice(row.text("question"), row.text("hint", ""), choices),
        references=(f"The answer is {LETTERS[row.whole('answer')]}.",),
        group=row.text("subject", ""),
        extra={"choices": choices},
    )


def read_ai2d(root: Path, *, split: str | None = None) -> list[Item]:
    """AI2D: diagrams, whose parts are lettered where the question is about letters.

        ai2d_test_ids.csv              one diagram a line: "0"
        ai2d/questions/0.png.json      {"imageName": "0.png", "questions": {"What is A?":
                                       {"questionId", "abcLabel", "answerTexts", "correctAnswer"}}}
        ai2d/annotations/0.png.json    {"text": {"T0": {"rectangle": [[x, y], [x, y]],
                                       "replacementText": "A"}}}
        ai2d/images/0.png

    The group tells questions about letters ("abc") from the others.
    """
    chosen = choose(split, "test", ("train", "test"))
    names = root / "ai2d_test_ids.csv"
    test = set(lines(names))
    folder = root / "ai2d"
    paths = sorted((folder / "questions").glob("*.json"))
    mine = [path for path in paths if (path.name.split(".")[0] in test) == (chosen == "test")]
    return checked((item for path in mine for item in _diagram(path, folder)), names)


def _diagram(path: Path, folder: Path) -> Iterator[Item]:
    diagram = json_object(path)
    plain = picture(folder / "images", diagram.text("imageName"), diagram.where)
    for asked, row in diagram.row("questions").items():
        lettered = row.flag("abcLabel")
        shown: Picture = plain
        if lettered:
            shown = LetteredPicture(plain, _letterings(folder / "annotations" / path.name))
        options = row.texts("answerTexts")
        yield Item(
            id=row.label("questionId"),
            pictures=(shown,),
            prefix=multiple_choice(asked, options),
            references=(pick(row, options, "correctAnswer"),),
            group="abc" if lettered else "",
            extra={"choices": options},
        )


def _letterings(path: Path) -> tuple[Lettering, ...]:
    return tuple(
        (row.text("replacementText"), _rectangle(row))
        for _, row in json_object(path).row("text").items()
    )


def _rectangle(row: Row) -> tuple[float, float, float, float]:
    """`[[x1, y1], [x2, y2]]`, put in order."""
    listed = row.values.get("rectangle")
    if not isinstance(listed, list) or len(listed) != 2:
        row.refuse("rectangle", "two corners")
    ends = Row({"first": listed[0], "second": listed[1]}, f"{row.where}, rectangle")
    (x1, y1), (x2, y2) = ends.numbers("first", 2), ends.numbers("second", 2)
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


BENCHMARKS = (
    Benchmark(
        name="science_qa",
        title="ScienceQA, with pictures (test)",
        split="test",
        text_length=512,
        metric="letter",
        licence="CC BY-NC-SA 4.0",
        fetch="problems.json and the images of test from github.com/lupantech/ScienceQA.",
        read=read_science_qa,
    ),
    Benchmark(
        name="ai2d",
        title="AI2D (test)",
        split="test",
        text_length=128,
        metric="exact",
        licence="CC BY-SA 4.0",
        fetch=(
            "ai2d-all.zip from ai2-public-datasets.s3.amazonaws.com/diagrams, ai2d_test_ids.csv "
            "from s3-us-east-2.amazonaws.com/prior-datasets."
        ),
        read=read_ai2d,
    ),
)
