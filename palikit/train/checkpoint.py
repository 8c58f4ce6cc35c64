"""A run's state on disk: one safetensors file, written whole or not at all, never a pickle.

Frozen parameters are not in it: they come from where the run took them first. The file does not
tell how many processes wrote it: of several, the first writes whole tensors, gathered one at a
time, and each reads its own part of them.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from palikit.errors import CheckpointError

from .stored import write_tensors
from .world import ALONE, World

__all__ = ["load_state", "load_weights", "save_state", "save_weights"]

_MODEL, _OPTIMIZER = "model/", "optimizer/"


def save_state(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    step: int,
    notes: Mapping[str, Any] | None = None,
    world: World = ALONE,
) -> None:
    """Write what learns, its moments, the number of finished steps and `notes`.

    Raises:
        CheckpointError: the disk did not take it; the older file is as it was.
    """
    tensors = _learned(model)
    for index, moments in optimizer.state_dict()["state"].items():
        for name, value in moments.items():
            tensors[f"{_OPTIMIZER}{index}/{name}"] = value
    _write(path, tensors, {"step": step, **(notes or {})}, world)


def load_state(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, world: World = ALONE
) -> tuple[int, dict[str, Any]]:
    """Put a saved state back; the number of finished steps, and the notes.

    Raises:
        CheckpointError: the file is of another model, or not a state file.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    moments: dict[int, dict[str, Tensor]] = {}
    with _ours(path), safe_open(path, framework="pt") as file:
        notes = _notes(file)
        step = int(notes.pop("step"))
        _put_back(model, file, world)
        for name in _under(file, _OPTIMIZER):
            index, _, key = name.partition("/")
            of = parameters[int(index)]
            moments.setdefault(int(index), {})[key] = world.part(file, _OPTIMIZER + name, of)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
    return step, notes


def save_weights(path: Path, model: nn.Module, world: World = ALONE) -> None:
    """Write what learns, alone.

    Raises:
        CheckpointError: the disk did not take it.
    """
    _write(path, _learned(model), {}, world)


def load_weights(path: Path, model: nn.Module, world: World = ALONE) -> None:
    """Put back what `save_weights` or `save_state` wrote.

    Raises:
        CheckpointError: the file is of another model.
    """
    with _ours(path), safe_open(path, framework="pt") as file:
        _notes(file)
        _put_back(model, file, world)


def _learned(model: nn.Module) -> dict[str, Tensor]:
    frozen = _frozen(model)
    return {
        f"{_MODEL}{name}": value for name, value in model.state_dict().items() if name not in frozen
    }


def _frozen(model: nn.Module) -> set[str]:
    # Buffers that hold a packed weight are as frozen as the parameters that they replace.
    packed = {
        f"{name}.{buffer}"
        for name, module in model.named_modules()
        if hasattr(module, "unpack")
        for buffer, _ in module.named_buffers(recurse=False)
    }
    return packed | {name for name, p in model.named_parameters() if not p.requires_grad}


def _put_back(model: nn.Module, file: Any, world: World) -> None:
    own = model.state_dict()
    stored = {name: world.part(file, _MODEL + name, own.get(name)) for name in _under(file, _MODEL)}
    found = model.load_state_dict(stored, strict=False)
    missing = set(found.missing_keys) - _frozen(model)
    if missing or found.unexpected_keys:
        raise ValueError(f"missing {sorted(missing)[:3]}, left over {found.unexpected_keys[:3]}")


def _write(
    path: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, Any], world: World
) -> None:
    with world.together():
        try:
            metadata = {"palikit": json.dumps(notes)}
            write_tensors(path, tensors, metadata, world.full, write=world.first)
        except OSError as error:
            raise CheckpointError(
                f"{path} could not be written ({error}): free space there and run again; "
                "what was saved before is whole"
            ) from error


def _notes(file: Any) -> dict[str, Any]:
    return dict(json.loads((file.metadata() or {})["palikit"]))


def _under(file: Any, prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118


@contextmanager
def _ours(path: Path) -> Iterator[None]:
    """Whatever goes wrong while a state is read means that it is not this run's."""
    try:
        yield
    except Exception as error:
        raise CheckpointError(
            f"{path} is not the state of this run ({error}); move it away to start anew"
        ) from error
