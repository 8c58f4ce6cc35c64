"""The learning-rate curve at its corners, and what is decayed."""

from pathlib import Path

import pytest
import torch
from torch import nn

from palikit.train import OptimConfig
from palikit.train.checkpoint import load_state, save_state
from palikit.train.optim import Muon, build_optimizer, learning_rate, orthogonal

COSINE = OptimConfig(lr=0.5, warmup=0.1)
CONSTANT = OptimConfig(lr=0.5, warmup=0.1, schedule="constant")


@pytest.mark.parametrize("config", [COSINE, CONSTANT])
def test_the_first_step_has_rate_zero_and_the_last_of_the_warm_up_the_peak(
    config: OptimConfig,
) -> None:
    assert learning_rate(0, 200, config) == 0.0
    assert learning_rate(5, 200, config) == pytest.approx(0.125)
    assert learning_rate(20, 200, config) == 0.5


def test_a_cosine_ends_at_zero_and_is_half_in_the_middle() -> None:
    assert learning_rate(110, 200, COSINE) == pytest.approx(0.25)
    assert learning_rate(200, 200, COSINE) == pytest.approx(0.0)
    rates = [learning_rate(step, 200, COSINE) for step in range(20, 201)]
    assert rates == sorted(rates, reverse=True)


def test_a_constant_schedule_stays_at_its_peak() -> None:
    assert {learning_rate(step, 200, CONSTANT) for step in range(20, 201)} == {0.5}


def test_without_a_warm_up_the_first_step_alone_has_rate_zero() -> None:
    config = OptimConfig(lr=0.5, warmup=0.0, schedule="constant")
    assert [learning_rate(step, 10, config) for step in range(3)] == [0.0, 0.5, 0.5]


def test_a_run_of_one_step_has_a_rate() -> None:
    assert learning_rate(0, 1, COSINE) == 0.0


def test_matrices_decay_and_vectors_do_not() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3))
    nn.init.ones_(model[0].bias)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = build_optimizer(model, OptimConfig(lr=0.1, weight_decay=0.5))
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    after = dict(model.named_parameters())
    torch.testing.assert_close(after["0.weight"].detach(), before["0.weight"] * (1 - 0.1 * 0.5))
    for name in ("0.bias", "1.weight", "1.bias"):
        assert torch.equal(after[name], before[name]), name


def test_a_frozen_parameter_is_left_out() -> None:
    model = nn.Linear(3, 3)
    model.weight.requires_grad_(False)
    groups = build_optimizer(model, OptimConfig(lr=0.1)).param_groups
    assert [p for group in groups for p in group["params"]] == [model.bias]


@pytest.mark.parametrize("shape", [(6, 6), (4, 10), (10, 4), (1, 5)])
def test_an_orthogonal_step_has_singular_values_about_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    turned = orthogonal(matrix)
    values = torch.linalg.svdvals(turned)
    assert turned.shape == shape
    assert values.min() > 0.5
    assert values.max() < 1.3
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    assert torch.nn.functional.cosine_similarity(
        turned.flatten(), (left @ right).flatten(), dim=0
    ) == pytest.approx(1.0, abs=0.05)


def test_muon_steps_as_torchs_own() -> None:
    """That one works in bfloat16, so they agree to some hundredths."""
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Linear(12, 8, bias=False), nn.Linear(8, 20, bias=False))
    theirs = nn.Sequential(nn.Linear(12, 8, bias=False), nn.Linear(8, 20, bias=False))
    theirs.load_state_dict(ours.state_dict())
    start = [p.detach().clone() for p in ours.parameters()]
    mine = build_optimizer(ours, OptimConfig(lr=0.01, kind="muon", weight_decay=0.1))
    reference = torch.optim.Muon(
        theirs.parameters(), lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
    )
    for step in range(4):
        x = torch.randn(5, 12, generator=torch.Generator().manual_seed(step))
        for model, optimizer in ((ours, mine), (theirs, reference)):
            optimizer.zero_grad()
            for group in optimizer.param_groups:
                group["lr"] = 0.01
            model(x).square().mean().backward()
            optimizer.step()
    for a, b, was in zip(ours.parameters(), theirs.parameters(), start, strict=True):
        assert (a - b).norm() < 0.15 * (b - was).norm()


def test_muon_turns_linear_weights_alone() -> None:
    model = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 3), nn.LayerNorm(3))
    optimizer = build_optimizer(model, OptimConfig(lr=0.1, kind="muon", weight_decay=0.1))
    assert isinstance(optimizer, Muon)
    groups = [
        ([tuple(p.shape) for p in group["params"]], group["weight_decay"])
        for group in optimizer.param_groups
    ]
    assert groups == [([(5, 4)], 0.1), ([(3,), (3,), (3,)], 0.0), ([(3, 4)], 0.1)]


def test_a_muon_run_comes_back_to_the_bit(tmp_path: Path) -> None:
    def begin(seed: int) -> tuple[nn.Module, torch.optim.Optimizer]:
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 2))
        return model, build_optimizer(model, OptimConfig(lr=0.1, kind="muon"))

    def step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad()
        model(torch.linspace(-1, 1, 12).view(3, 4)).square().mean().backward()
        optimizer.step()

    one, two = begin(0), begin(1)
    step(*one)
    step(*one)
    save_state(tmp_path / "state.safetensors", *one, 2)
    assert load_state(tmp_path / "state.safetensors", *two)[0] == 2
    step(*one)
    step(*two)
    for ours, theirs in zip(one[0].parameters(), two[0].parameters(), strict=True):
        assert torch.equal(ours, theirs)
