"""One benchmark's run with all that a report says of it, and the file that comparing reads.

folder/scores.json
{"benchmark": "docvqa", "model": "nano", "headline": 73.6, "interval": [72.9, 74.3], "n": 5349,
 "unparsed": 0.001, "published": {"3b-448": 73.6}, "ids": ["49153", ...], "per_item": [...], ...}
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from palikit.errors import DataError
from palikit.eval.benchmarks.values import Benchmark, Item
from palikit.eval.files import read_json, write_json
from palikit.eval.predictions import Prediction
from palikit.eval.problems import Problem
from palikit.eval.scores import Rows, Scores
from palikit.eval.scoring import SCORERS
from palikit.eval.sureness import Sureness, sureness

__all__ = ["Result", "Scored", "read_scored", "result_dict", "write_result"]

SCORES = "scores.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What came out for one benchmark.

    Attributes:
        model: what was asked, as the user named it.
        variant: which published column it stands beside, such as "3b-448"; "" for none.
        items: those that were asked, in order.
        answers: one an item.
        scores: None for a test server's split.
        problems: whatever was counted and named.
        notes: what else belongs to this number, in words.
    """

    benchmark: Benchmark
    model: str
    variant: str
    items: Sequence[Item]
    answers: Sequence[Prediction]
    scores: Scores | None
    problems: Sequence[Problem] = ()
    notes: Sequence[str] = ()

    @property
    def published(self) -> float | None:
        """The published number of the same variant."""
        return self.benchmark.published.get(self.variant)

    @property
    def difference(self) -> float | None:
        """Ours minus the published number."""
        if self.published is None or self.scores is None:
            return None
        return self.scores.headline - self.published

    @property
    def sureness(self) -> Sureness:
        """What the model said of its answers beside how right they were; without scores nothing."""
        if self.scores is None:
            return Sureness("text", ())
        return sureness(self.benchmark, self.answers, self.items, self.scores.per_item)

    @property
    def unit(self) -> str:
        """Of the headline: "%" where it is percent."""
        return SCORERS[self.benchmark.metric].unit


def result_dict(one: Result) -> dict[str, Any]:
    """The numbers of a result, ready for JSON."""
    scores = one.scores
    told: dict[str, Any] = {
        "benchmark": one.benchmark.name,
        "title": one.benchmark.title,
        "metric": one.benchmark.metric,
        "higher_is_better": one.benchmark.higher_is_better,
        "model": one.model,
        "variant": one.variant,
        "asked": len(one.items),
        "published": dict(one.benchmark.published),
        "difference": one.difference,
        "problems": {problem.kind: list(problem.ids) for problem in one.problems},
        "notes": list(one.notes),
    }
    if scores is not None:
        told |= {
            "headline": scores.headline,
            "interval": list(scores.interval),
            "n": scores.n,
            "unparsed": scores.unparsed,
            "others": dict(scores.others),
            "groups": dict(scores.groups),
        }
    return told


def write_result(one: Result, folder: Path) -> None:
    """Write `scores.json`: the numbers, and one an item."""
    told = result_dict(one)
    if one.scores is not None:
        told |= {
            "ids": [item.id for item in one.items],
            "per_item": list(one.scores.per_item),
            "statistic": one.scores.rows.statistic,
            "rows": [list(row) for row in one.scores.rows.values],
        }
    if (sure := one.sureness).pairs:
        told["said"] = {"of": sure.of, "ece": sure.error, "pairs": [*map(list, sure.pairs)]}
    write_json(folder / SCORES, told)


@dataclass(frozen=True, slots=True)
class Scored:
    """What comparing needs of a run on one benchmark, as it was read from its file."""

    benchmark: str
    model: str
    headline: float
    interval: tuple[float, float]
    ids: tuple[str, ...]
    per_item: tuple[float, ...]
    rows: Rows = field(repr=False)
    told: Mapping[str, Any] = field(repr=False)


def read_scored(path: Path) -> Scored:
    """Read one `scores.json`.

    Raises:
        DataError: it is missing, broken, or a test server's split, which has no scores.
    """
    told = read_json(path)
    try:
        if "headline" not in told:
            raise DataError(f"{path} has no scores: its split has no right answers")
        scored = Scored(
            benchmark=str(told["benchmark"]),
            model=str(told["model"]),
            headline=float(told["headline"]),
            interval=(float(told["interval"][0]), float(told["interval"][1])),
            ids=tuple(map(str, told["ids"])),
            per_item=tuple(map(float, told["per_item"])),
            rows=Rows(str(told["statistic"]), tuple(tuple(map(float, r)) for r in told["rows"])),
            told=told,
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DataError(f"{path} is no file of scores: {error!r}") from error
    if len(scored.ids) != len(scored.per_item) or not scored.ids:
        raise DataError(f"{path} has {len(scored.ids)} ids for {len(scored.per_item)} scores")
    scored.rows.array()
    return scored
