"""Eight bits: what is stored is within half a step, and products are as near as their roundings."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from palikit.errors import CheckpointError
from palikit.quantize import int8
from palikit.quantize.int8 import (
    Int8Embedding,
    Int8Linear,
    int8_product,
    int_mm,
    pack_int8,
    round_rows,
    unpack_int8,
)

SIZES = {"wide": (24, 96), "odd": (43, 57), "one output": (1, 40), "one input": (9, 1)}
ROWS = (1, 2, 5, 17, 100)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@given(
    st.integers(1, 20),
    st.integers(1, 70),
    st.floats(-30, 30),
    st.sampled_from([torch.float32, torch.bfloat16]),
    st.integers(0, 9),
)
def test_packing_is_off_by_half_a_step_at_most(outputs, inputs, power, dtype, seed):
    weight = (normal(outputs, inputs, seed=seed) * 10.0**power).to(dtype)
    weight[0] = 0
    packed, scale = pack_int8(weight)
    # The step itself is rounded to float32, and so are the quotient and the product.
    bound = (0.5 + 1e-4) * scale.double()[:, None]
    assert ((unpack_int8(packed, scale).double() - weight.double()).abs() <= bound).all()
    assert packed.abs().max() <= 127
    assert scale[0] == 0
    assert torch.isfinite(unpack_int8(packed, scale)).all()


def test_packing_in_blocks_equals_packing_at_once(monkeypatch: pytest.MonkeyPatch):
    weight = normal(43, 57)
    whole = pack_int8(weight)
    monkeypatch.setattr(int8, "BLOCK_NUMBERS", 5 * 57)
    assert all(map(torch.equal, pack_int8(weight), whole))


def test_rows_too_small_to_divide_by_are_zeros():
    packed, scale = pack_int8(torch.full((1, 3), 1e-42))
    assert not packed.any()
    assert not scale.any()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused(bad):
    weight = normal(4, 5)
    weight[2, 3] = bad
    with pytest.raises(CheckpointError, match=r"hold NaN or infinite numbers.*: download them"):
        pack_int8(weight)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rows", ROWS)
def test_whole_numbers_multiply_exactly(size, rows):
    outputs, inputs = SIZES[size]
    x = torch.randint(-127, 128, (rows, inputs), dtype=torch.int8)
    weight = torch.randint(-127, 128, (outputs, inputs), dtype=torch.int8)
    assert torch.equal(int_mm(x, weight.t()).double(), x.double() @ weight.double().t())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rows", ROWS)
def test_a_product_is_off_by_its_roundings_at_most(size, rows):
    outputs, inputs = SIZES[size]
    weight, x = normal(outputs, inputs), normal(rows, inputs, seed=1)
    packed, scale = pack_int8(weight)
    found = int8_product(x, packed, scale).double()
    exact = x.double() @ weight.double().t()
    # Half a step of x times each |weight|, and half a step of a weight times each stored |x|.
    x_step = round_rows(x)[1].double()[:, None]
    bound = x_step / 2 * weight.double().abs().sum(dim=1)
    bound = bound + (x.double().abs() + x_step / 2).sum(dim=1, keepdim=True) * scale.double() / 2
    assert ((found - exact).abs() <= 1.001 * bound).all()


@pytest.mark.parametrize("rows", ROWS)
def test_a_layer_is_within_2_per_cent_of_the_float_one(rows):
    plain = torch.nn.Linear(430, 57).requires_grad_(False)
    layer = Int8Linear(430, 57, bias=True)
    layer.pack(plain.weight)
    layer.bias = plain.bias
    x = normal(rows, 430)
    exact = plain(x)
    assert (layer(x) - exact).norm() <= 0.02 * exact.norm()
    assert layer(x.view(rows, 1, 430)).shape == (rows, 1, 57)
    assert layer(x.bfloat16()).dtype == torch.bfloat16


def test_a_row_does_not_depend_on_its_batch():
    packed, scale = pack_int8(normal(43, 57))
    x = normal(17, 57)
    alone = torch.cat([int8_product(row[None], packed, scale) for row in x])
    assert torch.equal(int8_product(x, packed, scale), alone)


def test_a_row_that_is_not_finite_stays_so_and_spoils_no_other():
    packed, scale = pack_int8(normal(43, 57))
    x = normal(3, 57)
    clean = int8_product(x, packed, scale)
    x[1, 4] = float("nan")
    found = int8_product(x, packed, scale)
    assert not torch.isfinite(found[1]).any()
    assert torch.equal(found[[0, 2]], clean[[0, 2]])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_table_gives_its_rows_and_scores_of_all(dtype):
    table = normal(75, 48)
    embedding = Int8Embedding(48, 75, dtype)
    embedding.pack(table)
    tokens = torch.tensor([[0, 74, 3], [3, 3, 9]])
    assert embedding(tokens).dtype == dtype
    assert torch.equal(embedding(tokens), embedding.unpack()[tokens].to(dtype))
    torch.testing.assert_close(embedding.unpack(), table, atol=table.abs().max() / 254, rtol=0)
    hidden = normal(2, 5, 48, seed=1).to(dtype)
    exact = hidden.float() @ table.t()
    scores = embedding.scores(hidden)
    assert scores.dtype == torch.float32
    assert (scores - exact).norm() <= 0.02 * exact.norm()
