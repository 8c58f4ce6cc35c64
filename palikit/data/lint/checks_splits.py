"""Pictures and records that come twice, within one source or in two.

Near copies are found by their difference hashes (see `looks`): two that differ in fewer bits than
there are bands surely have a band in common, and few others that are alike have none, so only
neighbours in the order of each band are compared. Their cells decide. Of 300 generated scenes,
copies at half size and JPEG quality 60 differ in up to 15 bits and correlate by 0.96 and more; two
scenes, some of which differ in 4 bits, by 0.88 at most.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palikit.data.pictures import Picture
from palikit.data.records import Record

from .findings import Finding, finding
from .looks import Look

__all__ = ["check_splits", "near_copies"]

NEAR = 24
"""Of 256 bits."""
ALIKE = 0.95
"""Correlation of the cells."""
BAND = 2
"""Bytes of a band, of which there are 16."""
NEIGHBOURS = 8


@dataclass(frozen=True, slots=True)
class _Sight:
    """The first time that a picture is met in one source."""

    part: int
    record: Record
    picture: Picture
    look: Look


def check_splits(
    parts: Sequence[Sequence[Record]], looks: Mapping[Picture, Look]
) -> Iterator[Finding]:
    """Duplicates within each list of records, and leaks between two of them."""
    first: list[_Sight] = []
    for part, records in enumerate(parts):
        yield from _repeated(records, looks)
        met: dict[bytes, _Sight] = {}
        for record in records:
            for picture in record.pictures:
                look = looks[picture]
                met.setdefault(look.digest, _Sight(part, record, picture, look))
        first += met.values()
    yield from _leaks(first)
    yield from _near(first)


def _repeated(records: Sequence[Record], looks: Mapping[Picture, Look]) -> Iterator[Finding]:
    """The same record again, and the same picture with other boxes or under another name."""
    whole: dict[Any, Record] = {}
    shown: dict[tuple[bytes, ...], Record] = {}
    for record in records:
        digests = tuple(looks[picture].digest for picture in record.pictures)
        words = (record.prefix, record.suffix, record.question, record.answers, record.captions)
        same = whole.setdefault((digests, record.things, words, record.lang), record)
        before = shown.setdefault(digests, record)
        if not digests:
            continue
        if same is not record:
            message = f"the same picture with the same labels is {same.origin}"
            yield finding("record-duplicate", record.origin, message)
        elif before is not record and _is_new_picture(before, record):
            message = f"{record.pictures[0].name} is also the picture of {before.origin}"
            yield finding("picture-duplicate", record.origin, message)


def _is_new_picture(before: Record, record: Record) -> bool:
    # Many questions about one file are usual; two sets of boxes for it contradict each other.
    renamed = [p.name for p in before.pictures] != [p.name for p in record.pictures]
    return renamed or not (before.things is None or record.things is None)


def _leaks(sights: Sequence[_Sight]) -> Iterator[Finding]:
    met: dict[bytes, _Sight] = {}
    for sight in sights:
        before = met.setdefault(sight.look.digest, sight)
        if before.part != sight.part:
            message = f"{sight.picture.name} is also the picture of {before.record.origin}"
            yield finding("split-leak", sight.record.origin, message)


def _near(sights: Sequence[_Sight]) -> Iterator[Finding]:
    known = [sight for sight in sights if sight.look.copy_hash]
    hashes = [sight.look.copy_hash for sight in known]
    closest: dict[int, tuple[bool, int, int]] = {}
    for i, j, bits in near_copies(hashes):
        one, other = known[i].look, known[j].look
        if one.digest == other.digest or _correlation(one.cells, other.cells) < ALIKE:
            continue
        # A leak counts more than a closer copy in the same source.
        rank = (known[i].part == known[j].part, bits, i)
        closest[j] = min(closest.get(j, rank), rank)
    for j, (within, _, i) in sorted(closest.items()):
        code = "picture-near-duplicate" if within else "split-leak-near"
        message = f"{known[j].picture.name} looks like the picture of {known[i].record.origin}"
        yield finding(code, known[j].record.origin, message)


def _correlation(one: bytes, other: bytes) -> float:
    a, b = (np.frombuffer(levels, np.uint8).astype(np.float64) for levels in (one, other))
    return float(np.corrcoef(a, b)[0, 1])


def near_copies(hashes: Sequence[bytes]) -> list[tuple[int, int, int]]:
    """Pairs i < j whose hashes of 32 bytes differ in at most `NEAR` bits, and in how many.

    Among more than `NEIGHBOURS` copies of one picture not every pair is told, but each copy is in
    one.
    """
    if len(hashes) < 2:
        return []
    table = np.frombuffer(b"".join(hashes), np.uint8).reshape(len(hashes), -1)
    words = table.view(np.uint64)
    pairs: dict[tuple[int, int], int] = {}
    for start in range(0, table.shape[1], BAND):
        rolled = np.ascontiguousarray(np.roll(table, -start, axis=1))
        order = rolled.view(f"S{table.shape[1]}").ravel().argsort(kind="stable")
        for step in range(1, min(NEIGHBOURS, len(hashes) - 1) + 1):
            _compare(words, order[:-step], order[step:], pairs)
    return [(i, j, bits) for (i, j), bits in sorted(pairs.items())]


def _compare(
    words: NDArray[np.uint64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    pairs: dict[tuple[int, int], int],
) -> None:
    bits = np.bitwise_count(words[left] ^ words[right]).sum(axis=1, dtype=np.int64)
    for k in np.flatnonzero(bits <= NEAR).tolist():
        i, j = sorted((int(left[k]), int(right[k])))
        pairs[i, j] = int(bits[k])
