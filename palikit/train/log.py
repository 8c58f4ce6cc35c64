"""What a run says: a line to the terminal and one JSON object a line to a file."""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

__all__ = ["RunLog"]


class RunLog:
    """Means of the logged scalars since the last line, with speed and time left."""

    def __init__(self, path: Path, *, steps: int, batch_size: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._steps, self._batch_size = path, steps, batch_size
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
        rate = self._batch_size / seconds
        with self._path.open("a") as file:
            row = {"step": step, "lr": lr, "examples_per_s": round(rate, 1), **means}
            file.write(json.dumps(row) + "\n")
        left = (self._steps - step) * seconds / 60
        words = "  ".join(f"{name} {value:.4f}" for name, value in means.items())
        print(
            f"step {step}/{self._steps}  {words}  {rate:.0f} examples/s  {left:.0f} min left",
            file=sys.stderr,
            flush=True,
        )
        self._sums, self._count, self._since = {}, 0, time.monotonic()
