"""The tables of a report as rows of text, the same in HTML and Markdown.

headline_table([result])[1][0]
["DocVQA (val)", "73.6 %", "72.9 – 74.3", "73.6", "+0.0", "0.1 %", "5349"]
"""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean
from typing import TypeAlias

from palikit.eval.compare import Comparison
from palikit.eval.results import Result

__all__ = ["Table", "comparison_table", "group_table", "headline_table", "other_table"]
__all__ += ["size_table"]

Table: TypeAlias = tuple[list[str], list[list[str]]]
"""Heads and rows."""

SIDES = (224, 448, 896, 1792)


def headline_table(results: Sequence[Result]) -> Table:
    """One row a benchmark: ours beside the published number."""
    variants = sorted({one.variant for one in results if one.published is not None})
    heads = ["benchmark", "ours", "95 % interval", f"published {', '.join(variants)}".strip()]
    heads += ["difference", "not parsed", "n"]
    return heads, [_headline_row(one) for one in results]


def _headline_row(one: Result) -> list[str]:
    if one.scores is None:
        return [
            one.benchmark.title,
            "no answers in this split",
            "",
            "",
            "",
            "",
            str(len(one.items)),
        ]
    scores = one.scores
    low, high = scores.interval
    return [
        one.benchmark.title,
        f"{scores.headline:.1f} {one.unit}",
        f"{low:.1f} – {high:.1f}",
        "—" if one.published is None else f"{one.published:.1f}",
        "—" if one.difference is None else f"{one.difference:+.1f}",
        f"{100 * scores.unparsed:.1f} %",
        str(scores.n),
    ]


def other_table(one: Result) -> Table:
    """Further numbers of the metric, and every published one."""
    others = {} if one.scores is None else one.scores.others
    rows = [[name, f"{value:.1f}"] for name, value in others.items()]
    rows += [
        [f"published {name}", f"{value:.1f}"] for name, value in one.benchmark.published.items()
    ]
    return ["number", "value"], rows


def group_table(one: Result) -> Table:
    """One row a class, question type, language or subset."""
    if one.scores is None:
        return ["group", "score", "n"], []
    counts = Counter(item.group or "(none)" for item in one.items)
    if not set(one.scores.groups) <= set(counts):
        counts = Counter(thing.label for item in one.items for thing in item.things)
    rows = [[name, f"{value:.1f}", str(counts[name])] for name, value in one.scores.groups.items()]
    return ["group", "score", "n"], rows


def size_table(one: Result) -> Table:
    """One row for pictures of a size, by their longer side; none where all are of one."""
    heads = ["longer side of the picture", "mean score of an item", "n"]
    if one.scores is None:
        return heads, []
    by_size: dict[str, list[float]] = {}
    for answer, value in zip(one.answers, one.scores.per_item, strict=True):
        by_size.setdefault(_size_name(answer.size), []).append(value)
    names = [*map(_name_of, SIDES), _name_of(None), "not opened"]
    rows = [
        [name, f"{fmean(by_size[name]):.1f}", str(len(by_size[name]))]
        for name in names
        if name in by_size
    ]
    return heads, rows if len(rows) > 1 else []


def _size_name(size: tuple[int, int] | None) -> str:
    if size is None:
        return "not opened"
    return _name_of(next((side for side in SIDES if max(size) <= side), None))


def _name_of(side: int | None) -> str:
    return f"more than {SIDES[-1]} px" if side is None else f"up to {side} px"


def comparison_table(told: Sequence[Comparison]) -> Table:
    """One row a pair of runs and benchmark."""
    heads = ["benchmark", "first", "second", "first's", "second's", "difference", "95 % interval"]
    heads += ["p", "McNemar", "n", "tested on"]
    return heads, [_comparison_row(one) for one in told]


def _comparison_row(one: Comparison) -> list[str]:
    gap, test = one.difference, one.mcnemar
    first, second = one.headlines
    return [
        one.benchmark,
        *one.runs,
        f"{first:.1f}",
        f"{second:.1f}",
        f"{gap.value:+.2f}{' *' if one.is_significant else ''}",
        f"{gap.low:+.2f} – {gap.high:+.2f}",
        f"{gap.p_value:.3f}",
        "—" if test is None else f"{test.only_first} : {test.only_second}, p {test.p_value:.3f}",
        f"{one.common}{f' ({one.only_one} in one run only)' if one.only_one else ''}",
        one.tested_on,
    ]
