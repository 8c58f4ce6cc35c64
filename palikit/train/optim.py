"""The optimiser and its learning-rate curve.

Follows big_vision's `utils.py` (`create_learning_rate_schedule`): linear warm-up, cosine to zero.
"""

import math

import torch
from torch import nn

from .config import OptimConfig

__all__ = ["build_optimizer", "learning_rate"]


def build_optimizer(model: nn.Module, config: OptimConfig) -> torch.optim.AdamW:
    """AdamW over what requires a gradient, decaying matrices only."""
    trainable = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.lr, betas=config.betas, eps=config.eps)


def learning_rate(step: int, steps: int, config: OptimConfig) -> float:
    """Rate at a step counted from 0; a warm-up's first step has rate 0, as in the reference."""
    warmup = max(1, round(config.warmup * steps))
    rise = min(1.0, step / warmup)
    if config.schedule == "constant":
        return config.lr * rise
    done = min(1.0, max(0.0, (step - warmup) / max(1, steps - warmup)))
    return config.lr * rise * 0.5 * (1.0 + math.cos(math.pi * done))
