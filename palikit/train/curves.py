"""Curves for other programs to draw: TensorBoard, Weights & Biases, Trackio, behind one interface.

A new one is a class here and a row in `CURVES`.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from palikit.errors import MissingExtraError, UsageError

__all__ = ["CURVES", "Curves", "open_curves"]


@runtime_checkable
class Curves(Protocol):
    """Takes named numbers, step by step."""

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """The numbers of a step."""

    def close(self) -> None:
        """Nothing more will come."""


class TensorBoard:
    """Event files in the run's folder: `tensorboard --logdir runs`."""

    def __init__(self, folder: Path) -> None:
        module = _need("torch.utils.tensorboard", "palikit[train]")
        self._writer = module.SummaryWriter(log_dir=str(folder))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class Tracked:
    """Weights & Biases and Trackio, which are called alike."""

    def __init__(self, package: str, folder: Path) -> None:
        self._module = _need(package, package)
        self._module.init(project="palikit", name=folder.name)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        self._module.log(dict(values), step=step)

    def close(self) -> None:
        self._module.finish()


CURVES: dict[str, Callable[[Path], Curves]] = {
    "tensorboard": TensorBoard,
    "wandb": lambda folder: Tracked("wandb", folder),
    "trackio": lambda folder: Tracked("trackio", folder),
}


def open_curves(name: str, folder: Path) -> Curves:
    """The curves of that name for a run in `folder`.

    Raises:
        UsageError: there are none of that name.
        MissingExtraError: its package is not installed.
    """
    if name not in CURVES:
        raise UsageError(f"there are no curves {name!r}: write one of {', '.join(CURVES)}")
    return CURVES[name](folder)


def _need(module: str, package: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"these curves need a package that is not installed: pip install '{package}'"
        ) from error
