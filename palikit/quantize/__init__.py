"""Other ways to hold and multiply weights, swapped into a finished model from outside."""

from typing import TypeVar

from torch import nn

from .fusing import fuse
from .half import speed_up_bfloat16
from .swap import Quantization, pack_into, quantize_model

__all__ = ["Quantization", "pack_into", "quantize_model", "speed_up", "speed_up_bfloat16"]


M = TypeVar("M", bound=nn.Module)


def speed_up(model: M) -> M:
    """Swap whatever this machine has a faster way for, to answer by; in place."""
    fuse(speed_up_bfloat16(model))
    return model
