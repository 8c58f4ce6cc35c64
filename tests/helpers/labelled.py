"""For tests of writers: strategies of records, and minimal readers of what was written."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from palikit.coco import encode_rle
from palikit.data.pictures import FilePicture
from palikit.data.records import Dataset, Record, Thing
from palikit.results import Box

__all__ = ["boxed_records", "datasets", "things_of_coco", "things_of_yolo"]

WIDTH, HEIGHT = 640, 480
LABELS = ("cat", "dog", "Käse 'ß' : #", "true", "7")

# Eighths of a pixel: sums and differences of them are exact.
eighths = st.integers(0, 8 * HEIGHT).map(lambda n: n / 8)
finely = st.decimals(0, HEIGHT, places=3).map(float)


@st.composite
def things(draw: Any, numbers: Any, masks: bool = True) -> Thing:
    """A box, an outline with its box, or run lengths with a box around the whole picture."""
    kind = draw(st.sampled_from(["box", "outline", "runs"] if masks else ["box", "outline"]))
    label = draw(st.sampled_from(LABELS))
    if kind == "outline":
        polygon = tuple(draw(st.lists(numbers, min_size=6, max_size=6)))
        xs, ys = polygon[::2], polygon[1::2]
        return Thing(label, Box(min(xs), min(ys), max(xs), max(ys)), polygons=(polygon,))
    x1, x2 = sorted(draw(st.tuples(numbers, numbers)))
    y1, y2 = sorted(draw(st.tuples(numbers, numbers)))
    if kind == "runs":
        mask = np.zeros((HEIGHT, WIDTH), np.bool_)
        mask[: draw(st.integers(0, 9)), : draw(st.integers(0, 9))] = True
        return Thing(label, Box(x1, y1, x2, y2), rle=encode_rle(mask), crowd=draw(st.booleans()))
    return Thing(label, Box(x1, y1, x2, y2))


def boxed_records(folder: Path, numbers: Any = eighths, **options: Any) -> Any:
    """Lists of records of things, each of a picture of its own that need not be there."""
    lists = st.lists(st.lists(things(numbers, **options), max_size=3).map(tuple), max_size=4)
    return lists.map(
        lambda rows: [
            Record(
                pictures=(FilePicture(folder / f"{i}.jpg"),),
                origin=f"row {i}",
                id=str(i),
                size=(WIDTH, HEIGHT),
                things=row,
            )
            for i, row in enumerate(rows, start=1)
        ]
    )


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
)


@st.composite
def datasets(draw: Any, folder: Path) -> Dataset:
    """Anything that a record can say."""
    rows = draw(st.lists(st.none() | st.lists(things(finely), max_size=2).map(tuple), max_size=3))
    records = [
        Record(
            pictures=tuple(
                FilePicture(folder / f"{i}-{n}.jpg") for n in range(draw(st.integers(1, 2)))
            ),
            origin="",
            id=draw(words),
            size=draw(st.none() | st.just((WIDTH, HEIGHT))),
            things=row,
            captions=tuple(draw(st.lists(words, max_size=2))),
            question=draw(words),
            answers=tuple(draw(st.lists(words, max_size=2))),
            prefix=draw(words),
            suffix=draw(st.none() | words),
            lang=draw(st.sampled_from(["en", "de"])),
            extra=draw(st.dictionaries(words | st.just("boxes"), values.filter(bool), max_size=2)),
        )
        for i, row in enumerate(rows)
    ]
    found = dict.fromkeys(thing.label for row in rows for thing in row or ())
    declared = draw(st.booleans())
    return Dataset("any", records, LABELS if declared else tuple(found))


def things_of_coco(path: Path) -> dict[str, tuple[Thing, ...]]:
    """File name to things, of a file that is known to be well formed."""
    document = json.loads(path.read_text("utf-8"))
    names = {entry["id"]: entry["name"] for entry in document["categories"]}
    found: dict[str, tuple[Thing, ...]] = {}
    for image in document["images"]:
        entries = [one for one in document["annotations"] if one["image_id"] == image["id"]]
        found[image["file_name"]] = tuple(_of_coco(one, names) for one in entries)
    return found


def _of_coco(entry: dict[str, Any], names: dict[int, str]) -> Thing:
    x, y, width, height = entry["bbox"]
    shape = entry["segmentation"]
    return Thing(
        names[entry["category_id"]],
        Box(x, y, x + width, y + height),
        polygons=tuple(map(tuple, shape)) if isinstance(shape, list) else (),
        rle=shape if isinstance(shape, dict) else None,
        crowd=bool(entry["iscrowd"]),
    )


def things_of_yolo(folder: Path, split: str) -> dict[str, list[tuple[str, list[float]]]]:
    """Stem of a picture to its rows, each a name and the numbers in pixels."""
    import yaml

    names = yaml.safe_load((folder / "data.yaml").read_text("utf-8"))["names"]
    found: dict[str, list[tuple[str, list[float]]]] = {}
    for file in sorted((folder / "labels" / split).rglob("*.txt")):
        rows = []
        for line in file.read_text("utf-8").splitlines():
            number, *shares = line.split()
            sides = (WIDTH, HEIGHT)
            rows.append(
                (names[int(number)], [float(s) * sides[i % 2] for i, s in enumerate(shares)])
            )
        found[file.stem] = rows
    return found
