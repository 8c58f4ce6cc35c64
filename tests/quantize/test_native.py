"""The kernels of a few rows against their twins in PyTorch, and how they are built."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from helpers.native import built, built_for, numbers
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from palikit.quantize import native
from palikit.quantize.calling import MOST_ROWS
from palikit.quantize.half import HalfLinear, half_product
from palikit.quantize.int4 import Int4Linear, int4_product, pack_int4, unpack_int4
from palikit.quantize.int8 import int8_product, pack_int8, round_rows
from palikit.quantize.native import kernels

ROWS = range(1, MOST_ROWS + 1)
WRONG = (AssertionError, TypeCheckError)  # the latter where tests check annotations
SIZES = st.tuples(st.sampled_from(ROWS), st.integers(1, 200), st.integers(1, 150))


@pytest.fixture(
    params=["", "-mno-avx512vbmi", "-mno-avx512vnni", "-mno-avx2"],
    ids=["as it is", "without VBMI", "without VNNI", "without AVX2"],
)
def processor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kernels for this processor, and for those that know less."""
    with built_for(request.param, monkeypatch):
        yield


@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(0, 99))
def test_half_rows_are_products_in_float32(sizes: tuple[int, int, int], seed: int) -> None:
    rows, inputs, outputs = sizes
    x = numbers(seed, rows, inputs).bfloat16()
    weight = numbers(seed + 1, outputs, inputs).bfloat16()
    torch.testing.assert_close(
        built().half(x, weight).double(), x.double() @ weight.double().t(), atol=1e-4, rtol=1e-5
    )


@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(0, 99))
def test_int8_rows_equal_the_product_to_the_last_bit(
    sizes: tuple[int, int, int], seed: int
) -> None:
    rows, inputs, outputs = sizes
    x = numbers(seed, rows, inputs)
    packed, scale = pack_int8(numbers(seed + 1, outputs, inputs))
    beside = torch.cat([x, numbers(2, MOST_ROWS, inputs)])  # too many rows for the kernel
    assert torch.equal(built().int8(x, packed, scale), int8_product(beside, packed, scale)[:rows])


@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(0, 99), st.sampled_from([32, 64, 128]))
def test_int4_rows_equal_the_product_to_the_last_bit(
    sizes: tuple[int, int, int], seed: int, group: int
) -> None:
    rows, inputs, outputs = sizes
    x = numbers(seed, rows, inputs)
    four = pack_int4(numbers(seed + 1, outputs, inputs), group)
    ours = built().int4(x, four.codes, four.steps, four.offsets, four.scale)
    assert torch.equal(ours, int4_product(x, four))


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize(
    ("inputs", "outputs", "group"), [(64, 64, 64), (100, 70, 32), (300, 200, 256)]
)
def test_a_processor_that_knows_less_has_the_same_bits(
    processor: None, rows: int, inputs: int, outputs: int, group: int
) -> None:
    x, weight = numbers(0, rows, inputs), numbers(1, outputs, inputs)
    four = pack_int4(weight, group)
    ours = built().int4(x, four.codes, four.steps, four.offsets, four.scale)
    assert torch.equal(ours, int4_product(x, four))
    packed, scale = pack_int8(weight)
    beside = torch.cat([x, numbers(2, MOST_ROWS, inputs)])
    assert torch.equal(built().int8(x, packed, scale), int8_product(beside, packed, scale)[:rows])


def test_the_largest_numbers_of_a_row_do_not_overflow(processor: None) -> None:
    inputs = 9216
    x, weight = torch.ones(1, inputs), torch.ones(64, inputs)
    weight[::2] = -1
    four = pack_int4(weight)
    ours = built().int4(x, four.codes, four.steps, four.offsets, four.scale)
    assert torch.equal(ours, int4_product(x, four))
    packed, scale = pack_int8(weight)
    torch.testing.assert_close(built().int8(x, packed, scale), x @ weight.t(), atol=1, rtol=1e-4)


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf])
def test_what_is_no_number_comes_out_as_none(wrong: float) -> None:
    x = torch.ones(2, 40)
    x[1, 3] = wrong
    weight = numbers(0, 64, 40)
    packed, scale = pack_int8(weight)
    four = pack_int4(weight)
    for out in (
        built().int8(x, packed, scale),
        built().int4(x, four.codes, four.steps, four.offsets, four.scale),
        built().half(x, weight.bfloat16()),
    ):
        assert torch.isfinite(out[0]).all()
        assert not torch.isfinite(out[1]).any()


def test_no_rows_at_all_give_none_back() -> None:
    # As in a process that has no suffix token to learn from.
    weight = numbers(0, 70, 64)
    layer = Int4Linear(64, 70, bias=True)
    layer.pack(weight)
    with torch.no_grad():
        assert layer.bias is not None
        layer.bias.zero_()
    none = torch.empty(0, 64)
    assert int8_product(none, *pack_int8(weight)).shape == (0, 70)
    assert layer(none).shape == (0, 70)
    assert half_product(none.bfloat16(), weight.bfloat16()).shape == (0, 70)
    assert HalfLinear(weight.bfloat16(), None)(none.bfloat16()).shape == (0, 70)


def test_sizes_that_do_not_fit_never_reach_c() -> None:
    packed, scale = pack_int8(numbers(0, 70, 64))
    four = pack_int4(numbers(0, 70, 64))
    for rows, inputs in ((0, 64), (MOST_ROWS + 1, 64), (1, 65)):
        x = torch.zeros(rows, inputs)
        with pytest.raises(WRONG):
            built().half(x, numbers(0, 70, 64).bfloat16())
        with pytest.raises(WRONG):
            built().int8(x, packed, scale)
        with pytest.raises(WRONG):
            built().int4(x, four.codes, four.steps, four.offsets, four.scale)


def test_rows_of_nothing_are_nothing() -> None:
    packed, scale = pack_int8(numbers(0, 5, 8))
    assert torch.equal(built().int8(torch.zeros(2, 8), packed, scale), torch.zeros(2, 5))


def test_a_machine_without_a_compiler_answers_the_same(no_kernels: None) -> None:
    assert kernels() is None
    plain = products()
    kernels.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(native.SWITCH)
        swift = products()
    assert torch.equal(plain[0], swift[0])
    # PyTorch's four-bit kernel rounds activations and scales to bfloat16.
    torch.testing.assert_close(plain[1], swift[1], atol=0.2, rtol=0.03)
    torch.testing.assert_close(plain[2], swift[2], atol=0.1, rtol=0.02)


def products() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two rows by the ways that the three kinds of weight take."""
    x, weight = numbers(0, 2, 64), numbers(1, 128, 64)
    layer = Int4Linear(64, 128, bias=False)
    layer.pack(weight)
    half = half_product(x.bfloat16(), weight.bfloat16()).float()
    return int8_product(x, *pack_int8(weight)), layer.product(x), half


def test_a_build_is_kept_and_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kernels.cache_clear()
    try:
        assert kernels() is not None
        (library,) = (tmp_path / "palikit").iterdir()
        before = library.stat().st_mtime_ns
        kernels.cache_clear()
        assert kernels() is not None
        assert library.stat().st_mtime_ns == before
    finally:
        kernels.cache_clear()


def test_a_library_that_others_could_write_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "palikit").mkdir()
    (tmp_path / "palikit").chmod(0o777)
    kernels.cache_clear()
    try:
        assert kernels() is None
        assert not list((tmp_path / "palikit").iterdir())
    finally:
        kernels.cache_clear()


@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho 1.0\n"])
def test_a_compiler_that_does_not_work_is_done_without(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text(script)
    compiler.chmod(0o700)
    monkeypatch.setenv("CC", str(compiler))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kernels.cache_clear()
    try:
        assert kernels() is None
    finally:
        kernels.cache_clear()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 200), st.integers(0, 99))
def test_rounding_equals_pytorchs(rows: int, inputs: int, seed: int) -> None:
    x = numbers(seed, rows, inputs)
    x[rows // 2] = 0
    ours, expected = built().round_rows(x), round_rows(x)
    assert torch.equal(ours[0], expected[0])
    assert torch.equal(ours[1], expected[1])


def test_scaled_sums_equal_pytorchs() -> None:
    sums = torch.randint(-(1 << 30), 1 << 30, (7, 33), dtype=torch.int32)
    x_scale, scale = numbers(0, 7), numbers(1, 33)
    expected = sums.float().mul_(x_scale[:, None]).mul_(scale)
    whole = torch.zeros(7, 50)
    built().scale_sums(sums, x_scale, scale, whole[:, 10:43])
    assert torch.equal(whole[:, 10:43], expected)
    assert not whole[:, :10].any()
    assert not whole[:, 43:].any()


@pytest.mark.parametrize("group", [32, 64, 256])
@pytest.mark.parametrize("blocks", [slice(0, 3), slice(1, 2), slice(2, 5)])
def test_unpacking_equals_pytorchs(group: int, blocks: slice) -> None:
    four = pack_int4(numbers(0, 300, 500), group)
    count = blocks.stop - blocks.start
    ours = built().unpack_int4(four.codes, four.steps, four.offsets, blocks.start, count)
    assert torch.equal(ours, unpack_int4(four, blocks))
