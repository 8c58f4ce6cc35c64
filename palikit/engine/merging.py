"""Adapters into the weights that they change, written as a checkpoint of its own."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from palikit.errors import CheckpointError, UsageError
from palikit.model.lora import merge_lora
from palikit.model.paligemma import PaliGemma
from palikit.weights.load import load_model
from palikit.weights.peft import load_adapter
from palikit.weights.save import save_folder
from palikit.weights.source import find

from .load import open_tools

__all__ = ["merge_folder"]

_SHARE = {torch.float32: 1e-4, torch.bfloat16: 5e-2}
"""How far the scores may move, as a share of the largest: what rounding the sum does to them."""


def merge_folder(source: str | Path, folder: str | Path) -> float:
    """Write the checkpoint of an adapter folder with the adapters in it; how far its scores moved.

    The distance is the largest between the scores with the adapters beside the weights and in
    them, as a share of the largest score, on a random picture and prompt.

    Raises:
        UsageError: the source is no adapter folder.
        CheckpointError: the scores moved by more than rounding explains; nothing is written.
    """
    found = find(source)
    if found.adapter is None:
        raise UsageError(f"{source} holds no adapters: give the folder that palikit train has left")
    model = load_model(replace(found, adapter=None))
    load_adapter(model, found.adapter)
    beside = _scores(model)
    merge_lora(model)
    moved = float((_scores(model) - beside).abs().max() / beside.abs().max())
    if not moved <= _SHARE.get(model.connector.weight.dtype, 5e-2):
        raise CheckpointError(
            f"merging {source} moves its scores by {moved:.1%}, more than rounding does: "
            "use the adapters as they are, or start from float32 weights"
        )
    processor, codec = open_tools(replace(found, adapter=None), model.config)
    save_folder(model, folder, tokenizer=processor.tokenizer, resample=processor.resize.resample)
    if codec is not None:
        codec.save(Path(folder) / "mask_codec.safetensors")
    return moved


@torch.inference_mode()
def _scores(model: PaliGemma) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    vision = model.config.vision
    side = vision.image_size
    pixels = torch.rand(1, 1, 3, side, side, generator=generator) * 2 - 1
    tokens = torch.randint(3, min(model.config.text.vocab_size, 1000), (1, 8), generator=generator)
    real = torch.ones_like(tokens)
    logits: Tensor = model(pixels.to(model.connector.weight.dtype), tokens, real, real.bool())
    return logits.float()
