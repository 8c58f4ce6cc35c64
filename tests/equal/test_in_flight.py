"""In flight = alone: whoever joins, leaves or is cancelled meanwhile changes no answer."""

import random
from dataclasses import replace

import pytest
import torch
from helpers.flights import PLENTY, alone, arrivals_of, assert_same, fly, request
from helpers.tiny import TINY, random_images, randomise, tiny_model

from palikit.decode.grammar import FreeWalk
from palikit.decode.room import Room
from palikit.model.paligemma import PaliGemma


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
