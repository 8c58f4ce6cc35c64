"""One model trained by several processes, each with its part of the parameters (FSDP2).

Every process computes its own rows of a step's batch. A layer's parameters are gathered when it
computes and freed again; gradients are summed over the processes, each of which keeps the sum for
its part and steps with it. Buffers, and with them packed weights, stay whole in each process.

A loss is a weighted sum over the rows of a whole step, so gradients are added, never averaged, and
the step is that of one process over the same batch.

What processes tell each other beside numbers (errors, notes) goes as bytes of text, over a group of
its own on the CPU: there the others may wait for hours while the first measures or writes.
"""

import copy
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Any, NoReturn, Protocol, runtime_checkable

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Replicate, Shard

from palikit.errors import PalikitError, UsageError

from .world import Batches, Loss, World

__all__ = ["Divisible", "Part", "Sharded"]

STEP_TIMEOUT = timedelta(minutes=10)
"""A process that computes nothing for so long has failed in a way that nobody saw."""

WAIT_TIMEOUT = timedelta(days=1)
"""How long the first process may measure, write, or embed pictures."""


@runtime_checkable
class Divisible(Protocol):
    """Batches of which several processes can each make a share."""

    def share(self, rank: int, size: int) -> Callable[[int], "Sequence[Part]"]:
        """What makes the parts of a step that are of one process's rows."""


class Part(Protocol):
    """A share's part of a step.

    Attributes:
        total: examples or tokens over which the weights in all parts of the share are a mean.
    """

    @property
    def total(self) -> float: ...

    def scaled(self, by: float) -> "Part":
        """The same, its weights multiplied."""


class Sharded(World):
    """This process among several."""

    def __init__(self, mesh: DeviceMesh, device: torch.device, messages: dist.ProcessGroup) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self._mesh, self._device, self._messages = mesh, device, messages
        self._twin: nn.Module | None = None
        self._ended = False

    @classmethod
    def open(cls, device: str) -> "Sharded":
        """Join the others: over NCCL where each has a GPU of its own, else over gloo."""
        place = torch.device(device)
        if place.type == "cuda":
            place = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            if place.index >= torch.cuda.device_count():
                raise UsageError(
                    f"process {place.index + 1} on this machine finds {torch.cuda.device_count()} "
                    "GPUs: start as many with torchrun --nproc-per-node, or train with device=cpu"
                )
            torch.cuda.set_device(place)
            dist.init_process_group("nccl", timeout=STEP_TIMEOUT, device_id=place)
        else:
            dist.init_process_group("gloo", timeout=STEP_TIMEOUT)
        messages = dist.new_group(backend="gloo", timeout=WAIT_TIMEOUT)
        assert messages is not None
        mesh = init_device_mesh(place.type, (dist.get_world_size(),))
        return cls(mesh, place, messages)

    def build_on(self, device: str) -> str:
        # Sharding moves one layer after another, so that no GPU ever holds all of them.
        return "cpu"

    @contextmanager
    def together(self) -> Iterator[None]:
        try:
            yield
        except PalikitError as error:
            if not self._ended:
                self._ended = True
                self._texts(f"{error.exit_code} {error}")
                if not self.first:
                    self._leave(error.exit_code)
            raise
        told = [text for text in self._texts("") if text]
        if told:
            self._end_with(told[0])

    def _end_with(self, told: str) -> NoReturn:
        self._ended = True
        code, _, sentence = told.partition(" ")
        if not self.first:
            self._leave(int(code))
        raise (UsageError if code == "2" else PalikitError)(sentence)

    def _leave(self, code: int) -> NoReturn:
        # torchrun kills all when one leaves: not before the first has said why.
        with suppress(RuntimeError):
            dist.barrier(self._messages)
        raise SystemExit(code)

    def divide(self, batch: Batches, batch_size: int) -> Batches:
        if not isinstance(batch, Divisible):
            raise UsageError(
                "this recipe's batches cannot be divided among processes: start it without torchrun"
            )
        if batch_size < self.size:
            raise UsageError(
                f"{self.size} processes cannot share {batch_size} examples a step: start fewer, or "
                f"give batch_size={self.size} or more"
            )
        return batch.share(self.rank, self.size)

    def agree(self, batches: Iterator[Any]) -> Iterator[Any]:
        while True:
            with self.together():
                parts: Sequence[Part] | None = next(batches, None)
            if parts is None:
                return
            totals = self._gather([parts[0].total])
            # A mean over this process's rows becomes its share of the mean over all.
            share = parts[0].total / max(1.0, totals.sum().item())
            yield [part.scaled(share) for part in parts]

    def notes(self, notes: Sequence[str]) -> Sequence[str]:
        told = self._texts("\n".join(notes))
        return [note for text in told for note in text.splitlines()]

    def add(self, values: Mapping[str, float]) -> dict[str, float]:
        sums = self._gather(list(values.values())).sum(dim=0)
        return dict(zip(values, sums.tolist(), strict=True))

    def shard(self, model: nn.Module, loss: Loss) -> Callable[[Any], Mapping[str, Tensor]]:
        for parameter in model.parameters():
            parameter.data = parameter.data.contiguous()
        self._twin = _without_numbers(model)
        step = _Step(model, loss)
        for module in [*_layers(model), step]:
            sharded = fully_shard(module, mesh=self._mesh)
            sharded.set_gradient_divide_factor(1.0)
            sharded.set_force_sum_reduction_for_comms(True)  # gloo multiplies nothing
        return step

    def whole(self, model: nn.Module, device: torch.device | str | None = None) -> nn.Module:
        assert self._twin is not None
        place = self._device if device is None else torch.device(device)
        for name, module in model.named_modules():
            own = self._twin.get_submodule(name)
            for leaf, parameter in module.named_parameters(recurse=False):
                full = self.full(parameter.detach())
                if self.first:
                    learns = parameter.requires_grad
                    own.register_parameter(leaf, nn.Parameter(full.to(place), learns))
            for leaf, buffer in module.named_buffers(recurse=False):
                own._buffers[leaf] = buffer.to(place) if self.first else buffer
        return self._twin.train(model.training)

    def release(self) -> None:
        assert self._twin is not None
        for module in self._twin.modules():
            for leaf, parameter in module.named_parameters(recurse=False):
                module.register_parameter(leaf, _empty(parameter))

    def full(self, tensor: Tensor) -> Tensor:
        return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor

    def on_full(self, change: Callable[[Tensor], Tensor], tensor: Tensor) -> Tensor:
        if not isinstance(tensor, DTensor):
            return change(tensor)
        changed = DTensor.from_local(change(self.full(tensor)), self._mesh, [Replicate()])
        return changed.redistribute(placements=tensor.placements)

    def part(self, file: Any, name: str, like: Tensor | None) -> Tensor:
        stored = file.get_slice(name)
        if not isinstance(like, DTensor) or tuple(stored.get_shape()) != like.shape:
            return super().part(file, name, like)
        rows = len(like)
        start = min(self.rank * -(-rows // self.size), rows)
        own = like.to_local()
        local = stored[start : start + len(own)] if len(own) else own.new_empty(own.shape)
        assert local.shape == own.shape
        return DTensor.from_local(
            local.to(own.device),
            self._mesh,
            [Shard(0)],
            run_check=False,
            shape=like.shape,
            stride=like.stride(),
        )

    def close(self) -> None:
        dist.barrier(self._messages)
        dist.destroy_process_group()

    def _gather(self, numbers: Sequence[float]) -> Tensor:
        """Each process's numbers, one row a process."""
        own = torch.tensor(numbers, dtype=torch.float64)
        rows = [torch.empty_like(own) for _ in range(self.size)]
        dist.all_gather(rows, own, self._messages)
        return torch.stack(rows)

    def _texts(self, text: str) -> list[str]:
        """Each process's text."""
        own = text.encode()
        lengths = [int(length) for length in self._gather([len(own)]).flatten().tolist()]
        if not any(lengths):
            return [""] * self.size
        padded = torch.zeros(max(lengths), dtype=torch.uint8)
        padded[: len(own)] = torch.tensor(list(own), dtype=torch.uint8)
        rows = [torch.empty_like(padded) for _ in range(self.size)]
        dist.all_gather(rows, padded, self._messages)
        return [
            bytes(row[:length].tolist()).decode() for row, length in zip(rows, lengths, strict=True)
        ]


class _Step(nn.Module):
    """The model up to its loss as one module, so that what both ends share is gathered once."""

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.model = model
        self._loss = partial(loss, model)

    def forward(self, batch: Any) -> dict[str, Tensor]:
        return dict(self._loss(batch))


def _layers(model: nn.Module) -> list[nn.Module]:
    """Members of lists of modules, those within others first."""
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    return [layer for one in reversed(lists) for layer in one]


def _without_numbers(model: nn.Module) -> nn.Module:
    """A copy with parameters on `meta` and the same buffers."""
    memo: dict[int, Any] = {id(parameter): _empty(parameter) for parameter in model.parameters()}
    memo |= {id(buffer): buffer for buffer in model.buffers()}
    return copy.deepcopy(model, memo)


def _empty(parameter: nn.Parameter) -> nn.Parameter:
    return nn.Parameter(torch.empty_like(parameter, device="meta"), parameter.requires_grad)
