"""Tiny PaliGemmas of every shape family, with weights that make each part matter."""

from dataclasses import replace
from functools import cache

import torch
from torch import Tensor, nn

from palikit.config import GemmaConfig, PaliGemmaConfig, SiglipConfig
from palikit.model.paligemma import PaliGemma

VOCABULARY = 320
IMAGE_ID = VOCABULARY - 1  # transformers marks image positions by an id; no test prompt holds it
PAD_ID, EOS_ID, BOS_ID = 0, 1, 2

_VISION = SiglipConfig(image_size=28, patch_size=7, width=32, depth=2, mlp_dim=48, num_heads=2)
_GEMMA = GemmaConfig(VOCABULARY, 48, 3, 80, 4, 1, 16, 16**-0.5)
# The released caps, 50 and 30, would hardly bend scores of random weights: these do.
_GEMMA2 = GemmaConfig(VOCABULARY, 48, 3, 80, 4, 2, 16, 16**-0.5, 4.0, 1.0, True)

TINY: dict[str, PaliGemmaConfig] = {
    "paligemma1": PaliGemmaConfig(_VISION, _GEMMA),
    "paligemma2": PaliGemmaConfig(_VISION, _GEMMA2),
    # As in the 27B: queries scaled by (width / heads) ** -0.5 = 1/4, where heads are 8 wide.
    "paligemma2-27b": PaliGemmaConfig(
        _VISION, replace(_GEMMA2, width=64, head_dim=8, query_scale=16**-0.5)
    ),
}


@cache
def tiny_model(name: str, seed: int = 0) -> PaliGemma:
    """Our model with random weights; shared, so leave it as it is."""
    model = PaliGemma(TINY[name]).eval().requires_grad_(False)
    randomise(model, seed)
    return model


def randomise(model: nn.Module, seed: int) -> None:
    """Random numbers for every parameter, norms and biases too.

    Attention is sharp, and the embedding (which is the output head as well) is small beside what
    the blocks add, or a greedy answer would only repeat its last word.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            if name.endswith("bias"):
                weight.copy_(noise)
            elif weight.ndim == 1:
                weight.add_(noise)  # to a norm's 1 or, where weights are stored less 1, to its 0
            else:
                fan_in = weight[0].numel()
                gain = 0.3 if "embed" in name and weight.shape[0] == VOCABULARY else 2.0
                weight.copy_(gain * fan_in**-0.5 * noise)


def random_images(rows: int, frames: int, seed: int = 0) -> Tensor:
    """Pixels in [-1, 1]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(rows, frames, 3, 28, 28, generator=generator) * 2 - 1


def random_prompt(length: int, seed: int = 0) -> list[int]:
    """A bos and words without any special id among them."""
    generator = torch.Generator().manual_seed(seed)
    words = torch.randint(3, IMAGE_ID, (length - 1,), generator=generator)
    return [BOS_ID, *words.tolist()]


def pad(prompts: list[list[int]], *, left: bool = False) -> tuple[Tensor, Tensor]:
    """Prompts of several lengths as one tensor and the mask of what is real."""
    width = max(map(len, prompts))
    tokens = torch.full((len(prompts), width), PAD_ID)
    real = torch.zeros(len(prompts), width, dtype=torch.bool)
    for row, prompt in enumerate(prompts):
        place = slice(width - len(prompt), width) if left else slice(0, len(prompt))
        tokens[row, place] = torch.tensor(prompt)
        real[row, place] = True
    return tokens, real
