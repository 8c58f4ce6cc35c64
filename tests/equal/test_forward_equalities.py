"""The four ways through the model agree, and nothing looks where it must not."""

from dataclasses import replace

import pytest
import torch
from helpers.tiny import TINY, pad, random_images, random_prompt, randomise, tiny_model
from torch import Tensor

from palikit.model.attention import Masked
from palikit.model.cache import KVCache
from palikit.model.paligemma import PaliGemma, count_positions

CLOSE = 2e-5
PREFIX, SUFFIX = 7, 5
NAMES = [*TINY, "windowed"]


def model_of(name: str) -> PaliGemma:
    if name != "windowed":
        return tiny_model(name)
    config = TINY["paligemma2"]
    windowed = PaliGemma(replace(config, text=replace(config.text, sliding_window=4)))
    windowed.eval().requires_grad_(False)
    randomise(windowed, 0)
    return windowed


def question(rows: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """Images, tokens laid out as prefix and suffix, mask_ar."""
    images = random_images(rows, 2)
    tokens = torch.tensor(
        [random_prompt(PREFIX, i) + random_prompt(SUFFIX + 1, 9 + i)[1:] for i in range(rows)]
    )
    mask_ar = torch.tensor([[0] * PREFIX + [1] * SUFFIX]).expand(rows, -1)
    return images, tokens, mask_ar


@pytest.mark.parametrize("name", NAMES)
def test_two_attention_calls_equal_the_masked_forward(name: str) -> None:
    model = model_of(name)
    images, tokens, mask_ar = question()
    real = torch.ones_like(tokens, dtype=torch.bool)
    real[1, :2] = False
    real[0, -1] = False
    whole = model(images, tokens, mask_ar, real)
    hidden = model.forward_suffix(model.embed_image(images), tokens, real, PREFIX)
    suffix = model.text.logits(hidden)
    torch.testing.assert_close(suffix, whole[:, PREFIX - 1 : -1], atol=CLOSE, rtol=0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("chunks", [[5], [1, 1, 1, 1, 1], [2, 3]])
def test_cached_logits_equal_full_forward(name: str, chunks: list[int]) -> None:
    model = model_of(name)
    images, tokens, mask_ar = question()
    real = torch.ones_like(tokens, dtype=torch.bool)
    real[1, 1:3] = False
    whole = model(images, tokens, mask_ar, real)
    features = model.embed_image(images)
    cache = KVCache(model.config.text, 2, features.shape[1] + tokens.shape[1])
    found = [model.prefill(features, tokens[:, :PREFIX], real[:, :PREFIX], cache)[:, None]]
    for part in tokens[:, PREFIX:].split(chunks, dim=1):
        found.append(model.extend(part, cache))
    torch.testing.assert_close(torch.cat(found, 1), whole[:, PREFIX - 1 :], atol=CLOSE, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_padding_anywhere_changes_nothing(name: str) -> None:
    model = model_of(name)
    prompt, suffix = random_prompt(6), random_prompt(5, 1)[1:]
    images = random_images(1, 1)
    tokens, real = pad([prompt + suffix])
    plain = model(images, tokens, torch.tensor([[0] * 6 + [1] * 4]), real)
    # Padding before, inside both blocks and after, marked 0 or 1 as its block is.
    slots = [2, *range(6), 2, 2, 6, 7, 2, 8, 9, 2, 2]
    kept = [i for i, keep in enumerate([0, *[1] * 6, 0, 0, 1, 1, 0, 1, 1, 0, 0]) if keep]
    padded = tokens[:, slots]
    padded_real = torch.zeros_like(padded, dtype=torch.bool)
    padded_real[:, kept] = True
    mask_ar = torch.tensor([[0] * 9 + [1] * 7])
    found = model(images, padded, mask_ar, padded_real)
    torch.testing.assert_close(found[:, kept], plain, atol=CLOSE, rtol=0)


@pytest.mark.parametrize("name", TINY)
def test_a_suffix_token_moves_no_earlier_logit(name: str) -> None:
    model = tiny_model(name)
    images, tokens, mask_ar = question(1)
    real = torch.ones_like(tokens, dtype=torch.bool)
    changed = tokens.clone()
    changed[0, PREFIX + 2] += 1
    before, after = (model(images, t, mask_ar, real)[0] for t in (tokens, changed))
    assert torch.equal(before[: PREFIX + 2], after[: PREFIX + 2])
    assert not torch.allclose(before[PREFIX + 2], after[PREFIX + 2])


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("position", [0, 3, PREFIX - 1])
def test_any_prefix_token_moves_every_logit(name: str, position: int) -> None:
    model = tiny_model(name)
    images, tokens, mask_ar = question(1)
    real = torch.ones_like(tokens, dtype=torch.bool)
    changed = tokens.clone()
    changed[0, position] += 1
    before, after = (model(images, t, mask_ar, real)[0] for t in (tokens, changed))
    assert ((before - after).abs().amax(dim=-1) > 1e-4).all()


def test_a_window_limits_what_the_suffix_sees() -> None:
    # In one layer an image lies out of sight of the suffix, and the prefix sees all.
    config = TINY["paligemma2"]
    text = replace(config.text, depth=1, sliding_window=3)
    model = PaliGemma(replace(config, text=text)).eval().requires_grad_(False)
    randomise(model, 0)
    images, tokens, mask_ar = question(1)
    real = torch.ones_like(tokens, dtype=torch.bool)
    other = images.clone()
    other[:, 0] *= -1
    before, after = (model(i, tokens, mask_ar, real)[0] for i in (images, other))
    moved = (before - after).abs().amax(dim=-1) > 1e-5
    assert moved[:PREFIX].all()
    assert not moved[PREFIX:].any()


def test_a_batch_equals_its_rows_one_by_one() -> None:
    model = tiny_model("paligemma2")
    images, tokens, mask_ar = question(3)
    real = torch.ones_like(tokens, dtype=torch.bool)
    batch = model(images, tokens, mask_ar, real)
    for i in range(3):
        row = slice(i, i + 1)
        alone = model(images[row], tokens[row], mask_ar[row], real[row])
        torch.testing.assert_close(alone[0], batch[i], atol=CLOSE, rtol=0)


def test_reordered_rows_of_a_cache_answer_as_the_rows_they_were() -> None:
    model = tiny_model("paligemma2")
    images, tokens, _ = question(2)
    features = model.embed_image(images)
    answers = []
    for order in (torch.tensor([0, 1]), torch.tensor([1, 1])):
        cache = KVCache(model.config.text, 2, 60)
        model.prefill(features, tokens[:, :PREFIX], None, cache)
        cache.reorder(order)
        answers.append(model.extend(tokens[[1, 1], PREFIX : PREFIX + 1], cache))
    torch.testing.assert_close(answers[1][0], answers[0][1], atol=CLOSE, rtol=0)
    torch.testing.assert_close(answers[1][1], answers[0][1], atol=CLOSE, rtol=0)


@pytest.mark.parametrize("name", TINY)
def test_the_wanted_states_are_those_of_a_whole_pass(name: str) -> None:
    model = tiny_model(name)
    tokens, real = pad([random_prompt(6), random_prompt(9, 1), random_prompt(3, 2)])
    x, visibility = model.text.embed(tokens), Masked(real[:, None])
    positions, places = count_positions(real), torch.tensor([5, 8, 1])
    rows_of_mlp: list[int] = []
    last = model.text.blocks[-1].mlp
    hook = last.register_forward_hook(lambda _, given, out: rows_of_mlp.append(given[0].shape[1]))
    whole = model.text(x, positions, visibility)
    wanted = model.text(x, positions, visibility, wanted=places)
    hook.remove()
    assert rows_of_mlp == [9, 1]
    torch.testing.assert_close(wanted[:, 0], whole[torch.arange(3), places], atol=CLOSE, rtol=0)
