"""Norms, MLPs, attention and rotations in one pass each, swapped into a model for a CPU's answers.

Between two products of a picture's tokens stand a dozen operations of PyTorch, each of which reads
and writes megabytes. The same numbers come out but for their last bits (`docs/numerics.md`); where
a gradient is to pass, or there is no compiler, the plain modules' own operations run.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from palikit.model.attention import Keys, Mask, Queries
from palikit.model.gemma import (
    GemmaAttention,
    GemmaMlp,
    RMSNorm,
    Rotation,
    only,
    only_turned,
)
from palikit.model.siglip import SiglipAttention, SiglipMlp
from palikit.shapes import Embeddings

from .attending import attend, can_attend
from .native import Kernels, usable
from .packed import PackedLinear
from .together import gated, together, watched

__all__ = [
    "FusedGemmaAttention",
    "FusedGemmaMlp",
    "FusedNorm",
    "FusedSiglipAttention",
    "FusedSiglipMlp",
]


MOST_TOKENS = 1024
"""Of an example that go through a gated MLP at once: 75 MB of the 3B's in float32, of 302 MB that
all those of a picture of 896 px took."""

MANY_QUERIES = 64
"""Of an example: a prompt's. Those of a step are never coarse, so that a token's answer does not
depend on how many are read with it."""


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
    """`GemmaAttention` whose queries and keys are turned and scaled at once, and attend at once."""

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
        if native is None or watched(self.q, self.k):
            return super().heads(x, rotation, wanted)
        if wanted is None:
            q, k, v = together(x, (self.q, self.k, self.v))
        else:
            q, (k, v) = self.q(only(x, wanted)), together(x, (self.k, self.v))
        q = native.rotate(q.contiguous(), *only_turned(rotation, wanted), self.query_scale)
        k = native.rotate(k.contiguous(), *rotation, 1.0)
        q, k, v = (
            some.view(*some.shape[:-1], some.shape[-1] // self.head_dim, self.head_dim)
            for some in (q, k, v)
        )
        return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)

    def attend(self, q: Queries, k: Keys, v: Keys, *, mask: Mask, softcap: float | None) -> Queries:
        """As `attention.attend`, scores and all at once."""
        native = can_attend(q, k, v)
        if native is None:
            return super().attend(q, k, v, mask=mask, softcap=softcap)
        return attend(native, q, k, v, mask=mask, softcap=softcap, coarse=_may_be_coarse(self.q, q))


class FusedSiglipAttention(SiglipAttention):
    """`SiglipAttention` that rounds its patches once, and attends at once."""

    def __init__(self, plain: SiglipAttention) -> None:
        nn.Module.__init__(self)
        self.head_dim = plain.head_dim
        self.q, self.k, self.v, self.out = plain.q, plain.k, plain.v, plain.out

    def heads(self, x: Float[Tensor, "B P D"]) -> tuple[Queries, Queries, Queries]:
        """Queries, keys and values."""
        q, k, v = map(self.split, together(x, (self.q, self.k, self.v)))
        return q, k, v

    def attend(self, q: Queries, k: Queries, v: Queries) -> Queries:
        """Values weighted by how near their keys are to each query."""
        native = can_attend(q, k, v)
        if native is None:
            return super().attend(q, k, v)
        coarse, scale = _may_be_coarse(self.q, q), self.head_dim**-0.5
        return attend(native, q, k, v, mask=None, softcap=None, scale=scale, coarse=coarse)


def _may_be_coarse(layer: nn.Module, q: Queries) -> bool:
    """Whether attention of these queries may round what it multiplies to bfloat16.

    Where it came out of a product in eight bits, a number is a hundredth off already, and bfloat16
    is a five-hundredth at most.
    """
    rounded = q.dtype is torch.bfloat16 or isinstance(layer, PackedLinear)
    return rounded and q.shape[2] >= MANY_QUERIES


class FusedGemmaMlp(GemmaMlp):
    """`GemmaMlp`, its GELU and the product with `up` at once, in place."""

    def __init__(self, plain: GemmaMlp) -> None:
        nn.Module.__init__(self)
        self.gate, self.up, self.down = plain.gate, plain.up, plain.down

    def forward(self, x: Embeddings) -> Embeddings:
        """Each token on its own."""
        native = usable(x)
        if native is None or watched(self.gate, self.up):
            return super().forward(x)
        # The widest results of a model: a few tokens at a time, they never are its memory's peak.
        parts = [
            self.down(self._between(some, native)) for some in torch.split(x, MOST_TOKENS, dim=1)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

    def _between(self, x: Embeddings, native: Kernels) -> Float[Tensor, "B T M"]:
        at_once = gated(x, self.gate, self.up)
        if at_once is not None:
            return at_once
        # An int4 layer that is no whole number of blocks wide gives a part of longer rows.
        return native.gelu_product(self.gate(x).contiguous(), self.up(x).contiguous())


class FusedSiglipMlp(SiglipMlp):
    """`SiglipMlp` with its GELU in place."""

    def __init__(self, plain: SiglipMlp) -> None:
        nn.Module.__init__(self)
        self.fc1, self.fc2 = plain.fc1, plain.fc2

    def forward(self, x: Tensor) -> Tensor:
        """Each patch on its own."""
        native = usable(x)
        if native is None or watched(self.fc1):
            return super().forward(x)
        return self.fc2(native.gelu_product(self.fc1(x), None))
