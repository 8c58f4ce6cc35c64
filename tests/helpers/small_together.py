"""A small model that any number of processes train; run by `run_many` for all checks at once."""

import faulthandler
import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from palikit.errors import DataError, PalikitError
from palikit.train import OptimConfig, TrainConfig, Validation, train
from palikit.train.checkpoint import load_state, save_state
from palikit.train.optim import build_optimizer
from palikit.train.world import ALONE, World, open_world

ROWS, STEPS = 5, 6


@dataclass(frozen=True)
class Rows:
    """Some rows of a step, each with its weight."""

    x: Tensor
    weights: Tensor
    total: float
    notes: tuple[str, ...] = ()

    def scaled(self, by: float) -> "Rows":
        return replace(self, weights=self.weights * by)


@dataclass(frozen=True)
class Steps:
    """Steps of five rows; from `broken_at` on, one process finds its rows broken."""

    broken_at: int | None = None
    rank: int = 0
    size: int = 1

    def share(self, rank: int, size: int) -> Callable[[int], list[Rows]]:
        return replace(self, rank=rank, size=size)

    def __call__(self, step: int) -> list[Rows]:
        if self.broken_at is not None and step >= self.broken_at and self.rank == self.size - 1:
            raise DataError("row 7 of labels.csv is broken")
        x = torch.randn(ROWS, 3, generator=torch.Generator().manual_seed(step))
        own = x[self.rank :: self.size]
        note = f"process {self.rank} was here"
        return [Rows(own, torch.full((len(own),), 1 / len(own)), float(len(own)), (note,))]


class Small(nn.Module):
    """Three layers of a list between two that are not of it; one of them learns nothing."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.first = nn.Linear(3, 7)
        self.blocks = nn.ModuleList(nn.Linear(7, 7) for _ in range(3))
        self.blocks[1].requires_grad_(False)
        self.last = nn.Linear(7, 1)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = x + F.dropout(torch.tanh(block(x)), self.dropout, self.training)
        return self.last(x)[:, 0]


def loss(model: nn.Module, rows: Rows) -> Mapping[str, Tensor]:
    wanted = rows.x @ torch.tensor([1.0, -2.0, 0.5])
    return {"loss": ((model(rows.x) - wanted).square() * rows.weights).sum()}


def endless(model: nn.Module, rows: Rows) -> Mapping[str, Tensor]:
    return {"loss": model(rows.x).sum() * float("inf")}


def measure(model: nn.Module, step: int, folder: Path) -> Mapping[str, float]:
    return {"good": -model(torch.ones(2, 3)).abs().sum().item()}


def full_disk(model: nn.Module, folder: Path) -> NoReturn:
    raise PalikitError("the disk is full")


def export(model: nn.Module, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    numbers = {name: value.tolist() for name, value in model.state_dict().items()}
    (folder / "export.json").write_text(json.dumps(numbers))


CONFIG = TrainConfig(
    name="small",
    model=Small,
    batch=Steps(),
    loss=loss,
    export=export,
    optim=OptimConfig(lr=0.05, weight_decay=0.01, clip=0.5),
    steps=STEPS,
    batch_size=ROWS,
    workers=0,
    log_every=1,
    save_every=3,
    validation=Validation(every=2, measure=measure, best="good"),
)
MUON = replace(CONFIG, optim=OptimConfig(lr=0.05, kind="muon"))
NOISY = replace(CONFIG, model=partial(Small, 0.5))


def leave_at_once(self: World, code: int) -> NoReturn:
    raise SystemExit(code)


def ended(config: TrainConfig, folder: Path, world: World) -> str:
    """How a run ends: the sentence, or the exit code of those that leave it to the first."""
    try:
        train(config, folder, world)
    except PalikitError as error:
        return str(error)
    except SystemExit as error:
        return f"exit {error.code}"
    finally:
        world._ended = False
    return "well"


def copy_state(source: Path, target: Path, world: World) -> None:
    """Read a state as a run does, and write it again."""
    model = Small()
    world.shard(model, loss)
    optimizer = build_optimizer(model, CONFIG.optim, world)
    with world.together():
        step, notes = load_state(source, model, optimizer, world)
    save_state(target, model, optimizer, step, notes, world)


def main(folder: Path) -> None:
    faulthandler.dump_traceback_later(240, exit=True)
    world = open_world("cpu")
    type(world)._leave = leave_at_once
    for name, config in {"plain": CONFIG, "muon": MUON, "noisy": NOISY, "again": NOISY}.items():
        train(config, folder / name, world)
    with world.together():
        if world.first:
            shutil.copytree(folder / "alone", folder / "from-alone")
    train(CONFIG, folder / "from-alone", world)
    copy_state(folder / "one/state.safetensors", folder / "copied-by-two", world)
    broken = {
        "data": replace(CONFIG, batch=Steps(broken_at=4)),
        "infinite": replace(CONFIG, loss=endless),
        "disk": replace(CONFIG, export=full_disk),
        "undivided": replace(CONFIG, batch=lambda step: []),
        "too few": replace(CONFIG, batch_size=1),
    }
    told: dict[str, Any] = {name: ended(one, folder / name, world) for name, one in broken.items()}
    told["again after data"] = ended(CONFIG, folder / "data", world)
    (folder / f"rank-{world.rank}.json").write_text(json.dumps(told))
    world.close()


def stopped(folder: Path) -> None:
    """What a run leaves that ended after its first saved step, in this process alone."""
    assert ended(replace(CONFIG, batch=Steps(broken_at=4)), folder, ALONE).startswith("row 7")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
