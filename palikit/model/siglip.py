"""The vision tower: SigLIP's ViT, all patch tokens out, no class token and no pooling.

Follows big_vision's `models/vit.py` (`variant="So400m/14", pool_type="none"`). Departure: images
come channels first.
"""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from palikit.config import SiglipConfig

from .attention import attend

__all__ = ["Siglip"]


class Siglip(nn.Module):
    """Pixels to one feature vector a patch, row by row from the top left."""

    def __init__(self, config: SiglipConfig) -> None:
        super().__init__()
        self.patch_embedding = nn.Conv2d(
            3, config.width, kernel_size=config.patch_size, stride=config.patch_size
        )
        self.pos_embedding = nn.Parameter(
            nn.init.normal_(
                nn.Parameter(
                    self.patch_embedding.weight.new_empty(config.num_patches, config.width)
                ),
                std=config.width**-0.5,
            )
        )
        self.blocks = nn.ModuleList(SiglipBlock(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width, eps=config.norm_eps)

    def forward(self, images: Float[Tensor, "B 3 R R"]) -> Float[Tensor, "B P D"]:
        """Pixels in [-1, 1] to patch features."""
        # A convolution leaves its channels first: contiguous here, or every layer would copy them.
        patches = self.patch_embedding(images).flatten(2).transpose(1, 2).contiguous()
        x = patches + self.pos_embedding
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class SiglipBlock(nn.Module):
    """Pre-norm: x + attention, then x + MLP."""

    def __init__(self, config: SiglipConfig) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.attn = SiglipAttention(config)
        self.norm2 = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.mlp = SiglipMlp(config)

    def forward(self, x: Float[Tensor, "B P D"]) -> Float[Tensor, "B P D"]:
        """One block."""
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class SiglipAttention(nn.Module):
    """Every patch sees every patch."""

    def __init__(self, config: SiglipConfig) -> None:
        super().__init__()
        self.head_dim = config.head_dim
        self.q = nn.Linear(config.width, config.width)
        self.k = nn.Linear(config.width, config.width)
        self.v = nn.Linear(config.width, config.width)
        self.out = nn.Linear(config.width, config.width)

    def forward(self, x: Float[Tensor, "B P D"]) -> Float[Tensor, "B P D"]:
        """Self-attention over the patches."""
        seen = self.attend(*self.heads(x))
        return self.out(seen.transpose(1, 2).flatten(2))

    def heads(
        self, x: Float[Tensor, "B P D"]
    ) -> tuple[Float[Tensor, "B N P H"], Float[Tensor, "B N P H"], Float[Tensor, "B N P H"]]:
        """Queries, keys and values."""
        return self.split(self.q(x)), self.split(self.k(x)), self.split(self.v(x))

    def split(self, x: Float[Tensor, "B P D"]) -> Float[Tensor, "B N P H"]:
        """Channels by the head that they belong to."""
        heads = x.shape[-1] // self.head_dim
        return x.view(*x.shape[:-1], heads, self.head_dim).transpose(1, 2)

    def attend(
        self,
        q: Float[Tensor, "B N P H"],
        k: Float[Tensor, "B N P H"],
        v: Float[Tensor, "B N P H"],
    ) -> Float[Tensor, "B N P H"]:
        """Values weighted by how near their keys are to each query."""
        return attend(q * self.head_dim**-0.5, k, v, mask=None, softcap=None)


class SiglipMlp(nn.Module):
    """Linear, GELU (tanh form), linear."""

    def __init__(self, config: SiglipConfig) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.width, config.mlp_dim)
        self.fc2 = nn.Linear(config.mlp_dim, config.width)

    def forward(self, x: Float[Tensor, "B P D"]) -> Float[Tensor, "B P D"]:
        """Each patch on its own."""
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))
