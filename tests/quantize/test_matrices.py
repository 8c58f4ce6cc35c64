"""Products of many rows in C against their twins in PyTorch, to the last bit."""

import pytest
import torch
from helpers.native import built, numbers
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from palikit.quantize.int4 import GROUPS, Int4Linear, int4_product, pack_int4, unpack_int4
from palikit.quantize.int8 import Int8Linear, int8_product, int_mm, pack_int8, round_rows
from palikit.quantize.linear import int4_linear, int8_linear
from palikit.quantize.native import Kernels, kernels
from palikit.quantize.packed import finished

SIZES = st.tuples(st.integers(1, 60), st.integers(1, 300), st.integers(1, 200))
KINDS = st.sampled_from([torch.float32, torch.bfloat16])


def matrices() -> Kernels:
    found = built()
    if not found.multiplies_int8:
        pytest.skip("this processor has no AVX-512 VNNI, or has matrix units")
    return found


def int8(x, packed, scale, bias=None, dtype=torch.float32):
    (out,) = matrices().products(x, [int8_linear(packed, scale, bias)], dtype)
    return out


def plain(x, columns, scale, bias, dtype):
    """Codes [i, o] of a weight times x in whole numbers, by PyTorch alone."""
    rounded, x_scale = round_rows(x.float())
    sums = int_mm(torch.nn.functional.pad(rounded, (0, len(columns) - x.shape[1])), columns)
    return finished(sums.float().mul_(x_scale[:, None]).mul_(scale), bias, dtype)


@settings(max_examples=80, deadline=None)
@given(SIZES, KINDS, KINDS, st.booleans(), st.integers(0, 99))
def test_int8_has_the_bits_of_pytorch(sizes, given_as, asked_as, has_bias, seed) -> None:
    rows, inputs, outputs = sizes
    x = numbers(seed, rows, inputs).to(given_as)
    packed, scale = pack_int8(numbers(seed + 1, outputs, inputs))
    bias = numbers(seed + 2, outputs) if has_bias else None
    ours = int8(x, packed, scale, bias, asked_as)
    assert torch.equal(ours, plain(x, packed.t(), scale, bias, asked_as))


@settings(max_examples=80, deadline=None)
@given(SIZES, KINDS, KINDS, st.booleans(), st.sampled_from(GROUPS), st.integers(0, 99))
def test_int4_has_the_bits_of_pytorch(sizes, given_as, asked_as, has_bias, group, seed) -> None:
    native = matrices()
    if not native.multiplies_int4:
        pytest.skip("this processor has no AVX-512 VBMI")
    rows, inputs, outputs = sizes
    x = numbers(seed, rows, inputs).to(given_as)
    four = pack_int4(numbers(seed + 1, outputs, inputs), group)
    bias = numbers(seed + 2, outputs) if has_bias else None
    buffers = (four.codes, four.steps, four.offsets, four.scale)
    (ours,) = native.products(x, [int4_linear(*buffers, bias, inputs, outputs)], asked_as)
    columns = unpack_int4(four)[:, :outputs]
    assert torch.equal(ours, plain(x, columns, four.scale[:outputs], bias, asked_as))


@pytest.mark.parametrize(
    ("rows", "inputs", "outputs"), [(13, 5000, 70), (400, 2100, 130), (900, 64, 64)]
)
def test_more_than_is_worked_on_at_once(rows: int, inputs: int, outputs: int) -> None:
    x, weight = numbers(0, rows, inputs), numbers(1, outputs, inputs)
    packed, scale = pack_int8(weight)
    ours = int8(x, packed, scale)
    assert torch.equal(ours, plain(x, packed.t(), scale, None, torch.float32))
    four = pack_int4(weight)
    layer = Int4Linear(inputs, outputs, bias=False)
    layer.pack(weight)
    assert torch.equal(layer.product(x), int4_product(x, four)[:, :outputs])


def test_the_largest_sums_fit_into_32_bits() -> None:
    inputs = 36_864  # of the 28B's MLP
    x, weight = torch.ones(5, inputs), torch.ones(64, inputs)
    weight[::2] = -1
    packed, scale = pack_int8(weight)
    ours = int8(x, packed, scale)
    torch.testing.assert_close(ours, x @ weight.t(), rtol=1e-6, atol=0)


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_no_number_stays_in_its_row(wrong: float, dtype: torch.dtype) -> None:
    x = torch.ones(14, 40)
    x[1, 3] = wrong
    x[2] = 0
    x[3] = 1e-42  # whose scale has no inverse
    packed, scale = pack_int8(numbers(0, 64, 40))
    ours = int8(x.to(dtype), packed, scale, None, dtype)
    assert torch.isnan(ours[1]).all()
    assert not ours[2:4].any()
    assert torch.isfinite(ours[4:]).all()
    assert torch.isfinite(ours[0]).all()


@pytest.mark.parametrize("mode", [Int8Linear, Int4Linear])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_layer_gives_the_same_with_and_without(mode, dtype, monkeypatch) -> None:
    layer = mode(96, 70, bias=True, dtype=dtype)
    layer.pack(numbers(0, 70, 96))
    with torch.no_grad():
        layer.bias.copy_(numbers(1, 70))
    x = numbers(2, 3, 7, 96).to(dtype)
    matrices()
    ours = layer(x)
    assert (ours.dtype, ours.shape) == (dtype, (3, 7, 70))
    kernels.cache_clear()
    monkeypatch.setenv("PALIKIT_KERNELS", "off")
    assert torch.equal(ours, layer(x))
    kernels.cache_clear()


def test_vectors_of_another_length_never_reach_c() -> None:
    native, x = matrices(), numbers(0, 7, 64)
    packed, scale = pack_int8(numbers(1, 70, 64))
    for wrong in ((scale[:-1], None), (scale, scale[:-1])):
        with pytest.raises((AssertionError, TypeCheckError)):
            int8_linear(packed, *wrong)
    for other in (x[:, 1:].contiguous(), x[:0]):
        with pytest.raises(AssertionError):
            native.products(other, [int8_linear(packed, scale, None)], torch.float32)
    four = pack_int4(numbers(1, 70, 64))
    buffers = (four.codes, four.steps, four.offsets, four.scale)
    for bias, outputs in ((None, 64), (None, 129), (scale[:-1], 70)):
        with pytest.raises(AssertionError):
            int4_linear(*buffers, bias, 64, outputs)
    with pytest.raises(AssertionError):
        native.rms_norm(x, scale, 1e-6)


def test_the_number_of_threads_changes_nothing() -> None:
    x = numbers(0, 100, 300)
    packed, scale = pack_int8(numbers(1, 130, 300))
    threads = torch.get_num_threads()
    matrices()
    found = []
    try:
        for number in (1, 2, 7):
            torch.set_num_threads(number)
            found.append(int8_product(x, packed, scale))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])
