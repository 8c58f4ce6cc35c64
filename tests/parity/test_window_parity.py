"""A sliding window as in transformers: the suffix loses sight, pictures and prefix do not."""

from dataclasses import replace

import pytest
import torch
import transformers
from helpers.oracle import pair, their_question, transformers_config
from helpers.tiny import TINY, pad, random_images, random_prompt

from palikit.model.paligemma import PaliGemma

WINDOW = 6


def windowed() -> tuple[PaliGemma, transformers.PreTrainedModel]:
    ours, theirs = pair("paligemma2")
    config = transformers_config(TINY["paligemma2"])
    config.text_config.sliding_window = WINDOW
    other = transformers.PaliGemmaForConditionalGeneration._from_config(
        config, attn_implementation="eager", dtype=torch.float32
    ).eval()
    other.load_state_dict(theirs.state_dict())
    text = replace(TINY["paligemma2"].text, sliding_window=WINDOW)
    mine = PaliGemma(replace(TINY["paligemma2"], text=text)).eval().requires_grad_(False)
    mine.load_state_dict(ours.state_dict())
    return mine, other


def test_windowed_logits_equal_transformers() -> None:
    ours, theirs = windowed()
    images, prompt, suffix = random_images(1, 1), random_prompt(9), random_prompt(8, seed=1)[1:]
    with torch.no_grad():
        wanted = theirs(**their_question(images, [prompt], [suffix])).logits[:, -16:]
    tokens, real = pad([prompt + suffix])
    mask_ar = torch.tensor([[0] * len(prompt) + [1] * len(suffix)])
    found = ours(images, tokens, mask_ar, real)
    assert (found - wanted).abs().max() <= 1e-4
    without, _ = pair("paligemma2")
    assert (without(images, tokens, mask_ar, real) - wanted).abs().max() > 1e-2


@pytest.mark.parametrize("name", TINY)
def test_presets_have_no_window_unless_asked(name: str) -> None:
    assert TINY[name].text.sliding_window is None
