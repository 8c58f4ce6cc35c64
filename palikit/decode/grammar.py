"""What an answer may look like, as automata over token ids: one walk a row, told of every token.

    walk = RegionWalk(RegionGrammar(...))
    walk.allowed()      the ids that may come next, [n]; None for any
    walk.advance(17)    one of them came
    walk.draft()        what will surely or likely come next; decoding checks it in one pass

A `RegionWalk` tells boxes, masks and labels and nothing else: four locs with their corners in
order, sixteen codes where masks are asked for, a label out of the asked ones, and a separator or
the end. A region that repeats an earlier one ends the list. A `ChoiceWalk` tells one of some
answers.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TypeAlias

import torch
from jaxtyping import Int
from torch import Tensor

__all__ = ["ChoiceWalk", "FreeWalk", "Label", "RegionGrammar", "RegionWalk", "Walk"]

Ids: TypeAlias = tuple[int, ...]
CORNERS = 4
LOC_ROWS, SEG_ROWS = 1024, 128
"""How many ids follow `loc_start` and `seg_start`."""


class Walk(ABC):
    """One row's place in what it may say.

    Attributes:
        kept: how many of the row's tokens count, where its last ones do not; None when all do.
    """

    kept: int | None

    @abstractmethod
    def allowed(self) -> Int[Tensor, " n"] | None:
        """Ids that may come next, at least one; None when all may."""

    @abstractmethod
    def advance(self, token: int) -> None:
        """Go on by one of the allowed ids."""

    @abstractmethod
    def draft(self) -> Ids:
        """What will surely or likely come next; empty when nobody can say."""


class FreeWalk(Walk):
    """Anything may come."""

    kept = None

    def allowed(self) -> None:
        """Every id."""

    def advance(self, token: int) -> None:
        """Nothing is remembered."""

    def draft(self) -> Ids:
        """No guess."""
        return ()


class ChoiceWalk(Walk):
    """One of some answers, each with the end token that finishes it."""

    kept = None

    def __init__(self, choices: Sequence[Ids]) -> None:
        self._left = list(choices)
        self._at = 0

    def allowed(self) -> Int[Tensor, " n"]:
        """The next ids of the answers that begin as this one has."""
        return torch.tensor(sorted({ids[self._at] for ids in self._left}))

    def advance(self, token: int) -> None:
        """Leave out the answers that go on otherwise."""
        self._left = [ids for ids in self._left if ids[self._at] == token]
        self._at += 1

    def draft(self) -> Ids:
        """As far as all that are left agree."""
        columns = zip(*(ids[self._at :] for ids in self._left), strict=False)
        return tuple(c[0] for c in takewhile(lambda column: len(set(column)) == 1, columns))


@dataclass(frozen=True, slots=True)
class Label:
    """How a label ends its region, both ways as the vocabulary cuts them.

    Attributes:
        continued: ids of the label and of the separator that leads to another region.
        final: ids of the label and the end token.
    """

    continued: Ids
    final: Ids


@dataclass(frozen=True, slots=True)
class RegionGrammar:
    """Well-formed answers to `detect` and `segment`.

    Attributes:
        labels: what may be named.
        eos_id: ends an answer, at once where there is nothing.
        num_codes: `<seg>` ids between the box and its label, 0 for none.
        max_objects: no more regions than this.
        duplicate_iou: a region of the same label with a box IoU above it ends the list, and does
            not count.
    """

    labels: tuple[Label, ...]
    eos_id: int
    loc_start: int
    seg_start: int
    num_codes: int = 0
    max_objects: int = 100
    duplicate_iou: float = 0.9


@dataclass(slots=True)
class RegionWalk(Walk):
    """Where a row is in a `RegionGrammar`."""

    grammar: RegionGrammar
    kept: int | None = None
    _told: int = 0
    _region: list[int] = field(default_factory=list)
    _boxes: list[tuple[int, Ids]] = field(default_factory=list)
    _counts: int = 0
    _guess: int = 0

    def allowed(self) -> Int[Tensor, " n"]:
        """Locs that keep corners in order, codes, the rests of labels, or the end."""
        grammar, at = self.grammar, len(self._region)
        if self.kept is not None:
            return torch.tensor([grammar.eos_id])
        if at < CORNERS:
            low = 0 if at < 2 else self._region[at - 2] - grammar.loc_start + 1
            high = LOC_ROWS - (1 if at < 2 else 0)
            locs = torch.arange(low, high) + grammar.loc_start
            return torch.cat([torch.tensor([grammar.eos_id]), locs]) if self._told == 0 else locs
        if at < CORNERS + grammar.num_codes:
            return torch.arange(SEG_ROWS) + grammar.seg_start
        name = self._name()
        return torch.tensor(sorted({ids[len(name)] for _, ids in self._ways(name)}))

    def advance(self, token: int) -> None:
        """Go on; a region that is complete is held against those before it."""
        self._told += 1
        self._region.append(token)
        name = self._name()
        for number, ids in self._ways(name[:-1]) if name else ():
            if ids == name:
                self._finish(number, ended=ids[-1] == self.grammar.eos_id)

    def draft(self) -> Ids:
        """The rest of the label and of its separator; of several labels, of the one told last."""
        if self.kept is not None:
            return (self.grammar.eos_id,)
        if len(self._region) < CORNERS + self.grammar.num_codes:
            return ()
        name = self._name()
        ways = self._ways(name)
        # Sorting is stable: the label told last first, and another region before the end.
        _, ids = min(ways, key=lambda way: way[0] != self._guess)
        return ids[len(name) :]

    def _name(self) -> Ids:
        return tuple(self._region[CORNERS + self.grammar.num_codes :])

    def _ways(self, name: Ids) -> list[tuple[int, Ids]]:
        """The labels, by number, that begin so and with what they may end in."""
        last = len(self._boxes) + 1 >= self.grammar.max_objects
        ways = [
            (number, ids)
            for number, label in enumerate(self.grammar.labels)
            for ids in ((label.final,) if last else (label.continued, label.final))
        ]
        return [way for way in ways if way[1][: len(name)] == name and len(way[1]) > len(name)]

    def _finish(self, number: int, *, ended: bool) -> None:
        box = tuple(self._region[:CORNERS])
        limit = self.grammar.duplicate_iou
        if any(number == n and bin_iou(box, other) > limit for n, other in self._boxes):
            self.kept = self._counts
        elif not ended:
            label = self.grammar.labels[number]
            self._counts = self._told - (len(label.continued) - len(label.final) + 1)
        self._boxes.append((number, box))
        self._region.clear()
        self._guess = number


def bin_iou(a: Ids, b: Ids) -> float:
    """Intersection over union of two boxes y1 x1 y2 x2."""
    height = min(a[2], b[2]) - max(a[0], b[0])
    width = min(a[3], b[3]) - max(a[1], b[1])
    if height <= 0 or width <= 0:
        return 0.0
    shared = height * width
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return shared / (areas - shared)
