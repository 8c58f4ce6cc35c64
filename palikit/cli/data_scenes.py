"""`palikit data scenes`: generated pictures with labels, to try everything else with."""

from pathlib import Path
from typing import Annotated

import typer

from palikit.errors import UsageError

__all__ = ["scenes"]


def scenes(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write them.")],
    count: Annotated[int, typer.Option(help="Scenes to make.")] = 300,
    classes: Annotated[
        str, typer.Option(help="known (nano's), new (nano never saw them), or names: 'cat;dog'.")
    ] = "new",
    seed: Annotated[int, typer.Option(help="Another seed gives other scenes.")] = 1,
    side: Annotated[int, typer.Option(help="Side of the square pictures, in pixels.")] = 112,
) -> None:
    """Make scenes of emoji, with COCO labels (boxes and polygons) in DIR/instances.json."""
    from palikit.data.emoji_world import KNOWN, NEW
    from palikit.data.scene_files import write_scenes

    if count < 1:
        raise UsageError(f"--count {count} makes nothing: give 1 or more")
    named = {"known": KNOWN, "new": NEW}
    chosen = named.get(classes) or tuple(name.strip() for name in classes.split(";"))
    print(write_scenes(folder, classes=chosen, count=count, seed=seed, side=side))
