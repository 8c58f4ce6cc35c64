"""Several datasets as one endless row of records, each index a pure function of the seed.

Because nothing but the index decides which record comes and with which random draws, a run that is
stopped anywhere and resumed sees exactly what it would have seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from palikit.errors import DataError, UsageError

from .records import Dataset, Record

__all__ = ["Draw", "Mixture"]

BLOCK = 1024
"""Weights hold exactly over every block of so many draws, up to one draw in a block."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One record of the row: `part` numbers its dataset, `position` counts that one's draws."""

    part: int
    position: int
    record: Record
    rng: np.random.Generator = field(compare=False)


class Mixture:
    """Datasets in shares of `weights`; each is gone through whole, shuffled anew, before again.

    Raises:
        DataError: a dataset without records.
        UsageError: weights that are not one positive number a dataset.
    """

    def __init__(
        self, datasets: Sequence[Dataset], weights: Sequence[float] = (), *, seed: int = 0
    ) -> None:
        self.datasets, self.seed = tuple(datasets), seed
        shares = list(weights) or [float(len(dataset)) for dataset in datasets]
        for dataset in datasets:
            if not len(dataset):
                raise DataError(f"{dataset.name} has no records: give labels that have some")
        if not datasets or len(shares) != len(datasets) or min(shares) <= 0:
            raise UsageError(
                f"weights {tuple(weights)} for {len(datasets)} datasets: give each a positive one"
            )
        self._plan = _plan(shares, seed)
        self._before = np.stack([(self._plan == part).cumsum() for part in range(len(shares))])

    def __len__(self) -> int:
        """Records in all: what one epoch is."""
        return sum(map(len, self.datasets))

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of all datasets, each once, in their order."""
        return tuple(dict.fromkeys(name for one in self.datasets for name in one.classes))

    def __getitem__(self, index: int) -> Draw:
        """The record that comes at `index`, counted from 0 without end."""
        block, place = divmod(index, BLOCK)
        part = int(self._plan[place])
        in_block = self._before[part]
        position = block * int(in_block[-1]) + int(in_block[place]) - 1
        dataset = self.datasets[part]
        epoch, at = divmod(position, len(dataset))
        chosen = int(_order(len(dataset), self.seed, part, epoch)[at])
        rng = np.random.default_rng([self.seed, 1, index])
        return Draw(part, position, dataset[chosen], rng)


def _plan(shares: Sequence[float], seed: int) -> np.ndarray:
    """Which dataset each draw of a block is from: by largest remainder, evenly spread, mixed."""
    exact = np.array(shares) / sum(shares) * BLOCK
    counts = np.maximum(np.floor(exact).astype(int), 1)
    while counts.sum() != BLOCK:
        step = 1 if counts.sum() < BLOCK else -1
        gap = (exact - counts) * step
        gap[(counts + step) < 1] = -np.inf
        counts[gap.argmax()] += step
    plan = np.repeat(np.arange(len(shares)), counts)
    np.random.default_rng([seed, 2]).shuffle(plan)
    return plan


@lru_cache(maxsize=8)
def _order(count: int, seed: int, part: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, 3, part, epoch]).permutation(count)
