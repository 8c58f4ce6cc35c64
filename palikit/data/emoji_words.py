"""What can be said and asked about a generated scene, in PaliGemma's prompt forms.

    detect cat ; dog                          <loc0213>… cat ; <loc0540>… cat ; <loc0102>… dog
    caption en                                a cat and two dogs on a blue background
    caption de                                eine Katze und zwei Hunde auf blauem Hintergrund
    answer en how many cats?                  2
    answer en what colour is the background?  blue
    answer en is there a dog?                 yes

Objects of one label are told from left to right; labels in the order of the prompt. Nothing found
is an empty answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from palikit.codecs.boxes import encode_box
from palikit.codecs.text import format_region, join_regions
from palikit.errors import UsageError
from palikit.results import Region

from .emoji_world import KNOWN, NAMES, Scene, SceneObject

__all__ = [
    "COLOUR_QUESTION",
    "KINDS",
    "Phrase",
    "caption",
    "count_question",
    "phrase",
    "presence_question",
]

KINDS = ("detect", "segment", "count", "colour", "presence", "caption en", "caption de")
"""What `phrase` can make."""

COLOUR_QUESTION = "what colour is the background?"

_NUMBERS = {
    "en": ("", "a", "two", "three", "four", "five"),
    "de": ("", "ein", "zwei", "drei", "vier", "fünf"),
}
_GERMAN_COLOURS = {
    "red": "rotem",
    "orange": "orangem",
    "yellow": "gelbem",
    "green": "grünem",
    "blue": "blauem",
    "purple": "violettem",
    "gray": "grauem",
    "white": "weißem",
}


@dataclass(frozen=True, slots=True)
class Phrase:
    """A prompt about a scene and its right answer.

    Attributes:
        suffix: the answer, where it holds no regions.
        regions: what is told of, in order, with boxes and masks.
        with_masks: the answer tells the masks too.
        size: (width, height) of the scene.
    """

    prefix: str
    suffix: str = ""
    regions: tuple[Region, ...] = ()
    with_masks: bool = False
    size: tuple[int, int] = (0, 0)

    def suffix_with(self, codes: Sequence[Sequence[int]] = ()) -> str:
        """The answer, the mask of region i told by `codes[i]` where the phrase has masks."""
        if not self.regions:
            return self.suffix
        told = [tuple(row) for row in codes] if self.with_masks else [None] * len(self.regions)
        return join_regions(
            [
                format_region(encode_box(region.box, self.size), region.label, code)
                for region, code in zip(self.regions, told, strict=True)
            ]
        )


def phrase(scene: Scene, rng: np.random.Generator, mixture: Mapping[str, float]) -> Phrase:
    """One prompt and its answer, its kind drawn by the weights of `mixture`.

    Raises:
        UsageError: a mixture that is empty, or that names something other than KINDS.
    """
    if not mixture or not mixture.keys() <= set(KINDS):
        raise UsageError(f"mixture={dict(mixture)} must weigh one or more of {', '.join(KINDS)}")
    kinds = list(mixture)
    weights = np.array([mixture[kind] for kind in kinds], float)
    kind = kinds[rng.choice(len(kinds), p=weights / weights.sum())]
    if kind in ("detect", "segment"):
        return _regions(scene, rng, kind)
    if kind == "count":
        key = _pick(scene, rng, present=0.8)
        count = sum(thing.key == key for thing in scene.objects)
        return Phrase(f"answer en {count_question(key)}", str(count))
    if kind == "presence":
        key = _pick(scene, rng, present=0.5)
        there = any(thing.key == key for thing in scene.objects)
        return Phrase(f"answer en {presence_question(key)}", "yes" if there else "no")
    if kind == "colour":
        return Phrase(f"answer en {COLOUR_QUESTION}", scene.background)
    lang = kind.removeprefix("caption ")
    return Phrase(kind, caption(scene, lang))


def count_question(key: str) -> str:
    """`how many cats?`"""
    return f"how many {NAMES[key].plural}?"


def presence_question(key: str) -> str:
    """`is there a cat?`"""
    return f"is there {_article(key)} {key}?"


def caption(scene: Scene, lang: str) -> str:
    """All objects, the leftmost kind first, and the background; `en` or `de`.

    Raises:
        UsageError: another language.
    """
    if lang not in _NUMBERS:
        raise UsageError(f"lang={lang!r} is not spoken here: write 'en' or 'de'")
    counts: dict[str, int] = {}
    for thing in _left_to_right(scene.objects):
        counts[thing.key] = counts.get(thing.key, 0) + 1
    told = [_count_phrase(key, count, lang) for key, count in counts.items()]
    joint = {"en": "and", "de": "und"}[lang]
    things = f" {joint} ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)
    if lang == "de":
        return f"{things} auf {_GERMAN_COLOURS[scene.background]} Hintergrund"
    article = "an" if scene.background[0] in "aeiou" else "a"
    return f"{things} on {article} {scene.background} background"


def _count_phrase(key: str, count: int, lang: str) -> str:
    names = NAMES[key]
    if lang == "de":
        number = "eine" if count == 1 and names.german_feminine else _NUMBERS["de"][count]
        return f"{number} {names.german if count == 1 else names.german_plural}"
    number = _article(key) if count == 1 else _NUMBERS["en"][count]
    return f"{number} {key if count == 1 else names.plural}"


def _article(key: str) -> str:
    return "an" if key[0] in "aeiou" else "a"


def _regions(scene: Scene, rng: np.random.Generator, kind: str) -> Phrase:
    side = scene.image.shape[0]
    labels = _labels(scene, rng)
    told = [
        Region(label, thing.box, mask=thing.mask if kind == "segment" else None)
        for label in labels
        for thing in _left_to_right(scene.objects)
        if thing.key == label
    ]
    return Phrase(
        f"{kind} {' ; '.join(labels)}",
        regions=tuple(told),
        with_masks=kind == "segment",
        size=(side, side),
    )


def _labels(scene: Scene, rng: np.random.Generator) -> list[str]:
    """Mostly all that is there, sometimes a part of it, something absent as well, or only that."""
    present = sorted({thing.key for thing in scene.objects})
    rng.shuffle(present)
    draw = rng.random()
    if draw < 0.03:
        return [_absent(scene, rng)]
    if draw < 0.35:
        present = present[: rng.integers(1, len(present) + 1)]
    if draw > 0.85:
        present.insert(int(rng.integers(len(present) + 1)), _absent(scene, rng))
    return present


def _pick(scene: Scene, rng: np.random.Generator, present: float) -> str:
    if rng.random() < present:
        return scene.objects[rng.integers(len(scene.objects))].key
    return _absent(scene, rng)


def _absent(scene: Scene, rng: np.random.Generator) -> str:
    there = {thing.key for thing in scene.objects}
    return str(rng.choice([key for key in KNOWN if key not in there]))


def _left_to_right(objects: Sequence[SceneObject]) -> list[SceneObject]:
    return sorted(objects, key=lambda thing: thing.box.x1 + thing.box.x2)
