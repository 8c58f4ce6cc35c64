"""Other ways to hold and multiply weights, swapped into a finished model from outside."""

from .half import speed_up_bfloat16
from .swap import Quantization, pack_into, quantize_model

__all__ = ["Quantization", "pack_into", "quantize_model", "speed_up_bfloat16"]
