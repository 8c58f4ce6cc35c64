"""Norms and MLPs in one pass against the plain modules."""

import pytest
import torch
from helpers.native import built, numbers
from helpers.tiny import TINY, random_images, randomise
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from palikit.model.gemma import GemmaAttention, GemmaMlp, RMSNorm, rope_angles
from palikit.model.paligemma import PaliGemma
from palikit.model.siglip import SiglipMlp
from palikit.quantize import Quantization, fused, quantize_model, speed_up
from palikit.quantize.fused import (
    FusedGemmaAttention,
    FusedGemmaMlp,
    FusedNorm,
    FusedSiglipAttention,
    FusedSiglipMlp,
)
from palikit.quantize.native import kernels

TOLERANCE = {torch.float32: 1e-6, torch.bfloat16: 2**-8}


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 300), st.sampled_from([*TOLERANCE]), st.floats(1e-4, 1e4))
def test_a_norm_is_the_plain_one(rows: int, width: int, dtype: torch.dtype, size: float) -> None:
    built()
    plain = RMSNorm(width, 1e-6).to(dtype)
    with torch.no_grad():
        plain.weight.copy_(numbers(0, width))
        x = (numbers(1, 1, rows, width) * size).to(dtype)
        ours, theirs = FusedNorm(plain)(x), plain(x)
    assert ours.dtype == dtype
    near = TOLERANCE[dtype]
    torch.testing.assert_close(ours, theirs, rtol=2 * near, atol=near * 1e-3)


@pytest.mark.parametrize("dtype", [*TOLERANCE])
def test_gelu_is_exact_to_a_few_last_places(dtype: torch.dtype) -> None:
    x = torch.cat([torch.linspace(-12, 12, 100_001), torch.linspace(-200, 200, 999)]).to(dtype)
    ours = built().gelu_product(x.clone(), None)
    exact = F.gelu(x.double(), approximate="tanh")
    torch.testing.assert_close(ours.double(), exact, rtol=TOLERANCE[dtype], atol=1e-6)
    factor = numbers(0, len(x)).to(dtype)
    both = built().gelu_product(x.clone(), factor)
    assert torch.equal(both, ours * factor)


def test_gelu_of_what_is_no_number() -> None:
    x = torch.tensor([torch.nan, torch.inf, -torch.inf, 3e38, -3e38, -0.0])
    ours = built().gelu_product(x.clone(), None)
    assert torch.isnan(ours[[0, 2]]).all()
    assert ours[[1, 3]].tolist() == x[[1, 3]].tolist()
    assert ours[4:].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("dtype", [*TOLERANCE])
@pytest.mark.parametrize(
    ("plain", "swapped", "config"),
    [
        (GemmaMlp, FusedGemmaMlp, TINY["paligemma2"].text),
        (SiglipMlp, FusedSiglipMlp, TINY["paligemma2"].vision),
    ],
)
def test_an_mlp_is_the_plain_one(plain, swapped, config, dtype) -> None:
    built()
    module = plain(config).to(dtype)
    x = numbers(0, 2, 9, config.width).to(dtype)
    near = 2 * TOLERANCE[dtype]
    with torch.no_grad():
        torch.testing.assert_close(swapped(module)(x), module(x), rtol=4 * near, atol=near)


@pytest.mark.parametrize("most", [1, 4, 9])
def test_a_few_tokens_at_a_time_equal_all_at_once(most: int, monkeypatch) -> None:
    built()
    module = GemmaMlp(TINY["paligemma2"].text)
    x = numbers(0, 2, 9, TINY["paligemma2"].text.width)
    with torch.no_grad():
        whole = FusedGemmaMlp(module)(x)
        monkeypatch.setattr(fused, "MOST_TOKENS", most)
        torch.testing.assert_close(FusedGemmaMlp(module)(x), whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [*TOLERANCE])
def test_queries_and_keys_are_the_plain_ones(dtype: torch.dtype) -> None:
    built()
    config = TINY["paligemma2"].text
    plain = GemmaAttention(config, 0).to(dtype)
    x = numbers(0, 2, 7, config.width).to(dtype)
    rotation = rope_angles(torch.arange(14).view(2, 7), config)
    with torch.no_grad():
        theirs = plain.heads(x, rotation, None)
        ours = FusedGemmaAttention(plain).heads(x, rotation, None)
    near = TOLERANCE[dtype]
    for one, other in zip(ours, theirs, strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        torch.testing.assert_close(one, other, rtol=2 * near, atol=near)


def test_a_gradient_passes_through_the_plain_operations() -> None:
    plain = RMSNorm(16, 1e-6)
    fused = FusedNorm(plain)
    x = numbers(0, 1, 3, 16).requires_grad_()
    fused(x).square().sum().backward()
    assert x.grad is not None
    assert plain.weight.grad is not None
    assert torch.equal(fused(x), plain(x))


def test_without_kernels_the_plain_operations_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALIKIT_KERNELS", "off")
    kernels.cache_clear()
    plain = RMSNorm(16, 1e-6)
    with torch.no_grad():
        x = numbers(0, 1, 3, 16)
        assert torch.equal(FusedNorm(plain)(x), plain(x))
    kernels.cache_clear()


def test_an_int4_mlp_of_any_width_is_the_plain_one() -> None:
    config = TINY["paligemma2"].text
    assert config.mlp_dim % 64
    plain = GemmaMlp(config).requires_grad_(False)
    quantize_model(plain, Quantization("int4"))
    x = torch.randn(3, 9, config.width)
    with torch.inference_mode():
        torch.testing.assert_close(FusedGemmaMlp(plain)(x), plain(x), rtol=1e-4, atol=1e-5)


def test_a_whole_model_answers_alike() -> None:
    model = PaliGemma(TINY["paligemma2"]).eval().requires_grad_(False)
    randomise(model, 0)
    images, tokens = random_images(2, 1), torch.tensor([[2, 5, 6, 7], [2, 8, 9, 4]])
    masks = torch.zeros_like(tokens), torch.ones_like(tokens, dtype=torch.bool)
    with torch.inference_mode():
        plain = model(images, tokens, *masks)
        names = list(model.state_dict())
        fast = speed_up(model)(images, tokens, *masks)
    assert list(model.state_dict()) == names
    assert sum(isinstance(module, FusedNorm) for module in model.modules()) > 1
    assert sum(isinstance(module, FusedSiglipMlp) for module in model.modules()) > 1
    assert sum(isinstance(module, FusedSiglipAttention) for module in model.modules()) > 1
    torch.testing.assert_close(fast, plain, rtol=1e-5, atol=1e-5)


def test_a_model_converted_after_it_was_packed_answers_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = PaliGemma(TINY["paligemma2"]).eval().requires_grad_(False)
    quantize_model(model, Quantization("int8"))
    layer = model.text.blocks[0].mlp.gate.bfloat16()
    assert layer.scale.dtype is torch.bfloat16
    few, many = (numbers(0, rows, layer.inputs).bfloat16() for rows in (2, 20))
    built()
    ours = layer(few), layer(many)
    monkeypatch.setenv("PALIKIT_KERNELS", "off")
    kernels.cache_clear()
    assert torch.equal(ours[0], layer(few))
    assert torch.equal(ours[1], layer(many))
    kernels.cache_clear()


def test_what_a_hook_keeps_is_not_overwritten() -> None:
    built()
    model = speed_up(PaliGemma(TINY["paligemma2"]).eval().requires_grad_(False))
    block, kept = model.text.blocks[0], []
    for layer in (block.attn.q, block.attn.k, block.mlp.gate, model.vision.blocks[0].mlp.fc1):
        layer.register_forward_hook(lambda module, given, out: kept.append((out, out.clone())))
    with torch.inference_mode():
        tokens = torch.tensor([[2, 5, 6, 7]])
        model(random_images(1, 1), tokens, torch.zeros_like(tokens), torch.ones_like(tokens).bool())
    assert len(kept) == 4
    assert all(torch.equal(*pair) for pair in kept)


def test_no_picture_at_all_has_no_patches() -> None:
    model = speed_up(PaliGemma(TINY["paligemma2"]).eval().requires_grad_(False))
    with torch.inference_mode():
        assert model.vision(random_images(1, 1)[:0, 0]).shape[0] == 0
