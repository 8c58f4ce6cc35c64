"""Beam search as the reference does it: summed log-probabilities, a strict stop, a finished answer.

Follows big_vision's `_beam_decode` (`trainers/proj/paligemma/predict_fns.py`). At each step every
live beam's continuation by eos is a finishing candidate, and the best of them replaces the best
finished answer where it scores higher; then eos is barred and the `beam_size` best continuations of
all live beams stay alive. A row is done when its best live beam scores below its best finished
answer: scores only fall, so nothing later can change it, and rows of a batch need no care for each
other. An unfinished beam is never returned, however short the limit.

With `beam_size` 1 the one live beam is the greedy answer with eos barred, and what comes back is
its best-scoring finished beginning: greedy's answer or a shorter beginning of it, never with a
lower score than greedy's finished answer.

Departures: the prefix is read once a row, not once a beam; several eos ids may end an answer (the
likeliest does); each row may have its own limit.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from palikit.model.cache import KVCache
from palikit.model.paligemma import PaliGemma

from .generate import Features, Generated, PrefixIds, PrefixMask, row_limits, stop_ids

__all__ = ["beam_search"]


@torch.inference_mode()
def beam_search(
    model: PaliGemma,
    features: Features,
    tokens: PrefixIds,
    mask_input: PrefixMask,
    *,
    eos_id: int | Collection[int],
    beam_size: int,
    max_new_tokens: int | Sequence[int],
) -> list[Generated]:
    """The best finished answer of each row; arguments as for `generate`."""
    limits = row_limits(max_new_tokens, tokens.shape[0])
    longest = max(limits)
    prefix, logits = _start(model, features, tokens, mask_input)
    cache = _widen(prefix, beam_size, prefix.length + longest, model)
    state = _State.begin(tokens.shape[0], beam_size, longest, logits.device)
    limit = torch.tensor(limits, device=logits.device)
    eos = torch.tensor(sorted(stop_ids(eos_id)), device=logits.device)
    logprobs = logits.float().log_softmax(dim=-1)[:, None].expand(-1, beam_size, -1)
    for step in range(longest):
        state.finish(step, logprobs, eos, step < limit)
        if step + 1 == longest:
            break
        beams = state.grow(step, logprobs, eos)
        if bool((state.settled() | (step + 1 >= limit)).all()):
            break
        cache.reorder(beams)
        logits = model.extend(state.ids[:, :, step].reshape(-1, 1), cache)[:, -1]
        logprobs = logits.float().log_softmax(dim=-1).view(len(limits), beam_size, -1)
    return state.answers()


@dataclass(slots=True)
class _State:
    """All that changes in the search; B rows, k live beams each, room for `longest` tokens.

    Attributes:
        scores: sum of the log-probabilities of each live beam; -inf where there is none yet.
        ids: tokens of each live beam, and in `logprobs` what each of them added to the score.
        best_score: of the best finished answer, whose tokens, their log-probabilities and their
            number follow.
    """

    scores: Float[Tensor, "B k"]
    ids: Int[Tensor, "B k longest"]
    logprobs: Float[Tensor, "B k longest"]
    best_score: Float[Tensor, " B"]
    best_ids: Int[Tensor, "B longest"]
    best_logprobs: Float[Tensor, "B longest"]
    best_length: Int[Tensor, " B"]

    @classmethod
    def begin(cls, rows: int, beams: int, longest: int, device: torch.device) -> "_State":
        """One live beam a row, without tokens; the others wait at -inf for continuations."""
        scores = torch.full((rows, beams), -torch.inf, device=device)
        scores[:, 0] = 0.0
        ids = torch.zeros(rows, beams, longest, dtype=torch.int64, device=device)
        logprobs = torch.zeros(rows, beams, longest, device=device)
        worst = torch.full((rows,), -torch.inf, device=device)
        length = torch.zeros(rows, dtype=torch.int64, device=device)
        return cls(scores, ids, logprobs, worst, ids[:, 0].clone(), logprobs[:, 0].clone(), length)

    def finish(
        self,
        step: int,
        logprobs: Float[Tensor, "B k V"],
        eos: Int[Tensor, " E"],
        open_rows: Bool[Tensor, " B"],
    ) -> None:
        """Let each live beam end; the best end becomes an open row's answer if it scores higher."""
        added, which = logprobs[:, :, eos].max(dim=-1)
        score, beam = (self.scores + added).max(dim=-1)
        # The first step leaves an answer even where an eos has no probability at all.
        better = open_rows & ((score > self.best_score) | (self.best_length == 0))
        row = torch.arange(len(beam), device=beam.device)
        ids, chain = self.ids[row, beam], self.logprobs[row, beam]
        ids[:, step] = eos[which[row, beam]]
        chain[:, step] = added[row, beam]
        self.best_score = torch.where(better, score, self.best_score)
        self.best_ids = torch.where(better[:, None], ids, self.best_ids)
        self.best_logprobs = torch.where(better[:, None], chain, self.best_logprobs)
        self.best_length = torch.where(better, step + 1, self.best_length)

    def grow(
        self, step: int, logprobs: Float[Tensor, "B k V"], eos: Int[Tensor, " E"]
    ) -> Int[Tensor, " Bk"]:
        """Keep the best k continuations without eos; returns the cache row each one continues."""
        rows, beams, vocabulary = logprobs.shape
        open_ended = logprobs.index_fill(-1, eos, -torch.inf)
        # A beam can place at most k of its own among the best k of all.
        added, ids = open_ended.topk(min(beams, vocabulary), dim=-1)
        scores, flat = (self.scores[:, :, None] + added).flatten(1).topk(beams, dim=-1)
        parent = flat // added.shape[-1]
        row = torch.arange(rows, device=parent.device)[:, None]
        self.scores = scores
        self.ids, self.logprobs = self.ids[row, parent], self.logprobs[row, parent]
        self.ids[:, :, step] = ids.flatten(1).gather(-1, flat)
        self.logprobs[:, :, step] = added.flatten(1).gather(-1, flat)
        return (row * beams + parent).flatten()

    def settled(self) -> Bool[Tensor, " B"]:
        """Rows whose live beams have all fallen below the best finished answer."""
        return self.scores.amax(dim=-1) < self.best_score

    def answers(self) -> list[Generated]:
        """The stored answers."""
        lengths = self.best_length.tolist()
        rows = zip(lengths, self.best_ids.tolist(), self.best_logprobs.tolist(), strict=True)
        return [
            Generated(tuple(ids[:length]), tuple(logprobs[:length]), finished=True)
            for length, ids, logprobs in rows
        ]


def _start(
    model: PaliGemma,
    features: Features,
    tokens: PrefixIds,
    mask_input: PrefixMask,
) -> tuple[KVCache, Float[Tensor, "B V"]]:
    """Read pictures and prefixes into a cache of just that length; logits of the first tokens."""
    images = 0 if features is None else features.shape[1]
    embedding = model.text.embedding.weight
    cache = KVCache(
        model.config.text,
        tokens.shape[0],
        images + tokens.shape[1],
        dtype=embedding.dtype,
        device=embedding.device,
    )
    if mask_input is not None and bool(mask_input.all()):
        mask_input = None  # spares the model a mask over the whole prefill
    return cache, model.prefill(features, tokens, mask_input, cache)


def _widen(prefix: KVCache, beams: int, capacity: int, model: PaliGemma) -> KVCache:
    """A cache of `beams` rows for each row of `prefix`, with room to grow."""
    rows = prefix.valid.shape[0]
    keys = prefix.keys
    cache = KVCache(model.config.text, rows * beams, capacity, dtype=keys.dtype, device=keys.device)
    used = prefix.length
    cache.keys[:, :, :, :used] = keys[:, :, :, :used].repeat_interleave(beams, dim=1)
    cache.values[:, :, :, :used] = prefix.values[:, :, :, :used].repeat_interleave(beams, dim=1)
    cache.valid[:, :used] = prefix.valid[:, :used].repeat_interleave(beams, dim=0)
    cache.counts = prefix.counts.repeat_interleave(beams)
    cache.length = used
    return cache
