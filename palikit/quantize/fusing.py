"""Which modules have a faster twin for answers on a CPU, and how they are exchanged."""

from torch import nn

from palikit.model.gemma import Gemma, GemmaAttention, GemmaMlp, RMSNorm
from palikit.model.siglip import SiglipAttention, SiglipMlp

from .fused import (
    FusedGemmaAttention,
    FusedGemmaMlp,
    FusedNorm,
    FusedSiglipAttention,
    FusedSiglipMlp,
)
from .rows import FusedGemma

__all__ = ["fuse"]

FUSED = {
    Gemma: FusedGemma,
    RMSNorm: FusedNorm,
    GemmaAttention: FusedGemmaAttention,
    GemmaMlp: FusedGemmaMlp,
    SiglipAttention: FusedSiglipAttention,
    SiglipMlp: FusedSiglipMlp,
}


def fuse(model: nn.Module) -> nn.Module:
    """Swap every part of a model on a CPU that has a twin, in place; what they hold is shared."""
    # From within, for a decoder takes over the parts that it then has.
    for module in reversed(list(model.modules())):
        for name, child in module.named_children():
            fused = FUSED.get(type(child))
            if fused is not None and _on_cpu(child):
                setattr(module, name, fused(child))
    return model


def _on_cpu(module: nn.Module) -> bool:
    return all(tensor.device.type == "cpu" for tensor in module.state_dict().values())
