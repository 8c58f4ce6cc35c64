"""Answers that match a regular expression, token by token.

    vocabulary = Vocabulary(written, eos_id)         once for a tokenizer: 1 s for Gemma's
    walk = PatternWalk(vocabulary, "[0-9]{2}", encode)

llguidance keeps the automaton (MIT, one 3 MB wheel without dependencies for Linux, macOS and
Windows): it walks a trie of the vocabulary's bytes along derivatives of the pattern that it makes
and remembers as they are needed, in bounded time and memory whatever the pattern is. Others that we
looked at do less: outlines-core builds the automaton of pattern and vocabulary whole and ahead,
xgrammar needs transformers and triton, interegular and greenery know no vocabulary, and partial
matches by `regex` backtrack.

Any cut of a text into tokens is allowed, as the model may know another than the vocabulary's own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from palikit.errors import MissingExtraError, PalikitError, UsageError

from .grammar import Ids, Walk

if TYPE_CHECKING:
    import llguidance

__all__ = ["PatternWalk", "Vocabulary"]

LIMITS: dict[str, Any] = {
    # Of a walk, about a kilobyte each: dozens for a date, 30,000 for (\w{1,20}[ ,]){1,50}.
    "max_lexer_states": 100_000,
    # Of a token: a tenth of a second at most, which patterns of ordinary use never come near.
    "step_lexer_fuel": 1_000_000,
    "precompute_large_lexemes": False,
    "verbose_errors": False,
}
"""What a pattern may cost before it is given up; nothing is made of it before it is needed."""
MOST_FORCED = 128
"""Bytes that are drafted at once."""
MOST_BEGINNINGS = 128
"""Where more ids may come, they do not all begin one text."""


@dataclass(frozen=True, slots=True)
class _Pieces:
    """What llguidance asks of a tokenizer."""

    tokens: Sequence[bytes]
    eos_token_id: int
    bos_token_id: int | None = None
    special_token_ids: Sequence[int] = field(default=())

    def __call__(self, text: bytes) -> list[int]:
        """No tokens: we cut texts ourselves, since here they need not be cut one way."""
        return []


class Vocabulary:
    """What every id writes, to walk by.

    Args:
        written: of each id its bytes, none for one that no answer may hold.
        eos_id: ends an answer.

    Raises:
        MissingExtraError: llguidance is not installed.
    """

    def __init__(self, written: Sequence[bytes], eos_id: int) -> None:
        library = _llguidance()
        pieces = library.TokenizerWrapper(_Pieces(written, eos_id))
        self.eos_id = eos_id
        self._trie = library.LLTokenizer(pieces)
        self._limits = library.LLParserLimits(**LIMITS)

    def matcher(self, pattern: str) -> "llguidance.LLMatcher":
        """One that has seen nothing yet, of a pattern in the syntax of Rust's `regex`."""
        # By itself it would force one cut into tokens where only one text can follow.
        grammar = f'%llguidance {{"no_forcing": true}}\nstart: /{pattern}/'
        return _llguidance().LLMatcher(self._trie, grammar, limits=self._limits, log_level=0)


class PatternWalk(Walk):
    """All that goes on to a text which the pattern matches whole, and the end behind such a text.

    Args:
        pattern: in Rust's syntax, without look-around and `/`.
        encode: tokens of a text, as the vocabulary cuts it.

    Raises:
        UsageError: the pattern is too large, or no text of this vocabulary matches it.
    """

    kept = None

    def __init__(
        self, vocabulary: Vocabulary, pattern: str, encode: Callable[[str], Sequence[int]]
    ) -> None:
        self._eos_id = vocabulary.eos_id
        self._encode = encode
        self._matcher = vocabulary.matcher(pattern)
        self._allowed: Int[Tensor, " n"] | None = None
        self.allowed()
        if self.error is not None:
            raise self.error

    def allowed(self) -> Int[Tensor, " n"]:
        """Those ids; the end alone where the pattern cannot be followed further."""
        if self._allowed is None:
            bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
            ids = np.flatnonzero(np.unpackbits(bits, bitorder="little"))
            if self._matcher.is_error():
                self.error = _lost(self._matcher.get_error().partition("\n")[0])
                ids = np.array([self._eos_id])
            self._allowed = torch.from_numpy(ids)
        return self._allowed

    def advance(self, token: int) -> None:
        """Go on by the bytes of a token."""
        if token != self._eos_id:
            self._matcher.consume_token(token)
            self._allowed = None

    def draft(self) -> Ids:
        """What only one text can follow with, as the vocabulary cuts it."""
        if len(self.allowed()) > MOST_BEGINNINGS:
            return ()
        if self.error is not None or self._matcher.is_stopped():
            return (self._eos_id,)
        ahead = self._matcher.deep_copy()  # which shares what is known of the pattern
        forced = ahead.compute_ff_bytes()[:MOST_FORCED]
        if not forced or 0x80 <= forced[0] < 0xC0:  # nothing, or the rest of a character
            return ()
        ids = self._encode(forced.decode("utf-8", "ignore"))
        told = ahead.try_consume_tokens(list(ids))
        if ahead.is_stopped() and not ahead.is_error():
            return (*ids[:told], self._eos_id)
        # The last piece might be cut longer with what comes behind it.
        return tuple(ids[: min(told, len(ids) - 1)])


def _lost(reason: str) -> PalikitError:
    """Why a walk has come to nothing, in the library's word for it."""
    if reason.startswith("NoExtension"):
        return UsageError(
            "the pattern asks for a text that this vocabulary cannot write: write one for others"
        )
    return UsageError(
        f"the pattern takes too much time or memory to follow ({reason[:200]}): "
        "write it shorter, or with smaller counts"
    )


def _llguidance() -> Any:
    try:
        import llguidance
    except ImportError as error:
        raise MissingExtraError(
            "answers by a pattern need a package that is not installed: "
            "pip install 'palikit[pattern]'"
        ) from error
    return llguidance
