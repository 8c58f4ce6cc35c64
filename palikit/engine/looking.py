"""From whatever a user calls a picture to what the vision tower made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from palikit.errors import UsageError
from palikit.inputs.image import Resize, load_image
from palikit.model.paligemma import PaliGemma

from .seen import Seen, SeenCache, content_key

__all__ = ["ImageLike", "Looker", "Pixels"]

Picture: TypeAlias = str | Path | bytes | Image.Image | np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """A picture (or several) that was read and resized, and that the tower has not seen yet.

    Attributes:
        images: in [-1, 1], on the CPU.
        size: (width, height) of the first picture as it came, in pixels.
        key: the same for the same pixels in the same order.
    """

    images: Float[Tensor, "F 3 R R"]
    size: tuple[int, int]
    key: bytes


ImageLike: TypeAlias = Picture | Seen | Pixels | Sequence[Picture]


@dataclass(frozen=True, slots=True, eq=False)
class Looker:
    """The way to the tower, and past it where a picture of the same pixels was seen before."""

    model: PaliGemma
    resize: Resize
    cache: SeenCache

    def prepare(self, image: ImageLike) -> Seen | Pixels:
        """All that needs no model; any thread may do it.

        Raises:
            ImageError: one cannot be read.
            UsageError: there is none.
        """
        if isinstance(image, Seen | Pixels):
            return image
        pictures = [load_image(frame) for frame in _frames(image)]
        if not pictures:
            raise UsageError("no picture was given: pass one picture or a list of at least one")
        key = content_key(pictures)
        if (seen := self.cache.get(key)) is not None:
            return seen
        images = torch.stack([self.resize(picture) for picture in pictures])
        return Pixels(images, pictures[0].size, key)

    def tokens(self, prepared: Seen | Pixels) -> int:
        """Soft tokens that it is or will be."""
        if isinstance(prepared, Seen):
            return prepared.features.shape[1]
        return len(prepared.images) * self.model.config.tokens_per_image

    @torch.inference_mode()
    def see(self, prepared: Seen | Pixels) -> Seen:
        """Run the vision tower, if nobody has for these pixels."""
        if isinstance(prepared, Seen):
            return prepared
        seen = self.cache.get(prepared.key)
        if seen is None:
            weight = self.model.connector.weight
            features = self.model.embed_image(prepared.images[None].to(weight))
            seen = Seen(features, prepared.size)
            self.cache.put(prepared.key, seen)
        return seen


def _frames(image: Picture | Sequence[Picture]) -> Sequence[Picture]:
    if isinstance(image, (str, Path, bytes, Image.Image, np.ndarray)):
        return [image]
    return image
