"""Float32 logits equal transformers' to 1e-4, for every shape family and layout of a question."""

from dataclasses import replace

import pytest
import torch
from helpers.oracle import pair, their_question
from helpers.tiny import TINY, pad, random_images, random_prompt, tiny_model
from torch import Tensor

from palikit.model.cache import KVCache
from palikit.model.paligemma import PaliGemma

TOLERANCE = 1e-4
PROMPTS = [random_prompt(9, seed=1), random_prompt(4, seed=2), random_prompt(6, seed=3)]
SUFFIXES = [
    random_prompt(5, seed=4)[1:],
    random_prompt(8, seed=5)[1:],
    random_prompt(3, seed=6)[1:],
]


def our_logits(
    model: PaliGemma, images: Tensor, prompts: list[list[int]], suffixes: list[list[int]]
) -> list[Tensor]:
    """Logits of every real text position of each row."""
    tokens, real = pad([a + b for a, b in zip(prompts, suffixes, strict=True)])
    mask_ar = torch.zeros_like(tokens)
    for row, prompt in enumerate(prompts):
        mask_ar[row, len(prompt) :] = 1
    logits = model(images, tokens, mask_ar, real)
    return [row[mask] for row, mask in zip(logits, real, strict=True)]


def their_logits(model, images, prompts, suffixes) -> list[Tensor]:
    with torch.no_grad():
        logits = model(**their_question(images, prompts, suffixes)).logits
    lengths = [len(a) + len(b) for a, b in zip(prompts, suffixes, strict=True)]
    return [row[-length:] for row, length in zip(logits, lengths, strict=True)]


def largest_difference(name: str, frames: int, rows: int) -> float:
    ours, theirs = pair(name)
    question = random_images(rows, frames, seed=7), PROMPTS[:rows], SUFFIXES[:rows]
    pairs = zip(our_logits(ours, *question), their_logits(theirs, *question), strict=True)
    return max((a - b).abs().max().item() for a, b in pairs)


@pytest.mark.parametrize("name", TINY)
def test_logits_of_prefix_and_suffix_equal_transformers(name):
    assert largest_difference(name, frames=1, rows=1) <= TOLERANCE


@pytest.mark.parametrize("name", TINY)
def test_logits_with_two_images_equal_transformers(name):
    assert largest_difference(name, frames=2, rows=1) <= TOLERANCE


@pytest.mark.parametrize("name", TINY)
def test_logits_of_a_padded_batch_equal_transformers(name):
    assert largest_difference(name, frames=1, rows=3) <= TOLERANCE


@pytest.mark.parametrize("name", TINY)
def test_logits_of_prefill_and_extend_equal_transformers(name):
    ours, theirs = pair(name)
    images = random_images(1, 2, seed=7)
    features = ours.embed_image(images)
    suffix = SUFFIXES[0]
    cache = KVCache(ours.config.text, 1, features.shape[1] + len(PROMPTS[0]) + len(suffix))
    first = ours.prefill(features, torch.tensor(PROMPTS[:1]), None, cache)
    steps = [ours.extend(torch.tensor([[token]]), cache)[:, 0] for token in suffix]
    expected = their_logits(theirs, images, PROMPTS[:1], [suffix])[0][-len(suffix) - 1 :]
    assert (torch.cat([first, *steps]) - expected).abs().max() <= TOLERANCE


# A comparison that cannot fail proves nothing: whatever is compared above must show in the logits.


def test_pixels_and_words_show_in_the_logits_compared():
    model = tiny_model("paligemma2")
    images = random_images(1, 1, seed=7)
    base = our_logits(model, images, PROMPTS[:1], SUFFIXES[:1])[0]
    other_pixels = our_logits(model, -images, PROMPTS[:1], SUFFIXES[:1])[0]
    other_word = our_logits(model, images, [[*PROMPTS[0][:-1], 5]], SUFFIXES[:1])[0]
    assert (base - other_pixels).abs().max() > 1000 * TOLERANCE
    assert (base - other_word).abs().max() > 1000 * TOLERANCE


@pytest.mark.parametrize(
    "change",
    [{"query_scale": 8**-0.5}, {"attn_softcap": 50.0}, {"final_softcap": 30.0}, {"norm_eps": 0.1}],
    ids=str,
)
def test_every_setting_of_the_decoder_shows_in_the_logits_compared(change):
    model = tiny_model("paligemma2-27b")
    config = TINY["paligemma2-27b"]
    other = PaliGemma(replace(config, text=replace(config.text, **change)))
    other.requires_grad_(False).load_state_dict(model.state_dict())
    question = random_images(1, 1, seed=7), PROMPTS[:1], SUFFIXES[:1]
    difference = our_logits(model, *question)[0] - our_logits(other, *question)[0]
    assert difference.abs().max() > 100 * TOLERANCE
