"""A decoder whose next scores are any function of the row's tokens, which its cache keeps."""

import random
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from palikit.model.cache import KVCache
from palikit.model.paligemma import PaliGemma
from palikit.model.slot_cache import Joining, SlotCache

from .tiny import TINY

Script = Callable[[tuple[int, ...]], list[float]]


class Scripted(PaliGemma):
    """Follows `script(tokens so far) -> scores`; counts its calls and keeps the cache it worked on.

    The tokens live in the cache alone, so a loop that moves the wrong rows gets wrong scores. Its
    hidden states are the scores themselves.
    """

    def __init__(self, script: Script, vocabulary: int) -> None:
        tiny = TINY["paligemma2"]
        super().__init__(replace(tiny, text=replace(tiny.text, vocab_size=vocabulary)))
        self.script = script
        self.extended = 0
        self.cache: KVCache | SlotCache | None = None
        self.ran_for_inference: list[bool] = []
        self.text.logits = lambda hidden, rows=None: hidden if rows is None else hidden[..., rows]

    def prefill(self, features, tokens, mask_input, cache) -> Tensor:
        self._note(cache)
        real = torch.ones_like(tokens, dtype=torch.bool) if mask_input is None else mask_input
        cache.reserve(real)
        _write(cache, tokens)
        if isinstance(cache, Joining):
            rows = zip(tokens, real, strict=True)
            return self._scores([tuple(row[seen].tolist()) for row, seen in rows])
        return self._after(cache)

    def extend(self, tokens, cache) -> Tensor:
        self._note(cache)
        self.extended += 1
        cache.reserve(torch.ones_like(tokens, dtype=torch.bool))
        _write(cache, tokens)
        return self._after(cache)[:, None]

    def extend_ragged(self, tokens, counts, cache) -> Tensor:
        self._note(cache)
        self.extended += 1
        before = list(cache.lengths)
        cache.take(counts)
        rows = _write(cache, tokens)
        width = range(1, tokens.shape[1] + 1)
        # Padding has scores too, which nobody may read: those of what came before it.
        said = [
            [tuple(row[: old + min(i, new)].tolist()) for i in width]
            for row, old, new in zip(rows, before, counts, strict=True)
        ]
        return torch.stack([self._scores(row) for row in said])

    def _note(self, cache: KVCache | SlotCache | Joining) -> None:
        self.cache = cache.cache if isinstance(cache, Joining) else cache
        self.ran_for_inference.append(torch.is_inference_mode_enabled())

    def _after(self, cache: KVCache) -> Tensor:
        rows = zip(
            cache.keys[0, :, 0, : cache.length, 0], cache.valid[:, : cache.length], strict=True
        )
        return self._scores([tuple(row[seen].long().tolist()) for row, seen in rows])

    def _scores(self, said: list[tuple[int, ...]]) -> Tensor:
        return torch.tensor([self.script(tokens) for tokens in said])


def _write(cache: KVCache | SlotCache | Joining, tokens: Tensor) -> Tensor:
    """Tokens as the first number of their keys; returns all of each row so far."""
    shape = (len(tokens), TINY["paligemma2"].text.num_kv_heads, tokens.shape[1], 16)
    keys = torch.zeros(shape)
    keys[..., 0] = tokens[:, None]
    kept, _ = cache.write(0, keys, keys)
    return kept[:, 0, :, 0].long()


def random_script(vocabulary: int, seed: int = 0, *, spread: float = 1.5) -> Script:
    """Scores that look random and depend on every token before and its place."""

    def script(tokens: tuple[int, ...]) -> list[float]:
        numbers = random.Random(repr((seed, tokens)))
        return [numbers.gauss(0.0, spread) for _ in range(vocabulary)]

    return script
