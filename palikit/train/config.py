"""A training run as one frozen value; a recipe is a function that returns it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

__all__ = ["OptimConfig", "TrainConfig", "Validation"]


# Over the budget of 8: the optimiser's own numbers, each of which papers state.
@dataclass(frozen=True, kw_only=True, slots=True)
class OptimConfig:
    """The optimiser and its learning-rate curve.

    Attributes:
        kind: `adamw`, or `muon`, which makes the steps of linear layers' weights orthogonal.
        lr: peak learning rate; one for AdamW suits Muon as well.
        weight_decay: times the rate, on matrices only; vectors and norms are never decayed.
        decay: `matrices`, or `vision`: the vision tower's and connector's alone, as the reference
            decays (its weight decay is ours times its rate).
        clip: largest global norm of the gradients.
        warmup: share of all steps over which the rate rises linearly from 0.
        schedule: `cosine` falls to 0 at the last step, `rsqrt` as the root of the steps (times
            `timescale`) since the warm-up, `constant` stays.
    """

    lr: float
    kind: Literal["adamw", "muon"] = "adamw"
    weight_decay: float = 0.0
    decay: Literal["matrices", "vision"] = "matrices"
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    clip: float = 1.0
    warmup: float = 0.05
    schedule: Literal["cosine", "rsqrt", "constant"] = "cosine"
    timescale: int = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Validation:
    """How a run is measured while it goes on.

    Attributes:
        every: steps between two measurements; the start and the last step are always measured.
        measure: a model in eval mode, the finished steps and the run's folder to named numbers.
        best: the number by which one step is better than another; the best one is exported.
        higher: whether more of it is better.
    """

    every: int
    measure: Callable[[nn.Module, int, Path], Mapping[str, float]]
    best: str
    higher: bool = True


# Over the budget of 8: a run is one value that says everything about itself.
@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """Everything a run is.

    Attributes:
        name: names the run's folder.
        model: builds the module to train, its starting weights included.
        batch: the batch of a step, a pure function of it, so that a resumed run sees what it would
            have seen. A list of batches is one step in parts, whose losses add up (gradient
            accumulation). A batch's `notes`, where it has any, are said once. It runs in a worker
            process and must be picklable. With a method `share`, as `parallel.Divisible` has it,
            several processes can train.
        loss: a module and a batch to named scalars; `loss` is minimised, all are logged;
            `num_tokens` becomes tokens a second.
        export: writes the finished module for its users.
        steps: optimiser steps in all.
        batch_size: examples in a step, for the progress line only.
        workers: processes that prepare batches ahead.
        save_every: steps between checkpoints.
        validation: None measures nothing, and the last step is what is exported.
        curves: where curves go besides `log.jsonl`: `tensorboard`, `wandb` or `trackio`.
        precision: `bfloat16` multiplies in it, with weights and their moments in float32.
    """

    name: str
    model: Callable[[], nn.Module]
    batch: Callable[[int], Any]
    loss: Callable[[nn.Module, Any], Mapping[str, Tensor]]
    export: Callable[[nn.Module, Path], None]
    optim: OptimConfig
    steps: int
    batch_size: int
    workers: int = 1
    log_every: int = 20
    save_every: int = 500
    seed: int = 0
    validation: Validation | None = None
    curves: tuple[str, ...] = ()
    precision: Literal["float32", "bfloat16"] = "float32"
