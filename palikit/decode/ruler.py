"""What lies between two tokens that stand for places: the mean of a distribution beside its mode.

    ruler = Ruler(first=100)                     ids 100..1123 are marks 0..1023
    ruler.offsets(logits, columns, ids)          [0.31, -1.2, 0.0]: marks beside those told

A place is told as one mark, but what the model says of its neighbours narrows it down, and more so
the less sure the model is: with probabilities 0.2, 0.5 and 0.3 of marks 7, 8 and 9, the mark told
is 8 and the mean 8.1. Only marks within reach count, so that a second place, which would have been
another answer, does not draw this one to somewhere between the two.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

__all__ = ["REACH", "Ruler"]

REACH = 32
"""Marks to either side: for nano's boxes, the fewest that do as well as any (`bench/reach.py`)."""


@dataclass(frozen=True, slots=True)
class Ruler:
    """Ids that follow one another as places do.

    Attributes:
        first: the id of the first mark.
        marks: how many there are.
        reach: how many to either side of the one told are looked at.
    """

    first: int
    marks: int = 1024
    reach: int = REACH

    def offsets(
        self,
        logits: Float[Tensor, "r c"],
        columns: Int[Tensor, " c"] | None,
        ids: Int[Tensor, " r"],
    ) -> Float[Tensor, " r"]:
        """How far, in marks, the mean lies from each row's id, which is 0 for one that is no mark.

        Args:
            logits: at temperature 1; -inf for what may not come.
            columns: the ids that they are of; None for all, in order.
        """
        if columns is None:
            logits = logits[:, self.first : self.first + self.marks]
            columns = torch.arange(logits.shape[1], device=logits.device) + self.first
        away = columns - ids[:, None]
        barred = (away.abs() > self.reach) | ~self._are_marks(columns)
        nearby = logits.float().masked_fill(barred, -torch.inf).softmax(dim=-1)
        # Beside an id that is no mark there may be none at all, and nothing has no mean.
        return torch.where(self._are_marks(ids), (nearby * away).sum(dim=-1), 0.0)

    def _are_marks(self, ids: Int[Tensor, " n"]) -> Bool[Tensor, " n"]:
        return (ids >= self.first) & (ids < self.first + self.marks)
