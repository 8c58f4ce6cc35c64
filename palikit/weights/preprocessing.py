"""How a checkpoint wants its pictures resized: data of the checkpoint, not a guess."""

from pathlib import Path
from typing import Literal

from palikit.errors import CheckpointError

from .source import Source, find, read_json

__all__ = ["Resample", "load_resample"]

Resample = Literal["bicubic", "bilinear", "reference"]
_PIL: dict[int, Resample] = {2: "bilinear", 3: "bicubic"}


def load_resample(source: str | Path | Source) -> Resample:
    """The filter: what `preprocessor_config.json` names, or the reference's for its own `.npz`.

    Raises:
        CheckpointError: the file asks for something that PaliGemma's towers were not trained with.
    """
    found = source if isinstance(source, Source) else find(source)
    if found.kind == "npz":
        return "reference"
    # Newer versions of transformers write one file for the tokenizer's and the images' settings.
    path = found.file("preprocessor_config.json") or found.file("processor_config.json")
    if path is None:
        return "bicubic"
    raw = read_json(path)
    try:
        raw = raw.get("image_processor", raw)
        resample = int(raw.get("resample", 3))
        mean, std = raw.get("image_mean", [0.5] * 3), raw.get("image_std", [0.5] * 3)
    except (ValueError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} is not readable ({error}): download it again") from error
    if resample not in _PIL or list(mean) != [0.5] * 3 or list(std) != [0.5] * 3:
        raise CheckpointError(
            f"{path} asks for resample {resample}, mean {mean} and std {std}; "
            "PaliGemma's pictures are resized by 2 or 3 to mean and std 0.5"
        )
    return _PIL[resample]
