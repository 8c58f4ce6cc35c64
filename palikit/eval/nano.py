"""What nano is measured by: generated scenes that it never saw, one benchmark a task.

    palikit eval nano                  all of it, on 300 scenes
    palikit eval nano --limit 60       on the first 60
    palikit eval nano --split validation        on others, to choose or to calibrate by

How it is asked:

- `detect` and `segment` name every class that is in the scene and none that is not.
- One count is asked for every class in the scene and for one that is not there; one yes and one no
  about things; one background colour. Groups are the right answers.
- A caption, in English and in German, is read as phrases, "two dogs".
- The mask codec alone: every object's mask to codes and back, on 64 x 64 and in the picture. What
  `segment` can reach at most.

A scene follows from its number alone, so the questions about the first scenes are the same whatever
`--limit` says.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from statistics import fmean

import numpy as np
from PIL import Image

from palikit.coco import encode_rle
from palikit.codecs.masks import MaskCodec, mask_to_patch, paste_mask
from palikit.data.emoji_words import COLOUR_QUESTION, caption, count_question, presence_question
from palikit.data.emoji_world import KNOWN, TEST_SEED, Scene, scene
from palikit.data.pictures import BytesPicture
from palikit.data.records import Thing
from palikit.errors import UsageError
from palikit.eval.benchmarks.values import Benchmark, Item
from palikit.eval.found_masks import mask_iou

__all__ = [
    "SCENES",
    "VALIDATION_SEED",
    "CodecScores",
    "codec_scores",
    "held_out_scenes",
    "scene_items",
    "suite",
]

SCENES = 300
SIDE = 224
VALIDATION_SEED = 79
"""Of scenes to choose settings and fit calibrations by: neither trained on nor reported."""

SEEDS = {"test": TEST_SEED, "validation": VALIDATION_SEED}

TITLES = {
    "nano-detect": ("nano: detect, AP at IoU 0.5", "detection_ap50", 512),
    "nano-segment": ("nano: segment, mask IoU of found objects", "segmentation", 512),
    "nano-count": ("nano: how many", "count", 64),
    "nano-caption-en": ("nano: caption in English, F1 of objects", "object_f1", 64),
    "nano-caption-de": ("nano: caption in German, F1 of objects", "object_f1", 64),
    "nano-colour": ("nano: background colour", "exact", 64),
    "nano-presence": ("nano: is there a …", "exact", 64),
}
"""Name to title, metric and longest answer."""


def suite(scenes: int = SCENES, *, side: int = SIDE) -> list[Benchmark]:
    """One benchmark a task, over the first so many scenes.

    Raises:
        UsageError: fewer than one scene.
    """
    if scenes < 1:
        raise UsageError(f"{scenes} scenes were asked for: give 1 or more")
    return [
        Benchmark(
            name=name,
            title=title,
            split="test",
            text_length=longest,
            metric=metric,
            licence="palikit's own; the drawings: palikit/assets/emoji/LICENSE.md",
            fetch="",
            read=partial(_read, name, scenes, side),
        )
        for name, (title, metric, longest) in TITLES.items()
    ]


def _read(name: str, scenes: int, side: int, root: Path, *, split: str | None = None) -> list[Item]:
    chosen = split or "test"
    if chosen not in SEEDS:
        told = " or ".join(SEEDS)
        raise UsageError(f"nano's scenes have no split {split!r}: write --split {told}")
    return list(scene_items(scenes, side, SEEDS[chosen])[name])


@cache
def held_out_scenes(scenes: int, side: int = SIDE, seed: int = TEST_SEED) -> tuple[Scene, ...]:
    """The first scenes of the test set, or another; nothing is ever trained on them."""
    return tuple(scene(seed, i, side=side) for i in range(scenes))


@cache
def scene_items(scenes: int, side: int = SIDE, seed: int = TEST_SEED) -> dict[str, list[Item]]:
    """All questions, by the benchmark that they belong to."""
    rng = np.random.default_rng(seed)
    found: dict[str, list[Item]] = {name: [] for name in TITLES}
    for i, one in enumerate(held_out_scenes(scenes, side, seed)):
        for name, item in _items(one, i, rng):
            found[name].append(item)
    return found


def _items(one: Scene, index: int, rng: np.random.Generator) -> list[tuple[str, Item]]:
    """The questions about one scene; what is absent is drawn from `rng`."""
    counts = Counter(thing.key for thing in one.objects)
    present = _labels(one)
    absent = [str(key) for key in rng.permutation([key for key in KNOWN if key not in counts])]
    there = str(rng.choice(present))
    ask = _Asker(index, one)
    labels = " ; ".join(present)
    return [
        ("nano-detect", ask(f"detect {labels}", things=_things(one, masks=False))),
        ("nano-segment", ask(f"segment {labels}", things=_things(one, masks=True))),
        *(
            ("nano-count", ask(f"answer en {count_question(key)}", str(counts[key])))
            for key in (*present, absent[0])
        ),
        *(
            (f"nano-caption-{lang}", ask(f"caption {lang}", caption(one, lang), lang=lang))
            for lang in ("en", "de")
        ),
        ("nano-colour", ask(f"answer en {COLOUR_QUESTION}", one.background)),
        ("nano-presence", ask(f"answer en {presence_question(there)}", "yes")),
        ("nano-presence", ask(f"answer en {presence_question(absent[1])}", "no")),
    ]


class _Asker:
    """Makes the items of one scene."""

    def __init__(self, index: int, one: Scene) -> None:
        file = BytesIO()
        Image.fromarray(one.image).save(file, "PNG", compress_level=1)
        self.picture = BytesPicture(f"scene {index}", file.getvalue())
        self.index = index
        self.size = (one.image.shape[1], one.image.shape[0])

    def __call__(
        self, prefix: str, right: str = "", *, things: tuple[Thing, ...] = (), lang: str = ""
    ) -> Item:
        return Item(
            id=f"{self.index}: {prefix}",
            pictures=(self.picture,),
            prefix=prefix,
            references=(right,) if right else (),
            things=things,
            group="" if lang else right,
            extra={"lang": lang} if lang else {},
            size=self.size,
        )


def _labels(one: Scene) -> list[str]:
    """Every class of a scene once, the leftmost first."""
    things = sorted(one.objects, key=lambda thing: thing.box.x1 + thing.box.x2)
    return list(dict.fromkeys(thing.key for thing in things))


def _things(one: Scene, *, masks: bool) -> tuple[Thing, ...]:
    return tuple(
        Thing(thing.key, thing.box, rle=encode_rle(thing.mask) if masks else None)
        for thing in one.objects
    )


@dataclass(frozen=True, slots=True)
class CodecScores:
    """Mean IoU of masks with themselves after sixteen codes, from 0 to 1.

    Attributes:
        on_patch: on the codec's own 64 x 64.
        in_picture: in the scene.
    """

    on_patch: float
    in_picture: float

    def sentence(self) -> str:
        """For a report."""
        return (
            f"the mask codec alone: mean IoU {self.in_picture:.3f} in the picture, "
            f"{self.on_patch:.3f} on its own 64 x 64"
        )


def codec_scores(codec: MaskCodec, scenes: Sequence[Scene]) -> CodecScores:
    """Every object's mask to codes and back."""
    import torch

    on_patch: list[float] = []
    in_picture: list[float] = []
    for one in scenes:
        size = (one.image.shape[1], one.image.shape[0])
        patches = torch.stack([mask_to_patch(thing.mask, thing.box) for thing in one.objects])
        again = codec.decode(codec.encode(patches))
        for thing, patch, told in zip(one.objects, patches, again, strict=True):
            on_patch.append(mask_iou((patch > 0.5).numpy(), (told > 0).numpy()))
            in_picture.append(mask_iou(thing.mask, paste_mask(told, thing.box, size)))
    return CodecScores(fmean(on_patch), fmean(in_picture))
