"""A run's state on disk: one safetensors file, written whole or not at all, never a pickle.

Frozen parameters are not in it: they come from where the run took them first.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from palikit.errors import CheckpointError

__all__ = ["load_state", "load_weights", "save_state", "save_weights"]

_MODEL, _OPTIMIZER = "model/", "optimizer/"


def save_state(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    step: int,
    notes: Mapping[str, Any] | None = None,
) -> None:
    """Write what learns, its moments, the number of finished steps and `notes`.

    Raises:
        CheckpointError: the disk did not take it; the older file is as it was.
    """
    tensors = _learned(model)
    for index, moments in optimizer.state_dict()["state"].items():
        for name, value in moments.items():
            tensors[f"{_OPTIMIZER}{index}/{name}"] = value.contiguous()
    _write(path, tensors, {"step": step, **(notes or {})})


def load_state(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[int, dict[str, Any]]:
    """Put a saved state back; the number of finished steps, and the notes.

    Raises:
        CheckpointError: the file is of another model, or not a state file.
    """
    tensors, notes = _read(path)
    try:
        step = int(notes.pop("step"))
        _put_back(model, tensors)
    except Exception as error:
        raise _not_ours(path, error) from error
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in _under(tensors, _OPTIMIZER).items():
        index, _, key = name.partition("/")
        moments.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
    return step, notes


def save_weights(path: Path, model: nn.Module) -> None:
    """Write what learns, alone.

    Raises:
        CheckpointError: the disk did not take it.
    """
    _write(path, _learned(model), {})


def load_weights(path: Path, model: nn.Module) -> None:
    """Put back what `save_weights` or `save_state` wrote.

    Raises:
        CheckpointError: the file is of another model.
    """
    tensors, _ = _read(path)
    try:
        _put_back(model, tensors)
    except Exception as error:
        raise _not_ours(path, error) from error


def _learned(model: nn.Module) -> dict[str, Tensor]:
    frozen = _frozen(model)
    return {
        f"{_MODEL}{name}": value.contiguous()
        for name, value in model.state_dict().items()
        if name not in frozen
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


def _put_back(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    found = model.load_state_dict(_under(tensors, _MODEL), strict=False)
    missing = set(found.missing_keys) - _frozen(model)
    if missing or found.unexpected_keys:
        raise ValueError(f"missing {sorted(missing)[:3]}, left over {found.unexpected_keys[:3]}")


def _write(path: Path, tensors: dict[str, Tensor], notes: Mapping[str, Any]) -> None:
    temporary = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, temporary, metadata={"palikit": json.dumps(notes)})
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        raise CheckpointError(
            f"{path} could not be written ({error}): free space there and run again; "
            "what was saved before is whole"
        ) from error


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, dict(json.loads(metadata["palikit"]))
    except Exception as error:
        raise _not_ours(path, error) from error


def _not_ours(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{path} is not the state of this run ({error}); move it away to start anew"
    )


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
