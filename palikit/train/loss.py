"""Losses on the suffix of an example, and soft targets for boxes.

Follows big_vision's `trainers/proj/paligemma/train.py`. Scores are made for the suffix alone and a
few rows at a time: those of a whole batch, picture included, would be the largest thing in memory
by far (4 examples of 290 positions and 257216 words: 1.2 GB, several times over).

Departure: `soft_bins` spreads a `<loc>` target over its neighbours, which the reference does not
do; nano needs it to learn where things are from few examples. 0 gives the reference's targets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from palikit.model.gemma import Gemma

__all__ = ["Targets", "Weighing", "neighbour_targets", "per_example", "suffix_loss"]
__all__ += ["suffix_losses", "total_weight", "weigh"]

Weighing: TypeAlias = Literal["example", "token"]
"""Mean over an example's tokens, then over examples (the reference); or over all tokens."""

LEAST, MOST, CHUNKS = 16, 64, 64
"""Rows whose scores exist at once: a 64th of all, but not fewer than 16 (16 MB of scores with
PaliGemma's vocabulary, and the same again for each of the copies that a cross-entropy and its
gradient make), since each chunk reads the whole table, and not more than 64."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What the scores of a suffix token are compared with.

    Attributes:
        smoothing: share of the probability that goes to all other words, evenly.
        soft_bins: width in bins of the bell that a `<loc>` target is; 0 for none.
        loc_start: id of `<loc0000>`, where `soft_bins` is used.
    """

    smoothing: float = 0.0
    soft_bins: float = 0.0
    loc_start: int = 0


def suffix_loss(
    decoder: Gemma,
    hidden: Float[Tensor, "B L D"],
    labels: Int[Tensor, "B L"],
    weights: Float[Tensor, "B L"],
    targets: Targets = Targets(),
    *,
    chunk: int | None = None,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The weighted sum of the tokens' losses, and how much of the weight was told right.

    Tokens of weight 0 cost nothing. `chunk` rows are scored at once; None chooses. No chunk's
    scores are kept: where the table is frozen, their gradient is taken at once, and where it learns
    they are made again.
    """
    scored = weights > 0
    rows, wanted, shares = hidden[scored], labels[scored], weights[scored]
    loss = right = hidden.new_zeros((), dtype=torch.float32)
    chunk = chunk or min(max(LEAST, len(rows) // CHUNKS), MOST)
    # Without a token to score, one empty chunk still ties the loss to what computed it.
    for part in range(0, max(1, len(rows)), chunk):
        of = slice(part, part + chunk)
        asked = _Chunk(decoder, wanted[of], shares[of], targets)
        told: tuple[Tensor, Tensor]
        if decoder.embedding.weight.requires_grad:
            told = checkpoint(asked, rows[of], use_reentrant=False)
        else:
            told = _AtOnce.apply(rows[of], asked)  # type: ignore[no-untyped-call]
        loss, right = loss + told[0], right + told[1]
    return loss, right


@dataclass(frozen=True, slots=True, eq=False)
class _Chunk:
    """Some suffix tokens, to be compared with what states say of them."""

    decoder: Gemma
    labels: Int[Tensor, " R"]
    weights: Float[Tensor, " R"]
    targets: Targets

    def __call__(self, rows: Float[Tensor, "R D"]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """The weighted sum of losses, and the weight that was told right."""
        logits = self.decoder.logits(rows[None])
        losses = suffix_losses(
            logits,
            self.labels[None],
            loc_start=self.targets.loc_start,
            soft_bins=self.targets.soft_bins,
            smoothing=self.targets.smoothing,
        )
        right = (logits.detach().argmax(dim=-1)[0] == self.labels).float()
        return (losses[0] * self.weights).sum(), (right * self.weights).sum()


class _AtOnce(torch.autograd.Function):
    """A chunk's loss with the gradient of its rows, which is small, taken while scores exist."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, asked: _Chunk) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            given = rows.detach().requires_grad_()
            loss, right = asked(given)
            if rows.requires_grad:
                ctx.save_for_backward(*torch.autograd.grad(loss, given))
        ctx.mark_non_differentiable(right)
        return loss.detach(), right

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (ahead,) = ctx.saved_tensors
        return ahead * gradients[0].to(ahead.dtype), None


def suffix_losses(
    logits: Float[Tensor, "B T V"],
    labels: Int[Tensor, "B T"],
    *,
    loc_start: int,
    num_bins: int = 1024,
    soft_bins: float = 0.0,
    smoothing: float = 0.0,
) -> Float[Tensor, "B T"]:
    """Cross-entropy of each suffix token; `<loc>` targets are a bell `soft_bins` bins wide."""
    words = logits.shape[-1]
    # PyTorch gives the share to all words, the right one too; the reference to all others.
    spread_to_all = smoothing * words / (words - 1)
    hard = F.cross_entropy(
        logits.flatten(0, 1), labels.flatten(), reduction="none", label_smoothing=spread_to_all
    ).view(labels.shape)
    if not soft_bins:
        return hard
    bins = labels - loc_start
    is_loc = (bins >= 0) & (bins < num_bins)
    soft = neighbour_targets(bins[is_loc], num_bins, soft_bins)
    log_probs = logits[is_loc].log_softmax(dim=-1)[:, loc_start : loc_start + num_bins]
    return hard.masked_scatter(is_loc, -(soft * log_probs).sum(dim=-1))


def neighbour_targets(
    bins: Int[Tensor, " n"], num_bins: int, width: float
) -> Float[Tensor, "n bins"]:
    """Each row a discrete normal distribution around its bin, cut at the ends and summing to 1."""
    distance = torch.arange(num_bins, device=bins.device)[None] - bins[:, None]
    return torch.softmax(-0.5 * (distance / width).square(), dim=-1)


def per_example(losses: Float[Tensor, "B T"], weights: Float[Tensor, "B T"]) -> Float[Tensor, ""]:
    """Mean over an example's suffix tokens, then over examples, as the reference weighs them."""
    return ((losses * weights).sum(dim=1) / weights.sum(dim=1).clamp_min(1.0)).mean()


def weigh(
    masks: Sequence[Float[Tensor, "_ _"]], how: Weighing = "example"
) -> list[Float[Tensor, "_ _"]]:
    """Weights that make the losses of all parts of one step add up to its mean.

    `masks` are the parts' `mask_loss`. Dividing here, over the whole step, makes a step in four
    parts equal to the same step in one, whatever the lengths of their answers.
    """
    if how == "token":
        total = torch.stack([mask.sum() for mask in masks]).sum().clamp_min(1.0)
        return [mask / total for mask in masks]
    examples = sum(len(mask) for mask in masks)
    return [mask / mask.sum(dim=1, keepdim=True).clamp_min(1.0) / examples for mask in masks]


def total_weight(masks: Sequence[Float[Tensor, "_ _"]], how: Weighing = "example") -> float:
    """What `weigh` divides by: the examples, or the tokens, of all parts."""
    if how == "token":
        return float(sum(mask.sum().item() for mask in masks))
    return float(sum(map(len, masks)))
