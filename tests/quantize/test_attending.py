"""Attention in C against the plain one."""

import pytest
import torch
from helpers.native import built, built_for, numbers
from helpers.tiny import TINY
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from palikit.model import attention
from palikit.model.gemma import rope_angles
from palikit.model.paligemma import PaliGemma
from palikit.quantize import Quantization, fused, quantize_model, speed_up
from palikit.quantize.attending import attend, can_attend

MASKS = st.sampled_from([None, (1, 1), (2, 1), (1, "T"), (2, "T")])
CAPS = st.sampled_from([None, 8.0])
HEADS = st.sampled_from([(1, 1), (4, 2), (6, 2), (3, 3)])
NEAR = {torch.float32: 2e-5, torch.bfloat16: 5e-2}


def heads(seed: int, batch: int, count: int, tokens: int, width: int, dtype=torch.float32):
    """As a linear layer gives them: tokens outside, heads inside."""
    return numbers(seed, batch, tokens, count, width).to(dtype).transpose(1, 2)


@settings(max_examples=150, deadline=None)
@given(
    HEADS,
    st.integers(1, 70),
    st.one_of(st.integers(1, 40), st.integers(41, 300)),
    st.sampled_from([1, 2, 7, 16, 33, 72, 80]),
    MASKS,
    CAPS,
    st.sampled_from([*NEAR]),
    st.booleans(),
)
def test_all_shapes_are_the_plain_ones(
    counts, queries, slots, width, shape, cap, dtype, coarse
) -> None:
    q = heads(0, 2, counts[0], queries, width, dtype) * 2 * width**-0.5
    k, v = (heads(seed, 2, counts[1], slots, width, dtype) for seed in (1, 2))
    mask = None
    if shape is not None:
        sizes = (shape[0], queries if shape[1] == "T" else 1, slots)
        mask = numbers(3, *sizes) > 0
        mask[..., -1] = True
    ours = attend(built(), q, k, v, mask=mask, softcap=cap, coarse=coarse)
    assert (ours.shape, ours.dtype) == (q.shape, dtype)
    assert ours.transpose(1, 2).is_contiguous()
    exact = attention.attend(q.float(), k.float(), v.float(), mask=mask, softcap=cap)
    near = NEAR[torch.bfloat16 if coarse else dtype]
    torch.testing.assert_close(ours.float(), exact, atol=near, rtol=near)


@pytest.mark.parametrize("flag", ["-mno-avx512f", "-mno-avx"])
def test_a_processor_with_narrower_registers(flag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    q = heads(0, 2, 4, 30, 72) / 8
    k, v = (heads(seed, 2, 2, 70, 72) for seed in (1, 2))
    with built_for(flag, monkeypatch) as native:
        ours = attend(native, q, k, v, mask=None, softcap=8.0)
    theirs = attention.attend(q, k, v, mask=None, softcap=8.0)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("slots", [5000, 40_000])
def test_more_slots_than_are_worked_on_at_once(slots: int) -> None:
    q = heads(0, 1, 2, 50, 8)
    k, v = (heads(seed, 1, 1, slots, 8) for seed in (1, 2))
    ours = attend(built(), q, k, v, mask=None, softcap=8.0)
    torch.testing.assert_close(
        ours, attention.attend(q, k, v, mask=None, softcap=8.0), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("queries", [1, 40])
def test_a_cache_is_read_where_it_lies(queries: int) -> None:
    kept = numbers(0, 2, 3, 4, 60, 16)  # examples, of which one is used, heads, slots, channels
    k, v = kept[0, 1:, :2, :50], kept[1, 1:, :2, :50]
    q = heads(1, 2, 4, queries, 16)
    ours = attend(built(), q, k, v, mask=None, softcap=None, scale=0.25)
    theirs = attention.attend(q * 0.25, k, v, mask=None, softcap=None)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("cap", [None, 8.0])
@pytest.mark.parametrize("queries", [1, 40])
def test_a_query_that_sees_nothing_is_the_plain_one(queries: int, cap: float | None) -> None:
    q, k, v = (heads(seed, 1, 1, count, 8) for seed, count in enumerate((queries, 20, 20)))
    mask = torch.ones(1, queries, 20, dtype=torch.bool)
    mask[0, 0] = False
    ours = attend(built(), q, k, v, mask=mask, softcap=cap)
    alike = v[0, 0].mean(0) if cap else torch.zeros(8)
    torch.testing.assert_close(ours[0, 0, 0], alike, atol=1e-6, rtol=1e-5)
    theirs = attention.attend(q, k, v, mask=mask, softcap=cap)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_coarse_attention_is_as_near_as_that_of_bfloat16() -> None:
    q = heads(0, 1, 8, 250, 64) / 8
    k, v = (heads(seed, 1, 4, 250, 64) for seed in (1, 2))
    exact = attention.attend(q, k, v, mask=None, softcap=50.0)
    halves = attention.attend(*(x.bfloat16() for x in (q, k, v)), mask=None, softcap=50.0)
    ours = attend(built(), q, k, v, mask=None, softcap=50.0, coarse=True)
    assert (ours - exact).square().mean() <= (halves - exact).square().mean()


@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize("queries", [3, 40])
def test_what_is_no_number_stays_with_its_query(queries: int, coarse: bool) -> None:
    q, k, v = (heads(seed, 1, 1, count, 8) for seed, count in enumerate((queries, 20, 20)))
    q[0, 0, 1, 4] = torch.nan
    ours = attend(built(), q, k, v, mask=None, softcap=8.0, coarse=coarse)
    assert torch.isnan(ours[0, 0, 1]).all()
    assert torch.isfinite(ours[0, 0, [0, 2]]).all()


@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize("slots", [20, 21])
def test_an_infinite_query_is_capped(slots: int, coarse: bool) -> None:
    q, k, v = (heads(seed, 1, 1, count, 8) for seed, count in enumerate((64, slots, slots)))
    q[0, 0, 1, 4] = torch.inf
    ours = attend(built(), q, k, v, mask=None, softcap=8.0, coarse=coarse)
    assert torch.isfinite(ours).all()


@pytest.mark.parametrize("queries", [2, 70])
def test_what_pytorch_makes_by_default_is_not_what_c_is_given(queries: int) -> None:
    q, k, v = (heads(seed, 1, 2, count, 8) for seed, count in enumerate((queries, 9, 9)))
    usual = attend(built(), q, k, v, mask=None, softcap=8.0)
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device("meta"):
            ours = attend(built(), q, k, v, mask=None, softcap=8.0)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(ours, usual)


@pytest.mark.parametrize("size", [1e-6, 1e-3, 0.1, 1, 30])
def test_the_cap_is_exact_to_a_few_last_places(size: float) -> None:
    # Two keys: the difference of their capped scores is the logarithm of the weights' ratio.
    first = torch.linspace(-size, size, 1001)
    q = torch.stack([first, torch.zeros(1001)], dim=1)[None, None]
    k, v = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]]), torch.eye(2)[None, None]
    weights = attend(built(), q, k, v, mask=None, softcap=4.0)[0, 0].double()
    found = (weights[:, 0] / weights[:, 1]).log()
    torch.testing.assert_close(found, 4 * torch.tanh(first.double() / 4), rtol=2e-6, atol=2e-7)


def test_the_number_of_threads_changes_nothing() -> None:
    q, k, v = (heads(seed, 2, 4, 100, 24) for seed in range(3))
    threads = torch.get_num_threads()
    found = []
    try:
        for number in (1, 2, 7):
            torch.set_num_threads(number)
            found.append(attend(built(), q, k, v, mask=None, softcap=8.0))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_what_c_cannot_read_is_left_to_pytorch() -> None:
    built()
    q, k, v = (heads(seed, 1, 2, 20, 8) for seed in range(3))
    assert can_attend(q, k, v) is None  # a gradient might be wanted
    with torch.no_grad():
        assert can_attend(q, k, v) is not None
        assert can_attend(q, k.bfloat16(), v) is None
        assert can_attend(q.half(), k.half(), v.half()) is None
        assert can_attend(q, k, v.transpose(2, 3).contiguous().transpose(2, 3)) is None
        assert can_attend(q, k[:, :, :0], v[:, :, :0]) is None


def test_a_mask_or_keys_of_another_size_never_reach_c() -> None:
    q, k, v = (heads(seed, 1, 2, 20, 8) for seed in range(3))
    mask = torch.ones(1, 1, 20, dtype=torch.bool)
    for wrong in ({"mask": mask[..., :-1]}, {"mask": mask.expand(2, 1, 20)}, {"v": v[:, :, :-1]}):
        with pytest.raises((AssertionError, TypeCheckError)):
            attend(built(), q, **{"k": k, "v": v, "mask": None, "softcap": None, **wrong})


@pytest.mark.parametrize(
    ("held", "tokens", "rounds"),
    [
        ("float32", 80, False),
        ("bfloat16", 80, True),
        ("int8", 80, True),
        ("int4", 80, True),
        ("int8", 63, False),
        ("bfloat16", 63, False),
    ],
)
@pytest.mark.parametrize("part", ["text", "vision"])
def test_only_prompts_of_rounded_layers_are_coarse(part, held, tokens, rounds, monkeypatch) -> None:
    built()
    model = PaliGemma(TINY["paligemma2"]).eval().requires_grad_(False)
    if held == "bfloat16":
        model = model.bfloat16()
    elif held != "float32":
        quantize_model(model, Quantization.named(held))
    attn = getattr(speed_up(model), part).blocks[0].attn
    told: list[bool] = []

    def seen(*given, coarse: bool, **more):
        told.append(coarse)
        return attend(*given, coarse=coarse, **more)

    monkeypatch.setattr(fused, "attend", seen)
    dtype = torch.bfloat16 if held == "bfloat16" else torch.float32
    x = numbers(0, 1, tokens, attn.q.inputs if held != "float32" else attn.q.in_features).to(dtype)
    with torch.inference_mode():
        if part == "vision":
            attn(x)
        else:
            rotation = rope_angles(torch.arange(tokens)[None], TINY["paligemma2"].text)
            attn(x, rotation, attention.Masked(None), None)
    assert told == [rounds]
