"""`palikit train`: a recipe, or labels and a task, to a better checkpoint."""

import importlib.util
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from palikit.errors import UsageError

__all__ = ["train"]


Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[RECIPE] [KEY=VALUE]...",
        help="A recipe file or a name of --list, and settings to change: size=10b "
        "resolution=448 root=data/docvqa lr=1e-4 steps=300 rank=8 batch_size=32.",
    ),
]
Data = Annotated[
    list[str] | None,
    typer.Option(
        help="Labels to learn from, FORMAT:PATH, such as coco:train.json; repeatable. A "
        "benchmark's: benchmark:docvqa:data/docvqa,split=train."
    ),
]
Val = Annotated[
    list[str] | None,
    typer.Option(
        help="Labels that are measured, not learned; repeatable. Or one benchmark, whose own "
        "number chooses the best step: benchmark:docvqa:data/docvqa."
    ),
]


def train(
    words: Words = None,
    data: Data = None,
    val: Val = None,
    task: Annotated[
        str | None, typer.Option(help="detect, segment, caption, answer, ...; else as labelled.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="nano, a folder or a hub id.")] = None,
    method: Annotated[str | None, typer.Option(help="full, lora or qlora.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The run's folder; a run that is there goes on.")
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="The published transfers; with a name, all about it.")
    ] = False,
) -> None:
    """Fine-tune a checkpoint on your own labels.

    A run that was stopped goes on when the same command is given again. What it has learned is in
    OUT/model, which every other command takes as --model.
    """
    recipe, settings = _split(words or [])
    if list_:
        from .transfers import list_transfers

        list_transfers(recipe)
        return
    config = _configure(recipe, settings, data, val, task, model, method)
    folder = out or Path("runs") / getattr(config, "name", "tuned")
    from palikit.train import TrainConfig
    from palikit.train import train as run_recipe
    from palikit.train.world import is_first
    from palikit.tuning import fine_tune

    if isinstance(config, TrainConfig):
        run_recipe(config, folder)
    else:
        fine_tune(config, folder)
    if is_first():
        print(folder / "model")


def _split(words: list[str]) -> tuple[str | None, list[str]]:
    if words and "=" not in words[0]:
        return words[0], words[1:]
    return None, words


def _configure(
    recipe: str | None,
    settings: list[str],
    data: list[str] | None,
    val: list[str] | None,
    task: str | None,
    model: str | None,
    method: str | None,
) -> Any:
    from palikit.tuning import FineTune
    from palikit.tuning.overrides import call_recipe, with_overrides

    named = {"asking.task": task, "model": model, "method.kind": method}
    flags = [f"{key}={value}" for key, value in named.items() if value is not None]
    sources = {"data": tuple(data or ()), "validation": tuple(val or ())}
    given: dict[str, Any] = {key: value for key, value in sources.items() if value}
    if recipe is None:
        if "data" not in given:
            raise UsageError(
                "there is nothing to learn from: write palikit train --data coco:train.json "
                "--task detect, or name a recipe"
            )
        return with_overrides(FineTune(**given), [*flags, *settings])
    config, settings = call_recipe(_load(recipe), settings)
    if given:
        from dataclasses import replace

        config = replace(config, **given)
    return with_overrides(config, [*flags, *settings])


def _load(name: str) -> Callable[..., Any]:
    """A transfer, or the function `recipe` of a Python file, which is run: as trusted as any."""
    from palikit.tuning.transfers import TRANSFERS, transfer

    if name in TRANSFERS:
        return partial(transfer, name)
    path = Path(name)
    if path.suffix != ".py" or not path.is_file():
        raise UsageError(
            f"{path} is no recipe: give a Python file with a function recipe(), or a name of "
            "palikit train --list"
        )
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # so that what it makes can be sent to worker processes
    spec.loader.exec_module(module)
    found = getattr(module, "recipe", None)
    if not callable(found):
        raise UsageError(f"{path} has no function recipe() that returns a configuration")
    return found
