"""Requests of every kind, answered alone and in flight."""

import random
from collections.abc import Callable

import pytest
import torch

from palikit.decode.generate import Generated, collect, generate
from palikit.decode.grammar import ChoiceWalk, FreeWalk, Walk
from palikit.decode.room import Room
from palikit.decode.rows import Request
from palikit.decode.sampling import Greedy, Temperature, TopK, TopP
from palikit.decode.slots import Slots
from palikit.model.paligemma import PaliGemma
from palikit.model.slot_cache import SlotCache

from .tiny import random_images, random_prompt

SAMPLERS = [Greedy(), TopP(0.8), Greedy(), TopK(20), Temperature(0.8)]
PLENTY = 1 << 30


class Only(FreeWalk):
    """Allows a set of ids, drafts the lowest twice."""

    def __init__(self, ids: list[int]) -> None:
        self.ids = torch.tensor(ids)

    def allowed(self):
        return self.ids

    def draft(self) -> tuple[int, ...]:
        return (int(self.ids[0]),) * 2


CHOICES = [(30, 31, 32, 7), (30, 31, 40, 41, 7), (50, 7)]
WALKS: list[Callable[[], Walk]] = [
    FreeWalk,
    lambda: ChoiceWalk(CHOICES),
    lambda: Only([3, 5, 7, 90]),
    lambda: Only(list(range(40, 300))),
]


def request(model: PaliGemma, number: int) -> Request:
    """One of endlessly many: every sampler, grammar, number of pictures and length of prompt."""
    frames = number % 3
    images = random_images(1, max(frames, 1), seed=number)
    patches = model.config.tokens_per_image
    return Request(
        tuple(random_prompt(2 + number * 5 % 11, seed=number)),
        1 + number * 7 % 13,
        frozenset([7]),
        (lambda: model.embed_image(images)) if frames else None,
        frames * patches,
        SAMPLERS[number % 5],
        100 + number,
        WALKS[number % 4](),
    )


def alone(model: PaliGemma, number: int) -> Generated:
    """By tensors, the way a batch of one is asked."""
    one = request(model, number)
    features = None if one.features is None else one.features()
    (answer,) = collect(
        generate(
            model,
            features,
            torch.tensor([one.prefix]),
            None,
            eos_id=one.stops,
            max_new_tokens=one.max_new_tokens,
            sampler=one.sampler,
            seed=one.seed,
            walks=[one.walk],
        )
    )
    return answer


def fly(
    model: PaliGemma,
    arrivals: list[list[int]],
    room: Room,
    *,
    cancelled: frozenset[int] = frozenset(),
) -> dict[int, Generated]:
    """Answers by number, where `arrivals[s]` join before step s and some are cancelled soon."""
    slots = Slots(model, room)
    numbers: dict[int, int] = {}
    told: dict[int, list[tuple[int, float]]] = {}
    answers: dict[int, Generated] = {}
    step = 0
    while slots.busy or step < len(arrivals):
        for number in arrivals[step] if step < len(arrivals) else ():
            numbers[slots.join(request(model, number))] = number
        for one in slots.step():
            if one.error is not None:
                raise one.error
            pairs = told.setdefault(number := numbers[one.ticket], [])
            pairs += zip(one.ids, one.logprobs, strict=True)
            if one.ended:
                ids, logprobs = zip(*pairs, strict=True)
                answers[number] = Generated(ids, logprobs, finished=one.ended == "eos")
            elif number in cancelled:
                assert slots.cancel(one.ticket)
        step += 1
        assert slots.in_flight <= room.slots
        assert slots.cache.nbytes <= room.cache_bytes
    assert slots.cache.nbytes == 0
    return answers


def assert_same(ours: Generated, theirs: Generated) -> None:
    assert ours.ids == theirs.ids
    assert ours.finished == theirs.finished
    assert ours.logprobs == pytest.approx(theirs.logprobs, abs=1e-4)


def arrivals_of(count: int, seed: int) -> list[list[int]]:
    numbers = random.Random(seed)
    steps: list[list[int]] = [[] for _ in range(count)]
    for number in range(count):
        steps[numbers.randrange(count)].append(number)
    return steps


def read(model: PaliGemma, lengths: list[int]) -> SlotCache:
    """A cache that holds prompts of these lengths, in room for twice as many."""
    cache = model.slot_cache()
    cache.resize(*cache.rounded(2 * len(lengths), 2 * max(lengths)))
    for length in lengths:
        joining = cache.joining([length])
        model.prefill(None, torch.tensor([random_prompt(length, seed=length)]), None, joining)
        joining.stay()
    return cache
