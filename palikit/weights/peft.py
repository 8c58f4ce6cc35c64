"""Adapters as the package PEFT keeps them: `adapter_config.json` and `adapter_model.safetensors`.

    ours    text.blocks.3.attn.q, lora_a
    theirs  base_model.model.model.language_model.layers.3.self_attn.q_proj.lora_A.weight

Written in the spelling of transformers 5, in which PEFT finds them; read in all of Hugging Face's
spellings. What an adapter may be beyond plain LoRA (DoRA, trained biases, whole modules, ranks that
differ from layer to layer) is refused, never left out in silence.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from palikit.errors import CheckpointError, UsageError
from palikit.model.lora import LoraLinear, add_lora, lora_layers, merge_lora
from palikit.model.paligemma import PaliGemma

from .names import hub_name, released_spelling
from .source import ADAPTER, Source, name_some, read_json

__all__ = ["apply_adapter", "load_adapter", "save_adapter"]

CONFIG, WEIGHTS = ADAPTER, "adapter_model.safetensors"
_ROOT = "base_model.model."
_REFUSED = (
    "use_dora",
    "rank_pattern",
    "alpha_pattern",
    "modules_to_save",
    "layer_replication",
    "trainable_token_indices",
    "target_parameters",
)


def save_adapter(model: PaliGemma, folder: str | Path, *, base: str = "") -> None:
    """Write the adapters of a model, each file whole or not at all.

    Args:
        base: the checkpoint that they change, for whoever loads them.

    Raises:
        UsageError: there is none, or they differ in rank or strength.
        CheckpointError: the disk did not take them.
    """
    layers = dict(lora_layers(model))
    kinds = {(layer.rank, layer.alpha, layer.dropout) for layer in layers.values()}
    if len(kinds) != 1:
        raise UsageError(f"adapters of {len(kinds)} kinds cannot be written: add them in one way")
    rank, alpha, dropout = kinds.pop()
    names = {name: _theirs(name, model) for name in layers}
    config = {
        "peft_type": "LORA",
        "base_model_name_or_path": base,
        "task_type": "CAUSAL_LM",
        "inference_mode": True,
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": dropout,
        "bias": "none",
        "fan_in_fan_out": False,
        "target_modules": sorted(name.removeprefix("model.") for name in names.values()),
    }
    tensors = {}
    for name, layer in layers.items():
        tensors[f"{_ROOT}{names[name]}.lora_A.weight"] = layer.lora_a.detach().cpu().contiguous()
        tensors[f"{_ROOT}{names[name]}.lora_B.weight"] = layer.lora_b.detach().cpu().contiguous()
    _write(Path(folder), config, tensors)


def load_adapter(model: PaliGemma, folder: str | Path) -> list[str]:
    """Put the adapters of a folder around a model's layers, in place; the names of these.

    Raises:
        CheckpointError: they are absent, broken, of another model, or more than plain LoRA.
    """
    folder = Path(folder)
    config = read_json(folder / CONFIG)
    rank, alpha = _rank_and_alpha(config, folder)
    pairs = _pairs(folder / WEIGHTS, model)
    add_lora(model, sorted(pairs), rank=rank, alpha=alpha)
    for name, (a, b) in pairs.items():
        layer = model.get_submodule(name)
        assert isinstance(layer, LoraLinear)
        for parameter, tensor in ((layer.lora_a, a), (layer.lora_b, b)):
            if parameter.shape != tensor.shape:
                raise CheckpointError(
                    f"{folder}: the adapter of {name} is {tuple(tensor.shape)}, the model needs "
                    f"{tuple(parameter.shape)}: give the checkpoint that it was trained on"
                )
            with torch.no_grad():
                parameter.copy_(tensor)
    return sorted(pairs)


def apply_adapter(model: PaliGemma, found: Source) -> None:
    """Give a model the adapters of its source, if there are any: into its weights where these are
    plain, around them where they are packed.
    """
    if found.adapter is None:
        return
    load_adapter(model, found.adapter)
    if all(type(layer.base) is nn.Linear for _, layer in lora_layers(model)):
        merge_lora(model)
    model.requires_grad_(False)


def _rank_and_alpha(config: Mapping[str, Any], folder: Path) -> tuple[int, float]:
    kind, bias = config.get("peft_type"), config.get("bias", "none")
    more = [key for key in _REFUSED if config.get(key)]
    if kind != "LORA" or bias != "none" or more:
        what = ", ".join(more) or (f"peft_type {kind!r}" if kind != "LORA" else f"bias {bias!r}")
        raise CheckpointError(
            f"{folder} is more than plain LoRA ({what}): merge it with peft first"
        )
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not isinstance(rank, int) or rank < 1 or not isinstance(alpha, int | float):
        raise CheckpointError(f"{folder / CONFIG} gives no rank and strength (r, lora_alpha)")
    return rank, alpha * rank**0.5 if config.get("use_rslora") else float(alpha)


def _pairs(path: Path, model: nn.Module) -> dict[str, tuple[Tensor, Tensor]]:
    """Our layers' names to their A and B."""
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path} cannot be read ({error}): write the adapter again"
        ) from error
    assert isinstance(model, PaliGemma)
    ours = {
        hub_name(f"{name}.weight", post_norms=model.config.text.post_norms): name
        for name, _ in model.named_modules()
    }
    found: dict[str, dict[str, Tensor]] = {}
    strangers = []
    for key, tensor in tensors.items():
        match = re.fullmatch(
            r"(?:base_model\.model\.)?(.+)\.lora_([AB])(?:\.default)?\.weight", key
        )
        name = ours.get(released_spelling(f"{match[1]}.weight")) if match else None
        if match is None or name is None:
            strangers.append(key)
        else:
            found.setdefault(name, {})[match[2]] = tensor
    if strangers or any(len(pair) != 2 for pair in found.values()) or not found:
        what = name_some(strangers) if strangers else "half a pair, or nothing"
        raise CheckpointError(f"{path} does not fit this model: it holds {what}")
    return {name: (pair["A"], pair["B"]) for name, pair in found.items()}


def _theirs(name: str, model: PaliGemma) -> str:
    """A layer of ours as transformers 5 calls it."""
    released = hub_name(f"{name}.weight", post_norms=model.config.text.post_norms)
    modern = re.sub(r"^language_model\.model\.", "language_model.", released)
    modern = re.sub(r"^vision_tower\.vision_model\.", "vision_tower.", modern)
    return f"model.{modern.removesuffix('.weight')}"


def _write(folder: Path, config: Mapping[str, Any], tensors: dict[str, Tensor]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (WEIGHTS, CONFIG):
            draft = folder / f".{name}.partial"
            if name == WEIGHTS:
                save_file(tensors, draft, metadata={"format": "pt"})
            else:
                draft.write_text(json.dumps(config, indent=2) + "\n")
            os.replace(draft, folder / name)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{folder} could not be written ({error}): free space there or give another folder"
        ) from error
