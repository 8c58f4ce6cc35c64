"""The mask codec that a command line names, for commands that need no model beside it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from palikit.codecs.masks import MaskCodec

__all__ = ["open_codec"]


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
