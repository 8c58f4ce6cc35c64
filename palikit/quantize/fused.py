"""Norms, MLPs and rotations in one pass over memory each, swapped into a model for a CPU's answers.

Between two products of a picture's tokens stand a dozen operations of PyTorch, each of which reads
and writes megabytes. The same numbers come out but for their last bits (`docs/numerics.md`); where
a gradient is to pass, or there is no compiler, the plain modules' own operations run.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from palikit.model.attention import Mask
from palikit.model.gemma import (
    GemmaAttention,
    GemmaMlp,
    RMSNorm,
    Rotation,
    only,
    only_turned,
)
from palikit.model.siglip import SiglipMlp
from palikit.shapes import Embeddings

from .native import usable

__all__ = ["FusedGemmaAttention", "FusedGemmaMlp", "FusedNorm", "FusedSiglipMlp"]


MOST_TOKENS = 1024
"""Of an example that go through a gated MLP at once: 75 MB of the 3B's in float32, of 302 MB that
all those of a picture of 896 px took."""


class FusedNorm(RMSNorm):
    """`RMSNorm`, its square, mean, root and two products at once."""

    def __init__(self, plain: RMSNorm) -> None:
        nn.Module.__init__(self)
        self.eps, self.weight = plain.eps, plain.weight

    def forward(self, x: Embeddings) -> Embeddings:
        """Normalise the last dimension."""
        native = usable(x, self.weight)
        if native is None:
            return super().forward(x)
        return native.rms_norm(x, self.weight, self.eps)


class FusedGemmaAttention(GemmaAttention):
    """`GemmaAttention` whose queries and keys are turned and scaled at once, and scores weighed."""

    def __init__(self, plain: GemmaAttention) -> None:
        nn.Module.__init__(self)
        self.layer, self.head_dim, self.window = plain.layer, plain.head_dim, plain.window
        self.query_scale, self.softcap = plain.query_scale, plain.softcap
        self.q, self.k, self.v, self.out = plain.q, plain.k, plain.v, plain.out

    def heads(
        self, x: Embeddings, rotation: Rotation, wanted: Int[Tensor, " B"] | None
    ) -> tuple[Float[Tensor, "B N Q H"], Float[Tensor, "B K T H"], Float[Tensor, "B K T H"]]:
        """Queries, of the wanted tokens and scaled, keys, and values.

        Queries and keys are at their positions.
        """
        native = usable(x, *rotation)
        if native is None:
            return super().heads(x, rotation, wanted)
        asked, turned = self.q(only(x, wanted)), only_turned(rotation, wanted)
        q = native.rotate(asked.contiguous(), *turned, self.query_scale)
        k = native.rotate(self.k(x).contiguous(), *rotation, 1.0)
        q, k, v = (
            some.unflatten(-1, (-1, self.head_dim)).transpose(1, 2) for some in (q, k, self.v(x))
        )
        return q, k, v

    def weigh(
        self, logits: Float[Tensor, "B K R S"], mask: Mask, softcap: float
    ) -> Float[Tensor, "B K R S"]:
        """As `capped_softmax`, in place."""
        native = usable(logits)
        if native is None or (mask is not None and not mask.is_contiguous()):
            return super().weigh(logits, mask, softcap)
        return native.capped_softmax(logits, mask, softcap)


class FusedGemmaMlp(GemmaMlp):
    """`GemmaMlp`, its GELU and the product with `up` at once, in place."""

    def __init__(self, plain: GemmaMlp) -> None:
        nn.Module.__init__(self)
        self.gate, self.up, self.down = plain.gate, plain.up, plain.down

    def forward(self, x: Embeddings) -> Embeddings:
        """Each token on its own."""
        native = usable(x)
        if native is None:
            return super().forward(x)
        # The widest results of a model: a few tokens at a time, they never are its memory's peak.
        # An int4 layer that is no whole number of blocks wide gives a part of longer rows.
        parts = [
            self.down(native.gelu_product(self.gate(some).contiguous(), self.up(some).contiguous()))
            for some in torch.split(x, MOST_TOKENS, dim=1)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


class FusedSiglipMlp(SiglipMlp):
    """`SiglipMlp` with its GELU in place."""

    def __init__(self, plain: SiglipMlp) -> None:
        nn.Module.__init__(self)
        self.fc1, self.fc2 = plain.fc1, plain.fc2

    def forward(self, x: Tensor) -> Tensor:
        """Each patch on its own."""
        native = usable(x)
        if native is None:
            return super().forward(x)
        return self.fc2(native.gelu_product(self.fc1(x), None))
