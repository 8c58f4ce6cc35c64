"""`palikit quantize`: a checkpoint's weights in a byte or half a byte each, as a folder."""

from typing import Annotated

import typer

__all__ = ["quantize"]


def quantize(
    source: Annotated[
        str, typer.Argument(metavar="SRC", help="nano, a Hugging Face id or a folder.")
    ],
    folder: Annotated[str, typer.Argument(metavar="DST", help="The folder to write.")],
    mode: Annotated[
        str, typer.Option(help="int8, or int4 for the decoder and int8 elsewhere.")
    ] = "int8",
) -> None:
    """Write a checkpoint with quantised weights, to load in seconds.

    Every command takes the folder as --model. Only palikit opens it; the original stays as it is.
    """
    from palikit.engine.quantized import quantize_folder

    quantize_folder(source, folder, mode)
