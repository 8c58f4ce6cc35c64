"""Fine-tuning runs of nano that any number of processes make; run by `run_many`."""

import faulthandler
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from palikit.data.asking import Asking
from palikit.train import OptimConfig, train
from palikit.train.world import World, open_world
from palikit.tuning import FineTune, Method
from palikit.tuning.run import prepare_run

STEPS, STOP = 3, 2


class StoppedError(Exception):
    """Stands for a kill, of all processes."""


@dataclass(frozen=True)
class Until:
    """A run's batches, which end before their time."""

    batch: Any

    def __call__(self, step: int) -> Any:
        if step >= STOP:
            raise StoppedError
        return self.batch(step)

    def share(self, rank: int, size: int) -> Callable[[int], Any]:
        return Until(self.batch.share(rank, size))


def configs(labels: str) -> dict[str, FineTune]:
    """A run of each method; three rows a part, which neither two nor four can share evenly."""
    lora = FineTune(
        data=(labels,),
        asking=Asking(task="detect"),
        method=Method(rank=4),
        optim=OptimConfig(lr=1e-3, warmup=0.0),
        steps=STEPS,
        batch_size=3,
        workers=0,
        save_every=STOP,
        log_every=1,
        max_suffix=12,
    )
    return {
        "full": replace(
            lora,
            method=Method(kind="full", freeze=("embedding",), recompute=True),
            batch_size=6,
            accumulate=2,
        ),
        "lora": replace(
            lora, weighing="token", validation=(labels,), validate_every=STEPS, validate_limit=1
        ),
        "qlora": replace(lora, method=Method(kind="qlora", rank=4), cache_features=False),
    }


def tune(config: FineTune, folder: Path, world: World, *, stop: bool = False) -> Any:
    """A run, resumed where it is there already, or stopped between two saved steps."""
    with world.together():
        run = prepare_run(config, folder, world)
    if not stop:
        return train(run, folder, world)
    try:
        return train(replace(run, batch=Until(run.batch)), folder, world)
    except StoppedError:
        return None


def resume(config: FineTune, source: Path, folder: Path, world: World) -> None:
    """Go on with a copy of a run."""
    with world.together():
        if world.first:
            shutil.copytree(source, folder)
    tune(config, folder, world)


def main(folder: Path) -> None:
    faulthandler.dump_traceback_later(240, exit=True)
    world = open_world("cpu")
    runs = configs((folder / "labels").read_text())
    if world.size == 2:
        for name, config in runs.items():
            tune(config, folder / f"two-{name}", world)
        tune(runs["full"], folder / "two-stopped", world, stop=True)
        resume(runs["full"], folder / "two-stopped", folder / "two-to-two", world)
        resume(runs["full"], folder / "one-stopped", folder / "one-to-two", world)
    else:
        resume(runs["full"], folder / "two-stopped", folder / "two-to-four", world)
    (folder / f"rank-{world.rank}.json").write_text(json.dumps({}))
    world.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
