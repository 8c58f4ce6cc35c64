"""The learning-rate curve at its corners, and what is decayed."""

import pytest
import torch
from torch import nn

from palikit.train import OptimConfig
from palikit.train.optim import build_optimizer, learning_rate

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
