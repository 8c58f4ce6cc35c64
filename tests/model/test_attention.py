"""Attention against the formula written out, and the masks drawn by hand."""

import math

import pytest
import torch
from torch import Tensor

from palikit.model import attention
from palikit.model.attention import Masked, PrefixLM, attend, block_mask


def written_out(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, softcap: float | None) -> Tensor:
    """One query, one head at a time, in float64."""
    q, k, v = q.double(), k.double(), v.double()
    out = torch.zeros(*q.shape[:3], v.shape[-1], dtype=torch.float64)
    group = q.shape[1] // k.shape[1]
    for b in range(q.shape[0]):
        for n in range(q.shape[1]):
            for t in range(q.shape[2]):
                logits = k[b, n // group] @ q[b, n, t]
                if softcap:
                    logits = softcap * torch.tanh(logits / softcap)
                logits[~mask[b, t]] = -math.inf
                out[b, n, t] = logits.softmax(0) @ v[b, n // group]
    return out


def random_qkv(heads: int, kv_heads: int) -> tuple[Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    return (
        torch.randn(2, heads, 5, 8, generator=g),
        torch.randn(2, kv_heads, 7, 8, generator=g),
        torch.randn(2, kv_heads, 7, 8, generator=g),
    )


@pytest.mark.parametrize("softcap", [None, 2.0])
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_attention_equals_the_formula_written_out(softcap: float | None, kv_heads: int) -> None:
    q, k, v = random_qkv(4, kv_heads)
    mask = torch.rand(2, 5, 7, generator=torch.Generator().manual_seed(1)) < 0.6
    mask[:, :, 0] = True
    ours = attend(q, k, v, mask=mask, softcap=softcap)
    torch.testing.assert_close(
        ours.double(), written_out(q, k, v, mask, softcap), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("kind", ["none", "every query alike", "each query its own"])
def test_a_few_queries_at_a_time_equal_all_at_once(
    rows: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    q, k, v = random_qkv(4, 2)
    mask = torch.rand(2, 5, 7, generator=torch.Generator().manual_seed(1)) < 0.6
    mask[:, :, 0] = True
    masks = {"none": None, "every query alike": mask[:, :1], "each query its own": mask}
    whole = attend(q, k, v, mask=masks[kind], softcap=2.0)
    monkeypatch.setattr(attention, "FEWEST_QUERIES", 1)
    monkeypatch.setattr(attention, "MOST_SCORES_ON_CPU", 2 * 4 * 7 * rows)
    torch.testing.assert_close(
        attend(q, k, v, mask=masks[kind], softcap=2.0), whole, atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("masked", [False, True])
def test_fused_attention_equals_the_plain_one(masked: bool) -> None:
    q, k, v = random_qkv(4, 2)
    mask = torch.ones(2, 5, 7, dtype=torch.bool).tril(2) if masked else None
    # A cap far above every logit takes the plain path and changes nothing.
    plain = attend(q, k, v, mask=mask, softcap=1e4)
    fused = attend(q, k, v, mask=mask, softcap=None)
    torch.testing.assert_close(fused, plain, atol=2e-6, rtol=0)


def test_block_mask_shows_prefix_causal_and_blocks() -> None:
    real = torch.ones(3, 5, dtype=torch.bool)
    mask_ar = torch.tensor([[0, 0, 0, 1, 1], [1, 1, 1, 1, 1], [0, 0, 1, 0, 0]])
    prefix, causal, blocks = block_mask(mask_ar, real).int().tolist()
    assert prefix == [[1, 1, 1, 0, 0]] * 3 + [[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]
    assert causal == torch.ones(5, 5).tril().int().tolist()
    assert blocks == [[1, 1, 0, 0, 0]] * 2 + [[1, 1, 1, 1, 1]] * 3


def test_padding_is_seen_by_nobody() -> None:
    real = torch.tensor([[True, False, True]])
    assert not block_mask(torch.zeros(1, 3, dtype=torch.int64), real)[0, :, 1].any()


@pytest.mark.parametrize("window", [None, 3])
def test_prefix_lm_equals_the_mask_it_stands_for(window: int | None) -> None:
    q, k, v = (
        torch.randn(2, 2, 6, 8, generator=torch.Generator().manual_seed(i)) for i in range(3)
    )
    real = torch.tensor([[1, 1, 1, 1, 1, 1], [0, 1, 1, 1, 1, 0]]).bool()
    positions = (real.cumsum(1) - 1).clamp_min(0)
    mask_ar = torch.tensor([[0, 0, 0, 1, 1, 1]]).expand(2, -1)
    distance = torch.where(
        mask_ar.cumsum(1)[:, :, None] > 0, positions[:, :, None] - positions[:, None], 0
    )
    two_calls = PrefixLM(3, real, positions).attend(q, k, v, softcap=5.0, window=window)
    one_call = Masked(block_mask(mask_ar, real), distance).attend(
        q, k, v, softcap=5.0, window=window
    )
    torch.testing.assert_close(
        two_calls[real.nonzero(as_tuple=True)[0], :, real.nonzero(as_tuple=True)[1]],
        one_call[real.nonzero(as_tuple=True)[0], :, real.nonzero(as_tuple=True)[1]],
        atol=1e-6,
        rtol=0,
    )
