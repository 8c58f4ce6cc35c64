"""Attention, and the only two shapes of visibility that PaliGemma needs.

Follows big_vision's `models/ppp/gemma.py` (grouped heads, soft-cap before the mask, softmax in
float32) and `make_attn_mask` of `models/proj/paligemma/paligemma.py`. A prefix-LM needs no custom
mask kernel: prefix queries see the prefix, suffix queries see everything before them, which is two
plain calls.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

__all__ = [
    "Attend",
    "Keys",
    "Mask",
    "Masked",
    "PrefixLM",
    "Queries",
    "Visibility",
    "attend",
    "block_mask",
]

Queries = Float[Tensor, "B N T H"]
Keys = Float[Tensor, "B K S H"]
Mask = Bool[Tensor, "#B #T S"] | None

Attend: TypeAlias = Callable[..., Queries]
"""What `attend` is, and what may stand in its place."""

MOST_SCORES = 1 << 23
"""Attention scores held at once, all heads together: 32 MB; of the 3B at 896 px, all were 0.5 GB
a layer."""

MOST_SCORES_ON_CPU = 1 << 20
"""Four megabytes, which stay in a processor's cache from one step of a softmax to the next: with
`MOST_SCORES` the 3B's decoder took a fifth longer over a picture of 448 px."""

FEWEST_QUERIES = 64
"""Taken at once in any case, since each time all keys and values are read."""


def attend(q: Queries, k: Keys, v: Keys, *, mask: Mask, softcap: float | None) -> Queries:
    """Weighted values for each query; `q` is scaled already.

    `mask` is True where a query may look; None lets every query see every key. Without a soft-cap
    this is PyTorch's fused kernel; with one, logits are formed, capped and normalised in float32.
    """
    if not softcap:
        attn_mask = None if mask is None else mask[:, None]
        grouped = q.shape[1] != k.shape[1]
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=attn_mask, scale=1.0, enable_gqa=grouped
        )
    # A few queries at a time, so that long pictures never hold scores of all against all; where a
    # gradient is to pass, all are kept in any case.
    most = MOST_SCORES_ON_CPU if q.device.type == "cpu" else MOST_SCORES
    step = max(FEWEST_QUERIES, most // (q.shape[0] * q.shape[1] * k.shape[2]))
    if q.shape[2] <= step or q.requires_grad:
        return _capped(q, k, v, mask, softcap)
    parts = []
    for start in range(0, q.shape[2], step):
        some = slice(start, start + step)
        visible = mask if mask is None or mask.shape[1] == 1 else mask[:, some]
        parts.append(_capped(q[:, :, some], k, v, visible, softcap))
    return torch.cat(parts, dim=2)


def _capped(q: Queries, k: Keys, v: Keys, mask: Mask, softcap: float) -> Queries:
    batch, _, _, width = q.shape
    # Query head k*G + g reads key/value head k, so a group's queries can share one matrix product.
    rows = q.reshape(batch, k.shape[1], -1, width)
    logits = (rows @ k.transpose(-1, -2)).float()
    weights = _capped_softmax(logits, mask, softcap).to(v.dtype)
    return (weights @ v).view(q.shape)


def _capped_softmax(
    logits: Float[Tensor, "B K R S"], mask: Mask, softcap: float
) -> Float[Tensor, "B K R S"]:
    # Rows are the queries of all heads that share keys, one head after the other.
    logits = softcap * torch.tanh(logits / softcap)
    if mask is not None:
        batch, heads, rows, slots = logits.shape
        queries = mask.shape[1] if mask.shape[1] > 1 else rows
        by_head = logits.view(batch, heads, -1, queries, slots)
        logits = by_head.masked_fill(~mask[:, None, None], torch.finfo(torch.float32).min)
        logits = logits.view(batch, heads, rows, slots)
    return logits.softmax(dim=-1)


@dataclass(frozen=True, slots=True, eq=False)
class Masked:
    """Any visibility at all, as a boolean mask.

    Attributes:
        mask: True where query t may see key s; None when all may.
        distance: position of the query minus position of the key, where a sliding window applies
            (queries of the suffix); 0 elsewhere. None where no layer has a window.
    """

    mask: Mask
    distance: Int[Tensor, "#B T S"] | None = None

    def attend(
        self,
        q: Queries,
        k: Keys,
        v: Keys,
        *,
        softcap: float | None,
        window: int | None,
        how: Attend = attend,
    ) -> Queries:
        """One call under the mask."""
        mask = self.mask
        if window is not None and self.distance is not None:
            near = self.distance < window
            mask = near if mask is None else mask & near
        return how(q, k, v, mask=mask, softcap=softcap)


@dataclass(frozen=True, slots=True, eq=False)
class PrefixLM:
    """The first `prefix` positions see each other; later ones see these and are causal.

    Attributes:
        prefix: image tokens plus the width of the text prefix block, the same for all rows.
        mask: True for real tokens; None when nothing is padded.
        positions: of every token, counted over real ones; a sliding window needs them.
    """

    prefix: int
    mask: Bool[Tensor, "B S"] | None
    positions: Int[Tensor, "B S"] | None = None

    def attend(
        self,
        q: Queries,
        k: Keys,
        v: Keys,
        *,
        softcap: float | None,
        window: int | None,
        how: Attend = attend,
    ) -> Queries:
        """Two calls: prefix over prefix, suffix over everything."""
        cut = self.prefix
        valid = None if self.mask is None else self.mask[:, None]
        seen = None if valid is None else valid[..., :cut]
        first = (q[:, :, :cut], k[:, :, :cut], v[:, :, :cut])
        before = how(*first, mask=seen, softcap=softcap)
        causal = self._suffix_mask(q, valid, window)
        after = how(q[:, :, cut:], k, v, mask=causal, softcap=softcap)
        return torch.cat([before, after], dim=2)

    def _suffix_mask(
        self, q: Queries, valid: Bool[Tensor, "B 1 S"] | None, window: int | None
    ) -> Bool[Tensor, "#B L S"]:
        total = q.shape[2]
        mask = torch.ones(total - self.prefix, total, dtype=torch.bool, device=q.device)
        mask = mask.tril(self.prefix)[None]
        if valid is not None:
            mask = mask & valid
        if window is not None:
            assert self.positions is not None
            mask = mask & (
                self.positions[:, self.prefix :, None] - self.positions[:, None] < window
            )
        return mask


Visibility: TypeAlias = Masked | PrefixLM
"""Who sees whom, as a value that turns queries, keys and values into outputs."""


def block_mask(
    mask_ar: Int[Tensor, "B S"], mask_input: Bool[Tensor, "B S"]
) -> Bool[Tensor, "B S S"]:
    """The reference's general mask: t sees s if s is real and in its own or an earlier block.

    mask_ar 0 0 0 1 1   ->  a prefix of three that sees itself, then two causal tokens
    mask_ar 1 1 1 1 1   ->  causal
    mask_ar 0 0 1 0 0   ->  two blocks; the second sees both, the first only itself
    """
    block = mask_ar.cumsum(dim=1)
    return (block[:, None, :] <= block[:, :, None]) & mask_input[:, None, :]
