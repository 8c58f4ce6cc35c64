"""Generated emoji scenes as files: pictures, and their labels as COCO writes them.

write_scenes(Path("scenes"), classes=NEW, count=300, seed=7)
scenes/images/000000.png …, scenes/instances.json        boxes and polygons
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from palikit.results import Region, Regions

from .emoji_world import Scene, scene

__all__ = ["write_scenes"]


def write_scenes(
    folder: Path,
    *,
    classes: Sequence[str],
    count: int,
    seed: int,
    side: int = 112,
    shown: Callable[[int], None] = lambda done: None,
) -> Path:
    """Write `count` scenes and return the label file; the same seed gives the same scenes."""
    pictures = folder / "images"
    pictures.mkdir(parents=True, exist_ok=True)
    ids = {name: i + 1 for i, name in enumerate(classes)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index in range(count):
        one = scene(seed, index, side=side, classes=classes)
        name = f"{index:06d}.png"
        Image.fromarray(one.image).save(pictures / name)
        images.append({"id": index, "file_name": name, "width": side, "height": side})
        annotations += _regions(one, side).to_coco(
            image_id=index, category_ids=ids, masks="polygon"
        )
        shown(index + 1)
    labels = {
        "images": images,
        "annotations": [{"id": i + 1, **one} for i, one in enumerate(annotations)],
        "categories": [{"id": number, "name": name} for name, number in ids.items()],
    }
    path = folder / "instances.json"
    path.write_text(json.dumps(labels))
    return path


def _regions(one: Scene, side: int) -> Regions:
    regions = tuple(Region(thing.key, thing.box, mask=thing.mask) for thing in one.objects)
    return Regions(regions, size=(side, side))
