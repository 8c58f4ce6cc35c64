"""Records to training examples: opened, augmented, asked about, the answer spelled.

make = ExampleMaker(dataset.classes, Asking(task="detect"))
make(record, rng)            Example(pictures=(…,), prefix="detect cat", suffix="<loc0051>… cat")
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import torch
from PIL import Image

from palikit.codecs.boxes import NUM_BINS, Bins, encode_box
from palikit.codecs.masks import MaskCodec, mask_to_patch
from palikit.codecs.prompts import NOISE_LABEL
from palikit.codecs.text import SEPARATOR, format_region
from palikit.errors import UsageError

from .asking import Asked, Asking, ask
from .augment import Augment
from .examples import Example
from .pictures import open_picture
from .records import Record, Thing

__all__ = ["Augmenter", "ExampleMaker"]

Augmenter: TypeAlias = Callable[
    [Image.Image, tuple[Thing, ...], np.random.Generator],
    tuple[Image.Image, tuple[Thing, ...]],
]
"""Changes a picture and moves its things with it, such as `palikit.data.augment.Augment`."""


@dataclass(frozen=True, slots=True, eq=False)
class ExampleMaker:
    """All that turns a record into an example; the same record and draw give the same one.

    Attributes:
        classes: of the dataset, which `detect` and `segment` may ask for.
        codec: turns masks into codes; needed for `segment`.
        augment: moves picture and things together; None leaves them as they are.
    """

    classes: Sequence[str]
    asking: Asking
    codec: MaskCodec | None = None
    augment: Augmenter | None = None

    def __call__(self, record: Record, rng: np.random.Generator) -> Example:
        """An example of the record.

        Raises:
            ImageError: its picture cannot be read.
            DataError: it lacks what the task is about.
        """
        pictures = tuple(open_picture(picture) for picture in record.pictures)
        if self.augment is not None and len(pictures) == 1:
            vary = self.augment
            if isinstance(vary, Augment):
                vary = vary.for_words(_words(record))
            image, things = vary(pictures[0], record.things or (), rng)
            pictures = (image,)
            record = replace(record, things=None if record.things is None else things)
        asked = ask(record, self.asking, self.classes, rng)
        if not asked.things and not (self.asking.noise and asked.is_regions):
            return Example(pictures, asked.prefix, asked.suffix)
        pieces = self._regions(asked, pictures[0].size)
        quiet = _noise(self.asking.noise - len(pieces), rng)
        return Example(pictures, asked.prefix, *_joined(pieces, quiet))

    def _regions(self, asked: Asked, size: tuple[int, int]) -> list[str]:
        told = [(thing, encode_box(thing.box, size)) for thing in asked.things]
        # A box that is thinner than a bin cannot be told: the model would learn to write nonsense.
        told = [(thing, bins) for thing, bins in told if bins[2] > bins[0] and bins[3] > bins[1]]
        codes = self._codes([thing for thing, _ in told], size) if asked.with_masks else None
        return [
            format_region(bins, thing.label, codes[i] if codes else None)
            for i, (thing, bins) in enumerate(told)
        ]

    def _codes(self, things: list[Thing], size: tuple[int, int]) -> list[list[int]]:
        if self.codec is None:
            raise UsageError("masks need a mask codec: give a model that has one beside it")
        patches = []
        for thing in things:
            mask = thing.mask(size)
            assert mask is not None  # `ask` leaves out what has none
            patches.append(mask_to_patch(mask, thing.box))
        codes: list[list[int]] = self.codec.encode(torch.stack(patches)).tolist() if patches else []
        return codes


def _words(record: Record) -> tuple[str, ...]:
    """All that an augmentation may make false."""
    texts = (record.prefix, record.suffix or "", record.question, *record.captions)
    return tuple(text for text in (*texts, *record.answers) if text)


def _noise(count: int, rng: np.random.Generator) -> list[str]:
    """Boxes of no thing, anywhere."""
    pieces = []
    for _ in range(max(0, count)):
        y1, y2 = sorted(rng.choice(NUM_BINS, 2, replace=False).tolist())
        x1, x2 = sorted(rng.choice(NUM_BINS, 2, replace=False).tolist())
        box: Bins = (y1, x1, y2, x2)
        pieces.append(format_region(box, NOISE_LABEL))
    return pieces


def _joined(pieces: list[str], noise: list[str]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The answer, and where in it the places of noise stand: its name alone is learned."""
    text, silent = SEPARATOR.join(pieces), []
    for piece in noise:
        text += SEPARATOR if text else ""
        silent.append((len(text), len(text) + len(piece) - len(NOISE_LABEL) - 1))
        text += piece
    return text, tuple(silent)
