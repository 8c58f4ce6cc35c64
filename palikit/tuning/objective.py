"""The loss of a fine-tuning step: the suffix's tokens, given the picture and the prefix."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from palikit.model.paligemma import PaliGemma
from palikit.train.loss import Targets, suffix_loss

from .batches import TuningBatch

__all__ = ["Objective"]


@dataclass(frozen=True, slots=True)
class Objective:
    """Called with the model and one part of a step.

    Attributes:
        vision_learns: whether a gradient goes to what makes the image features.
    """

    targets: Targets
    vision_learns: bool

    def __call__(self, model: nn.Module, batch: TuningBatch) -> Mapping[str, Tensor]:
        """`loss` and the share `right` of the step's tokens; parts' values add up."""
        assert isinstance(model, PaliGemma)
        batch = batch.to(model.text.norm.weight.device)
        text = batch.text
        features = self._features(model, batch)
        hidden = model.forward_suffix(features, text.tokens, text.mask_input, text.prefix_length)
        loss, right = suffix_loss(
            model.text, hidden, text.suffix_tokens, batch.weights, self.targets
        )
        tokens = (batch.weights > 0).sum().float()
        return {"loss": loss, "right": right.detach(), "num_tokens": tokens}

    def _features(self, model: PaliGemma, batch: TuningBatch) -> Tensor | None:
        dtype = model.text.norm.weight.dtype
        if batch.features is not None:
            return batch.features.to(dtype)
        if batch.text.images is None:
            return None
        with torch.set_grad_enabled(self.vision_learns):
            return model.embed_image(batch.text.images.to(dtype))
