"""`palikit data scenes`: generated pictures with labels, to try everything else with."""

from pathlib import Path
from typing import Annotated

import typer

from palikit.errors import UsageError

__all__ = ["scenes"]

World = Annotated[
    str, typer.Option(help="emoji, or charts, words, molecules, tables, music: drawn by renderers.")
]


def scenes(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write them.")],
    world: World = "emoji",
    count: Annotated[int, typer.Option(help="Scenes to make.")] = 300,
    val: Annotated[int, typer.Option(help="More of them, as DIR/val.jsonl; not of emoji.")] = 0,
    classes: Annotated[
        str, typer.Option(help="known (nano's), new (nano never saw them), or names: 'cat;dog'.")
    ] = "new",
    seed: Annotated[int, typer.Option(help="Another seed gives other scenes.")] = 1,
    side: Annotated[int, typer.Option(help="Side of the square pictures, in pixels.")] = 112,
) -> None:
    """Make scenes of emoji with COCO labels, or pictures of a rendered world with JSON lines.

    Emoji come with boxes and polygons in DIR/instances.json. Charts come with questions, words with
    their places, molecules with SMILES, tables with HTML and music with **kern, in DIR/train.jsonl;
    each needs its renderer: pip install 'palikit[scenes]'.
    """
    if count < 1 or val < 0:
        raise UsageError(f"--count {count} --val {val} makes nothing: give 1 or more")
    if world != "emoji":
        from palikit.data.rendered import write_world

        from .running import progress

        with progress(count + val, world) as advance:
            paths = write_world(
                folder, world, count=count, held_out=val, seed=seed, side=side, shown=advance
            )
        print(*paths, sep="\n")
        return
    from palikit.data.emoji_world import KNOWN, NEW
    from palikit.data.scene_files import write_scenes

    named = {"known": KNOWN, "new": NEW}
    chosen = named.get(classes) or tuple(name.strip() for name in classes.split(";"))
    print(write_scenes(folder, classes=chosen, count=count, seed=seed, side=side))
