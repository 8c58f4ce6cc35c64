"""What is left of the user's masks when they are written as sixteen codes and read again."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from palikit.codecs.masks import MaskCodec, mask_to_patch, paste_mask
from palikit.data.pictures import Picture
from palikit.data.records import Dataset, Record, Thing
from palikit.errors import PalikitError

from .findings import Finding, finding
from .looks import Look

__all__ = ["check_masks"]

MOST = 64
"""Masks that are tried of each label: enough for a mean, and the codec takes milliseconds each."""
BATCH = 16
LEAST_IOU = 0.8


@dataclass(frozen=True, slots=True)
class _Sample:
    """A mask to try."""

    thing: Thing
    size: tuple[int, int]
    origin: str


def check_masks(
    dataset: Dataset, records: Sequence[Record], looks: Mapping[Picture, Look], codec: MaskCodec
) -> Iterator[Finding]:
    """The mean IoU that the codec alone leaves, over all labels and of those it spoils."""
    scores: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    samples = _samples(records, looks)
    for start in range(0, len(samples), BATCH):
        batch = samples[start : start + BATCH]
        for sample, iou in _round_trip(batch, codec):
            scores[sample.thing.label].append((iou, sample.origin))
    if not scores:
        return
    means = {label: sum(iou for iou, _ in some) / len(some) for label, some in scores.items()}
    worst = sorted(means, key=lambda label: (means[label], label))
    for label in worst:
        if means[label] < LEAST_IOU:
            message = (
                f"{label}: codes keep a mean IoU of {means[label]:.2f} "
                f"(masks tried: {len(scores[label])}); this record has the worst"
            )
            yield finding("masks-lossy", min(scores[label])[1], message)
    every = [iou for some in scores.values() for iou, _ in some]
    listed = ", ".join(f"{label} {means[label]:.2f}" for label in worst[:3])
    message = f"codes keep a mean IoU of {sum(every) / len(every):.2f} of {len(every)} masks"
    yield finding("masks-ceiling", dataset.name, f"{message}; worst labels: {listed}")


def _samples(records: Sequence[Record], looks: Mapping[Picture, Look]) -> list[_Sample]:
    samples: list[_Sample] = []
    taken: defaultdict[str, int] = defaultdict(int)
    for record in records:
        size = size_of(record, looks)
        for thing in record.things or ():
            if size and thing.has_mask and not thing.crowd and taken[thing.label] < MOST:
                taken[thing.label] += 1
                samples.append(_Sample(thing, size, record.origin))
    return samples


def size_of(record: Record, looks: Mapping[Picture, Look]) -> tuple[int, int] | None:
    """(width, height) of the picture that the boxes lie in, or as the labels say."""
    seen = looks.get(record.pictures[0]) if record.pictures else None
    return record.size if seen is None or seen.size is None else seen.size


def _round_trip(batch: Sequence[_Sample], codec: MaskCodec) -> Iterator[tuple[_Sample, float]]:
    tried = []
    for sample in batch:
        try:
            mask = sample.thing.mask(sample.size)
            if mask is not None and mask.any():
                tried.append((sample, mask, mask_to_patch(mask, sample.thing.box)))
        except (PalikitError, ValueError):  # a broken mask or box, which other checks tell
            continue
    if not tried:
        return
    decoded = codec.decode(codec.encode(torch.stack([patch for _, _, patch in tried])))
    for (sample, mask, _), patch in zip(tried, decoded, strict=True):
        again = paste_mask(patch, sample.thing.box, sample.size)
        yield sample, float((mask & again).sum() / (mask | again).sum())
