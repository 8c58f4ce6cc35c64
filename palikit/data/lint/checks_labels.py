"""Labels over all sources: what cannot be told, what is written in two ways, what is missing."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import groupby

from palikit.codecs.text import check_label
from palikit.data.records import Dataset, Record
from palikit.errors import UsageError

from .findings import Finding, finding

__all__ = ["check_classes", "check_labels"]

RARE = 20
"""A typo is at least so many times rarer than the word that was meant."""
ALIKE = 0.8
"""Share of letters that two words have in common, after difflib: apple and aplpe have it."""
SHORTEST = 4
"""Words of fewer letters are too often neighbours by nature: cat, car, cap."""
IMBALANCE = 50


def check_labels(record: Record, classes: frozenset[str]) -> Iterator[Finding]:
    """Labels of one record that no answer can hold, or that nobody declared."""
    for label in dict.fromkeys(thing.label for thing in record.things or ()):
        try:
            check_label(label)
        except UsageError:
            empty = not label.strip()
            code = "label-empty" if empty else "label-characters"
            what = "a thing has no label" if empty else f"label {label!r} cannot stand in an answer"
            yield finding(code, record.origin, what)
            continue
        if classes and label not in classes:
            yield finding("label-undeclared", record.origin, f"{label!r} is no declared class")


def check_classes(datasets: Sequence[Dataset], records: Sequence[Record]) -> Iterator[Finding]:
    """Spellings, unused classes and imbalance, over the sound records of all datasets."""
    counts = Counter(thing.label for record in records for thing in record.things or ())
    origins: dict[str, str] = {}
    for record in records:
        for thing in record.things or ():
            origins.setdefault(thing.label, record.origin)
    named = Counter({label: count for label, count in counts.items() if label.strip()})
    variants = list(_variants(named))
    for label, usual in variants:
        message = f"{label!r} ({counts[label]} times) is also {usual!r} ({counts[usual]} times)"
        yield finding("label-variant", origins[label], message)
    for label, usual in _typos(named, {label for label, _ in variants}):
        message = f"{label!r} ({counts[label]} times) may mean {usual!r} ({counts[usual]} times)"
        yield finding("label-typo", origins[label], message)
    yield from _unused(datasets, counts)
    yield from _imbalance(datasets, named)


def _variants(counts: Counter[str]) -> Iterator[tuple[str, str]]:
    """A label and the most frequent one that differs from it by case, spaces or plural alone."""
    for _, group in groupby(sorted(counts, key=_folded), key=_folded):
        usual, *others = sorted(group, key=lambda label: (-counts[label], label))
        yield from ((label, usual) for label in others)


def _folded(label: str) -> str:
    word = re.sub(r"[\W_]+", "", label.casefold())
    # Not grammar: only labels that come out alike are told of.
    word = re.sub(r"ies$", "y", word)
    return re.sub(r"(?<=[sxzh])es$|(?<!s)s$", "", word) if len(word) > 3 else word


def _typos(counts: Counter[str], known: set[str]) -> Iterator[tuple[str, str]]:
    """A rare label and the frequent one that it resembles."""
    frequent = [label for label in counts if counts[label] >= RARE and len(label) >= SHORTEST]
    for label in counts:
        if label in known or len(label) < SHORTEST - 1:
            continue
        usual = [other for other in frequent if counts[other] >= RARE * counts[label]]
        for close in get_close_matches(label, usual, n=3, cutoff=ALIKE):
            # "lane 1" and "lane 2" are two classes.
            if re.sub(r"\d", "", label) != re.sub(r"\d", "", close):
                yield label, close
                break


def _unused(datasets: Sequence[Dataset], counts: Counter[str]) -> Iterator[Finding]:
    told: set[str] = set()
    for dataset in datasets:
        for name in dataset.classes:
            if name not in counts and name not in told:
                told.add(name)
                yield finding("class-unused", dataset.name, f"no thing is a {name!r}")


def _imbalance(datasets: Sequence[Dataset], counts: Counter[str]) -> Iterator[Finding]:
    if len(counts) < 2:
        return
    (most, many), *_, (least, few) = counts.most_common()
    if many >= IMBALANCE * few:
        place = ", ".join(dict.fromkeys(dataset.name for dataset in datasets))
        message = f"{most!r} comes {many} times, {least!r} {few} times"
        yield finding("class-imbalance", place, message)
