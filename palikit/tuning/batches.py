"""Batches for fine-tuning: a pure function of the step, made in worker processes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from palikit.data.examples import Example
from palikit.data.making import ExampleMaker
from palikit.data.mixture import Draw, Mixture
from palikit.errors import DataError, ImageError
from palikit.inputs.batch import Batch
from palikit.inputs.image import stack_frames
from palikit.inputs.processor import Processor, Row
from palikit.train.loss import Weighing, total_weight, weigh

from .features import FeatureFile

__all__ = ["Batcher", "TuningBatch", "row_of"]

RETRIES = 10
"""Broken records in a row after which something larger must be wrong."""


@dataclass(frozen=True, slots=True, eq=False)
class TuningBatch:
    """A part of a step.

    Attributes:
        text: tokens and masks, and the pictures where there are no features.
        weights: of each suffix token in the step's loss; all parts' sum to 1.
        features: what the vision tower made of the pictures, where it was computed before.
        notes: what went wrong while it was made.
        total: examples or tokens of all parts, of which the weights are the mean.
    """

    text: Batch
    weights: Float[Tensor, "B L"]
    features: Float[Tensor, "B I W"] | None
    notes: tuple[str, ...] = ()
    total: float = 1.0

    def scaled(self, by: float) -> "TuningBatch":
        """The same with its weights multiplied."""
        return replace(self, weights=self.weights * by)

    def to(self, device: torch.device) -> "TuningBatch":
        """The same on another device."""
        features = None if self.features is None else self.features.to(device)
        text = self.text.to(device)
        return replace(self, text=text, weights=self.weights.to(device), features=features)


@dataclass(frozen=True, slots=True, eq=False)
class Batcher:
    """Makes the parts of any step; it holds all that this needs, so a worker takes it along."""

    mixture: Mixture
    make: ExampleMaker
    processor: Processor
    batch_size: int
    accumulate: int = 1
    max_suffix: int = 512
    weighing: Weighing = "example"
    features: FeatureFile | None = None

    def __call__(self, step: int) -> list[TuningBatch]:
        """The batches of a step, counted from 0."""
        return self._make(0, 1, step)

    def share(self, rank: int, size: int) -> Callable[[int], list[TuningBatch]]:
        """What makes one process's share of any step: every `size`-th row of each part.

        Weights are a mean over the share. A process without a row in a part takes the part's first
        without weight, because all processes compute together or not at all.
        """
        return partial(self._make, rank, size)

    def _make(self, rank: int, ranks: int, step: int) -> list[TuningBatch]:
        first, size = step * self.batch_size, self.batch_size // self.accumulate
        parts = [range(first + i, first + i + size) for i in range(0, self.batch_size, size)]
        own = [part[rank::ranks] for part in parts]
        made = [
            [self._one(index) for index in mine or part[:1]]
            for mine, part in zip(own, parts, strict=True)
        ]
        texts = [self.processor.collate([row for row, _, _ in rows]) for rows in made]
        weights, total = self._weigh(texts, own)
        return [
            TuningBatch(
                text,
                weight,
                self._read([draw for _, draw, _ in rows]),
                tuple(note for _, _, notes in rows for note in notes),
                total,
            )
            for rows, text, weight in zip(made, texts, weights, strict=True)
        ]

    def _weigh(self, texts: Sequence[Batch], own: Sequence[range]) -> tuple[list[Tensor], float]:
        masks = [text.mask_loss[:, text.prefix_length :] for text in texts]
        counted = [mask for mask, mine in zip(masks, own, strict=True) if mine]
        weighed = iter(weigh(counted, self.weighing) if counted else [])
        weights = [
            next(weighed) if mine else torch.zeros_like(mask)
            for mask, mine in zip(masks, own, strict=True)
        ]
        return weights, total_weight(counted, self.weighing)

    def _one(self, index: int) -> tuple[Row, Draw, list[str]]:
        """The example at an index; where its record is broken, another one, and a word about it."""
        notes: list[str] = []
        for attempt in range(RETRIES):
            draw = self.mixture[index + attempt * 1_000_003]
            try:
                example = self.make(draw.record, draw.rng)
                pixels = self.features is None
                return row_of(example, self.processor, self.max_suffix, pixels), draw, notes
            except (ImageError, DataError) as error:
                notes.append(f"left out: {error}")
        raise DataError(
            f"{RETRIES} records in a row are broken, the last: {notes[-1]}; "
            "look at them all with 'palikit data lint'"
        )

    def _read(self, draws: Sequence[Draw]) -> Tensor | None:
        if self.features is None:
            return None
        return torch.stack([self.features.read(draw.record) for draw in draws])


def row_of(example: Example, processor: Processor, max_suffix: int, pixels: bool = True) -> Row:
    """An example as numbers; a suffix that is too long is cut, its end token with it."""
    suffix, silent = _suffix_ids(example, processor)
    return Row(
        stack_frames(example.pictures, processor.resize) if pixels else None,
        processor.prefix_ids(example.prefix),
        suffix[:max_suffix],
        [token for token in silent if token < max_suffix],
    )


def _suffix_ids(example: Example, processor: Processor) -> tuple[list[int], list[int]]:
    """All tokens of the answer, and the numbers of those that are not learned."""
    encode = processor.tokenizer.encode
    ids: list[int] = []
    silent: list[int] = []
    at = 0
    for start, end in example.silent:
        ids += encode(example.suffix[at:start], codes=True)
        quiet = encode(example.suffix[start:end], codes=True)
        silent += range(len(ids), len(ids) + len(quiet))
        ids += quiet
        at = end
    return [*ids, *processor.suffix_ids(example.suffix[at:])], silent
