"""What an answer may look like, as automata over token ids: one walk a row, told of every token.

    walk = RegionWalk(RegionGrammar(...))
    walk.allowed()      the ids that may come next, [n]; None for any
    walk.advance(17)    one of them came
    walk.draft()        what will surely or likely come next; decoding checks it in one pass
    walk.unsure()       among which ids its first tokens are; `walk.foreseen` takes better guesses

A `RegionWalk` tells boxes, masks and labels and nothing else: four locs with their corners in
order, sixteen codes where masks are asked for, a label out of the asked ones, and a separator or
the end. A region that repeats an earlier one ends the list. A `ChoiceWalk` tells one of some
answers; `pattern.PatternWalk` tells one that a regular expression matches.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, repeat, takewhile
from typing import TypeAlias

import torch
from jaxtyping import Int
from torch import Tensor

from palikit.errors import PalikitError

__all__ = ["ChoiceWalk", "FreeWalk", "Label", "RegionGrammar", "RegionWalk", "Walk"]

Ids: TypeAlias = tuple[int, ...]
CORNERS = 4
LOC_ROWS, SEG_ROWS = 1024, 128
"""How many ids follow `loc_start` and `seg_start`."""
THIRD = 341
"""Bins to the corner and along the sides of a box that nobody has foreseen."""


class Walk(ABC):
    """One row's place in what it may say.

    Attributes:
        kept: how many of the row's tokens count, where its last ones do not; None when all do.
        foreseen: guesses of the first unsure tokens, good until the next token comes.
        error: why there is no answer, where the walk could not go on; it lets the row end then.
    """

    kept: int | None
    foreseen: Ids = ()
    error: PalikitError | None = None

    @abstractmethod
    def allowed(self) -> Int[Tensor, " n"] | None:
        """Ids that may come next, at least one; None when all may."""

    def rivals(self) -> Ids:
        """Ids that may not come, but would have: allowed ones are only as likely as beside them."""
        return ()

    @abstractmethod
    def advance(self, token: int) -> None:
        """Go on by one of the allowed ids."""

    @abstractmethod
    def draft(self) -> Ids:
        """What will surely or likely come next; empty when nobody can say."""

    def unsure(self) -> Sequence[Int[Tensor, " _"]]:
        """Of each of the next tokens, in order, the ids among which the model may guess it."""
        return ()


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
        rival: the label of what is no object. It is never told, but labels are as likely as they
            are beside it; with it exactly `max_objects` are told, repeated ones too.
    """

    labels: tuple[Label, ...]
    eos_id: int
    loc_start: int
    seg_start: int
    num_codes: int = 0
    max_objects: int = 100
    duplicate_iou: float = 0.9
    rival: Label | None = None


@dataclass(slots=True)
class RegionWalk(Walk):
    """Where a row is in a `RegionGrammar`."""

    grammar: RegionGrammar
    kept: int | None = None
    foreseen: Ids = ()
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
            locs = torch.arange(*self._corner(self._region))
            may_end = self._told == 0 and grammar.rival is None
            return torch.cat([torch.tensor([grammar.eos_id]), locs]) if may_end else locs
        if at < self._whole:
            return torch.arange(SEG_ROWS) + grammar.seg_start
        name = self._name()
        return torch.tensor(sorted({ids[len(name)] for _, ids in self._ways(name)}))

    def rivals(self) -> Ids:
        """Where a label could go on as the rival does, and may not."""
        rival, name = self.grammar.rival, self._name()
        if rival is None or self.kept is not None or len(self._region) < self._whole:
            return ()
        ways = {ids[len(name)] for ids in (rival.continued, rival.final) if _begins(ids, name)}
        return tuple(sorted(ways.difference(self.allowed().tolist())))

    def advance(self, token: int) -> None:
        """Go on; a region that is complete is held against those before it."""
        self._told += 1
        self.foreseen = ()
        self._region.append(token)
        name = self._name()
        for number, ids in self._ways(name[:-1]) if name else ():
            if ids == name:
                self._finish(number, ended=ids[-1] == self.grammar.eos_id)

    def draft(self) -> Ids:
        """The rest of the region and its separator, as foreseen; else of the label told last.

        After one corner only the other three, since a label guessed so early is seldom right.
        """
        if self.kept is not None:
            return (self.grammar.eos_id,)
        told, whole = len(self._region), self._whole
        region = self._likely()
        if told < 2 or len(region) < whole:
            return tuple(region[told:])
        name = self._name()
        seen = self.foreseen[whole - told :][:1] if told <= whole else ()
        # Sorting is stable: the label foreseen or else told last, and another region before the end
        # come first.
        order = {way: (way[1][:1] != seen, way[0] != self._guess) for way in self._ways(name)}
        _, ids = min(order, key=order.__getitem__)
        return (*region[told:], *ids[len(name) :])

    def unsure(self) -> Sequence[Int[Tensor, " _"]]:
        """Locs, codes and the first token of a label."""
        grammar, told = self.grammar, len(self._region)
        if self.kept is not None or not 0 < told <= self._whole:
            return ()
        locs = torch.arange(LOC_ROWS) + grammar.loc_start
        codes = torch.arange(SEG_ROWS) + grammar.seg_start
        names = torch.tensor(sorted({label.final[0] for label in grammar.labels}))
        return [*[locs] * CORNERS, *[codes] * grammar.num_codes, names][told:]

    def _likely(self) -> list[int]:
        """The region's box and codes, as told and then as foreseen.

        Where nobody has foreseen them, a box in the middle and, behind one, any code: what the
        model makes of what follows is the next guess.
        """
        region, grammar = list(self._region), self.grammar
        guesses = iter(self.foreseen)
        while 0 < len(region) < CORNERS:
            low, end = self._corner(region)
            near = grammar.loc_start if len(region) < 2 else region[len(region) - 2]
            guess = next(guesses, near + THIRD)
            region.append(min(max(guess, low), end - 1))
        if len(self._region) >= CORNERS:
            guesses = chain(guesses, repeat(grammar.seg_start))
        return [*region, *islice(guesses, max(self._whole - len(region), 0))]

    def _corner(self, box: Sequence[int]) -> tuple[int, int]:
        """The first id that a box can go on with, and the one behind the last."""
        start = self.grammar.loc_start
        if len(box) < 2:
            return start, start + LOC_ROWS - 1
        return box[len(box) - 2] + 1, start + LOC_ROWS

    @property
    def _whole(self) -> int:
        """Tokens of a region before its label."""
        return CORNERS + self.grammar.num_codes

    def _name(self) -> Ids:
        return tuple(self._region[self._whole :])

    def _ways(self, name: Ids) -> list[tuple[int, Ids]]:
        """The labels, by number, that begin so and with what they may end in."""
        may_go_on = len(self._boxes) + 1 < self.grammar.max_objects
        may_end = self.grammar.rival is None or not may_go_on
        return [
            (number, ids)
            for number, label in enumerate(self.grammar.labels)
            for ids in (label.continued,) * may_go_on + (label.final,) * may_end
            if _begins(ids, name)
        ]

    def _finish(self, number: int, *, ended: bool) -> None:
        box = tuple(self._region[:CORNERS])
        limit = self.grammar.duplicate_iou
        repeats = any(number == n and bin_iou(box, other) > limit for n, other in self._boxes)
        if repeats and self.grammar.rival is None:
            self.kept = self._counts
        elif not ended:
            label = self.grammar.labels[number]
            self._counts = self._told - (len(label.continued) - len(label.final) + 1)
        self._boxes.append((number, box))
        self._region.clear()
        self._guess = number


def _begins(ids: Ids, name: Ids) -> bool:
    """Whether they go on from this beginning."""
    return ids[: len(name)] == name and len(ids) > len(name)


def bin_iou(a: Ids, b: Ids) -> float:
    """Intersection over union of two boxes y1 x1 y2 x2."""
    height = min(a[2], b[2]) - max(a[0], b[0])
    width = min(a[3], b[3]) - max(a[1], b[1])
    if height <= 0 or width <= 0:
        return 0.0
    shared = height * width
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return shared / (areas - shared)
