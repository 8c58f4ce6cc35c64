"""Pictures and words to a `Batch`: the one home of masks, layout and loss weights, from lengths.

Follows big_vision's `pp/proj/paligemma/ops.py`, with pictures in front as in the PaliGemma paper
(arXiv 2407.07726, section 3.1):

    [image tokens] [bos] [prefix tokens] [newline] | [suffix tokens] [eos]

Departures: a row is never cut to a length, and a batch is padded in front of its prefixes and
behind its suffixes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from palikit.errors import UsageError

from .batch import Batch
from .image import Resize
from .tokenizer import Tokenizer

__all__ = ["Processor", "Row"]


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One example: its pictures as pixels in [-1, 1], and token ids; no suffix if it is sought.

    `silent` numbers the tokens of the suffix that are read but not learned.
    """

    images: Float[Tensor, "F 3 R R"] | None
    prefix: Sequence[int]
    suffix: Sequence[int] = field(default=())
    silent: Sequence[int] = field(default=())


class Processor:
    """What stands between a user's pictures and words and the model's tensors."""

    def __init__(self, tokenizer: Tokenizer, resize: Resize, tokens_per_image: int) -> None:
        self.tokenizer = tokenizer
        self.resize = resize
        self.tokens_per_image = tokens_per_image

    def prefix_ids(self, prefix: str, codes: bool = False) -> list[int]:
        """bos, the words, and the newline that ends them; `codes` as in `Tokenizer.encode`.

        The newline is its own token even after words that end in newlines, which the vocabulary
        would merge with it.
        """
        words = self.tokenizer.encode(prefix, codes=codes)
        return [self.tokenizer.bos_id, *words, self.tokenizer.newline_id]

    def suffix_ids(self, suffix: str) -> list[int]:
        """The words, boxes and masks of an answer, and eos."""
        return [*self.tokenizer.encode(suffix, codes=True), self.tokenizer.eos_id]

    def collate(self, rows: Sequence[Row]) -> Batch:
        """Pad rows to a batch.

        Raises:
            UsageError: there are no rows, or they have different numbers of pictures.
        """
        if not rows:
            raise UsageError("a batch of no examples was asked for: pass at least one")
        ahead = max(len(row.prefix) for row in rows)
        behind = max(len(row.suffix) for row in rows)
        tokens = torch.full((len(rows), ahead + behind), self.tokenizer.pad_id)
        mask_input = torch.zeros(tokens.shape, dtype=torch.bool)
        mask_loss = torch.zeros(tokens.shape)
        for i, row in enumerate(rows):
            start, end = ahead - len(row.prefix), ahead + len(row.suffix)
            tokens[i, start:end] = torch.tensor([*row.prefix, *row.suffix])
            mask_input[i, start:end] = True
            mask_loss[i, ahead:end] = 1.0
            mask_loss[i, [ahead + token for token in row.silent]] = 0.0
        mask_ar = torch.zeros_like(tokens)
        mask_ar[:, ahead:] = 1
        return Batch(_stack(rows), tokens, mask_input, mask_ar, mask_loss, ahead)

    def explain(
        self, prefix: str, suffix: str | None = None, num_images: int = 1, codes: bool = False
    ) -> str:
        """The exact token layout of an example, as a table of one line a token."""
        width = num_images * self.tokens_per_image
        lines = [_line("position", "id", "piece", "block", "attention", "loss")]
        for i in range(num_images):
            first = i * self.tokens_per_image
            where = f"{first}-{first + self.tokens_per_image - 1}"
            piece = f"<image> x {self.tokens_per_image}"
            lines.append(_line(where, "", piece, "image", "full", "-"))
        ahead = self.prefix_ids(prefix, codes)
        for at, token in enumerate(ahead, start=width):
            lines.append(self._token_line(at, token, "prefix", "full", "-"))
        behind = [] if suffix is None else self.suffix_ids(suffix)
        for at, token in enumerate(behind, start=width + len(ahead)):
            lines.append(self._token_line(at, token, "suffix", "causal", "1"))
        total = width + len(ahead) + len(behind)
        lines.append(
            f"{total} positions: {width} image + {len(ahead)} prefix + {len(behind)} suffix"
        )
        return "\n".join(lines)

    def _token_line(self, at: int, token: int, block: str, attention: str, loss: str) -> str:
        # Quoted, so that a newline or a tab shows as what it is and takes one line.
        piece = repr(self.tokenizer.piece(token))[1:-1]
        return _line(str(at), str(token), piece, block, attention, loss)


def _line(where: str, token: str, piece: str, block: str, attention: str, loss: str) -> str:
    return f"{where:>11}  {token:>7}  {piece:<16}  {block:<6}  {attention:<9}  {loss}"


def _stack(rows: Sequence[Row]) -> Float[Tensor, "B F 3 R R"] | None:
    counts = {0 if row.images is None else len(row.images) for row in rows}
    if len(counts) > 1:
        raise UsageError(
            f"a batch mixes examples of {sorted(counts)} pictures: put those of one count together"
        )
    return None if counts == {0} else torch.stack([r.images for r in rows if r.images is not None])
