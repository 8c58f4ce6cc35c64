"""`palikit models`: what can be loaded, and what to type for it."""

import json as json_module
from importlib.resources import files
from typing import Annotated, TypeAlias

import typer

from palikit.config import PRESETS, PaliGemmaConfig

__all__ = ["models"]

Row: TypeAlias = dict[str, str | int]


def models(
    json: Annotated[bool, typer.Option("--json", help="One line of JSON for each.")] = False,
) -> None:
    """What can be loaded: nano and the published sizes.

    The last column is what --model takes. Where it says pt (pretrained), mix is the checkpoint that
    can be asked at once, such as google/paligemma2-3b-mix-448. Both need an account that has
    accepted the Gemma licence; a folder or an .npz file on this machine needs none.
    """
    rows = [_embedded(), *(_published(name, config) for name, config in PRESETS.items())]
    if not json:
        print(_line({key: key.replace("_", " ") for key in rows[0]}))
    for row in rows:
        print(json_module.dumps(row) if json else _line(row))


def _embedded() -> Row:
    # Read as a file, since building its configuration would import torch.
    with (files("palikit.assets.nano") / "config.json").open(encoding="utf-8") as file:
        config = json_module.load(file)
    vision, text = config["vision_config"], config["text_config"]
    side, patch = vision["image_size"], vision["patch_size"]
    return {
        "name": "nano",
        "image_side": side,
        "image_tokens": (side // patch) ** 2,
        "decoder_layers": text["num_hidden_layers"],
        "decoder_width": text["hidden_size"],
        "model": "nano",
    }


def _published(name: str, config: PaliGemmaConfig) -> Row:
    family, side = name.rsplit("-", 1)
    return {
        "name": name,
        "image_side": config.vision.image_size,
        "image_tokens": config.tokens_per_image,
        "decoder_layers": config.text.depth,
        "decoder_width": config.text.width,
        "model": f"google/{family}-pt-{side}",
    }


def _line(row: Row) -> str:
    name, *numbers, model = row.values()
    return f"{name:<20}" + "".join(f"{number:>15}" for number in numbers) + f"  {model}"
