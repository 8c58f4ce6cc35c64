"""The training loop: batch, loss, clipped step; saved often, resumed exactly."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from palikit.errors import PalikitError

from .batches import prefetch
from .checkpoint import load_state, save_state
from .config import TrainConfig
from .log import RunLog
from .optim import build_optimizer, learning_rate

__all__ = ["train"]


def train(config: TrainConfig, folder: Path) -> nn.Module:
    """Run or resume `config` in `folder`, then export there what its users need.

    The folder holds `state.safetensors` (to resume from), `log.jsonl`, and what `config.export`
    writes. Running it again after a kill goes on from the last saved step with the batches that
    would have come.
    """
    torch.manual_seed(config.seed)
    model = config.model().train()
    optimizer = build_optimizer(model, config.optim)
    state = folder / "state.safetensors"
    done = load_state(state, model, optimizer) if state.exists() else 0
    log = RunLog(folder / "log.jsonl", steps=config.steps, batch_size=config.batch_size)
    batches = prefetch(config.batch, range(done, config.steps), config.workers)
    for step, batch in zip(range(done, config.steps), batches, strict=True):
        rate = learning_rate(step, config.steps, config.optim)
        log.add(_take_step(config, model, optimizer, batch, rate))
        finished = step + 1
        if finished % config.log_every == 0 or finished == config.steps:
            log.flush(finished, rate)
        if finished % config.save_every == 0 or finished == config.steps:
            save_state(state, model, optimizer, finished)
    model.eval()
    config.export(model, folder)
    return model


def _take_step(
    config: TrainConfig, model: nn.Module, optimizer: torch.optim.Optimizer, batch: Any, rate: float
) -> dict[str, float]:
    for group in optimizer.param_groups:
        group["lr"] = rate
    values: Mapping[str, Tensor] = config.loss(model, batch)
    optimizer.zero_grad(set_to_none=True)
    values["loss"].backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), config.optim.clip)
    if not math.isfinite(norm.item()):
        raise PalikitError("the gradients are not finite; lower the learning rate and resume")
    optimizer.step()
    return {name: value.item() for name, value in values.items()}
