"""Which way of fine-tuning fits into which memory, and what to type for it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from palikit.config import PRESETS, PaliGemmaConfig
from palikit.errors import UsageError
from palikit.weights.load import load_config

from .config import Method
from .plan import MemoryPlan, largest_batches, plan_asking
from .rehearsal import Workload, play_step, tower_learns
from .validation import asked_at_once

__all__ = ["Wish", "find_config", "fitting", "measuring", "train_words", "ways"]

_KINDS: tuple[tuple[Literal["full", "lora", "qlora"], Literal["int8", "int4"]], ...] = (
    ("full", "int4"),
    ("lora", "int4"),
    ("qlora", "int8"),
    ("qlora", "int4"),
)

LONGEST = 512
"""The most tokens of a validation's answers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What all ways have in common; an empty dtype or precision is each way's usual one.

    Attributes:
        augment: pictures change from step to step, so that the tower has to run in each.
    """

    text: int = 128
    dtype: str = ""
    precision: Literal["", "float32", "bfloat16"] = ""
    augment: bool = False
    device: Literal["cuda", "cpu"] = "cuda"

    def work(
        self, config: PaliGemmaConfig, method: Method, batch: int = 1, parts: int = 1
    ) -> Workload:
        """A step of `batch` examples at once by a method."""
        full = method.kind == "full"
        return Workload(
            method=method,
            batch=batch,
            parts=parts,
            text=self.text,
            dtype=self.dtype or ("float32" if full else "bfloat16"),
            precision=self.precision or ("bfloat16" if full else "float32"),
            pictures=self.augment or tower_learns(config, method),
            device=self.device,
        )


def find_config(model: str) -> tuple[PaliGemmaConfig, str]:
    """What a model is made of, and the name by which `palikit train` finds it.

    `3b-448` -> PRESETS["paligemma2-3b-448"], "google/paligemma2-3b-pt-448"; likewise
    `paligemma-3b-224`, a published hub id, `nano`, and a folder with a `config.json`.

    Raises:
        UsageError: it is none of these.
        CheckpointError: the folder's `config.json` cannot be read.
    """
    name = re.sub(r"-(pt|mix)-", "-", model.removeprefix("google/"))
    for known in (name, f"paligemma2-{name}"):
        if known in PRESETS:
            family, side = known.rsplit("-", 1)
            return PRESETS[known], model if "/" in model else f"google/{family}-pt-{side}"
    if model == "nano" or Path(model).exists():
        return load_config(model), model
    raise UsageError(
        f"{model!r} is no size that can be planned: write one of {', '.join(PRESETS)} (or 3b-448 "
        "for paligemma2-3b-448), nano, or a folder with a config.json"
    )


def ways(method: Method) -> Iterator[Method]:
    """Every way to train, from the one that takes most; rank and freezing as `method` has them."""
    for kind, quantize in _KINDS:
        for recompute in (False, True):
            yield replace(method, kind=kind, quantize=quantize, recompute=recompute)


def fitting(
    config: PaliGemmaConfig, wish: Wish, method: Method, memories: Sequence[float]
) -> Iterator[tuple[Method, list[int]]]:
    """For each way the most examples at once that fit into each memory, in bytes."""
    for way in ways(method):
        yield way, largest_batches(config, wish.work(config, way), memories)


def measuring(config: PaliGemmaConfig, work: Workload, plan: MemoryPlan) -> int:
    """Bytes while a run measures itself on validation pictures, between two steps."""
    packed = work.method.quantize if work.method.kind == "qlora" else None
    asked = plan_asking(
        config,
        dtype=work.dtype,
        quantize=packed,
        batch=asked_at_once(config),
        text=work.text,
        new_tokens=LONGEST,
        device=work.device,
    )
    held = sum(play_step(config, work)["update"][kind] for kind in ("gradients", "moments"))
    return round(plan.weights + held) + asked.cache + asked.activations + asked.extra


def train_words(
    model: str, config: PaliGemmaConfig, wish: Wish, method: Method, batch: int, at_once: int
) -> list[str]:
    """A command line that trains `batch` examples a step, at most `at_once` of them together."""
    parts = next(n for n in range(1, batch + 1) if batch % n == 0 and batch // n <= at_once)
    work = wish.work(config, method)
    words = ["palikit", "train", "--data", "coco:train.json", "--task", "detect"]
    words += ["--model", model, "--method", method.kind, f"batch_size={batch}"]
    if parts > 1:
        words.append(f"accumulate={parts}")
    if method.kind == "full":
        words += [f"freeze={','.join(method.freeze)}"] if method.freeze else []
    else:
        words += [f"rank={method.rank}", f"dtype={work.dtype}"]
    if method.kind == "qlora":
        words.append(f"quantize={method.quantize}")
    if method.recompute:
        words.append("recompute=true")
    return [*words, f"precision={work.precision}", f"device={work.device}"]
