"""From the tokens of an answer to its typed value."""

from dataclasses import replace

import numpy as np
import torch

from palikit.codecs.calibration import Calibration
from palikit.codecs.masks import MaskCodec, paste_mask
from palikit.codecs.refining import refine_boxes
from palikit.decode.generate import Generated
from palikit.decode.grammar import Walk
from palikit.errors import CodecError
from palikit.inputs.tokenizer import Tokenizer
from palikit.results import Regions, Text
from palikit.tasks import Task

__all__ = ["kept", "read_answer"]


def kept(told: Generated, walk: Walk | None) -> Generated:
    """Without the repeated region that ended a list.

    Raises:
        PalikitError: the walk could not go on, so what it told is no answer.
    """
    if walk is not None and walk.error is not None:
        raise walk.error
    if walk is None or walk.kept is None:
        return told
    end = walk.kept
    return Generated(told.ids[:end], told.logprobs[:end], finished=True, offsets=told.offsets[:end])


def read_answer(
    task: Task,
    generated: Generated,
    size: tuple[int, int],
    tokenizer: Tokenizer,
    mask_codec: MaskCodec | None,
    calibration: Calibration | None = None,
) -> Text | Regions:
    """What a model said about a picture of `size` (width, height)."""
    text, spans = tokenizer.decode_spans(generated.ids)
    logprobs = generated.logprobs

    def score(start: int, end: int, /, *, joint: bool = False) -> float:
        # The end token has a log-probability but no span.
        pairs = zip(logprobs, spans, strict=False)
        inside = [p for p, (a, b) in pairs if a < end and b > start]
        over = np.sum if joint else np.mean
        return float(np.exp(over(inside))) if inside else 1.0

    answer = task.parse(text, size, score, logprobs)
    if isinstance(answer, Regions) and any(generated.offsets):
        pairs = zip(spans, generated.offsets, strict=True)
        answer = refine_boxes(answer, {start: offset for (start, _), offset in pairs if offset})
    if isinstance(answer, Text):
        answer = replace(answer, finished=generated.finished)
    if calibration is not None:
        answer = calibration.apply(answer)
    return _with_masks(answer, mask_codec) if isinstance(answer, Regions) else answer


def _with_masks(regions: Regions, mask_codec: MaskCodec | None) -> Regions:
    coded = [region.codes for region in regions if region.codes is not None]
    if not coded:
        return regions
    if mask_codec is None:
        raise CodecError(
            "the answer holds <seg> tokens but no mask codec is loaded: "
            "pass load(..., mask_codec='vae-oid.npz')"
        )
    patches = iter(mask_codec.decode(torch.tensor(coded)))
    items = tuple(
        region
        if region.codes is None
        else replace(region, mask=paste_mask(next(patches), region.box, regions.size))
        for region in regions
    )
    return replace(regions, items=items)
