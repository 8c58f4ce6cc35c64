"""In flight = alone: whoever joins, leaves or is cancelled meanwhile changes no answer."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from helpers.tiny import TINY, random_images, random_prompt, randomise, tiny_model

from palikit.decode.generate import Generated, collect, generate
from palikit.decode.grammar import ChoiceWalk, FreeWalk, Walk
from palikit.decode.room import Room
from palikit.decode.rows import Request
from palikit.decode.sampling import Greedy, Temperature, TopK, TopP
from palikit.decode.slots import Slots
from palikit.model.paligemma import PaliGemma

SAMPLERS = [Greedy(), TopP(0.8), Greedy(), TopK(20), Temperature(0.8)]
PLENTY = 1 << 30
ROOMS = [Room(3, PLENTY), Room(8, PLENTY, read_tokens=40), Room(16, 120_000)]


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


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize(
    "room", [Room(3, PLENTY), Room(8, PLENTY, 40), Room(16, 120_000)], ids=repr
)
def test_requests_in_flight_are_told_what_they_are_told_alone(name: str, room: Room) -> None:
    model = tiny_model(name)
    answers = fly(model, arrivals_of(24, seed=1), room)
    assert len(answers) == 24
    for number, answer in answers.items():
        assert_same(answer, alone(model, number))


@pytest.mark.parametrize("seed", range(4))
def test_cancelled_neighbours_change_no_answer(seed: int) -> None:
    model = tiny_model("paligemma2")
    gone = frozenset(random.Random(seed).sample(range(18), 9))
    answers = fly(model, arrivals_of(18, seed), Room(5, PLENTY), cancelled=gone)
    assert set(range(18)) - gone <= set(answers)
    for number, answer in answers.items():
        assert_same(answer, alone(model, number))


def test_a_window_over_rows_of_different_lengths_is_each_rows_own() -> None:
    config = TINY["paligemma2"]
    model = PaliGemma(replace(config, text=replace(config.text, sliding_window=4)))
    model.eval().requires_grad_(False)
    randomise(model, 0)
    for number, answer in fly(model, arrivals_of(12, seed=3), Room(4, PLENTY)).items():
        assert_same(answer, alone(model, number))


def test_what_a_row_said_is_what_a_full_pass_says_of_its_tokens() -> None:
    model = tiny_model("paligemma2")
    for number, answer in fly(model, arrivals_of(16, seed=4), Room(4, PLENTY)).items():
        one = request(model, number)
        if type(one.walk) is not FreeWalk:
            continue
        images = random_images(1, number % 3, seed=number) if number % 3 else None
        tokens = torch.tensor([[*one.prefix, *answer.ids]])
        mask_ar = (torch.arange(tokens.shape[1]) >= len(one.prefix)).long()[None]
        logits = model(images, tokens, mask_ar, torch.ones_like(tokens, dtype=torch.bool))
        logprobs = logits[0, len(one.prefix) - 1 : -1].log_softmax(-1)
        expected = logprobs.gather(-1, torch.tensor(answer.ids)[:, None])[:, 0].tolist()
        assert answer.logprobs == pytest.approx(expected, abs=1e-4)
