"""Whether runs differ by more than chance: the same questions, answered by two models.

    compare(read_runs([Path("eval-a"), Path("eval-b")]))
    [Comparison(benchmark="nano-count", runs=("eval-a", "eval-b"), ...)]

Only items that both runs have are compared; how many others there are is told. The interval and p
come from resampling these items (paired bootstrap); where every item is right or wrong, McNemar's
exact test stands beside them. A headline that is no statistic of single items (AP) is tested by its
number for single pictures, and `tested_on` says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from palikit.errors import DataError, UsageError
from palikit.eval.bootstrap import Difference, McNemar, mcnemar, paired_bootstrap
from palikit.eval.results import SCORES, Scored, read_scored
from palikit.eval.scores import STATISTICS, value_of

__all__ = ["Comparison", "Run", "compare", "read_runs"]


@dataclass(frozen=True, slots=True)
class Run:
    """A folder that `palikit eval` wrote: its name, and its benchmarks."""

    name: str
    scored: Mapping[str, Scored]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Two runs on one benchmark.

    Attributes:
        runs: the folders, the first and the second.
        headlines: both runs' own numbers, each over all of its items.
        difference: second minus first, over the items of both.
        mcnemar: None where items are not right or wrong.
        common: how many items both have.
        only_one: how many items one of them has alone.
        tested_on: what was resampled.
    """

    benchmark: str
    runs: tuple[str, str]
    headlines: tuple[float, float]
    difference: Difference
    mcnemar: McNemar | None
    common: int
    only_one: int
    tested_on: str = "the headline"

    @property
    def is_significant(self) -> bool:
        """Whether 0 lies outside of the 95 % interval."""
        return self.difference.low > 0 or self.difference.high < 0


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Read two or more folders; a run is called by its folder, and its model where those differ.

    Raises:
        UsageError: fewer than two.
        DataError: a folder without scores, or with broken ones.
    """
    if len(folders) < 2:
        raise UsageError("--compare needs two runs or more: palikit eval --compare eval-a eval-b")
    runs = []
    for folder in folders:
        paths = sorted(folder.glob(f"*/{SCORES}")) or sorted(folder.glob(SCORES))
        if not paths:
            raise DataError(f"{folder} holds no scores: name a folder that palikit eval wrote")
        # A test server's split has no scores; the others of the folder still compare.
        several = [one for one in map(_read, paths) if one is not None]
        runs.append(Run(str(folder), {one.benchmark: one for one in several}))
    return runs


def _read(path: Path) -> Scored | None:
    try:
        return read_scored(path)
    except DataError as error:
        if "no right answers" in str(error):
            return None
        raise


def compare(runs: Sequence[Run]) -> list[Comparison]:
    """Every pair of runs on every benchmark that both have.

    Raises:
        UsageError: no benchmark, or no item, that two of them share.
    """
    told = [
        _compare(first, second, name)
        for first, second in combinations(runs, 2)
        for name in first.scored
        if name in second.scored
    ]
    if not told:
        raise UsageError("these runs share no benchmark: compare runs on the same ones")
    return told


def _compare(first: Run, second: Run, name: str) -> Comparison:
    a, b = first.scored[name], second.scored[name]
    others = set(b.ids)
    common = [one for one in a.ids if one in others]
    if not common:
        raise UsageError(f"{first.name} and {second.name} share no item of {name}")
    rows_a, rows_b, statistic, tested_on = _rows(a, b, common)
    values_a, values_b = _values(a, common), _values(b, common)
    is_accuracy = bool(np.isin(np.concatenate([values_a, values_b]), (0, 100)).all())
    return Comparison(
        benchmark=name,
        runs=(first.name, second.name),
        headlines=(a.headline, b.headline),
        difference=paired_bootstrap(rows_a, rows_b, STATISTICS[statistic]),
        mcnemar=mcnemar(values_a == 100, values_b == 100) if is_accuracy else None,
        common=len(common),
        only_one=len(set(a.ids) ^ set(b.ids)),
        tested_on=tested_on,
    )


def _rows(
    a: Scored, b: Scored, common: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64], str, str]:
    """What is drawn from for each run, its statistic, and what that is."""
    fits = a.rows.statistic == b.rows.statistic and all(
        abs(value_of(one.rows) - one.headline) <= 1e-6 * max(1.0, abs(one.headline))
        for one in (a, b)
    )
    if fits and a.ids == b.ids and len(a.rows.values) == len(b.rows.values):
        return a.rows.array(), b.rows.array(), a.rows.statistic, "the headline"
    per_item = all(len(one.rows.values) == len(one.ids) for one in (a, b))
    # Numbers of groups are by first appearance, so those of other items are others.
    if fits and per_item and a.rows.statistic in ("mean", "ratio"):
        rows = [one.rows.array()[_places(one, common)] for one in (a, b)]
        return rows[0], rows[1], a.rows.statistic, "the headline"
    values = [_values(one, common)[:, None] for one in (a, b)]
    return values[0], values[1], "mean", "the mean of single items"


def _values(one: Scored, ids: Sequence[str]) -> NDArray[np.float64]:
    return np.array(one.per_item)[_places(one, ids)]


def _places(one: Scored, ids: Sequence[str]) -> list[int]:
    place = {name: i for i, name in enumerate(one.ids)}
    return [place[name] for name in ids]
