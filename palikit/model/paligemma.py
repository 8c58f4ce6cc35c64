"""PaliGemma: the vision tower, one linear connector, the decoder; tensors in, tensors out.

Follows big_vision's `models/proj/paligemma/paligemma.py`. Text embeddings are scaled by the square
root of the width, image features by nothing at all. Departures: the final soft-cap is applied
wherever logits come out (the reference leaves it out of its `pre_logits` shortcut), and padding may
stand anywhere, not only at the end.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from palikit.config import PaliGemmaConfig
from palikit.shapes import Images, Logits, TokenIds, TokenMask

from .attention import Masked, PrefixLM, block_mask
from .cache import Cache, KVCache, PrefixCache
from .gemma import Gemma, only
from .siglip import Siglip
from .slot_cache import SlotCache

__all__ = ["PaliGemma"]


class PaliGemma(nn.Module):
    """A picture and the start of a text, to the scores of what comes next.

    One example's positions, for two images of 256 tokens, "caption en" and the answer "a cat":

        0..255   256..511  512  513      514 515  516 517 518
        image 1  image 2   bos  caption  en  \\n   a   cat eos
        └───────── all see each other ─────────┘  └─ causal ─┘
    """

    def __init__(self, config: PaliGemmaConfig) -> None:
        super().__init__()
        self.config = config
        self.vision = Siglip(config.vision)
        self.connector = nn.Linear(config.vision.width, config.text.width)
        self.text = Gemma(config.text)

    def embed_image(self, images: Images | Float[Tensor, "B 3 R R"]) -> Float[Tensor, "B I D"]:
        """Pixels in [-1, 1] to soft tokens; the tokens of a row's images follow one another."""
        frames = images.flatten(0, 1) if images.ndim == 5 else images
        tokens = self.connector(self.vision(frames))
        return tokens.reshape(images.shape[0], -1, tokens.shape[-1])

    def forward(
        self,
        images: Images | Float[Tensor, "B 3 R R"] | None,
        tokens: TokenIds,
        mask_ar: Int[Tensor, "B T"],
        mask_input: TokenMask,
    ) -> Logits:
        """Logits of all text positions under any block mask, as the reference's model call.

        Args:
            images: None asks without a picture.
            mask_ar: 0 where a token may be seen by the earlier ones of its block, 1 where it starts
                a new block.
            mask_input: False for padding, which may stand anywhere.
        """
        features = None if images is None else self.embed_image(images)
        x, real = self._join(features, tokens, mask_input)
        ahead = x.shape[1] - tokens.shape[1]
        ahead_ar = mask_ar.new_zeros(mask_ar.shape[0], ahead)
        blocks = torch.cat([ahead_ar, mask_ar], dim=1).long()  # the reference's data has booleans
        mask = block_mask(blocks, real)
        positions = count_positions(real)
        distance = _causal_distance(blocks, positions) if self.config.text.sliding_window else None
        hidden = self.text(x, positions, Masked(mask, distance))
        return self.text.logits(hidden[:, ahead:])

    def forward_suffix(
        self,
        features: Float[Tensor, "B I D"] | None,
        tokens: TokenIds,
        mask_input: TokenMask,
        prefix_length: int,
    ) -> Float[Tensor, "B L D"]:
        """Hidden states that predict the suffix, by two attention calls a layer, for training.

        `features` are `embed_image`'s. Tokens are laid out as `[prefix block | suffix block]`, each
        padded on its own. Returns the state of each row's last real prefix token and those of all
        suffix slots but the last: `[B, suffix slots, D]`, so that state t predicts suffix token t.
        `text.logits` turns those that matter into scores.
        """
        x, real = self._join(features, tokens, mask_input)
        ahead = x.shape[1] - tokens.shape[1]
        positions = count_positions(real)
        cut = ahead + prefix_length
        hidden = self.text(x, positions, PrefixLM(cut, real, positions))
        first = only(hidden[:, :cut], _last_place(real[:, :cut]))
        return torch.cat([first, hidden[:, cut:-1]], dim=1)

    def prefill(
        self,
        features: Float[Tensor, "B I D"] | None,
        tokens: TokenIds,
        mask_input: TokenMask | None,
        cache: PrefixCache,
    ) -> Float[Tensor, "B V"]:
        """Read images and the prefix; logits of each row's first answer token.

        `features` are `embed_image`'s. `mask_input` None says that nothing is padded, which spares
        the mask.
        """
        x, real = self._join(features, tokens, mask_input)
        positions = cache.reserve(real)
        visible = None if mask_input is None else real[:, None]
        hidden = self.text(x, positions, Masked(visible), cache, wanted=_last_place(real))
        return self.text.logits(hidden)[:, 0]

    def extend(self, tokens: TokenIds, cache: KVCache) -> Logits:
        """Append answer tokens, each seeing all before it; logits of what follows each."""
        positions = cache.reserve(torch.ones_like(tokens, dtype=torch.bool))
        used = cache.valid[:, : cache.length]
        steps = tokens.shape[1]
        mask = used[:, None] if steps == 1 else used[:, None] & _causal(steps, cache.length, used)
        return self.text.logits(
            self._read_on(tokens, positions, mask, count_positions(used), cache)
        )

    def slot_cache(self) -> SlotCache:
        """An empty cache for `extend_ragged`."""
        weight = self.text.embedding.weight
        return SlotCache(self.config.text, dtype=weight.dtype, device=weight.device)

    def extend_ragged(
        self, tokens: TokenIds, counts: Sequence[int], cache: SlotCache
    ) -> Float[Tensor, "B T D"]:
        """Append the first `counts[b]` tokens of each row b, padding behind them; hidden states.

        `text.logits` turns those that matter into scores; `cache.trim` takes back what was a wrong
        guess.
        """
        positions = cache.take(counts)
        return self._read_on(tokens, positions, cache.visible(positions), cache.positions, cache)

    def _read_on(
        self,
        tokens: TokenIds,
        positions: Int[Tensor, "B T"],
        mask: Bool[Tensor, "B T S"] | None,
        earlier: Int[Tensor, "#B S"],
        cache: Cache,
    ) -> Float[Tensor, "B T D"]:
        windowed = self.config.text.sliding_window
        distance = positions[:, :, None] - earlier[:, None] if windowed else None
        return self.text(self.text.embed(tokens), positions, Masked(mask, distance), cache)

    def _join(
        self,
        features: Float[Tensor, "B I D"] | None,
        tokens: TokenIds,
        real: TokenMask | None,
    ) -> tuple[Float[Tensor, "B S D"], Bool[Tensor, "B S"]]:
        x = self.text.embed(tokens)
        real = torch.ones_like(tokens, dtype=torch.bool) if real is None else real.bool()
        if features is None:
            return x, real
        seen = torch.ones(features.shape[:2], dtype=torch.bool, device=x.device)
        return torch.cat([features.to(x.dtype), x], dim=1), torch.cat([seen, real], dim=1)


def count_positions(real: Bool[Tensor, "B S"]) -> Int[Tensor, "B S"]:
    """Positions from 0, counting real tokens only."""
    return (real.cumsum(dim=1) - 1).clamp_min(0)


def _last_place(real: Bool[Tensor, "B S"]) -> Int[Tensor, " B"]:
    """Of each row's last real token."""
    slots = torch.arange(real.shape[1], device=real.device)
    return torch.where(real, slots, -1).amax(dim=1).clamp_min(0)


def _causal(steps: int, length: int, like: Tensor) -> Bool[Tensor, "1 T S"]:
    full = torch.ones(steps, length, dtype=torch.bool, device=like.device)
    return full.tril(length - steps)[None]


def _causal_distance(
    blocks: Int[Tensor, "B S"], positions: Int[Tensor, "B S"]
) -> Int[Tensor, "B S S"]:
    # Other implementations let the prefix see itself whole and window only what is causal.
    distance = positions[:, :, None] - positions[:, None]
    return torch.where(blocks.cumsum(dim=1)[:, :, None] > 0, distance, 0)
