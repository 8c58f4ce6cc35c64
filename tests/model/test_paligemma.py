"""Sizes of the published models, and what is scaled."""

import pytest
import torch
from helpers.tiny import TINY, random_images, tiny_model

from palikit.config import PRESETS
from palikit.model.gemma import RMSNorm
from palikit.model.paligemma import PaliGemma

PUBLISHED = {
    "paligemma-3b-224": 2_923_335_408,
    "paligemma2-3b-224": 3_032_094_960,
    "paligemma2-10b-224": 9_662_409_456,
    "paligemma2-28b-224": 27_650_192_112,
}
# A larger picture has more positions, 1,152 numbers each, and nothing else.
MORE = {224: 0, 448: 768 * 1152, 896: 3840 * 1152}


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_the_published_number_of_parameters(name: str) -> None:
    with torch.device("meta"):
        model = PaliGemma(PRESETS[name])
    size, _, side = name.rpartition("-")
    count = sum(p.numel() for p in model.parameters())
    assert count == PUBLISHED[f"{size}-224"] + MORE[int(side)]
    vision = sum(p.numel() for p in model.vision.parameters())
    assert vision == {224: 412_442_352, 448: 413_327_088, 896: 416_866_032}[int(side)]


def test_image_tokens_are_256_1024_4096() -> None:
    sides = {int(name.rpartition("-")[2]): c.tokens_per_image for name, c in PRESETS.items()}
    assert sides == {224: 256, 448: 1024, 896: 4096}


def test_only_text_embeddings_are_scaled() -> None:
    model = tiny_model("paligemma2")
    tokens = torch.tensor([[5, 9]])
    rows = model.text.embedding.weight[tokens]
    assert torch.equal(model.text.embed(tokens), rows * 48**0.5)
    images = random_images(1, 1)
    features = model.connector(model.vision(images[:, 0]))
    assert torch.equal(model.embed_image(images), features)


def test_the_scale_is_rounded_to_the_tables_dtype() -> None:
    model = PaliGemma(TINY["paligemma1"]).bfloat16()
    factor = torch.tensor(48**0.5).bfloat16()
    tokens = torch.tensor([[5]])
    assert torch.equal(model.text.embed(tokens), model.text.embedding.weight[tokens] * factor)


def test_frames_follow_one_another() -> None:
    model = tiny_model("paligemma1")
    images = random_images(2, 3)
    features = model.embed_image(images)
    assert features.shape == (2, 48, 48)
    alone = model.embed_image(images[:, 1])
    torch.testing.assert_close(features[:, 16:32], alone, atol=1e-5, rtol=0)


def test_rms_norm_computes_in_float32_and_adds_one_to_its_weight() -> None:
    norm = RMSNorm(4, 1e-6)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([0.0, 1.0, -1.0, 0.5]))
    x = torch.full((1, 1, 4), 300.0, dtype=torch.float16)
    # 300 ** 2 overflows float16's squares summed; in float32 the root mean square is 300.
    assert norm.half()(x).tolist() == [[[1.0, 2.0, 0.0, 1.5]]]


def test_text_alone_can_be_asked() -> None:
    model = tiny_model("paligemma1")
    tokens = torch.tensor([[2, 7, 8]])
    logits = model(None, tokens, torch.zeros_like(tokens), torch.ones_like(tokens).bool())
    assert logits.shape == (1, 3, 320)
    assert logits.isfinite().all()
