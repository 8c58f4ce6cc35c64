"""Words in photographs, each with its place: ICDAR 2015, Total-Text, HierText.

File names and forms as on rrc.cvc.uab.es (challenge 4), in cs-chan/Total-Text-Dataset and
google-research-datasets/hiertext. A word that nobody can read is a crowd. The report does not give
its prompt.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from palikit.data.records import Polygon, Thing
from palikit.errors import DataError

from .annotated import corners
from .files import Row, checked, choose, first, json_rows, picture, read_text
from .values import Benchmark, Item

__all__ = ["BENCHMARKS"]

PREFIX = "detect text"
LENGTH = 2048

TOTALTEXT = re.compile(
    r"x: \[\[([^\[\]]*)\]\], y: \[\[([^\[\]]*)\]\], ornt: \[[^\[\]]*\], "
    r"transcriptions: \[u?(?:'([^'\n]*)'|\"([^\"\n]*)\")\]"
)


def read_icdar15(root: Path, *, split: str | None = None) -> list[Item]:
    """ICDAR 2015, incidental scene text, end to end.

    Challenge4_Test_Task4_GT/gt_img_1.txt   377,117,463,117,465,130,378,130,Genaxis Theatre
                                            or Task1; "###" cannot be read
    ch4_test_images/img_1.jpg
    ch4_training_localization_transcription_gt/ and ch4_training_images/ for train
    """
    chosen = choose(split, "test", ("test", "train"))
    if chosen == "test":
        folders = [root / f"Challenge4_Test_Task{task}_GT" for task in (4, 1)]
        labels, pictures = first(*folders), root / "ch4_test_images"
    else:
        labels = root / "ch4_training_localization_transcription_gt"
        pictures = root / "ch4_training_images"
    paths = _listed(labels, "gt_*.txt")
    return checked(
        (_item(path.stem.removeprefix("gt_"), pictures, _icdar15(path)) for path in paths), labels
    )


def _listed(folder: Path, pattern: str) -> list[Path]:
    """Files by the numbers in their names."""
    paths = list(folder.glob(pattern))
    if not paths:
        raise DataError(f"{folder} has no files {pattern}: unpack the annotations there")
    return sorted(paths, key=lambda path: (len(path.name), path.name))


def _item(name: str, folder: Path, things: Iterable[Thing]) -> Item:
    shown = picture(folder, f"{name}.jpg", name)
    return Item(id=name, pictures=(shown,), prefix=PREFIX, things=tuple(things))


def _icdar15(path: Path) -> Iterator[Thing]:
    for number, line in enumerate(read_text(path).splitlines(), 1):
        *numbers, text = line.split(",", 8)
        if line.strip():
            polygon = _polygon(numbers, f"{path}, line {number}")
            yield _word(text, polygon, readable=text != "###")


def _polygon(numbers: Iterable[str], where: str) -> Polygon:
    try:
        polygon = tuple(float(number) for number in numbers)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error
    if len(polygon) < 6 or len(polygon) % 2 or not all(abs(value) < 1e9 for value in polygon):
        raise DataError(f"{where}: {len(polygon)} numbers are no corners x, y of a word")
    return polygon


def _word(text: str, polygon: Polygon, *, readable: bool) -> Thing:
    return Thing(text, corners(polygon), (polygon,), crowd=not readable)


def read_totaltext(root: Path, *, split: str | None = None) -> list[Item]:
    """Total-Text, words as polygons.

    Groundtruth/Text/Test/poly_gt_img1.txt   x: [[115 503 494]], y: [[322 346 426]], ornt: [u'm'],
                                             transcriptions: [u'nauGHTY']; "#" cannot be read
    Images/Test/img1.jpg                     "Polygon" and "Legacy" in place of "Text" are read too
    """
    part = choose(split, "test", ("test", "train")).capitalize()
    top = root / "Groundtruth"
    labels = first(*(top / kind / part for kind in ("Text", "Polygon", "Legacy")))
    paths = _listed(labels, "poly_gt_*.txt")
    pictures = root / "Images" / part
    return checked(
        (_item(path.stem.removeprefix("poly_gt_"), pictures, _totaltext(path)) for path in paths),
        labels,
    )


def _totaltext(path: Path) -> list[Thing]:
    # Long lists of numbers run over several lines.
    whole = read_text(path)
    found = list(TOTALTEXT.finditer(whole))
    if len(found) != whole.count("transcriptions:") or (whole.strip() and not found):
        raise DataError(f"{path} holds a word that is not x, y, ornt and transcriptions")
    things = []
    for i, match in enumerate(found):
        xs, ys = match[1].split(), match[2].split()
        if len(xs) != len(ys):
            raise DataError(f"{path}, word {i}: {len(xs)} x stand beside {len(ys)} y")
        paired = [value for pair in zip(xs, ys, strict=True) for value in pair]
        text = match[3] if match[3] is not None else match[4]
        things.append(_word(text, _polygon(paired, f"{path}, word {i}"), readable=text != "#"))
    return things


def read_hiertext(root: Path, *, split: str | None = None) -> list[Item]:
    """HierText: the words of all lines of all paragraphs.

    gt/validation.jsonl (one JSON object in spite of its name)
        {"annotations": [{"image_id", "image_width", "image_height", "paragraphs": [{"lines":
        [{"words": [{"vertices": [[x, y], ...], "text", "legible"}]}]}]}]}
    validation/0a1b2c.jpg
    """
    chosen = choose(split, "validation", ("validation", "train"))
    path = first(root / "gt" / f"{chosen}.jsonl", root / f"{chosen}.jsonl")
    folder = root / chosen
    return checked((_hiertext(row, folder) for row in json_rows(path, "annotations")), path)


def _hiertext(row: Row, folder: Path) -> Item:
    lines = (line for paragraph in row.rows("paragraphs") for line in paragraph.rows("lines"))
    words = (word for line in lines for word in line.rows("words"))
    name = row.text("image_id")
    return Item(
        id=name,
        pictures=(picture(folder, f"{name}.jpg", row.where),),
        prefix=PREFIX,
        things=tuple(map(_vertices, words)),
        size=(row.whole("image_width"), row.whole("image_height")),
    )


def _vertices(row: Row) -> Thing:
    listed = row.values.get("vertices")
    if not isinstance(listed, list) or len(listed) < 3:
        row.refuse("vertices", "three corners or more")
    ends = Row({str(i): corner for i, corner in enumerate(listed)}, f"{row.where}, vertices")
    polygon = tuple(value for i in range(len(listed)) for value in ends.numbers(str(i), 2))
    return _word(row.text("text", ""), polygon, readable=row.flag("legible"))


BENCHMARKS = (
    Benchmark(
        name="icdar15",
        title="ICDAR 2015, end to end (test)",
        split="test",
        text_length=LENGTH,
        metric="spotting",
        licence="CC BY 4.0",
        fetch="Task 4 (or 1) of challenge 4, test images and annotations, from rrc.cvc.uab.es.",
        read=read_icdar15,
    ),
    Benchmark(
        name="totaltext",
        title="Total-Text, end to end (test)",
        split="test",
        text_length=LENGTH,
        metric="spotting",
        licence="BSD-3-Clause; pictures found on the web, under their own terms",
        fetch="totaltext.zip and the text ground truth of github.com/cs-chan/Total-Text-Dataset.",
        read=read_totaltext,
    ),
    Benchmark(
        name="hiertext",
        title="HierText, words (validation)",
        split="validation",
        text_length=LENGTH,
        metric="spotting",
        licence="CC BY-SA 4.0; pictures of Open Images CC BY 2.0",
        fetch="gt/ (unpacked) and validation.tgz of github.com/google-research-datasets/hiertext.",
        read=read_hiertext,
    ),
)
