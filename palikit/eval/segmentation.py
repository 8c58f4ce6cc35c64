"""Referring segmentation: the mask that a sentence names, against the annotated one.

    answers = mask_answers(regions, decode)              # box bins and the decoder's 64 x 64 map
    referring_iou(answers, masks).miou                   # RefCOCO's number, from 0 to 1

Source: big_vision's `evaluators/proj/paligemma/transfers/segmentation.py`, whose way of drawing a
mask is kept here to the pixel: the corners are cut to whole pixels (not rounded), the map is
resized to the box by Pillow's bilinear filter, and a pixel is inside where the result is above 0.
`palikit.codecs.masks.paste_mask`, which draws for users, rounds and uses another filter.

Departure: where the reference wants an answer to begin with its tokens, the first region that was
read is taken. Addition: cIoU, all shared pixels over all joint pixels of the data set, which the
RefCOCO literature reports as "overall IoU"; the reference has the mean alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from palikit.codecs.boxes import NUM_BINS, Bins, encode_box
from palikit.errors import UsageError
from palikit.results import MaskArray, Regions

__all__ = ["MaskAnswer", "ReferringScores", "draw_answer", "mask_answers", "referring_iou"]

Maps: TypeAlias = NDArray[np.float32]
Decode: TypeAlias = Callable[[NDArray[np.int64]], Maps]
"""Codes [n, 16] to maps [n, 64, 64] that are inside where > 0, as `MaskCodec.decode`."""


@dataclass(frozen=True, slots=True, eq=False)
class MaskAnswer:
    """A mask as the model gives it.

    Attributes:
        bins: y1 x1 y2 x2, each from 0 to 1023.
        patch: float [64, 64], the mask decoder's output, inside where > 0.
    """

    bins: Bins
    patch: Maps


@dataclass(frozen=True, slots=True)
class ReferringScores:
    """What `referring_iou` found.

    Attributes:
        miou: the mean of the IoUs of all objects, from 0 to 1.
        ciou: shared pixels over joint pixels, each summed over all objects, from 0 to 1.
        ious: one an object; 0 where the answer is invalid.
        invalid: the objects (by position) without a mask, or with a box of no whole pixel.
    """

    miou: float
    ciou: float
    ious: tuple[float, ...]
    invalid: tuple[int, ...]


def referring_iou(
    predictions: Sequence[MaskAnswer | None], references: Sequence[MaskArray]
) -> ReferringScores:
    """Mean and cumulative IoU over objects; None is an answer without a mask and scores 0.

    A reference is a mask [H, W] or [H, W, C] at the size of the original picture, inside where its
    first channel is above 0. Two masks without any pixel share nothing: 0.

    Raises:
        UsageError: lists of different length or empty, or a reference of another shape.
    """
    if len(predictions) != len(references) or not references:
        raise UsageError(
            f"{len(predictions)} masks came for {len(references)} references: "
            "give one of each an object, and at least one"
        )
    truth = [_inside(mask) for mask in references]
    drawn = [
        None if answer is None else draw_answer(answer, (mask.shape[1], mask.shape[0]))
        for answer, mask in zip(predictions, truth, strict=True)
    ]
    counts = [
        (0, int(right.sum())) if told is None else _pixels(told, right)
        for told, right in zip(drawn, truth, strict=True)
    ]
    ious = tuple(shared / joint if joint else 0.0 for shared, joint in counts)
    shared, joint = (sum(column) for column in zip(*counts, strict=True))
    return ReferringScores(
        miou=sum(ious) / len(ious),
        ciou=shared / joint if joint else 0.0,
        ious=ious,
        invalid=tuple(i for i, told in enumerate(drawn) if told is None),
    )


def draw_answer(answer: MaskAnswer, size: tuple[int, int]) -> MaskArray | None:
    """The mask [H, W] in a picture of `size` (width, height); None where the box has no pixel.

    Raises:
        UsageError: bins out of range, or a patch that is no square map.
    """
    patch = np.asarray(answer.patch, np.float32)
    if patch.ndim != 2 or not patch.size:
        raise UsageError(f"a patch of shape {patch.shape} is no mask: give the decoder's [64, 64]")
    if len(answer.bins) != 4 or not all(0 <= value < NUM_BINS for value in answer.bins):
        raise UsageError(f"bins {answer.bins} are not four numbers from 0 to {NUM_BINS - 1}")
    width, height = size
    y1, x1, y2, x2 = (
        int(value / (NUM_BINS - 1) * side)
        for value, side in zip(answer.bins, (height, width, height, width), strict=True)
    )
    if x2 <= x1 or y2 <= y1:
        return None
    small = Image.fromarray(patch).resize((x2 - x1, y2 - y1), Image.Resampling.BILINEAR)
    mask = np.zeros((height, width), np.bool_)
    mask[y1:y2, x1:x2] = np.asarray(small) > 0.0
    return mask


def mask_answers(found: Sequence[Regions], decode: Decode) -> list[MaskAnswer | None]:
    """The first region of each answer, as the reference reads it; None where it has no codes.

    `decode` is handed all codes at once:
    `lambda codes: codec.decode(torch.from_numpy(codes)).numpy()`.
    """
    first = [regions[0] if len(regions) else None for regions in found]
    codes = [region.codes for region in first if region is not None and region.codes is not None]
    maps = iter(np.asarray(decode(np.array(codes, np.int64)), np.float32) if codes else ())
    return [
        None
        if region is None or region.codes is None
        else MaskAnswer(encode_box(region.box, regions.size), next(maps))
        for region, regions in zip(first, found, strict=True)
    ]


def _inside(mask: MaskArray) -> MaskArray:
    array = np.asarray(mask)
    if array.ndim not in (2, 3) or not array.size:
        raise UsageError(f"a reference of shape {array.shape} is no mask: give [H, W] of a picture")
    inside: MaskArray = (array if array.ndim == 2 else array[:, :, 0]) > 0
    return inside


def _pixels(a: MaskArray, b: MaskArray) -> tuple[int, int]:
    """How many pixels are in both, and in either."""
    return int((a & b).sum()), int((a | b).sum())
