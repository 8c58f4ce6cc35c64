"""The processes that train one model: one alone here, several in `parallel.py`, behind one class.

`torchrun` says in the environment of each process that there are several; what they need of
PyTorch is imported by `open_world` then, and by nobody else.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["ALONE", "Batches", "Loss", "World", "is_first", "open_world"]

Batches = Callable[[int], Any]
Loss = Callable[[nn.Module, Any], Mapping[str, Tensor]]

_TOLD = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


class World:
    """One process, which has all rows of a batch and all numbers of the model.

    Attributes:
        rank: of this process among `size`; the first is 0, and alone writes files and lines.
    """

    rank = 0
    size = 1

    @property
    def first(self) -> bool:
        """Whether this process writes and prints."""
        return self.rank == 0

    def build_on(self, device: str) -> str:
        """Where a model is built that is to run on `device`."""
        return device

    def together(self) -> AbstractContextManager[None]:
        """An error of ours in one process becomes that of all when they leave the block."""
        return nullcontext()

    def divide(self, batch: Batches, batch_size: int) -> Batches:
        """What makes this process's share of a step's batch.

        Raises:
            UsageError: there is nothing to divide it by, or less than one example a process.
        """
        return batch

    def agree(self, batches: Iterator[Any]) -> Iterator[Any]:
        """The same batches, weighed by what all processes have of the step."""
        return batches

    def notes(self, notes: Sequence[str]) -> Sequence[str]:
        """Those of all processes."""
        return notes

    def add(self, values: Mapping[str, float]) -> dict[str, float]:
        """Each value's sum over the processes."""
        return dict(values)

    def shard(self, model: nn.Module, loss: Loss) -> Callable[[Any], Mapping[str, Tensor]]:
        """Leave to each process its part of the parameters; what computes the loss of a batch."""
        return partial(loss, model)

    def whole(self, model: nn.Module, device: torch.device | str | None = None) -> nn.Module:
        """A model with all its numbers, in the first process; all must call it."""
        return model

    def release(self) -> None:
        """Free what `whole` returned."""

    def full(self, tensor: Tensor) -> Tensor:
        """All of a tensor of which each process has a part; all must call it."""
        return tensor

    def on_full(self, change: Callable[[Tensor], Tensor], tensor: Tensor) -> Tensor:
        """This process's part of what `change` makes of all of a tensor; all must call it."""
        return change(tensor)

    def part(self, file: Any, name: str, like: Tensor | None) -> Tensor:
        """From an open safetensors file, what this process holds of a tensor shaped as `like`."""
        found: Tensor = file.get_tensor(name)
        return found

    def close(self) -> None:
        """Nothing more will come."""


ALONE = World()


def open_world(device: str) -> World:
    """The processes that `torchrun` has started, this one among them; or this one alone."""
    if not all(name in os.environ for name in _TOLD):
        return ALONE
    from .parallel import Sharded

    return Sharded.open(device)


def is_first() -> bool:
    """Whether this process is the one that prints, before or after its world is open."""
    return os.environ.get("RANK", "0") == "0" or not all(name in os.environ for name in _TOLD)
