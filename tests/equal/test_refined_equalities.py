"""Offsets beside told tokens: the same in a batch as alone, with drafts and without them."""

import random
from dataclasses import replace

import pytest
import torch
from helpers.tiny import random_images, random_prompt, tiny_model

from palikit.decode.grammar import FreeWalk, Walk
from palikit.decode.room import Room
from palikit.decode.rows import Request
from palikit.decode.ruler import Ruler
from palikit.decode.sampling import Greedy, TopP
from palikit.decode.slots import Slots
from palikit.model.paligemma import PaliGemma

RULER = Ruler(40, 200, reach=10)
HELD = list(range(20, 120))


class Guessing(FreeWalk):
    """Drafts the right continuation at some steps and any other at the rest."""

    def __init__(self, answer: tuple[int, ...] = (), only: list[int] | None = None) -> None:
        self.answer, self.at, self.numbers = answer, 0, random.Random(5)
        self.only = None if only is None else torch.tensor(only)

    def allowed(self):
        return self.only

    def advance(self, token: int) -> None:
        self.at += 1

    def draft(self) -> tuple[int, ...]:
        right = self.answer[self.at : self.at + self.numbers.randint(0, 4)]
        return tuple(i if self.numbers.random() < 0.8 else 40 for i in right)


def request(model: PaliGemma, number: int, *, ruler: Ruler | None = RULER) -> Request:
    """Greedy or drawn, free or held, with a picture or without."""
    images = random_images(1, 1, seed=number)
    return Request(
        tuple(random_prompt(2 + number % 5, seed=number)),
        12,
        frozenset(),
        (lambda: model.embed_image(images)) if number % 2 else None,
        model.config.tokens_per_image if number % 2 else 0,
        (Greedy(), TopP(0.9))[number % 3 == 2],
        number,
        Guessing(only=HELD if number % 4 > 1 else None),
        ruler,
    )


Said = tuple[tuple[int, ...], tuple[float, ...]]


def ask(model: PaliGemma, requests: list[Request]) -> list[Said]:
    """Ids and offsets of each."""
    slots = Slots(model, Room(len(requests), 1 << 30, read_tokens=60))
    tickets = [slots.join(one) for one in requests]
    said: dict[int, tuple[list[int], list[float]]] = {ticket: ([], []) for ticket in tickets}
    while slots.busy:
        for told in slots.step():
            said[told.ticket][0].extend(told.ids)
            said[told.ticket][1].extend(told.offsets)
    return [(tuple(ids), tuple(offsets)) for ids, offsets in said.values()]


def with_walk(one: Request, walk: Walk) -> Request:
    return replace(one, walk=walk)


@pytest.mark.parametrize("name", ["paligemma1", "paligemma2"])
def test_a_batch_has_the_offsets_of_its_rows_and_those_who_do_not_ask_none(name: str) -> None:
    model = tiny_model(name)
    rulers = [RULER if i % 3 else None for i in range(12)]
    together = ask(model, [request(model, i, ruler=ruler) for i, ruler in enumerate(rulers)])
    moved = 0
    for i, ((ids, offsets), ruler) in enumerate(zip(together, rulers, strict=True)):
        ((alone, alones),) = ask(model, [request(model, i)])
        assert ids == alone
        if ruler is None:
            assert set(offsets) == {0.0}
        else:
            assert offsets == pytest.approx(alones, abs=1e-3)
            moved += sum(offset != 0 for offset in offsets)
    assert moved > 30


def test_no_draft_changes_an_offset() -> None:
    model = tiny_model("paligemma2")
    plain = ask(model, [request(model, i) for i in range(8)])
    drafted = ask(
        model,
        [
            with_walk(request(model, i), Guessing(ids, HELD if i % 4 > 1 else None))
            for i, (ids, _) in enumerate(plain)
        ],
    )
    for (ids, offsets), (same, sames) in zip(drafted, plain, strict=True):
        assert ids == same
        assert offsets == pytest.approx(sames, abs=1e-3)


@pytest.mark.parametrize("number", range(8))
def test_offsets_are_the_means_of_a_full_pass(number: int) -> None:
    model = tiny_model("paligemma2")
    one = request(model, number)
    ((ids, _),) = ask(model, [one])
    ((_, offsets),) = ask(
        model, [with_walk(request(model, number), Guessing(ids, HELD if number % 4 > 1 else None))]
    )
    tokens = torch.tensor([[*one.prefix, *ids]])
    mask_ar = (torch.arange(tokens.shape[1]) >= len(one.prefix)).long()[None]
    images = random_images(1, 1, seed=number) if number % 2 else None
    logits = model(images, tokens, mask_ar, torch.ones_like(tokens, dtype=torch.bool))
    sayable = set(HELD if number % 4 > 1 else range(320))
    for token, offset, row in zip(ids, offsets, logits[0, len(one.prefix) - 1 : -1], strict=True):
        near = [i for i in range(token - 10, token + 11) if 40 <= i < 240 and i in sayable]
        weights = row[near].double().softmax(-1) if 40 <= token < 240 else torch.tensor([])
        mean = sum(w * (i - token) for w, i in zip(weights.tolist(), near, strict=False))
        assert offset == pytest.approx(mean, abs=1e-3)
