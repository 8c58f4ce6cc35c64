"""The optimisers and their learning-rate curve.

Follows big_vision's `utils.py` (`create_learning_rate_schedule`): linear warm-up, cosine to zero.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from .config import OptimConfig
from .world import ALONE, World

__all__ = ["Muon", "build_optimizer", "learning_rate", "orthogonal"]


def build_optimizer(
    model: nn.Module, config: OptimConfig, world: World = ALONE
) -> torch.optim.AdamW:
    """AdamW, or Muon for the weights of linear layers, over what requires a gradient.

    Matrices alone are decayed; of the reference's only those of vision tower and connector.
    """
    trainable = [p for p in model.parameters() if p.requires_grad]
    linear = {id(m.weight) for m in model.modules() if isinstance(m, nn.Linear)}
    turned = [p for p in trainable if config.kind == "muon" and id(p) in linear]
    rest = [p for p in trainable if not any(p is q for q in turned)]
    decayed = {id(p) for p in _decayed(model, config)}
    groups: list[dict[str, Any]] = [
        {"params": [p for p in rest if id(p) in decayed], "weight_decay": config.weight_decay},
        {"params": [p for p in rest if id(p) not in decayed], "weight_decay": 0.0},
    ]
    settings: dict[str, Any] = {"lr": config.lr, "betas": config.betas, "eps": config.eps}
    if config.kind == "adamw":
        return torch.optim.AdamW(groups, **settings)
    groups.append({"params": turned, "weight_decay": config.weight_decay, "orthogonal": True})
    return Muon(groups, world, **settings)


def _decayed(model: nn.Module, config: OptimConfig) -> Iterator[nn.Parameter]:
    for name, parameter in model.named_parameters():
        of_vision = name.startswith(("vision.", "connector.")) and "pos_embedding" not in name
        if parameter.ndim > 1 and (config.decay == "matrices" or of_vision):
            yield parameter


class Muon(torch.optim.AdamW):
    """AdamW, but groups marked `orthogonal` step along their momentum made orthogonal.

    As `torch.optim.Muon` with `adjust_lr_fn="match_rms_adamw"`, in the gradients' own dtype: that
    one iterates in bfloat16, which is slow on CPUs without such instructions. A sharded matrix is
    gathered to be made orthogonal, which every process then does.
    """

    MOMENTUM = 0.95

    def __init__(self, groups: list[dict[str, Any]], world: World = ALONE, **settings: Any) -> None:
        self._world = world
        super().__init__(groups, **settings)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step; the gradients of the orthogonal groups are used up."""
        for group in self.param_groups:
            if group.get("orthogonal", False):
                for p in group["params"]:
                    self._turn(p, group["lr"], group["weight_decay"])
        super().step(closure)

    def _turn(self, p: Tensor, lr: float, weight_decay: float) -> None:
        if p.grad is None:
            return
        state = self.state[p]
        if not state:
            # AdamW looks for a step in every state that it loads.
            state.update(step=torch.tensor(0.0), momentum=torch.zeros_like(p))
        state["step"] += 1
        state["momentum"].lerp_(p.grad, 1 - self.MOMENTUM)
        ahead = p.grad.lerp(state["momentum"], self.MOMENTUM)
        update = self._world.on_full(orthogonal, ahead)
        p.mul_(1 - lr * weight_decay).sub_(update, alpha=0.2 * lr * math.sqrt(max(p.shape)))
        p.grad = None


def orthogonal(matrix: Tensor, iterations: int = 5) -> Tensor:
    """About U Vᵀ of U S Vᵀ: five Newton-Schulz steps bring singular values to 0.7 .. 1.2."""
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = wide / wide.norm().clamp_min(1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=-4.775, alpha=2.0315), x, beta=3.4445)
    return x.T if matrix.shape[0] > matrix.shape[1] else x


def learning_rate(step: int, steps: int, config: OptimConfig) -> float:
    """Rate at a step counted from 0; a warm-up's first step has rate 0, as in the reference."""
    warmup = max(1, round(config.warmup * steps))
    rise = min(1.0, step / warmup)
    if config.schedule == "constant":
        return config.lr * rise
    if config.schedule == "rsqrt":
        since = max(0, step - warmup)
        return config.lr * rise * math.sqrt(config.timescale / (config.timescale + since))
    done = min(1.0, max(0.0, (step - warmup) / max(1, steps - warmup)))
    return config.lr * rise * 0.5 * (1.0 + math.cos(math.pi * done))
