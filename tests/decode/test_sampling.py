"""Samplers: who may be drawn, how often, and what is refused."""

import math
from collections.abc import Iterator
from dataclasses import FrozenInstanceError

import jaxtyping
import pytest
import torch
from torch import Tensor

from palikit.decode.sampling import Decoding, Greedy, Sampler, Temperature, TopK, TopP
from palikit.errors import UsageError

EIGHTHS = torch.tensor([1 / 8, 1 / 2, 1 / 4, 1 / 8]).log()
EVERY = [Greedy(), Temperature(0.7), TopK(3), TopP(0.6)]


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Users run without the tests' type checks, so a wrong type reaches our own sentence."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def generators(rows: int, seed: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed + row) for row in range(rows)]


def frequencies(sampler: Sampler, logits: Tensor, draws: int = 20_000) -> Tensor:
    one = torch.Generator().manual_seed(3)
    picked = sampler.pick(logits.expand(draws, -1), [one] * draws)
    return picked.bincount(minlength=len(logits)) / draws


def random_logits(rows: int, vocabulary: int = 200) -> Tensor:
    return 3 * torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(1))


def test_greedy_picks_the_highest_and_of_equals_the_first():
    logits = torch.tensor([[0.0, 2.0, 1.0], [5.0, 5.0, 5.0]])
    assert Greedy().pick(logits, generators(2)).tolist() == [1, 0]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_draws_each_token_as_often_as_its_softmax_says(temperature):
    expected = (EIGHTHS / temperature).softmax(-1)
    assert torch.allclose(frequencies(Temperature(temperature), EIGHTHS), expected, atol=0.012)


def test_top_k_draws_the_k_likeliest_with_their_proportions():
    expected = torch.tensor([0, 2 / 3, 1 / 3, 0])
    assert torch.allclose(frequencies(TopK(2), EIGHTHS), expected, atol=0.012)


@pytest.mark.parametrize(
    ("p", "members"),
    [
        (0.3, [1]),
        (0.49, [1]),
        (0.51, [1, 2]),
        (0.74, [1, 2]),
        (0.76, [0, 1, 2]),
        (0.9, [0, 1, 2, 3]),
    ],
)
def test_nucleus_is_the_smallest_set_that_reaches_p(p, members):
    drawn = frequencies(TopP(p), EIGHTHS)
    assert drawn.nonzero().flatten().tolist() == members
    kept = EIGHTHS.exp()[members]
    assert torch.allclose(drawn[members], kept / kept.sum(), atol=0.012)


def test_nucleus_is_taken_after_the_temperature():
    # At temperature 1/2 the probabilities are 1/22, 16/22, 4/22, 1/22: 0.7 needs one token.
    assert frequencies(TopP(0.7, temperature=0.5), EIGHTHS).nonzero().flatten().tolist() == [1]


def test_nucleus_agrees_with_the_reference_formula_on_random_scores():
    logits = random_logits(50)
    for p in (0.1, 0.5, 0.9, 0.999):
        ranked = logits.sort(dim=-1, descending=True).values
        cutoff = (ranked.softmax(-1).cumsum(-1) < p).sum(-1, keepdim=True)
        allowed = logits >= ranked.gather(-1, cutoff)
        for seed in range(20):
            picked = TopP(p).pick(logits, generators(50, seed))
            assert allowed.gather(-1, picked[:, None]).all()


@pytest.mark.parametrize(
    "sampler", [TopK(1), TopK(1, temperature=5.0), TopP(1e-9), Temperature(1e-4)]
)
def test_the_narrowest_sampling_is_greedy(sampler):
    logits = random_logits(64)
    assert sampler.pick(logits, generators(64)).tolist() == logits.argmax(-1).tolist()


@pytest.mark.parametrize("sampler", [TopK(1), TopP(1e-9)])
def test_the_narrowest_sampling_is_greedy_among_equal_scores_too(sampler):
    logits = torch.tensor([[1.0, 4.0, 4.0, 4.0]]).expand(64, -1)
    assert set(sampler.pick(logits, generators(64)).tolist()) == {1}


@pytest.mark.parametrize("sampler", [TopK(1000), TopK(200), TopP(1.0)])
def test_the_widest_sampling_is_plain_temperature(sampler):
    logits = random_logits(64)
    expected = Temperature(1.0).pick(logits, generators(64))
    assert sampler.pick(logits, generators(64)).tolist() == expected.tolist()


@pytest.mark.parametrize("sampler", EVERY)
def test_a_batch_draws_what_its_rows_draw_one_by_one(sampler):
    logits = random_logits(16)
    together = sampler.pick(logits, generators(16))
    alone = [
        sampler.pick(row[None], [generator]).item()
        for row, generator in zip(logits, generators(16), strict=True)
    ]
    assert together.tolist() == alone


@pytest.mark.parametrize("sampler", [Temperature(1.0), TopK(2), TopP(0.99)])
def test_a_barred_token_is_never_drawn(sampler):
    logits = torch.tensor([-math.inf, 0.0, -math.inf, 0.0, -math.inf])
    assert frequencies(sampler, logits).nonzero().flatten().tolist() == [1, 3]


@pytest.mark.parametrize("number", [0.0, 1 - 2**-24])
def test_a_barred_token_is_not_drawn_by_the_most_extreme_numbers_either(number, monkeypatch):
    monkeypatch.setattr(torch, "rand", lambda *size, generator: torch.full(size, number))
    logits = torch.tensor([[-math.inf, 0.0, -math.inf, 0.0, -math.inf]])
    assert Temperature(1.0).pick(logits, generators(1)).item() in (1, 3)


def test_half_precision_scores_are_drawn_from_as_well():
    logits = random_logits(8).bfloat16()
    assert TopP(1e-9).pick(logits, generators(8)).tolist() == logits.argmax(-1).tolist()


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: Temperature(0), "Greedy()"),
        (lambda: Temperature(-1.0), "above 0"),
        (lambda: Temperature(math.nan), "above 0"),
        (lambda: Temperature(math.inf), "above 0"),
        (lambda: Temperature("hot"), "above 0"),
        (lambda: TopK(0), "TopK(40)"),
        (lambda: TopK(2.5), "TopK(40)"),
        (lambda: TopK(5, temperature=0), "Greedy()"),
        (lambda: TopP(0), "TopP(0.9)"),
        (lambda: TopP(1.1), "TopP(0.9)"),
        (lambda: TopP(90), "TopP(0.9)"),
        (lambda: Decoding(beam_size=0), "beam_size=3"),
        (lambda: Decoding(beam_size=True), "beam_size=3"),
        (lambda: Decoding(max_new_tokens=0), "max_new_tokens=3"),
        (lambda: Decoding(seed=1.5), "seed=0"),
        (lambda: Decoding(sampler="greedy"), "Greedy()"),
        (lambda: Decoding(TopP(0.9), beam_size=2), "beam_size=1"),
        (lambda: Decoding(beam_size=2, refine=True), "leave refine out"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_a_value_out_of_range_is_refused_with_what_to_write(build, says):
    with pytest.raises(UsageError) as caught:
        build()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_decoding_is_a_frozen_value_with_plain_defaults():
    assert Decoding() == Decoding(Greedy(), 1, None, 0)
    assert hash(Decoding(TopP(0.9))) == hash(Decoding(TopP(0.9)))
    with pytest.raises(FrozenInstanceError):
        Decoding().seed = 1
