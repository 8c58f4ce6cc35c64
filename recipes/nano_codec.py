"""Train nano's mask codec: the VQ-VAE behind `<seg>` on masks of generated emoji scenes.

    python -m recipes.nano_codec codes runs/nano-codec      # about 8 minutes on 2 CPU cores
    python -m recipes.nano_codec decoder runs/nano-decoder  # about 5 minutes

Both write `mask_codec.safetensors`. The second teaches the decoder alone to do more with the same
codes, so it may run after nano has learned them. The first is the recipe of AiT's VQ-VAE (codebook
by moving averages with decay 0.99, commitment 0.25), with two departures: the reconstruction loss
is a cross-entropy, because only the sign of the output is used, and codes that nothing chooses are
moved onto features that exist.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from palikit.codecs.masks import NUM_CODES, MaskCodec, mask_to_patch
from palikit.data.emoji_world import scene
from palikit.train import OptimConfig, TrainConfig, train

SEED = 71
BATCH = 128
SCENES_A_BATCH = 28
DECAY, COMMITMENT, SHARPNESS = 0.99, 0.25, 4.0
UNQUANTISED_STEPS = 150
CODES = Path("runs/nano-codec/mask_codec.safetensors")


class CodecInTraining(nn.Module):
    """The codec with its codebook's moving averages."""

    def __init__(self) -> None:
        super().__init__()
        self.codec = MaskCodec().to(memory_format=torch.channels_last)
        self.codec.codebook.requires_grad_(False)
        self.register_buffer("sizes", torch.ones(NUM_CODES))
        self.register_buffer("sums", self.codec.codebook.detach().clone())
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Masks [B, 64, 64] to (maps [B, 64, 64], commitment loss)."""
        features = self.codec.features(masks)
        self.steps += 1
        if self.steps <= UNQUANTISED_STEPS:
            self._restart(features.flatten(0, 1).detach(), torch.ones(NUM_CODES, dtype=torch.bool))
            return self.codec.reconstruct(features), features.new_zeros(())
        codes = self.codec.quantise(features)
        vectors = self.codec.codebook[codes]
        self._update(features.flatten(0, 1).detach(), codes.flatten())
        commitment = F.mse_loss(features, vectors)
        return self.codec.reconstruct(features + (vectors - features).detach()), commitment

    @torch.no_grad()
    def _update(self, features: Tensor, codes: Tensor) -> None:
        chosen = F.one_hot(codes, NUM_CODES).float()
        self.sizes.lerp_(chosen.sum(0), 1 - DECAY)
        self.sums.lerp_(chosen.T @ features, 1 - DECAY)
        self.codec.codebook.copy_(self.sums / self.sizes[:, None].clamp_min(1e-5))
        if self.steps % 20 == 0:
            self._restart(features, self.sizes < 1.0)

    @torch.no_grad()
    def _restart(self, features: Tensor, dead: Tensor) -> None:
        picked = features[torch.randint(len(features), (int(dead.sum()),))]
        self.codec.codebook[dead] = picked
        self.sums[dead], self.sizes[dead] = picked * 5.0, 5.0


def batch(step: int) -> Tensor:
    """Masks of a step's scenes, cut out by their boxes, in two orientations each: [128, 64, 64]."""
    rng = np.random.default_rng([SEED, step])
    patches = [
        mask_to_patch(thing.mask, thing.box)
        for i in range(SCENES_A_BATCH)
        for thing in scene(SEED, step * SCENES_A_BATCH + i, side=160).objects
    ]
    chosen = rng.choice(len(patches), BATCH // 2, replace=len(patches) < BATCH // 2)
    masks = torch.stack([patches[i] for i in chosen])
    other = torch.rot90(masks, int(rng.integers(1, 4)), (1, 2))
    return torch.cat([masks, other.flip(2) if rng.random() < 0.5 else other])


def loss(model: nn.Module, masks: Tensor) -> Mapping[str, Tensor]:
    """Cross-entropy of the sign, plus the encoder's commitment to its codes."""
    maps, commitment = model(masks)
    bce = F.binary_cross_entropy_with_logits(SHARPNESS * maps, masks)
    total = bce + COMMITMENT * commitment
    return {"loss": total, "commitment": commitment, "iou": _iou(maps, masks)}


def decoder_loss(model: nn.Module, masks: Tensor) -> Mapping[str, Tensor]:
    """Cross-entropy of the sign, plus one less the IoU of soft masks, which is what is measured."""
    assert isinstance(model, MaskCodec)
    maps = model.reconstruct(model.codebook[model.encode(masks)])
    bce = F.binary_cross_entropy_with_logits(SHARPNESS * maps, masks)
    soft = torch.sigmoid(SHARPNESS * maps)
    shared = (soft * masks).sum((1, 2))
    soft_iou = shared / (soft.sum((1, 2)) + masks.sum((1, 2)) - shared).clamp_min(1.0)
    return {"loss": bce + 1.0 - soft_iou.mean(), "iou": _iou(maps, masks)}


def _iou(maps: Tensor, masks: Tensor) -> Tensor:
    inside, truth = maps > 0, masks > 0.5
    return ((inside & truth).sum((1, 2)) / (inside | truth).sum((1, 2)).clamp_min(1)).mean()


def load_codes() -> MaskCodec:
    """The trained codec, its encoder and codebook fixed."""
    codec = MaskCodec.load(CODES).to(memory_format=torch.channels_last).requires_grad_(False)
    codec.decoder.requires_grad_(True)
    return codec


def export(model: nn.Module, folder: Path) -> None:
    """Write the codec alone."""
    codec = model.codec if isinstance(model, CodecInTraining) else model
    assert isinstance(codec, MaskCodec)
    codec.save(folder / "mask_codec.safetensors")


def recipe(steps: int = 900) -> TrainConfig:
    """900 steps of 128 masks."""
    return TrainConfig(
        name="nano-codec",
        model=CodecInTraining,
        batch=batch,
        loss=loss,
        export=export,
        optim=OptimConfig(lr=1e-3, warmup=0.03),
        steps=steps,
        batch_size=BATCH,
        save_every=100,
    )


def decoder_recipe(steps: int = 700) -> TrainConfig:
    """700 steps of the masks that follow those of `recipe`."""
    return TrainConfig(
        name="nano-decoder",
        model=load_codes,
        batch=later_batch,
        loss=decoder_loss,
        export=export,
        optim=OptimConfig(lr=1e-3, warmup=0.05),
        steps=steps,
        batch_size=BATCH,
        save_every=100,
    )


def later_batch(step: int) -> Tensor:
    """Masks that the codec has not seen."""
    return batch(100_000 + step)


RECIPES = {"codes": recipe, "decoder": decoder_recipe}

if __name__ == "__main__":
    train(RECIPES[sys.argv[1]](), Path(sys.argv[2]))
