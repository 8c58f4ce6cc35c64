"""What a run says: a line to the terminal, one JSON object a line to a file, curves elsewhere."""

import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from .curves import Curves, open_curves

__all__ = ["RunLog", "SilentLog"]


class RunLog:
    """Means of the logged scalars since the last line, with speed, memory and time left."""

    def __init__(
        self, path: Path, *, steps: int, batch_size: int, curves: Sequence[str] = ()
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._steps, self._batch_size = path, steps, batch_size
        self._curves: list[Curves] = [open_curves(name, path.parent) for name in curves]
        self._sums: dict[str, float] = {}
        self._count = 0
        self._since = time.monotonic()

    def add(self, values: Mapping[str, float]) -> None:
        """Take one step's scalars."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1

    def flush(self, step: int, lr: float) -> None:
        """Write the means of the steps since the last call."""
        seconds = (time.monotonic() - self._since) / self._count
        means = {name: total / self._count for name, total in self._sums.items()}
        tokens = means.pop("num_tokens", None)
        rate = self._batch_size / seconds
        speed = {"lr": lr, "examples_per_s": round(rate, 1), "memory_gb": round(_memory_gb(), 2)}
        if tokens is not None:
            speed["tokens_per_s"] = round(tokens / seconds, 1)
        self._write(step, {**speed, **means})
        words = "  ".join(f"{name} {value:.4f}" for name, value in means.items())
        told = "" if tokens is None else f"  {tokens / seconds:.0f} tokens/s"
        self._say(
            f"step {step}/{self._steps}  {words}  {rate:.3g} examples/s{told}  "
            f"{speed['memory_gb']:.1f} GB  {_span((self._steps - step) * seconds)} left"
        )
        self._sums, self._count, self._since = {}, 0, time.monotonic()

    def measured(self, step: int, values: Mapping[str, float]) -> None:
        """Write what validation found; its time is not counted as the training's."""
        self._write(step, dict(values))
        words = "  ".join(f"{name} {value:.4f}" for name, value in values.items())
        self._say(f"step {step}/{self._steps}  measured: {words}")
        self._since = time.monotonic()

    def note(self, sentence: str) -> None:
        """Say something that happened."""
        self._say(sentence)

    def close(self) -> None:
        """Finish the curves."""
        for curves in self._curves:
            curves.close()

    def _write(self, step: int, values: Mapping[str, float]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        for curves in self._curves:
            curves.write(step, values)

    def _say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


class SilentLog(RunLog):
    """Of a process that leaves the telling to another."""

    def __init__(self) -> None:
        pass

    def add(self, values: Mapping[str, float]) -> None:
        pass

    def flush(self, step: int, lr: float) -> None:
        pass

    def measured(self, step: int, values: Mapping[str, float]) -> None:
        pass

    def note(self, sentence: str) -> None:
        pass

    def close(self) -> None:
        pass


def _memory_gb() -> float:
    """The most that was ever in use: on the GPU where there is one in use, else of this process."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
