"""Layers that read the same rows: what one call makes of them is what each makes alone."""

from collections.abc import Sequence

import pytest
import torch
from helpers.native import built, numbers
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from palikit.quantize.int4 import Int4Linear
from palikit.quantize.int8 import Int8Linear
from palikit.quantize.native import Kernels
from palikit.quantize.together import gated, together

KINDS = st.sampled_from([Int8Linear, Int4Linear])
DTYPES = st.sampled_from([torch.float32, torch.bfloat16])
ROWS = st.integers(1, 60)
INPUTS = st.sampled_from([64, 128, 200, 320])
OUTPUTS = st.integers(1, 200)


@pytest.fixture(autouse=True, scope="module")
def _native() -> None:
    if not built().multiplies_int4:
        pytest.skip("this processor has no AVX-512 VNNI and VBMI, or has matrix units")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many layers each call of C was told of."""
    seen: list[int] = []
    products = Kernels.products

    def counted(self: Kernels, x, layers, *rest, **more):
        seen.append(len(layers))
        return products(self, x, layers, *rest, **more)

    monkeypatch.setattr(Kernels, "products", counted)
    return seen


def layer(kind: type, seed: int, inputs: int, outputs: int, *, bias: bool = False) -> nn.Module:
    made = kind(inputs, outputs, bias=bias)
    made.pack(numbers(seed, outputs, inputs) * inputs**-0.5)
    if bias:
        with torch.no_grad():
            made.bias.copy_(numbers(seed + 1, outputs))
    return made


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(KINDS, OUTPUTS, st.booleans()), min_size=1, max_size=3), ROWS, INPUTS, DTYPES
)
def test_one_call_has_the_bits_of_each(told, rows, inputs, dtype) -> None:
    layers = [
        layer(kind, i, inputs, outputs, bias=bias) for i, (kind, outputs, bias) in enumerate(told)
    ]
    x = numbers(9, 2, rows, inputs).to(dtype)
    with torch.inference_mode():
        for ours, alone in zip(together(x, layers), [each(x) for each in layers], strict=True):
            assert ours.shape == alone.shape
            assert torch.equal(ours, alone)


@settings(max_examples=60, deadline=None)
@given(KINDS, ROWS, INPUTS, OUTPUTS, DTYPES)
def test_gated_is_gelu_of_one_times_the_other(kind, rows, inputs, outputs, dtype) -> None:
    gate, up = (layer(kind, seed, inputs, outputs) for seed in (1, 2))
    x = numbers(9, 3, rows + 1, inputs).to(dtype) * 3
    with torch.inference_mode():
        ours = gated(x, gate, up)
        plain = F.gelu(gate(x), approximate="tanh") * up(x)
    if ours is None:
        assert x.numel() <= 4 * inputs
        return
    exact = {"atol": 2e-6, "rtol": 2e-6} if dtype is torch.float32 else {"atol": 1e-2, "rtol": 1e-2}
    torch.testing.assert_close(ours, plain, **exact)


@pytest.mark.parametrize("rows", [384, 900])
def test_more_rows_than_are_worked_on_at_once(rows: int, calls: list[int]) -> None:
    layers = [layer(Int8Linear, seed, 2400, 130) for seed in (1, 2)]
    x = numbers(0, 1, rows, 2400)
    with torch.inference_mode():
        product = gated(x, *layers)
        both = together(x, layers)
        assert calls == [2, 2]
        alone = [each(x) for each in layers]
    assert all(map(torch.equal, both, alone))
    assert product is not None
    plain = F.gelu(alone[0], approximate="tanh") * alone[1]
    torch.testing.assert_close(product, plain, atol=2e-6, rtol=2e-6)


def test_what_pytorch_makes_by_default_is_not_what_c_is_given() -> None:
    layers = [layer(Int8Linear, seed, 64, 70) for seed in (1, 2)]
    many, few = numbers(0, 1, 20, 64), numbers(0, 1, 2, 64)
    with torch.inference_mode():
        usual = [*together(many, layers), layers[0](few)]
        torch.set_default_dtype(torch.bfloat16)
        try:
            with torch.device("meta"):
                ours = [*together(many, layers), layers[0](few)]
        finally:
            torch.set_default_dtype(torch.float32)
    assert all(map(torch.equal, ours, usual))


def _with_hook(layers: Sequence[nn.Module]) -> None:
    layers[1].register_forward_hook(lambda module, args, out: out + 1)


def _halved(layers: Sequence[nn.Module]) -> None:
    layers[0].packed = layers[0].packed[:, ::2].repeat_interleave(2, 1).t().contiguous().t()


def _replaced(layers: Sequence[nn.Module]) -> None:
    forward = layers[1].forward
    layers[1].forward = lambda x: forward(x) + 1


def _converted(layers: Sequence[nn.Module]) -> None:
    layers[0].bfloat16()


def _asking(layers: Sequence[nn.Module]) -> None:
    for each in layers:
        each.register_parameter("bias", nn.Parameter(torch.ones(70)))


@pytest.mark.parametrize("change", [_with_hook, _halved, _replaced, _converted, _asking])
def test_what_c_cannot_see_is_asked_alone(change, calls: list[int]) -> None:
    layers = [layer(Int8Linear, seed, 64, 70) for seed in (1, 2)]
    change(layers)
    x = numbers(0, 1, 20, 64)
    with torch.inference_mode():
        ours, alone = together(x, layers), [each(x) for each in layers]
        assert gated(x, *layers) is None
    assert 2 not in calls
    assert all(map(torch.equal, ours, alone))


def test_a_bias_is_read_where_it_lies(calls: list[int]) -> None:
    layers = [layer(Int8Linear, seed, 64, 70, bias=True) for seed in (1, 2)]
    strided = numbers(5, 70, 2)[:, 0]
    layers[0].bias = nn.Parameter(strided, requires_grad=False)
    layers[1].bias = nn.Parameter(strided.contiguous(), requires_grad=False)
    layers[1].packed, layers[1].scale = layers[0].packed, layers[0].scale
    with torch.inference_mode():
        one, other = together(numbers(0, 1, 20, 64), layers)
        assert calls == [2]
        assert torch.equal(one, other)
        assert torch.equal(layers[0](numbers(0, 1, 20, 64)), other)


def test_asking_for_a_gradient_is_heard_without_one(calls: list[int]) -> None:
    layers = [layer(Int8Linear, seed, 64, 70) for seed in (1, 2)]
    x = numbers(0, 1, 20, 64).requires_grad_()
    with torch.no_grad():
        assert all(map(torch.equal, together(x, layers), [each(x) for each in layers]))
        assert gated(x, *layers) is None
    assert not calls


def test_a_gradient_passes(calls: list[int]) -> None:
    layers = [layer(Int8Linear, seed, 64, 70) for seed in (1, 2)]
    x = numbers(0, 1, 20, 64).requires_grad_()
    sum(out.sum() for out in together(x, layers)).backward()
    assert gated(x, *layers) is None
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert not calls
