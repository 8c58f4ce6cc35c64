"""The model of a fine-tuning run: opened, frozen, with adapters or dropout around its layers.

The order is load, quantise, adapt, recompute, compile, and shard where there are several processes
(`train/parallel.py`); the model itself knows of none of it.
"""

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from palikit.engine.quantized import open_model
from palikit.errors import UsageError
from palikit.model.lora import add_lora
from palikit.model.paligemma import PaliGemma
from palikit.quantize import speed_up_bfloat16
from palikit.train.world import ALONE, World
from palikit.weights.source import find

from .config import FineTune, Method

__all__ = ["PARTS", "build_model", "describe", "part_of", "prepare", "sees_vision"]

PARTS = ("vision", "connector", "embedding", "decoder")


def build_model(config: FineTune, world: World = ALONE) -> PaliGemma:
    """The module to train, with everything that a run puts around it but its sharding.

    Raises:
        UsageError: nothing would learn, or several processes are to compile.
    """
    if config.compile and world.size > 1:
        raise UsageError(
            "compile=true does not work with several processes yet: leave it out, or start one"
        )
    packed = config.method.quantize if config.method.kind == "qlora" else None
    # What learns in full is float32; a frozen base may stay as small as it is stored.
    dtype = config.dtype or ("float32" if config.method.kind == "full" else None)
    device = world.build_on(config.device)
    model = open_model(find(config.model), device=device, dtype=dtype, quantize=packed)
    if packed is None and config.method.kind == "full" and world is ALONE:
        # The file is mapped, and what is mapped must not be learned in place; shards are copies.
        model.load_state_dict({k: v.clone() for k, v in model.state_dict().items()}, assign=True)
    prepare(model, config.method, config.residual_dropout)
    if config.method.kind != "full" and torch.device(config.device).type == "cpu":
        speed_up_bfloat16(model)
    if config.compile:
        model.vision.compile()
        model.text.compile(dynamic=True)
    return model


def prepare(model: PaliGemma, method: Method, residual_dropout: float = 0.0) -> PaliGemma:
    """Freeze, adapt, drop out and recompute, in place.

    Raises:
        UsageError: nothing would learn.
    """
    if method.kind == "full":
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(not _names(name, method.freeze))
    else:
        model.requires_grad_(False)
        add_lora(model, method.adapt, rank=method.rank, alpha=method.alpha, dropout=method.dropout)
    if not any(p.requires_grad for p in model.parameters()):
        raise UsageError(
            f"nothing would learn: freeze={method.freeze} or adapt={method.adapt} leaves no layer; "
            f"parts are {', '.join(PARTS)}, layers are named like text.blocks.0.attn.q"
        )
    if residual_dropout:
        _drop_residuals(model, residual_dropout)
    if method.recompute:
        _recompute(model)
    return model


def part_of(name: str) -> str:
    """Which of PARTS a parameter belongs to."""
    if name.startswith("text."):
        return "embedding" if name.startswith("text.embedding") else "decoder"
    return name.split(".")[0]


def sees_vision(model: PaliGemma) -> bool:
    """Whether anything that makes image features learns."""
    return any(
        p.requires_grad for part in (model.vision, model.connector) for p in part.parameters()
    )


def describe(model: nn.Module) -> list[tuple[str, int, int]]:
    """One row a part: its name, how many numbers learn, and how many it has."""
    rows = []
    for part in PARTS:
        learned = sum(p.numel() for n, p in _of(model, part) if p.requires_grad)
        rows.append((part, learned, sum(_count(model, part))))
    return rows


def _of(model: nn.Module, part: str) -> Iterator[tuple[str, nn.Parameter]]:
    return ((n, p) for n, p in model.named_parameters() if part_of(n) == part)


def _count(model: nn.Module, part: str) -> Iterator[int]:
    yield from (p.numel() for _, p in _of(model, part))
    for name, module in model.named_modules():
        if hasattr(module, "unpack") and part_of(name) == part:
            yield module.inputs * module.outputs


def _names(name: str, patterns: Sequence[str]) -> bool:
    return any(part_of(name) == p or fnmatchcase(name, p) for p in patterns)


def _drop_residuals(model: PaliGemma, share: float) -> None:
    """As big_vision: after the attention's last norm, but before the MLP's."""

    def drop(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return F.dropout(output, share, module.training)

    for block in model.text.blocks:
        block.get_submodule("post_attn_norm").register_forward_hook(drop)
        block.get_submodule("mlp").register_forward_hook(drop)


def _recompute(model: PaliGemma) -> None:
    blocks = list(model.text.blocks)
    if any(p.requires_grad for p in model.vision.parameters()):
        blocks += list(model.vision.blocks)
    for block in blocks:
        block.forward = partial(_again, block.forward)


def _again(forward: Callable[..., Tensor], *inputs: object) -> Tensor:
    if not torch.is_grad_enabled():
        return forward(*inputs)
    return checkpoint(forward, *inputs, use_reentrant=False)
