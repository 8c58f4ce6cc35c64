"""Decoding tiny models: a batch is its rows, the cache is a full pass, padding is nothing."""

from copy import deepcopy
from functools import cache

import pytest
import torch
from helpers.tiny import TINY, pad, random_images, random_prompt, tiny_model
from torch import Tensor

from palikit.decode.beam import beam_search
from palikit.decode.generate import Generated, collect, generate
from palikit.decode.sampling import Greedy, Temperature, TopK, TopP
from palikit.model.paligemma import PaliGemma

STEPS = 12
PROMPTS = [random_prompt(9, seed=1), random_prompt(3, seed=2), random_prompt(6, seed=3)]
LIMITS = [12, 5, 9]
SAMPLERS = [Greedy(), Temperature(0.8), TopK(20), TopP(0.8)]


def decode(name, rows, *, sampler, left=False, frames=1) -> list[Generated]:
    model = tiny_model(name)
    features = model.embed_image(random_images(3, frames, seed=4))[rows]
    tokens, real = pad([PROMPTS[row] for row in rows], left=left)
    columns = generate(
        model,
        features,
        tokens,
        real,
        eos_id=7,
        max_new_tokens=[LIMITS[row] for row in rows],
        sampler=sampler,
        seed=[50 + row for row in rows],
    )
    return collect(columns)


def assert_same(ours: list[Generated], others: list[Generated]) -> None:
    assert [row.ids for row in ours] == [row.ids for row in others]
    for a, b in zip(ours, others, strict=True):
        assert a.logprobs == pytest.approx(b.logprobs, abs=1e-4)


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_a_batch_equals_its_rows_one_by_one(name, sampler):
    together = decode(name, [0, 1, 2], sampler=sampler)
    assert_same(together, [decode(name, [row], sampler=sampler)[0] for row in range(3)])


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_the_order_of_rows_changes_nothing(sampler):
    forth = decode("paligemma2", [0, 1, 2], sampler=sampler)
    back = decode("paligemma2", [2, 1, 0], sampler=sampler)
    assert_same(forth, back[::-1])


def test_padding_on_the_left_equals_padding_on_the_right():
    right = decode("paligemma2", [0, 1, 2], sampler=Greedy())
    assert_same(right, decode("paligemma2", [0, 1, 2], sampler=Greedy(), left=True))


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("frames", [0, 1, 2])
def test_cached_decoding_equals_a_full_pass_for_every_token(name, frames):
    model = tiny_model(name)
    images = random_images(1, frames, seed=5) if frames else None
    features = model.embed_image(images) if frames else None
    prompt = PROMPTS[0]
    tokens = torch.tensor([prompt])
    columns = generate(model, features, tokens, None, eos_id=(), max_new_tokens=STEPS)
    (answer,) = collect(columns)
    logprobs = assert_full_pass_agrees(model, images, prompt, answer)
    assert tuple(logprobs.argmax(-1).tolist()) == answer.ids


@cache
def sharp() -> tuple[PaliGemma, list[int]]:
    """A model sure of its words, and eos ids that it wants only after some of them."""
    model = deepcopy(tiny_model("paligemma1"))
    model.text.norm.weight.copy_(10 * (1 + model.text.norm.weight) - 1)
    tokens, real = pad(PROMPTS)
    features = model.embed_image(random_images(3, 1, seed=6))
    free = collect(generate(model, features, tokens, real, eos_id=(), max_new_tokens=8))
    return model, [row.ids[3 + place] for place, row in enumerate(free)]


def search(rows: slice, beams: int) -> list[Generated]:
    model, eos = sharp()
    features = model.embed_image(random_images(3, 1, seed=6))
    tokens, real = pad(PROMPTS)
    return beam_search(
        model,
        features[rows],
        tokens[rows],
        real[rows],
        eos_id=eos,
        beam_size=beams,
        max_new_tokens=LIMITS[rows],
    )


@pytest.mark.parametrize("beams", [1, 2, 4])
def test_beam_search_of_a_batch_equals_its_rows_one_by_one(beams):
    together = search(slice(0, 3), beams)
    assert all(len(row.ids) > 2 for row in together)
    assert_same(together, [search(slice(row, row + 1), beams)[0] for row in range(3)])


@pytest.mark.parametrize("beams", [1, 2, 4])
def test_the_logprobs_of_a_beam_are_those_of_a_full_pass_over_its_tokens(beams):
    model, _ = sharp()
    images = random_images(3, 1, seed=6)
    for row, answer in enumerate(search(slice(0, 3), beams)):
        assert_full_pass_agrees(model, images[row : row + 1], PROMPTS[row], answer)


def assert_full_pass_agrees(
    model: PaliGemma, images: Tensor | None, prompt: list[int], answer: Generated
) -> Tensor:
    """Returns the full pass's log-probabilities of every token at each place of the answer."""
    tokens = torch.tensor([[*prompt, *answer.ids]])
    mask_ar = (torch.arange(tokens.shape[1]) >= len(prompt)).long()[None]
    logits = model(images, tokens, mask_ar, torch.ones_like(tokens, dtype=torch.bool))
    logprobs = logits[0, len(prompt) - 1 : -1].log_softmax(-1)
    expected = logprobs.gather(-1, torch.tensor(answer.ids)[:, None])[:, 0].tolist()
    assert answer.logprobs == pytest.approx(expected, abs=1e-4)
    return logprobs
