"""Losses on the suffix of an example, and soft targets for boxes.

Follows big_vision's `trainers/proj/paligemma/train.py`. Departure: `soft_bins` spreads a `<loc>`
target over its neighbours, which the reference does not do; nano needs it to learn where things are
from few examples. 0 gives the reference's targets.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

__all__ = ["neighbour_targets", "per_example", "suffix_losses"]


def suffix_losses(
    logits: Float[Tensor, "B T V"],
    labels: Int[Tensor, "B T"],
    *,
    loc_start: int,
    num_bins: int = 1024,
    soft_bins: float = 0.0,
) -> Float[Tensor, "B T"]:
    """Cross-entropy of each suffix token; `<loc>` targets are a bell `soft_bins` bins wide."""
    if not soft_bins:
        return F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
    log_probs = logits.log_softmax(dim=-1)
    hard = -log_probs.gather(-1, labels[..., None])[..., 0]
    bins = labels - loc_start
    is_loc = (bins >= 0) & (bins < num_bins)
    soft = neighbour_targets(bins[is_loc], num_bins, soft_bins)
    spread = -(soft * log_probs[is_loc][:, loc_start : loc_start + num_bins]).sum(dim=-1)
    return hard.masked_scatter(is_loc, spread)


def neighbour_targets(
    bins: Int[Tensor, " n"], num_bins: int, width: float
) -> Float[Tensor, "n bins"]:
    """Each row a discrete normal distribution around its bin, cut at the ends and summing to 1."""
    distance = torch.arange(num_bins, device=bins.device)[None] - bins[:, None]
    return torch.softmax(-0.5 * (distance / width).square(), dim=-1)


def per_example(losses: Float[Tensor, "B T"], weights: Float[Tensor, "B T"]) -> Float[Tensor, ""]:
    """Mean over an example's suffix tokens, then over examples, as the reference weighs them."""
    return ((losses * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1.0)).mean()
