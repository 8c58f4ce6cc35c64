"""A fine-tuning run as one frozen value: what it starts from, what it learns from, and how."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from palikit.data.asking import Asking
from palikit.data.augment import Augment
from palikit.errors import UsageError
from palikit.train import OptimConfig
from palikit.train.loss import Weighing

__all__ = ["DECODER_LAYERS", "FineTune", "Method"]

DECODER_LAYERS = ("text.blocks.*.attn.*", "text.blocks.*.mlp.*")
"""Where adapters usually go: every linear layer of the decoder, none of the vision tower's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """Which numbers change, and how the rest is held.

    Attributes:
        kind: `full` changes the weights themselves; `lora` low-rank adapters beside them; `qlora`
            the same over a base of quantised weights.
        freeze: for `full`: parts (`vision`, `connector`, `embedding`, `decoder`) or patterns of
            parameter names that stay as they are.
        adapt: for adapters: patterns of the layers that get one.
        rank: of an adapter; `alpha` / rank is its strength, None is 2.
        dropout: of what an adapter reads.
        quantize: what the base of `qlora` is held in.
        recompute: make activations again for their gradient instead of keeping them: about a third
            more time for a fraction of the memory.
    """

    kind: Literal["full", "lora", "qlora"] = "lora"
    freeze: tuple[str, ...] = ()
    adapt: tuple[str, ...] = DECODER_LAYERS
    rank: int = 16
    alpha: float | None = None
    dropout: float = 0.0
    quantize: Literal["int8", "int4"] = "int4"
    recompute: bool = False

    def __post_init__(self) -> None:
        if self.kind not in ("full", "lora", "qlora"):
            raise UsageError(f"method={self.kind!r} is unknown: write full, lora or qlora")
        if self.rank < 1:
            raise UsageError(f"rank={self.rank} leaves no adapter: give 1 or more")


# Over the budget of 8: a run is one value that says everything about itself.
@dataclass(frozen=True, kw_only=True, slots=True)
class FineTune:
    """Everything a fine-tuning run is.

    Attributes:
        data: label sources, `coco:train.json`; several are mixed by size, or by the weights that
            stand before them, `3*coco:a.json`; `benchmark:docvqa:data/docvqa,split=train`.
        validation: sources that are measured, of the same classes; or one benchmark, whose number
            then chooses the best step: `benchmark:docvqa:data/docvqa`.
        model: what to start from: `nano`, a folder, a hub id.
        augment: what may happen to a picture and its things; nothing, unless it is told.
        steps: optimiser steps; None makes as many as `epochs` need.
        batch_size: examples in a step, made in `accumulate` parts.
        max_suffix: tokens of an answer; longer ones are cut, as the reference does.
        smoothing: label smoothing, as the reference spreads it.
        soft_bins: width in bins of the bell that a `<loc>` target is; 0 is the reference's.
        weighing: `example` (the reference) or `token`.
        residual_dropout: in the decoder's residual branches, as in the reference.
        dtype: of frozen weights; None keeps the checkpoint's. What learns is float32 always.
        precision: `bfloat16` multiplies in it.
        compile: let torch.compile make the tower and the decoder faster; the first steps are slow.
        cache_features: compute a frozen vision tower's output once and keep it on disk; None does
            so where nothing changes the pictures.
        validate_every: steps between measurements; None makes ten in all.
        validate_limit: records that are measured.
        validate_batch: of these, how many are asked at once; None is as many as have the picture
            tokens of 8 pictures at 448 px (16 at most): 16 at 224 px, 8 at 448, 2 at 896.
        curves: `tensorboard`, `wandb`, `trackio`.
    """

    data: tuple[str, ...]
    validation: tuple[str, ...] = ()
    model: str = "nano"
    name: str = "tuned"
    asking: Asking = field(default_factory=Asking)
    augment: Augment = field(default_factory=lambda: Augment(flip=0.0))
    method: Method = field(default_factory=Method)
    optim: OptimConfig = field(default_factory=lambda: OptimConfig(lr=2e-4))
    epochs: float = 3.0
    steps: int | None = None
    batch_size: int = 16
    accumulate: int = 1
    max_suffix: int = 512
    smoothing: float = 0.0
    soft_bins: float = 0.0
    weighing: Weighing = "example"
    residual_dropout: float = 0.0
    device: str = "cpu"
    dtype: str | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    cache_features: bool | None = None
    validate_every: int | None = None
    validate_limit: int = 200
    validate_batch: int | None = None
    save_every: int = 100
    log_every: int = 10
    workers: int = 1
    seed: int = 0
    curves: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.data:
            raise UsageError("there is nothing to learn from: give data=coco:instances.json")
        if self.batch_size < 1 or self.accumulate < 1 or self.batch_size % self.accumulate:
            raise UsageError(
                f"batch_size={self.batch_size} cannot be made in accumulate={self.accumulate} "
                "equal parts: give a batch that it divides"
            )
        if self.validate_batch is not None and self.validate_batch < 1:
            raise UsageError(f"validate_batch={self.validate_batch} asks nothing: give 1 or more")
        if self.weighing not in get_args(Weighing):
            raise UsageError(f"weighing={self.weighing!r} is unknown: write example or token")
        if (self.steps is not None and self.steps < 1) or self.epochs <= 0:
            raise UsageError(f"steps={self.steps}, epochs={self.epochs}: give at least one step")
