"""The loop behind every verb: read pictures in batches, ask, print, go on past a broken one."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import typer

from palikit.errors import ImageError
from palikit.tasks import Task

from .drawing import Drawer
from .options import Options, as_decoding
from .pictures import Source, check_order, find
from .printing import show

if TYPE_CHECKING:
    import PIL.Image

    import palikit.engine

__all__ = ["ask_all", "load_engine", "progress"]

Asked = tuple[Source, "PIL.Image.Image"]


def ask_all(
    images: Sequence[str],
    task: Task,
    options: Options,
    *,
    words: str | None = None,
    out: str | None = None,
    refine: bool = False,
) -> None:
    """Ask one question of every picture and print the answers as they come.

    Args:
        words: what the user wrote behind the pictures.
        out: where regions are drawn to.
        refine: put box edges between the bins.

    Raises:
        typer.Exit: with code 1, at the end, when a picture could not be read.
    """
    if words is not None:
        check_order(words, "the words")
    sources = find(images)
    several = len(sources) > 1
    drawer = None if out is None else Drawer(out, several)
    decoding = as_decoding(options, refine=refine)
    engine: palikit.engine.Engine | None = None
    failed = 0
    with progress(len(sources)) as advance:
        for start in range(0, len(sources), options.batch_size):
            batch = sources[start : start + options.batch_size]
            readable = _read(batch)
            failed += len(batch) - len(readable)
            if readable:
                # Loaded late, so that a misspelt path is told at once.
                engine = engine or load_engine(options)
                requests = [(picture, task) for _, picture in readable]
                answers = engine.run(requests, decoding=decoding, batch_size=options.batch_size)
                for (source, picture), answer in zip(readable, answers, strict=True):
                    drawn = drawer.draw(source, picture, answer) if drawer else None
                    show(source.name, task, answer, drawn, as_json=options.json, several=several)
            advance(len(batch))
    if failed:
        raise typer.Exit(1)


def load_engine(options: Options) -> "palikit.engine.Engine":
    """What the options name."""
    from palikit.engine import load

    return load(
        options.model,
        device=options.device,
        dtype=options.dtype,
        quantize=cast(Any, options.quantize),  # a word that is no mode is refused there
        tokenizer=options.tokenizer,
        mask_codec=options.mask_codec,
        calibration=options.calibration,
        compile=options.compile,
    )


def _read(sources: Sequence[Source]) -> list[Asked]:
    """The pictures that can be read; the others are told of on stderr."""
    readable = []
    for source in sources:
        try:
            readable.append((source, source.read()))
        except ImageError as error:
            print(f"palikit: {error}", file=sys.stderr)
    return readable


@contextmanager
def progress(total: int, name: str = "pictures") -> Iterator[Callable[[int], None]]:
    """A bar on a terminal when there is more than one thing to do; nothing in a pipe."""
    if total < 2 or not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import Progress

    # Answers that go to a file or a pipe must not be caught by the bar's console.
    with Progress(
        console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()
    ) as bar:
        task = bar.add_task(name, total=total)
        yield lambda count: bar.advance(task, count)
