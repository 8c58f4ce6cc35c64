"""What all scorers share: a Scorer as a value, and Scores from one number an item."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, TypeAlias

from palikit.errors import UsageError
from palikit.eval.benchmarks.values import Item
from palikit.eval.extras import need
from palikit.eval.predictions import Prediction
from palikit.eval.scores import Rows, Scores, group_codes, resampled_interval

__all__ = ["Answers", "Items", "Scorer", "build_scores", "group_means", "mean_of_groups", "says"]

Answers: TypeAlias = Sequence[Prediction]
Items: TypeAlias = Sequence[Item]


def says(one: Prediction) -> bool:
    """Whether there is any word at all."""
    return bool(one.answer.strip())


@dataclass(frozen=True, slots=True)
class Scorer:
    """One metric: `SCORERS["anls"](answers, items)`.

    Attributes:
        score: from answers and items of the same length and order to Scores.
        parsed: whether the metric can read anything in an answer.
        answers_in: what an answer is read as: words, boxes, masks as users see them, or masks as
            RefCOCO's evaluation draws them.
        needs: what an item must have to be scored; things may be none for detection.
        unit: what stands behind the headline in tables.
        packages: modules of extras that it needs.
        check: raises where something else is missing that it needs.
    """

    score: Callable[[Answers, Items], Scores]
    parsed: Callable[[Prediction], bool] = says
    answers_in: Literal["words", "boxes", "masks", "reference masks"] = "words"
    needs: Literal["references", "things", ""] = "references"
    unit: str = "%"
    packages: tuple[str, ...] = ()
    check: Callable[[], object] | None = None

    def check_needs(self) -> None:
        """Before a long run, not behind it.

        Raises:
            MissingExtraError: a package is not installed.
            UsageError: there is no judge.
        """
        for name in self.packages:
            need(name)
        if self.check is not None:
            self.check()

    def __call__(self, answers: Answers, items: Items) -> Scores:
        """Score a run.

        Raises:
            UsageError: no items, or not one answer an item in the items' order.
        """
        if not items or [one.id for one in answers] != [item.id for item in items]:
            raise UsageError(
                f"{len(answers)} answers came for {len(items)} items: give one an item, in their "
                "order, and at least one"
            )
        return self.score(answers, items)


def build_scores(
    answers: Answers,
    items: Items,
    values: Sequence[float],
    *,
    rows: Rows | None = None,
    others: Mapping[str, float] | None = None,
    groups: Mapping[str, float] | None = None,
    notes: Sequence[str] = (),
) -> Scores:
    """Scores whose headline is the statistic of the rows; by default the mean of the values."""
    chosen = rows or Rows("mean", tuple((float(value),) for value in values))
    interval = resampled_interval(chosen)
    return Scores(
        headline=interval.value,
        interval=(interval.low, interval.high),
        per_item=tuple(map(float, values)),
        others=dict(others or {}),
        groups=dict(group_means(values, items) if groups is None else groups),
        unparsed=fmean(not one.parsed for one in answers),
        rows=chosen,
        notes=tuple(notes),
    )


def group_means(values: Sequence[float], items: Items) -> dict[str, float]:
    """The mean of each group; none where no item has one."""
    by_group: dict[str, list[float]] = {}
    for value, item in zip(values, items, strict=True):
        by_group.setdefault(item.group, []).append(value)
    if set(by_group) <= {""}:
        return {}
    return {name or "(none)": fmean(by_group[name]) for name in sorted(by_group)}


def mean_of_groups(values: Sequence[float], items: Items) -> Rows:
    """Rows whose statistic is the mean over groups, each weighing the same."""
    codes = group_codes([item.group for item in items])
    pairs = zip(values, codes, strict=True)
    return Rows("group_mean", tuple((float(value), float(code)) for value, code in pairs))
