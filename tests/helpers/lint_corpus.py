"""A clean corpus of two splits, and a maker that adds one record for each seeded defect."""

import io
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from palikit.coco import encode_rle
from palikit.data.pictures import FilePicture
from palikit.data.records import Dataset, Record, Thing
from palikit.results import Box

SIZE = (96, 64)
CLASSES = ("person", "cat", "traffic light", "apple")
BOX = Box(20, 10, 50, 50)
RIGHT = "<loc0100><loc0100><loc0500><loc0500>"


def blocks(rng: np.random.Generator, size: tuple[int, int] = SIZE) -> Image.Image:
    """A picture like no other: 8 x 6 blocks of random colours."""
    colours = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize(size, Image.Resampling.NEAREST)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def ellipse(box: Box) -> np.ndarray:
    y, x = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    across = ((x - (box.x1 + box.x2) / 2) / (box.width / 2)) ** 2
    return across + ((y - (box.y1 + box.y2) / 2) / (box.height / 2)) ** 2 <= 1


def outline(box: Box) -> tuple[float, ...]:
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    x = (box.x1 + box.x2) / 2 + np.cos(angles) * box.width / 2
    y = (box.y1 + box.y2) / 2 + np.sin(angles) * box.height / 2
    return tuple(np.stack([x, y], axis=1).ravel().tolist())


@dataclass
class Corpus:
    """Records by split; `seed` adds one whose origin is the defect's name."""

    folder: Path
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(5))
    train: list[Record] = field(default_factory=list)
    val: list[Record] = field(default_factory=list)
    classes: list[str] = field(default_factory=lambda: list(CLASSES))
    more: list[Dataset] = field(default_factory=list)
    made: int = 0

    def datasets(self) -> list[Dataset]:
        classes = tuple(dict.fromkeys(self.classes))
        parts = (("train", self.train), ("val", self.val))
        return [Dataset(name, tuple(part), classes) for name, part in parts] + self.more

    def image(self) -> Image.Image:
        return blocks(self.rng)

    def file(self, data: bytes | None = None, ending: str = "png") -> FilePicture:
        """A new file with these bytes, or with a new picture."""
        self.made += 1
        path = self.folder / f"{self.made:03d}.{ending}"
        path.write_bytes(encoded(self.image()) if data is None else data)
        return FilePicture(path)

    def record(self, origin: str, **changes: Any) -> Record:
        """A sound record with one person, changed as told."""
        sound = Record(pictures=(), origin=origin, size=SIZE, things=(person(),))
        if "pictures" not in changes:
            changes["pictures"] = (self.file(),)
        return replace(sound, **changes)

    def seed(self, name: str, **changes: Any) -> Record:
        """A record of the train split with a defect."""
        self.train.append(self.record(name, **changes))
        return self.train[-1]

    def words(self, name: str, **changes: Any) -> Record:
        """A record without things, about which words are wrong."""
        return self.seed(name, **{"things": None, **changes})

    def thing(self, name: str, *things: Thing) -> Record:
        """A record whose things are wrong."""
        return self.seed(name, things=things)


def person(box: Box = BOX, **shape: Any) -> Thing:
    return Thing("person", box, **shape)


def clean(folder: Path) -> Corpus:
    """30 + 8 pictures of persons, cats and more, some with outlines, masks or words."""
    corpus = Corpus(folder)
    for i in range(38):
        split = corpus.train if i < 30 else corpus.val
        split.append(corpus.record(f"{'train' if i < 30 else 'val'} {i}", things=_things(i)))
    for i, words in enumerate(WORDS):
        corpus.train.append(corpus.record(f"words {i}", things=None, **words))
    corpus.train.append(corpus.record("nothing there", things=()))
    corpus.train.append(replace(corpus.train[0], origin="asked twice", things=None, **WORDS[0]))
    return corpus


def _things(i: int) -> tuple[Thing, ...]:
    boxes = [Box(4 + i % 5, 6, 40 + i % 7, 58), Box(52, 8 + i % 4, 92, 50), Box(44, 2, 95, 30)]
    shaped = Thing("person", boxes[0], polygons=(outline(boxes[0]),))
    counted = Thing("cat", boxes[1], rle=encode_rle(ellipse(boxes[1])))
    third = Thing(("traffic light", "apple")[i % 2], boxes[2])
    return (person(), shaped, counted, third)


WORDS: tuple[dict[str, Any], ...] = (
    {"prefix": "caption en", "suffix": "a cat on a roof"},
    {"prefix": "detect cat", "suffix": f"{RIGHT} cat ; {RIGHT} cat"},
    {"prefix": "detect cat ; person", "suffix": f"{RIGHT} person"},
    {"prefix": "detect apple", "suffix": ""},
    {"prefix": "segment cat", "suffix": f"{RIGHT}{'<seg012>' * 16} cat"},
    {"prefix": f"describe {RIGHT}", "suffix": "a red apple, half eaten"},
    {"question": "how many cats are there?", "answers": ("two", "2", "two")},
    {"captions": ("a cat", "eine Katze – schön", "猫"), "lang": "de"},
    {"question": "is it night?", "answers": ("no",), "lang": "pt-br"},
)
