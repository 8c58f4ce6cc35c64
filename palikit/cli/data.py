"""`palikit data`: the table of commands about labels, each in a file `data_<command>.py`."""

from collections.abc import Callable
from typing import Any

import typer

from . import data_convert, data_lint, data_preview, data_scenes

__all__ = ["COMMANDS", "app"]

COMMANDS: tuple[tuple[Callable[..., Any], str], ...] = (
    (data_scenes.scenes, "palikit data scenes charts/ --world charts --count 1000 --val 100"),
    (data_convert.convert, "palikit data convert coco:instances.json train.jsonl --to jsonl"),
    (data_lint.lint, "palikit data lint coco:train.json coco:val.json --max-tokens 256"),
    (data_preview.preview, "palikit data preview coco:train.json --out page.html --count 24"),
)

app = typer.Typer(
    help="Convert, check and show labels.",
    epilog="Example: palikit data lint coco:instances.json",
    rich_markup_mode=None,
)
for command, example in COMMANDS:
    app.command(epilog=f"Example: {example}")(command)
