"""The mask codec that a command line names, for commands that need no model beside it."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from palikit.codecs.masks import MaskCodec

__all__ = ["Path", "open_codec"]

Path = Annotated[
    str | None, typer.Option(metavar="PATH", help="vae-oid.npz, where none lies beside them.")
]


def open_codec(model: str, path: str | None) -> "MaskCodec | None":
    """The codec at `path`, or else the one beside the model's weights; None where none is.

    Raises:
        CodecError: a file that is no mask codec.
        CheckpointError: no such model.
    """
    from palikit.codecs.masks import MaskCodec
    from palikit.weights.source import find

    if path is not None:
        return MaskCodec.load(path)
    found = find(model)
    beside = found.file("mask_codec.safetensors") or found.file("vae-oid.npz")
    return None if beside is None else MaskCodec.load(beside)
