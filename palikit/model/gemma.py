"""The decoder: Gemma (PaliGemma 1) and Gemma 2 (PaliGemma 2), chosen by configuration alone.

Follows big_vision's `models/ppp/gemma.py`. Departures: layers are a list, not stacked; a sliding
window is possible (`GemmaConfig.sliding_window`), off by default because the reference has none.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from palikit.config import GemmaConfig
from palikit.shapes import Embeddings, Logits, TokenIds

from .attention import Keys, Mask, Queries, Visibility, attend
from .cache import Cache

__all__ = [
    "Gemma",
    "GemmaAttention",
    "GemmaBlock",
    "GemmaMlp",
    "RMSNorm",
    "Rotation",
    "TiedEmbedding",
    "only",
    "only_turned",
    "rope_angles",
]

Rotation = tuple[Float[Tensor, "B 1 T h"], Float[Tensor, "B 1 T h"]]
"""Cosines and sines of each position's angles, half a head wide, the same for all heads."""


class Gemma(nn.Module):
    """Embeddings in, normalised hidden states out; the embedding table is also the output head."""

    def __init__(self, config: GemmaConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = TiedEmbedding(config.vocab_size, config.width)
        self.blocks = nn.ModuleList(GemmaBlock(config, i) for i in range(config.depth))
        self.norm = RMSNorm(config.width, config.norm_eps)

    def embed(self, tokens: TokenIds) -> Embeddings:
        """Rows of the table times √width, the factor rounded to the table's dtype."""
        x = self.embedding(tokens)
        # Filled where x is: `torch.tensor` would copy a number from the CPU in every pass.
        return x * x.new_full((), self.config.width**0.5)

    def forward(
        self,
        x: Embeddings,
        positions: Int[Tensor, "B T"],
        visibility: Visibility,
        cache: Cache | None = None,
        wanted: Int[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "B Q D"]:
        """All blocks and the final norm; a cache takes the new keys and values and gives all.

        Args:
            wanted: the one token of each row whose state is returned, `[B, 1, D]`. All others are
                only looked at in the last block, which so has little to do; `visibility` must then
                be the same for every token of a row. None returns every token's.
        """
        rotation = rope_angles(positions, self.config)
        last = len(self.blocks) - 1
        for layer, block in enumerate(self.blocks):
            x = block(x, rotation, visibility, cache, wanted if layer == last else None)
        return self.norm(x)

    def logits(self, hidden: Embeddings, rows: Int[Tensor, " V"] | None = None) -> Logits:
        """Scores of every vocabulary row, or of `rows`, soft-capped as configured; float32."""
        logits = self.embedding.scores(hidden) if rows is None else self._some(hidden, rows)
        cap = self.config.final_softcap
        return cap * torch.tanh(logits / cap) if cap else logits

    def _some(self, hidden: Embeddings, rows: Int[Tensor, " V"]) -> Logits:
        # The lookup gives rows in the state's dtype, however the table is stored.
        return F.linear(hidden, self.embedding(rows)).float()


class TiedEmbedding(nn.Embedding):
    """The vocabulary table, read both ways: ids to rows, and states to a score for every row."""

    def scores(self, hidden: Embeddings) -> Logits:
        """Products of states with every row, float32."""
        return F.linear(hidden, self.weight).float()


class GemmaBlock(nn.Module):
    """Attention, then a gated MLP; Gemma 2 also normalises what each of them returns."""

    def __init__(self, config: GemmaConfig, layer: int) -> None:
        super().__init__()
        norm = (config.width, config.norm_eps)
        self.pre_attn_norm = RMSNorm(*norm)
        self.attn = GemmaAttention(config, layer)
        self.pre_mlp_norm = RMSNorm(*norm)
        self.mlp = GemmaMlp(config)
        self.post_attn_norm = RMSNorm(*norm) if config.post_norms else nn.Identity()
        self.post_mlp_norm = RMSNorm(*norm) if config.post_norms else nn.Identity()

    def forward(
        self,
        x: Embeddings,
        rotation: Rotation,
        visibility: Visibility,
        cache: Cache | None,
        wanted: Int[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "B Q D"]:
        """One block, for all tokens or the wanted one of each row."""
        seen = self.attn(self.pre_attn_norm(x), rotation, visibility, cache, wanted)
        x = only(x, wanted) + self.post_attn_norm(seen)
        return x + self.post_mlp_norm(self.mlp(self.pre_mlp_norm(x)))


class GemmaAttention(nn.Module):
    """Grouped-query attention with rotary positions; no biases."""

    def __init__(self, config: GemmaConfig, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.head_dim = config.head_dim
        self.query_scale = config.query_scale
        self.softcap = config.attn_softcap
        self.window = config.sliding_window if layer % 2 == 0 else None
        queries, shared = config.num_heads * config.head_dim, config.num_kv_heads * config.head_dim
        self.q = nn.Linear(config.width, queries, bias=False)
        self.k = nn.Linear(config.width, shared, bias=False)
        self.v = nn.Linear(config.width, shared, bias=False)
        self.out = nn.Linear(queries, config.width, bias=False)

    def forward(
        self,
        x: Embeddings,
        rotation: Rotation,
        visibility: Visibility,
        cache: Cache | None,
        wanted: Int[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "B Q D"]:
        """Attend to whatever `visibility` lets each token see."""
        q, k, v = self.heads(x, rotation, wanted)
        if cache is not None:
            k, v = cache.write(self.layer, k, v)
        seen = visibility.attend(q, k, v, softcap=self.softcap, window=self.window, how=self.attend)
        return self.out(seen.transpose(1, 2).flatten(2))

    def attend(self, q: Queries, k: Keys, v: Keys, *, mask: Mask, softcap: float | None) -> Queries:
        """As `attention.attend`."""
        return attend(q, k, v, mask=mask, softcap=softcap)

    def heads(
        self, x: Embeddings, rotation: Rotation, wanted: Int[Tensor, " B"] | None
    ) -> tuple[Float[Tensor, "B N Q H"], Float[Tensor, "B K T H"], Float[Tensor, "B K T H"]]:
        """Queries, of the wanted tokens and scaled, keys, and values.

        Queries and keys are at their positions.
        """
        q, k, v = (
            layer(some).unflatten(-1, (-1, self.head_dim)).transpose(1, 2)
            for layer, some in ((self.q, only(x, wanted)), (self.k, x), (self.v, x))
        )
        turned = rotate(q, only_turned(rotation, wanted))
        return turned * self.query_scale, rotate(k, rotation), v


class GemmaMlp(nn.Module):
    """GeGLU: gelu(gate) times up, then down; no biases."""

    def __init__(self, config: GemmaConfig) -> None:
        super().__init__()
        self.gate = nn.Linear(config.width, config.mlp_dim, bias=False)
        self.up = nn.Linear(config.width, config.mlp_dim, bias=False)
        self.down = nn.Linear(config.mlp_dim, config.width, bias=False)

    def forward(self, x: Embeddings) -> Embeddings:
        """Each token on its own."""
        return self.down(F.gelu(self.gate(x), approximate="tanh") * self.up(x))


class RMSNorm(nn.Module):
    """x / rms(x) * (1 + weight), computed in float32."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.zeros(width))

    def forward(self, x: Embeddings) -> Embeddings:
        """Normalise the last dimension."""
        wide = x.float()
        wide = wide * torch.rsqrt(wide.square().mean(dim=-1, keepdim=True) + self.eps)
        return (wide * (1.0 + self.weight.float())).to(x.dtype)


def rope_angles(positions: Int[Tensor, "B T"], config: GemmaConfig) -> Rotation:
    """Angle of position p in channel pair i: p / base ** (2 i / head_dim)."""
    exponent = torch.arange(0, config.head_dim, 2, dtype=torch.float32, device=positions.device)
    angles = positions[..., None].float() / config.rope_base ** (exponent / config.head_dim)
    return angles.cos()[:, None], angles.sin()[:, None]


def only(x: Embeddings, wanted: Int[Tensor, " B"] | None) -> Float[Tensor, "B Q D"]:
    """The wanted token of each row, `[B, 1, D]`, or all."""
    return x if wanted is None else x[torch.arange(len(x), device=x.device), wanted][:, None]


def only_turned(
    rotation: Rotation, wanted: Int[Tensor, " B"] | None
) -> tuple[Float[Tensor, "B 1 Q h"], Float[Tensor, "B 1 Q h"]]:
    """The angles of what `only` gives."""
    cos, sin = (only(angles[:, 0], wanted)[:, None] for angles in rotation)
    return cos, sin


def rotate(x: Float[Tensor, "B N T H"], rotation: Rotation) -> Float[Tensor, "B N T H"]:
    """Turn channel pairs (i, i + H/2) by the token's angles, in float32."""
    cos, sin = rotation
    first, second = x.float().chunk(2, dim=-1)
    turned = torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)
    return turned.to(x.dtype)
