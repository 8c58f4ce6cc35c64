"""What a PaliGemma is made of, as frozen values, and every published size.

Numbers follow the PaliGemma 2 report (arXiv 2412.03555, table 1) and big_vision's
`models/ppp/gemma.py` and `models/vit.py`. A variant is `dataclasses.replace(preset, ...)`.
"""

from dataclasses import dataclass, replace

__all__ = ["PRESETS", "GemmaConfig", "PaliGemmaConfig", "SiglipConfig"]


@dataclass(frozen=True, slots=True)
class SiglipConfig:
    """The vision tower: a ViT without class token or pooling.

    Attributes:
        image_size: side of the square input, in pixels.
        patch_size: side of one patch, in pixels; `image_size` is a multiple of it.
        width: channels of a patch token.
        depth: number of blocks.
        mlp_dim: hidden channels of a block's MLP.
        num_heads: attention heads; `width` is a multiple of it.
        norm_eps: added to the variance in each LayerNorm.
    """

    image_size: int
    patch_size: int
    width: int
    depth: int
    mlp_dim: int
    num_heads: int
    norm_eps: float = 1e-6

    @property
    def num_patches(self) -> int:
        """Tokens that one image becomes: 224 px in 14 px patches are 16 x 16 = 256."""
        return (self.image_size // self.patch_size) ** 2

    @property
    def head_dim(self) -> int:
        """Channels of one attention head."""
        return self.width // self.num_heads


# Over the budget of 8: one field for each published number of a decoder.
@dataclass(frozen=True, slots=True)
class GemmaConfig:
    """The decoder: Gemma (PaliGemma 1) or Gemma 2 (PaliGemma 2).

    Attributes:
        vocab_size: rows of the tied embedding, 257,152 in the released models.
        query_scale: queries are multiplied by it after RoPE; 256 ** -0.5, in the 28B 144 ** -0.5.
        attn_softcap: attention logits l become c * tanh(l / c) before masking; 0 turns it off.
        final_softcap: the same for the text logits.
        post_norms: RMSNorm after attention and after the MLP as well (Gemma 2).
        sliding_window: None attends globally in every layer, as the reference was trained; a number
            is the window of every second layer (0, 2, ...), as other implementations have it.
        rope_base: base of the rotary position frequencies.
        norm_eps: added to the mean square in each RMSNorm.
    """

    vocab_size: int
    width: int
    depth: int
    mlp_dim: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    query_scale: float
    attn_softcap: float | None = None
    final_softcap: float | None = None
    post_norms: bool = False
    sliding_window: int | None = None
    rope_base: float = 10_000.0
    norm_eps: float = 1e-6


@dataclass(frozen=True, slots=True)
class PaliGemmaConfig:
    """A whole model: vision tower, one linear connector, decoder."""

    vision: SiglipConfig
    text: GemmaConfig

    @property
    def tokens_per_image(self) -> int:
        """Positions that one image takes in the decoder."""
        return self.vision.num_patches

    def at_resolution(self, image_size: int) -> "PaliGemmaConfig":
        """The same model for square images of another side, in pixels."""
        return replace(self, vision=replace(self.vision, image_size=image_size))


VOCAB_SIZE = 257_152  # 256,000 pieces + 1,024 <loc> + 128 <seg>

_SO400M = SiglipConfig(
    image_size=224, patch_size=14, width=1152, depth=27, mlp_dim=4304, num_heads=16
)

# fmt: off
_GEMMA_2B   = GemmaConfig(VOCAB_SIZE, 2048, 18, 16384,  8,  1, 256, 256**-0.5)
_GEMMA2_2B  = GemmaConfig(VOCAB_SIZE, 2304, 26,  9216,  8,  4, 256, 256**-0.5, 50.0, 30.0, True)
_GEMMA2_9B  = GemmaConfig(VOCAB_SIZE, 3584, 42, 14336, 16,  8, 256, 256**-0.5, 50.0, 30.0, True)
_GEMMA2_27B = GemmaConfig(VOCAB_SIZE, 4608, 46, 36864, 32, 16, 128, 144**-0.5, 50.0, 30.0, True)

PRESETS: dict[str, PaliGemmaConfig] = {
    "paligemma-3b-224":   PaliGemmaConfig(_SO400M, _GEMMA_2B),
    "paligemma-3b-448":   PaliGemmaConfig(_SO400M, _GEMMA_2B).at_resolution(448),
    "paligemma-3b-896":   PaliGemmaConfig(_SO400M, _GEMMA_2B).at_resolution(896),
    "paligemma2-3b-224":  PaliGemmaConfig(_SO400M, _GEMMA2_2B),
    "paligemma2-3b-448":  PaliGemmaConfig(_SO400M, _GEMMA2_2B).at_resolution(448),
    "paligemma2-3b-896":  PaliGemmaConfig(_SO400M, _GEMMA2_2B).at_resolution(896),
    "paligemma2-10b-224": PaliGemmaConfig(_SO400M, _GEMMA2_9B),
    "paligemma2-10b-448": PaliGemmaConfig(_SO400M, _GEMMA2_9B).at_resolution(448),
    "paligemma2-10b-896": PaliGemmaConfig(_SO400M, _GEMMA2_9B).at_resolution(896),
    "paligemma2-28b-224": PaliGemmaConfig(_SO400M, _GEMMA2_27B),
    "paligemma2-28b-448": PaliGemmaConfig(_SO400M, _GEMMA2_27B).at_resolution(448),
    "paligemma2-28b-896": PaliGemmaConfig(_SO400M, _GEMMA2_27B).at_resolution(896),
}
"""Every published size, by name."""
# fmt: on
