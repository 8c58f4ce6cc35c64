"""One batch as the model reads it, with big_vision's names and meanings for the masks."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from palikit.shapes import Images

__all__ = ["Batch"]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Token rows in two blocks, `[prefix | suffix]`, after the pictures that precede them.

    Each block is padded on its own: the prefix in front, the suffix behind, so that text stays
    together and the logits at slot t always predict slot t + 1.

        tokens      0   2  'cap' ' en' '\\n' | 'a' 'cow' eos   0
        mask_input  .   1    1     1    1   |  1    1    1    .
        mask_ar     0   0    0     0    0   |  1    1    1    1
        mask_loss   0   0    0     0    0   |  1    1    1    0

    Attributes:
        images: pixels in [-1, 1], or None for text alone.
        mask_input: False for padding.
        mask_ar: 0 where earlier tokens of the block may look ahead to it, 1 where they may not.
        mask_loss: weight of the token as a target.
        prefix_length: slots of the prefix block, padding included.
    """

    images: Images | None
    tokens: Int[Tensor, "B L"]
    mask_input: Bool[Tensor, "B L"]
    mask_ar: Int[Tensor, "B L"]
    mask_loss: Float[Tensor, "B L"]
    prefix_length: int

    @property
    def prefix_tokens(self) -> Int[Tensor, "B L1"]:
        """Tokens of the block that is read at once."""
        return self.tokens[:, : self.prefix_length]

    @property
    def prefix_mask(self) -> Bool[Tensor, "B L1"]:
        """Which prefix slots are real."""
        return self.mask_input[:, : self.prefix_length]

    @property
    def suffix_tokens(self) -> Int[Tensor, "B L2"]:
        """Tokens of the block that is predicted one by one."""
        return self.tokens[:, self.prefix_length :]

    @property
    def suffix_mask(self) -> Bool[Tensor, "B L2"]:
        """Which suffix slots are real."""
        return self.mask_input[:, self.prefix_length :]

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        return replace(
            self,
            images=None if self.images is None else self.images.to(device),
            tokens=self.tokens.to(device),
            mask_input=self.mask_input.to(device),
            mask_ar=self.mask_ar.to(device),
            mask_loss=self.mask_loss.to(device),
        )
