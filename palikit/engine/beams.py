"""Beam searches in batches: they end together, so nobody joins one."""

from collections.abc import Sequence

import torch

from palikit.decode.beam import beam_search
from palikit.decode.generate import Generated
from palikit.decode.sampling import Decoding
from palikit.inputs.processor import Processor, Row
from palikit.model.paligemma import PaliGemma

from .asked import Asked
from .seen import Seen

__all__ = ["search"]


def search(
    model: PaliGemma,
    processor: Processor,
    asked: Sequence[tuple[Seen, Asked]],
    decoding: Decoding,
) -> list[Generated]:
    """The best answers to tasks about pictures, in the order asked."""
    # Rows of different numbers of pictures do not fit into one tensor.
    by_length: dict[int, list[int]] = {}
    for i, (seen, _) in enumerate(asked):
        by_length.setdefault(seen.features.shape[1], []).append(i)
    answers: dict[int, Generated] = {}
    for rows in by_length.values():
        features = torch.cat([asked[i][0].features for i in rows])
        batch = processor.collate([Row(None, asked[i][1].prefix) for i in rows])
        found = beam_search(
            model,
            features,
            batch.tokens.to(features.device),
            batch.mask_input.to(features.device),
            eos_id=processor.tokenizer.eos_id,
            beam_size=decoding.beam_size,
            max_new_tokens=[asked[i][1].limit for i in rows],
        )
        answers.update(zip(rows, found, strict=True))
    return [answers[i] for i in range(len(asked))]
