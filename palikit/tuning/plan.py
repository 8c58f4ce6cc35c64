"""What a fine-tuning run, or asking, takes in memory, before anything is loaded.

    plan_training(PRESETS["paligemma2-3b-448"], Workload(batch=4)).total     # bytes

Counted are all tensors at the fullest moment of a step. What a GPU needs beside them is `extra`:
the driver's context, and what PyTorch's allocator cannot fill.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from palikit.config import PaliGemmaConfig

from .rehearsal import Stages, Workload, play_answer, play_step
from .tracking import Parts

__all__ = ["AskingPlan", "MemoryPlan", "largest_batches", "plan_asking", "plan_training"]

CONTEXT = 500_000_000
"""CUDA's context, PyTorch's kernels, cuBLAS's workspace: 0.4 to 0.6 GB by card and driver."""

SPARE = 0.05
"""Share of what comes and goes that the caching allocator loses between blocks; an allowance, since
it cannot be counted."""

MOST = 4096
"""Examples in a part that nobody wants more of."""

FULL = 64
"""Examples with which every part of a step is at its fullest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryPlan:
    """Bytes at the fullest moment of a step.

    Attributes:
        weights: parameters, adapters and packed numbers.
        gradients: of what learns, as far as they exist at this moment.
        moments: of the optimiser, and their roots while it takes them.
        activations: what the backward pass needs, and what operations return on the way.
        logits: scores of words, a chunk of rows at a time.
        extra: what is not tensors; 0 on a CPU.
        fullest: the stage of the moment.
    """

    weights: int
    gradients: int
    moments: int
    activations: int
    logits: int
    extra: int
    fullest: str

    @property
    def total(self) -> int:
        """All of it."""
        tensors = self.weights + self.gradients + self.moments + self.activations + self.logits
        return tensors + self.extra


@dataclass(frozen=True, kw_only=True, slots=True)
class AskingPlan:
    """Bytes at the fullest moment of an answer.

    Attributes:
        weights: as they are held.
        cache: keys and values of pictures, prefixes and answers.
        activations: of the vision tower or of reading the prefixes, whichever is more.
        extra: what is not tensors; 0 on a CPU.
        fullest: the stage of the moment.
    """

    weights: int
    cache: int
    activations: int
    extra: int
    fullest: str

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.cache + self.activations + self.extra


def plan_training(config: PaliGemmaConfig, work: Workload) -> MemoryPlan:
    """The memory of a step.

    Raises:
        UsageError: nothing would learn.
    """
    stage, parts, extra = _fullest(play_step(config, work), work.device)
    return MemoryPlan(
        weights=round(parts["weights"]),
        gradients=round(parts["gradients"]),
        moments=round(parts["moments"]),
        activations=round(parts["activations"]),
        logits=round(parts["logits"]),
        extra=extra,
        fullest=stage,
    )


def plan_asking(
    config: PaliGemmaConfig,
    *,
    dtype: str = "bfloat16",
    quantize: Literal["int8", "int4"] | None = None,
    batch: int = 1,
    text: int = 64,
    new_tokens: int = 64,
    device: Literal["cuda", "cpu"] = "cuda",
) -> AskingPlan:
    """The memory of `batch` pictures with prompts of `text` tokens, asked at once."""
    work = Workload(batch=batch, text=text, dtype=dtype, device=device)
    stage, parts, extra = _fullest(play_answer(config, work, quantize, new_tokens), device)
    return AskingPlan(
        weights=round(parts["weights"]),
        cache=round(parts["cache"]),
        activations=round(parts["activations"] + parts["logits"]),
        extra=extra,
        fullest=stage,
    )


def largest_batches(
    config: PaliGemmaConfig, work: Workload, memories: Sequence[float]
) -> list[int]:
    """How many examples at once fit into each of some memories, in bytes; 0 where none does.

    The moments of a stage each grow evenly with the batch, and the fullest of a small batch may be
    another than that of a large one: two batches of either size tell all others.
    """
    lines = [_grown(config, work, of) for of in (2, FULL)]
    found = [_most(lines, memory, work.device) for memory in memories]
    if all(found):
        return found
    least = plan_training(config, replace(work, batch=1)).total
    return [most or int(least <= memory) for most, memory in zip(found, memories, strict=True)]


def _grown(config: PaliGemmaConfig, work: Workload, of: int) -> Callable[[int], Stages]:
    """Stages of any batch, as two of about one size have them."""
    some, more = (play_step(config, replace(work, batch=n)) for n in (of, 2 * of))

    def at(batch: int) -> Stages:
        return {
            stage: {
                kind: parts[kind] + (batch - of) * (more[stage][kind] - parts[kind]) / of
                for kind in parts
            }
            for stage, parts in some.items()
        }

    return at


def _most(lines: Sequence[Callable[[int], Stages]], memory: float, device: str) -> int:
    """The largest batch from 2, by halving; 0 if that is too many."""

    def takes(batch: int) -> float:
        return max(_total(line(batch), device) for line in lines)

    if takes(2) > memory:
        return 0
    fits, fails = 2, MOST + 1
    while fails - fits > 1:
        middle = (fits + fails) // 2
        fits, fails = (middle, fails) if takes(middle) <= memory else (fits, middle)
    return fits


def _total(stages: Stages, device: str) -> float:
    _, parts, extra = _fullest(stages, device)
    return sum(parts.values()) + extra


def _fullest(stages: Stages, device: str) -> tuple[str, Parts, int]:
    """The stage that takes most, what is in memory then, and what to add for the device."""
    stage = max(stages, key=lambda one: sum(stages[one].values()))
    parts = stages[stage]
    passing = parts["gradients"] + parts["activations"] + parts["logits"]
    return stage, parts, round(CONTEXT + SPARE * passing) if device == "cuda" else 0
