"""Losses: the reference's cross-entropy and weights, and bells around box bins."""

import copy

import pytest
import torch
from helpers.tiny import tiny_model
from torch import Tensor
from torch.nn import functional as F

from palikit.train.loss import (
    Targets,
    neighbour_targets,
    per_example,
    suffix_loss,
    suffix_losses,
    weigh,
)

LOC, BINS, VOCABULARY = 6, 20, 30


def example() -> tuple[Tensor, Tensor]:
    """Logits of two rows of five tokens, and labels of which some are box bins."""
    logits = torch.randn(2, 5, VOCABULARY, generator=torch.Generator().manual_seed(0))
    return logits, torch.tensor([[1, LOC, LOC + 7, LOC + BINS - 1, 2], [LOC + 3, 0, 29, 5, 26]])


def test_hard_targets_give_the_plain_cross_entropy() -> None:
    logits, labels = example()
    wanted = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(2, 5)
    found = suffix_losses(logits, labels, loc_start=LOC, num_bins=BINS)
    torch.testing.assert_close(found, wanted)


def test_soft_targets_leave_words_as_they_were() -> None:
    logits, labels = example()
    hard = suffix_losses(logits, labels, loc_start=LOC, num_bins=BINS)
    soft = suffix_losses(logits, labels, loc_start=LOC, num_bins=BINS, soft_bins=2.0)
    is_loc = (labels >= LOC) & (labels < LOC + BINS)
    torch.testing.assert_close(soft[~is_loc], hard[~is_loc])
    assert ((soft - hard)[is_loc].abs() > 1e-3).all()


def test_the_loss_of_a_bin_is_the_bells_cross_entropy() -> None:
    logits, labels = example()
    soft = suffix_losses(logits, labels, loc_start=LOC, num_bins=BINS, soft_bins=2.0)
    target = torch.zeros(VOCABULARY)
    target[LOC : LOC + BINS] = neighbour_targets(torch.tensor([7]), BINS, 2.0)[0]
    torch.testing.assert_close(soft[0, 2], F.cross_entropy(logits[0, 2], target))


def test_a_very_narrow_bell_is_a_hard_target() -> None:
    logits, labels = example()
    hard = suffix_losses(logits, labels, loc_start=LOC, num_bins=BINS)
    narrow = suffix_losses(logits, labels, loc_start=LOC, num_bins=BINS, soft_bins=0.05)
    torch.testing.assert_close(narrow, hard)


def test_labels_without_any_bin_can_be_soft() -> None:
    logits, _ = example()
    labels = torch.zeros(2, 5, dtype=torch.int64)
    soft = suffix_losses(logits, labels, loc_start=LOC, num_bins=BINS, soft_bins=2.0)
    torch.testing.assert_close(soft, suffix_losses(logits, labels, loc_start=LOC, num_bins=BINS))


def test_neighbour_targets_are_a_bell_around_the_bin() -> None:
    (row,) = neighbour_targets(torch.tensor([10]), BINS, 2.0)
    assert row.argmax() == 10
    torch.testing.assert_close(row[11:], row[:10].flip(0)[: len(row[11:])])
    # A normal distribution falls by exp(-1/2) over one width.
    assert (row[12] / row[10]).item() == pytest.approx(0.6065, abs=1e-4)


@pytest.mark.parametrize("place", [0, 3, BINS - 1])
def test_neighbour_targets_are_cut_at_the_ends_and_sum_to_one(place: int) -> None:
    (row,) = neighbour_targets(torch.tensor([place]), BINS, 4.0)
    assert row.shape == (BINS,)
    assert row.argmax() == place
    assert row.sum().item() == pytest.approx(1.0)


@pytest.mark.parametrize("soft_bins", [0.0, 2.0])
def test_gradients_reach_every_logit_and_pull_towards_the_label(soft_bins: float) -> None:
    logits, labels = example()
    logits.requires_grad_()
    suffix_losses(
        logits, labels, loc_start=LOC, num_bins=BINS, soft_bins=soft_bins
    ).sum().backward()
    gradient = logits.grad
    assert gradient is not None
    assert gradient.isfinite().all()
    assert (gradient != 0).all()
    # Steepest descent raises the label most; with a bell, its own logit may already stand above.
    if not soft_bins:
        assert torch.equal(gradient.argmin(dim=-1), labels)


def test_an_example_weighs_the_same_however_long_it_is() -> None:
    losses = torch.tensor([[1.0, 3.0, 8.0, 100.0], [5.0, 100.0, 100.0, 100.0]])
    weights = torch.tensor([[1.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    # (1 + 3 + 8) / 3 = 4 and 5 / 1 = 5; their mean is 4.5, where a mean over tokens gives 4.25.
    assert per_example(losses, weights).item() == 4.5


def test_an_example_without_targets_counts_as_zero() -> None:
    losses, weights = torch.tensor([[2.0, 4.0], [9.0, 9.0]]), torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    assert per_example(losses, weights).item() == 1.5


def test_smoothing_gives_the_others_an_even_share_as_the_reference() -> None:
    logits, labels = example()
    share = 0.1
    target = torch.full((VOCABULARY,), share / (VOCABULARY - 1))
    target[labels[1, 3]] = 1 - share
    found = suffix_losses(logits, labels, loc_start=LOC, num_bins=BINS, smoothing=share)
    torch.testing.assert_close(found[1, 3], F.cross_entropy(logits[1, 3], target))


@pytest.mark.parametrize("how", ["example", "token"])
def test_a_step_in_parts_weighs_as_the_step_in_one(how: str) -> None:
    whole = torch.tensor([[1.0, 1, 1, 0], [1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]])
    (one,) = weigh([whole], how)
    parts = weigh([whole[:1], whole[1:]], how)
    torch.testing.assert_close(torch.cat(parts), one)
    total = 0.75 if how == "example" else 1.0  # an example without a token counts as one of none
    assert one.sum().item() == pytest.approx(total)


def test_the_weights_of_examples_give_the_references_mean() -> None:
    losses = torch.rand(2, 3, generator=torch.Generator().manual_seed(0))
    masks = torch.tensor([[1.0, 1, 1], [1, 0, 0]])
    (weights,) = weigh([masks])
    torch.testing.assert_close((losses * weights).sum(), per_example(losses, masks))


@pytest.mark.parametrize("chunk", [1, 3, 64])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("table", ["frozen", "learned"])
def test_scores_in_chunks_give_the_loss_and_gradients_of_the_whole(
    chunk: int, smoothing: float, table: str
) -> None:
    decoder = copy.deepcopy(tiny_model("paligemma2").text)
    decoder.embedding.weight.requires_grad_(table == "learned")
    hidden = torch.randn(2, 5, 48, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([[1, 6, 13, 300, 2], [9, 9, 29, 5, 0]])
    weights = torch.tensor([[0.1, 0.2, 0.3, 0.0, 0.1], [0.5, 0.0, 0.1, 0.2, 0.0]])
    whole, parts = hidden.clone().requires_grad_(), hidden.clone().requires_grad_()
    logits = decoder.logits(whole)
    wanted = (suffix_losses(logits, labels, loc_start=0, smoothing=smoothing) * weights).sum()
    found, right = suffix_loss(decoder, parts, labels, weights, Targets(smoothing), chunk=chunk)
    torch.testing.assert_close(found, wanted)
    told = (logits.argmax(dim=-1) == labels).float() * weights
    torch.testing.assert_close(right, told.sum())
    wanted.backward()
    expected, decoder.embedding.weight.grad = decoder.embedding.weight.grad, None
    found.backward()
    torch.testing.assert_close(parts.grad, whole.grad)
    assert (expected is not None) == (table == "learned")
    if expected is not None:
        torch.testing.assert_close(decoder.embedding.weight.grad, expected)


def test_a_loss_that_is_scaled_scales_its_gradient() -> None:
    decoder = tiny_model("paligemma2").text
    hidden = torch.randn(1, 3, 48, generator=torch.Generator().manual_seed(1)).requires_grad_()
    labels, weights = torch.tensor([[1, 6, 13]]), torch.ones(1, 3)
    (once,) = torch.autograd.grad(suffix_loss(decoder, hidden, labels, weights)[0], hidden)
    (thrice,) = torch.autograd.grad(3 * suffix_loss(decoder, hidden, labels, weights)[0], hidden)
    torch.testing.assert_close(thrice, 3 * once)


def test_without_a_token_to_learn_the_loss_is_zero_and_has_no_gradient() -> None:
    hidden = torch.randn(1, 2, 48)
    found, right = suffix_loss(
        tiny_model("paligemma2").text, hidden, torch.ones(1, 2).long(), torch.zeros(1, 2)
    )
    assert found.item() == right.item() == 0.0
