"""A decoder whose next scores are any function of the row's tokens, which its cache keeps."""

import random
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from palikit.model.cache import KVCache
from palikit.model.paligemma import PaliGemma

from .tiny import TINY

Script = Callable[[tuple[int, ...]], list[float]]


class Scripted(PaliGemma):
    """Follows `script(tokens so far) -> scores`; counts its calls and keeps the cache it worked on.

    The tokens live in the cache alone, so a search that gathers the wrong rows gets wrong scores.
    """

    def __init__(self, script: Script, vocabulary: int) -> None:
        tiny = TINY["paligemma2"]
        super().__init__(replace(tiny, text=replace(tiny.text, vocab_size=vocabulary)))
        self.script = script
        self.extended = 0
        self.cache: KVCache | None = None
        self.ran_for_inference: list[bool] = []

    def prefill(self, features, tokens, mask_input, cache) -> Tensor:
        real = torch.ones_like(tokens, dtype=torch.bool) if mask_input is None else mask_input
        return self._append(tokens, real, cache)

    def extend(self, tokens, cache) -> Tensor:
        self.extended += 1
        return self._append(tokens, torch.ones_like(tokens, dtype=torch.bool), cache)[:, None]

    def _append(self, tokens: Tensor, real: Tensor, cache: KVCache) -> Tensor:
        self.cache = cache
        self.ran_for_inference.append(torch.is_inference_mode_enabled())
        begin = cache.length
        cache.reserve(real)
        cache.keys[0, :, 0, begin : cache.length, 0] = tokens.float()
        history = cache.keys[0, :, 0, : cache.length, 0].long()
        rows = zip(history, cache.valid[:, : cache.length], strict=True)
        return torch.tensor([self.script(tuple(row[seen].tolist())) for row, seen in rows])


def random_script(vocabulary: int, seed: int = 0, *, spread: float = 1.5) -> Script:
    """Scores that look random and depend on every token before and its place."""

    def script(tokens: tuple[int, ...]) -> list[float]:
        numbers = random.Random(repr((seed, tokens)))
        return [numbers.gauss(0.0, spread) for _ in range(vocabulary)]

    return script
