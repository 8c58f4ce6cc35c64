"""`palikit merge`: adapters into the weights that they change."""

from typing import Annotated

import typer

__all__ = ["merge"]


def merge(
    source: Annotated[
        str, typer.Argument(metavar="ADAPTERS", help="A folder that palikit train or peft wrote.")
    ],
    folder: Annotated[str, typer.Argument(metavar="DST", help="The checkpoint folder to write.")],
) -> None:
    """Write adapters and their base as one checkpoint.

    Both are compared on a random picture first; what any rounding moved is printed.
    """
    from palikit.engine.merging import merge_folder

    print(f"{folder}: scores moved by {merge_folder(source, folder):.2g} of the largest")
