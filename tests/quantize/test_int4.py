"""Four bits: groups unpack to eight exactly, and both ways to multiply mean the same weight."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from palikit.errors import CheckpointError
from palikit.quantize import int4
from palikit.quantize.int4 import GROUPS, Int4Linear, int4_product, pack_int4, unpack_int4
from palikit.quantize.int8 import round_rows

ROWS = (1, 2, 5, 17, 100)
SIZES = {"whole blocks": (128, 256), "odd": (75, 430), "small": (3, 5)}


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def layer_of(weight: Tensor, group: int = 64) -> Int4Linear:
    layer = Int4Linear(weight.shape[1], weight.shape[0], bias=False, group=group)
    layer.pack(weight)
    return layer


@given(st.integers(1, 70), st.integers(1, 140), st.sampled_from(GROUPS), st.integers(0, 9))
def test_packing_is_off_by_half_a_step_of_its_group_at_most(outputs, inputs, group, seed):
    # Heavy tails, so that groups of a row differ; and one row of zeros.
    weight = normal(outputs, inputs, seed=seed) ** 3
    weight[0] = 0
    layer = layer_of(weight, group)
    steps = layer.steps.t()[:outputs].repeat_interleave(group, dim=1)[:, :inputs]
    # Half a step of the group, and half one of the eight bits that it was rounded from.
    bound = (steps / 2 + 0.5 + 1e-4) * layer.scale[:outputs, None]
    assert ((layer.unpack() - weight).abs() <= bound).all()
    assert (steps >= 1).all()
    assert (steps <= 16).all()


@pytest.mark.parametrize("size", SIZES)
def test_groups_unpack_to_eight_bits_exactly(size):
    four = pack_int4(normal(*SIZES[size]), 32)
    whole = unpack_int4(four).int()
    low = four.codes & 15
    codes = torch.cat([low, four.codes >> 4], dim=2).transpose(1, 2).flatten(0, 1).int()
    steps, offsets = (
        part.int().t().repeat_interleave(32, dim=1) for part in (four.steps, four.offsets)
    )
    assert torch.equal(whole.t(), steps * codes + offsets)
    assert whole.abs().max() <= 127


def test_weights_that_are_not_finite_are_refused():
    weight = normal(4, 5)
    weight[2, 3] = float("nan")
    with pytest.raises(CheckpointError, match="NaN or infinite numbers"):
        pack_int4(weight)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rows", ROWS)
def test_a_product_in_eight_bits_is_that_of_the_unpacked_weight(size, rows, monkeypatch):
    monkeypatch.setattr(int4, "BLOCKS_AT_ONCE", 1)
    weight = normal(*SIZES[size])
    x = normal(rows, weight.shape[1], seed=1)
    layer = layer_of(weight)
    found = int4_product(x, layer._four())[:, : len(weight)]
    rounded, step = round_rows(x)
    exact = (rounded.double() * step[:, None].double()) @ layer.unpack().double().t()
    torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("rows", ROWS)
def test_a_layer_is_within_15_per_cent_of_the_float_one(rows, group):
    weight, x = normal(75, 512), normal(rows, 512, seed=1)
    exact = x @ weight.t()
    layer = layer_of(weight, group)
    assert (layer(x) - exact).norm() <= 0.15 * exact.norm()
    # Beside the weight that is stored, the activations' rounding is all that is left.
    assert (layer(x) - x @ layer.unpack().t()).norm() <= 0.012 * exact.norm()


def test_few_rows_and_many_agree_to_rounding(no_kernels: None, monkeypatch: pytest.MonkeyPatch):
    layer = layer_of(normal(192, 320))
    x = normal(4, 320)
    few = layer(x)
    monkeypatch.setattr(int4, "FEW_ROWS", 0)
    assert (few - layer(x)).norm() <= 0.02 * few.norm()


def test_a_processor_whose_kernel_has_another_order_goes_through_eight_bits(
    no_kernels: None, monkeypatch: pytest.MonkeyPatch
):
    layer = layer_of(normal(192, 320))
    x = normal(1, 320)
    monkeypatch.setattr(int4, "_kernel_has_our_order", lambda: False)
    monkeypatch.setattr(layer, "_few", None)
    assert torch.equal(layer(x), int4_product(x, layer._four()))


def test_packing_again_is_seen_by_every_way():
    layer = layer_of(normal(64, 64))
    x = normal(1, 64)
    layer(x)
    layer.pack(normal(64, 64, seed=2))
    exact = x @ layer.unpack().t()
    assert (layer(x) - exact).norm() <= 0.012 * exact.norm()
