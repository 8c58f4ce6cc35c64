"""bfloat16 products by our ways equal the exact ones to bfloat16's rounding."""

import pytest
import torch
from helpers.tiny import TINY, random_images, randomise

from palikit.model.paligemma import PaliGemma
from palikit.quantize import half
from palikit.quantize.half import HalfLinear, half_product, speed_up_bfloat16


@pytest.mark.parametrize("rows", [1, 2, 4, 40])
@pytest.mark.parametrize("native", [False, True])
def test_half_product_equals_the_exact_one(
    rows: int, native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(half, "_has_bfloat16_arithmetic", lambda: native)
    monkeypatch.setattr(half, "BLOCK_ROWS", 32)
    g = torch.Generator().manual_seed(rows)
    x = torch.randn(rows, 96, generator=g).bfloat16()
    weight = torch.randn(75, 96, generator=g).bfloat16()
    exact = x.double() @ weight.double().t()
    found = half_product(x, weight).double()
    # bfloat16 keeps 8 bits: half a unit in the last place is 1/256 of the value.
    assert ((found - exact).abs() <= exact.abs() / 256 + 1e-4).all()


def test_a_sped_up_model_answers_as_the_plain_one() -> None:
    model = PaliGemma(TINY["paligemma2"]).eval().requires_grad_(False)
    randomise(model, 0)
    model.bfloat16()
    images = random_images(2, 1).bfloat16()
    tokens = torch.randint(3, 300, (2, 9), generator=torch.Generator().manual_seed(0))
    masks = torch.zeros_like(tokens), torch.ones_like(tokens, dtype=torch.bool)
    plain = model(images, tokens, *masks)
    exact = model.float()(images.float(), tokens, *masks)
    names = {name for name, _ in model.named_parameters()}
    with torch.no_grad():
        fast = speed_up_bfloat16(model.bfloat16())(images, tokens, *masks)
    assert {name for name, _ in model.named_parameters()} == names
    assert not any(type(m) is torch.nn.Linear for m in model.modules())
    # As near to the float32 answer as PyTorch's own bfloat16 is.
    assert (fast - exact).abs().mean() <= 1.1 * (plain - exact).abs().mean()


def test_a_layer_that_was_widened_afterwards_multiplies_what_it_holds() -> None:
    layer = HalfLinear(torch.nn.Parameter(torch.randn(7, 5).bfloat16(), requires_grad=False), None)
    x = torch.randn(2, 5)
    torch.testing.assert_close(layer.float()(x), x @ layer.weight.t())


def test_only_bfloat16_is_swapped() -> None:
    model = PaliGemma(TINY["paligemma1"])
    before = [type(m) for m in model.modules()]
    assert [type(m) for m in speed_up_bfloat16(model).modules()] == before


@pytest.mark.parametrize("rows", [1, 2, 4, 40])
@pytest.mark.parametrize("native", [False, True])
def test_a_frozen_layer_passes_the_exact_gradient_back(
    rows: int, native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(half, "_has_bfloat16_arithmetic", lambda: native)
    monkeypatch.setattr(half, "BLOCK_ROWS", 32)
    g = torch.Generator().manual_seed(rows)
    weight = torch.randn(75, 96, generator=g).bfloat16()
    layer = half.HalfLinear(weight, None)
    x = torch.randn(rows, 96, generator=g).bfloat16().requires_grad_()
    gradient = torch.randn(rows, 75, generator=g).bfloat16()
    layer(x).backward(gradient)
    exact = gradient.double() @ weight.double()
    assert x.grad is not None
    assert ((x.grad.double() - exact).abs() <= exact.abs() / 256 + 1e-4).all()
    assert layer.weight.grad is None
