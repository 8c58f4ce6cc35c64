"""A model as the folder that Hugging Face's tools open, in the spelling of the released files."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from palikit.errors import UsageError
from palikit.inputs.tokenizer import Tokenizer
from palikit.model.paligemma import PaliGemma

from .hf_config import EXTRA_ROWS, to_hf
from .names import hub_name

__all__ = ["save_folder"]

_MAX_SHARD = 5_000_000_000
_RESAMPLE = {"bicubic": 3, "bilinear": 2}


def save_folder(
    model: PaliGemma,
    folder: str | Path,
    *,
    tokenizer: Tokenizer | None = None,
    resample: str = "bicubic",
    dtype: torch.dtype | None = None,
    max_shard_bytes: int = _MAX_SHARD,
) -> None:
    """Write config, weights, preprocessing and (where given) tokenizer; whole or not at all.

    An existing folder is replaced file by file once everything is written beside it.

    Args:
        resample: how pictures are to be resized, `bicubic` or `bilinear`.
        dtype: of the file; None keeps the model's.
    """
    if resample not in _RESAMPLE:
        raise UsageError(f"resample {resample!r} cannot be written: 'bicubic' or 'bilinear'")
    target = Path(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        if tokenizer is not None:
            tokenizer.save(draft)
        _write_weights(model, draft, dtype, max_shard_bytes)
        _write_configs(model, draft, resample, dtype)
        target.mkdir(exist_ok=True)
        for path in sorted(draft.iterdir()):
            os.replace(path, target / path.name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write_weights(
    model: PaliGemma, folder: Path, dtype: torch.dtype | None, max_bytes: int
) -> None:
    post_norms = model.config.text.post_norms
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, parameter in model.named_parameters():
        tensor = parameter.detach().cpu()
        if name == "text.embedding.weight":
            tensor = _with_extra_rows(tensor)
        tensor = tensor.to(dtype or tensor.dtype).contiguous()
        if shards[-1] and size + tensor.nbytes > max_bytes:
            shards.append({})
            size = 0
        shards[-1][hub_name(name, post_norms=post_norms)] = tensor
        size += tensor.nbytes
    if len(shards) == 1:
        save_file(shards[0], folder / "model.safetensors", metadata={"format": "pt"})
        return
    weight_map: dict[str, str] = {}
    for i, shard in enumerate(shards, start=1):
        name = f"model-{i:05d}-of-{len(shards):05d}.safetensors"
        save_file(shard, folder / name, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(shard, name)
    total = sum(tensor.nbytes for shard in shards for tensor in shard.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    _write_json(folder / "model.safetensors.index.json", index)


def _with_extra_rows(table: Tensor) -> Tensor:
    # As in the released conversions, rows that no text uses lie at the mean of those that some does.
    extra = table.float().mean(dim=0, keepdim=True).expand(EXTRA_ROWS, -1)
    return torch.cat([table, extra.to(table.dtype)])


def _write_configs(
    model: PaliGemma, folder: Path, resample: str, dtype: torch.dtype | None
) -> None:
    config = model.config
    stored = dtype or model.text.embedding.weight.dtype
    _write_json(folder / "config.json", to_hf(config, dtype=str(stored).removeprefix("torch.")))
    side = config.vision.image_size
    preprocessing = {
        "image_processor_type": "SiglipImageProcessor",
        "processor_class": "PaliGemmaProcessor",
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "image_seq_length": config.tokens_per_image,
        "resample": _RESAMPLE[resample],
        "rescale_factor": 1 / 255,
        "size": {"height": side, "width": side},
    }
    _write_json(folder / "preprocessor_config.json", preprocessing)
    generation = {"bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0}
    _write_json(folder / "generation_config.json", generation)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
