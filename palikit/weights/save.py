"""A model as the folder that Hugging Face's tools open, in the spelling of the released files."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from palikit.errors import CheckpointError, UsageError
from palikit.inputs.tokenizer import Tokenizer
from palikit.model.paligemma import PaliGemma

from .hf_config import EXTRA_ROWS, to_hf
from .names import hub_name
from .packed import METHOD, PACKED_FILE
from .source import Source

__all__ = ["save_folder", "save_packed"]

_MAX_SHARD = 5_000_000_000
_RESAMPLE = {"bicubic": 3, "bilinear": 2}
_TABLE = "text.embedding.weight"
_INDEX = "model.safetensors.index.json"
_OURS = ("model*.safetensors", _INDEX, PACKED_FILE, "processor_config.json")
"""What another checkpoint in the same folder would leave behind, and readers would believe."""

_BESIDE = (
    "generation_config.json",
    "mask_codec.safetensors",
    "preprocessor_config.json",
    "processor_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vae-oid.npz",
)
"""What a checkpoint has beside its weights."""


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

    A folder that is there already is replaced in one step; its files of other names stay in it.

    Args:
        resample: how pictures are to be resized, `bicubic` or `bilinear`.
        dtype: of the file; None keeps the model's.

    Raises:
        UsageError: this cannot be written in this format.
        CheckpointError: the disk did not take it.
    """
    if resample not in _RESAMPLE:
        raise UsageError(f"resample {resample!r} cannot be written: 'bicubic' or 'bilinear'")
    if any(True for _ in model.buffers()):
        raise UsageError(
            "this model's weights are quantised, which this format cannot hold: save the model "
            "that they were made of, or write them with 'palikit quantize'"
        )
    with _drafted(folder) as draft:
        if tokenizer is not None:
            tokenizer.save(draft)
        _write_configs(model, draft, resample, dtype)
        _write_weights(model, draft, dtype, max_shard_bytes)


def save_packed(
    model: PaliGemma, folder: str | Path, quantization: dict[str, Any], beside: Source
) -> None:
    """Write a model of packed modules as `packed.load_packed` reads it; whole or not at all.

    Args:
        quantization: what `packed.read_quantization` is to give back.
        beside: the folder whose tokenizer, preprocessing and mask codec are copied.
    """
    with _drafted(folder) as draft:
        described = {"quant_method": METHOD} | quantization
        config = to_hf(model.config) | {"quantization_config": described}
        _write_json(draft / "config.json", config)
        for path in map(beside.file, _BESIDE):
            if path is not None:
                shutil.copyfile(path, draft / path.name)
        tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
        save_file(tensors, draft / PACKED_FILE, metadata={"format": "pt"})


@contextmanager
def _drafted(folder: str | Path) -> Iterator[Path]:
    """A place to write in, which becomes `folder` in one step when all is written, or vanishes."""
    target = Path(folder).resolve()
    if target.exists() and not target.is_dir():
        raise UsageError(f"{folder} is a file: give the name of a folder")
    draft: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        yield draft
        _swap_in(draft, target)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{folder} could not be written ({error}): free space there or give another folder"
        ) from error
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)


def _swap_in(draft: Path, target: Path) -> None:
    """Make the draft the target: two renames, after all that takes time or may fail."""
    if not target.exists():
        mask = os.umask(0)
        os.umask(mask)
        draft.chmod(0o777 & ~mask)
        draft.rename(target)
        return
    stale = {path.name for pattern in _OURS for path in target.glob(pattern)}
    for path in target.iterdir():
        kept = draft / path.name
        if path.name in stale or kept.exists():
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, kept, symlinks=True, copy_function=_link)
        else:
            _link(path, kept)
    shutil.copymode(target, draft)
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    target.replace(old)
    try:
        draft.rename(target)
    except OSError:
        old.replace(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _link(path: str | Path, place: str | Path) -> None:
    try:
        os.link(path, place, follow_symlinks=False)
    except OSError:  # a file system without links
        shutil.copy2(path, place, follow_symlinks=False)


def _write_weights(
    model: PaliGemma, folder: Path, dtype: torch.dtype | None, max_bytes: int
) -> None:
    weights = dict(model.named_parameters())
    shards = _plan(weights, dtype, max_bytes)
    post_norms = model.config.text.post_norms
    weight_map: dict[str, str] = {}
    total = 0
    for i, names in enumerate(shards, start=1):
        file = f"model-{i:05d}-of-{len(shards):05d}.safetensors"
        # One shard at a time, so that a conversion needs the memory of one.
        shard = {
            hub_name(name, post_norms=post_norms): _stored(name, weights[name], dtype)
            for name in names
        }
        file = "model.safetensors" if len(shards) == 1 else file
        save_file(shard, folder / file, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(shard, file)
        total += sum(tensor.nbytes for tensor in shard.values())
    if len(shards) > 1:
        index = {"metadata": {"total_size": total}, "weight_map": weight_map}
        _write_json(folder / _INDEX, index)


def _plan(
    weights: dict[str, torch.nn.Parameter], dtype: torch.dtype | None, max_bytes: int
) -> list[list[str]]:
    """Our names by shard, in the model's order; a tensor is never divided."""
    shards: list[list[str]] = [[]]
    size = 0
    for name, weight in weights.items():
        rows = len(weight) + EXTRA_ROWS if name == _TABLE else len(weight)
        nbytes = weight[0].numel() * rows * (dtype or weight.dtype).itemsize
        if shards[-1] and size + nbytes > max_bytes:
            shards.append([])
            size = 0
        shards[-1].append(name)
        size += nbytes
    return shards


def _stored(name: str, weight: Tensor, dtype: torch.dtype | None) -> Tensor:
    tensor = weight.detach().cpu().to(dtype or weight.dtype)
    if name == _TABLE:
        # As in the released conversions, rows that no text uses lie at the mean of those that do.
        extra = tensor.float().mean(dim=0, keepdim=True).expand(EXTRA_ROWS, -1)
        tensor = torch.cat([tensor, extra.to(tensor.dtype)])
    return tensor.contiguous()


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
