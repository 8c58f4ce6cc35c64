"""What a model reaches on the 300 generated scenes that nano is measured by.

    python bench/nano_scenes.py                                  # the embedded nano, all scenes
    python bench/nano_scenes.py --source runs/nano/model --limit 50
    python bench/nano_scenes.py --json > scores.json

How it is asked, and what the numbers are:

- `detect` and `segment` name every class that is in the scene and none that is not. AP is COCO's,
  over boxes, with the score of each region; mask IoU is the mean over found objects, where found
  means: a region of the same label whose box has an IoU of 0.5 or more, best pairs first, each
  region and object used once. A found object without a mask counts as 0.
- One count is asked for every class in the scene and for one that is not there; one yes and one no
  about things; one background colour.
- The mask codec alone: every object's mask to codes and back, on 64 x 64 and in the picture.
- A caption is read as phrases, "two dogs", each right or wrong as a whole; F1 over all scenes.

Beside each accuracy stands what one gets by always giving the most frequent right answer.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import palikit as pk
from palikit.codecs.masks import mask_to_patch, paste_mask
from palikit.data.emoji_words import COLOUR_QUESTION, caption, count_question, presence_question
from palikit.data.emoji_world import KNOWN, TEST_SEED, Scene, SceneObject, scene

SCENES = 300
LANGUAGES = ("en", "de")
JOINTS = {"en": (" on ", " and "), "de": (" auf ", " und ")}
"""What stands before the background, and before the last thing."""

MATCH = 0.5


@dataclass(frozen=True, slots=True)
class Question:
    """A question with one right answer, and the group that it is counted in."""

    group: str
    words: str
    right: str


def labels_of(one: Scene) -> list[str]:
    """Every class of a scene once, the leftmost first."""
    things = sorted(one.objects, key=lambda thing: thing.box.x1 + thing.box.x2)
    return list(dict.fromkeys(thing.key for thing in things))


def questions_of(one: Scene, rng: np.random.Generator) -> list[Question]:
    """What is asked of one scene in words."""
    counts = Counter(thing.key for thing in one.objects)
    present = labels_of(one)
    absent = [str(key) for key in rng.permutation([key for key in KNOWN if key not in counts])]
    asked = [*present, absent[0]]
    there = str(rng.choice(present))
    return [
        *(Question("count", count_question(key), str(counts[key])) for key in asked),
        Question("background", COLOUR_QUESTION, one.background),
        Question("presence", presence_question(there), "yes"),
        Question("presence", presence_question(absent[1]), "no"),
    ]


def average_precision(truth: Sequence[Scene], found: Sequence[pk.Regions]) -> dict[str, float]:
    """COCO's AP (IoU 0.50 to 0.95) and AP50 of boxes, a mean over the classes that occur."""
    from faster_coco_eval import COCO, COCOeval_faster

    numbers = {key: i + 1 for i, key in enumerate(KNOWN)}
    sizes = [one.image.shape[:2] for one in truth]
    right = [
        {"image_id": i, "category_id": numbers[thing.key], "bbox": list(thing.box.xywh)}
        | {"area": thing.box.area, "iscrowd": 0}
        for i, one in enumerate(truth)
        for thing in one.objects
    ]
    # A label that is no class of ours has no right boxes, so COCO would leave it out as well.
    told = [
        {"image_id": i, "category_id": numbers[region.label], "bbox": list(region.box.xywh)}
        | {"score": 1.0 if region.score is None else region.score}
        for i, regions in enumerate(found)
        for region in regions
        if region.label in numbers
    ]
    if not told:
        return {"ap": 0.0, "ap50": 0.0}
    dataset = {
        "images": [{"id": i, "height": h, "width": w} for i, (h, w) in enumerate(sizes)],
        "annotations": [{"id": i + 1, **row} for i, row in enumerate(right)],
        "categories": [{"id": number, "name": key} for key, number in numbers.items()],
    }
    ground = COCO(dataset)
    scored = COCOeval_faster(ground, ground.loadRes(told), iouType="bbox")
    scored.run()
    return {"ap": float(scored.stats[0]), "ap50": float(scored.stats[1])}


def match(objects: Sequence[SceneObject], regions: Iterable[pk.Region]) -> list[tuple[int, int]]:
    """Pairs (object, region) of one label with a box IoU of 0.5 or more, the best pairs first."""
    pairs = [
        (thing.box.iou(region.box), i, j)
        for i, thing in enumerate(objects)
        for j, region in enumerate(regions)
        if thing.key == region.label
    ]
    chosen: list[tuple[int, int]] = []
    for iou, i, j in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if iou >= MATCH and all(i != a and j != b for a, b in chosen):
            chosen.append((i, j))
    return chosen


def mask_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Shared pixels over joint pixels; 0 for two empty masks."""
    joint = np.logical_or(a, b).sum()
    return float(np.logical_and(a, b).sum() / joint) if joint else 0.0


def segmentation(truth: Sequence[Scene], found: Sequence[pk.Regions]) -> dict[str, float]:
    """Mean mask IoU of the objects that were found and of all, and the shares found and right.

    `found` is recall, `right` is precision: regions that are the match of an object.
    """
    ious: list[float] = []
    for one, regions in zip(truth, found, strict=True):
        for i, j in match(one.objects, regions):
            mask = regions[j].mask
            ious.append(0.0 if mask is None else mask_iou(one.objects[i].mask, mask))
    objects = sum(len(one.objects) for one in truth)
    told = sum(len(regions) for regions in found)
    return {
        "miou_found": _ratio(sum(ious), len(ious)),
        "miou_all": _ratio(sum(ious), objects),
        "found": _ratio(len(ious), objects),
        "right": _ratio(len(ious), told),
    }


def codec_scores(codec: pk.MaskCodec, truth: Sequence[Scene]) -> dict[str, float]:
    """Mean IoU of every object's mask with itself after sixteen codes: what `segment` can reach."""
    things = [thing for one in truth for thing in one.objects]
    patches = torch.stack([mask_to_patch(thing.mask, thing.box) for thing in things])
    again = codec.decode(codec.encode(patches)).numpy()
    sides = [one.image.shape[:2][::-1] for one in truth for _ in one.objects]
    inside = zip(things, patches.numpy() > 0.5, again > 0, strict=True)
    patch_ious = [mask_iou(patch, told) for _, patch, told in inside]
    pasted = [
        mask_iou(thing.mask, paste_mask(torch.from_numpy(told), thing.box, side))
        for thing, told, side in zip(things, again, sides, strict=True)
    ]
    return {
        "iou_64": _ratio(sum(patch_ious), len(things)),
        "iou_picture": _ratio(sum(pasted), len(things)),
    }


def accuracy(right: Sequence[str], said: Sequence[str]) -> dict[str, float]:
    """The share of exact answers, `by` right answer too, and what always saying one would get."""
    hits = Counter(a for a, b in zip(right, said, strict=True) if a == b.strip())
    total = Counter(right)
    by = {f"by {answer}": _ratio(hits[answer], total[answer]) for answer in sorted(total)}
    best = max(total.values(), default=0)
    return {
        "accuracy": _ratio(hits.total(), len(right)),
        "one_answer": _ratio(best, len(right)),
        **by,
    }


def things_told(text: str, lang: str) -> Counter[str]:
    """`a cat and two dogs on a blue background` as the phrases `a cat` and `two dogs`."""
    ground, joint = JOINTS[lang]
    things = text.strip().rsplit(ground, 1)[0]
    pieces = [piece.strip() for part in things.split(", ") for piece in part.split(joint)]
    return Counter(piece for piece in pieces if piece)


def caption_scores(right: Sequence[str], said: Sequence[str], lang: str) -> dict[str, float]:
    """F1 of the phrases, precision and recall of them, and the share of captions without a slip."""
    wanted = [things_told(text, lang) for text in right]
    told = [things_told(text, lang) for text in said]
    hits = sum((a & b).total() for a, b in zip(wanted, told, strict=True))
    in_right, in_said = sum(a.total() for a in wanted), sum(b.total() for b in told)
    exact = sum(a == b.strip() for a, b in zip(right, said, strict=True))
    return {
        "f1": _ratio(2 * hits, in_right + in_said),
        "precision": _ratio(hits, in_said),
        "recall": _ratio(hits, in_right),
        "exact": _ratio(exact, len(right)),
    }


def measure(vlm: pk.Engine, scenes: Sequence[Scene], batch_size: int = 16) -> dict[str, Any]:
    """Ask everything of every scene. The vision tower sees each picture once."""
    start = time.perf_counter()
    seen = [vlm.look(one.image) for one in scenes]

    def ask(tasks: Sequence[Any], of: Sequence[int]) -> list[Any]:
        requests = [(seen[i], task) for i, task in zip(of, tasks, strict=True)]
        return vlm.run(requests, batch_size=batch_size)

    every = range(len(scenes))
    labels = [labels_of(one) for one in scenes]
    rng = np.random.default_rng(TEST_SEED)
    asked = [(i, question) for i in every for question in questions_of(scenes[i], rng)]
    boxes = ask([pk.Detect(names) for names in labels], every)
    masks = ask([pk.Segment(names) for names in labels], every)
    said = ask([pk.Answer(question.words) for _, question in asked], [i for i, _ in asked])
    scores: dict[str, Any] = {
        "scenes": len(scenes),
        "detect": average_precision(scenes, boxes) | _shares(scenes, boxes),
        "segment": segmentation(scenes, masks),
    }
    if vlm.mask_codec is not None:
        scores["mask codec"] = codec_scores(vlm.mask_codec, scenes)
    for group in ("count", "background", "presence"):
        of_group = [i for i, (_, question) in enumerate(asked) if question.group == group]
        right = [asked[i][1].right for i in of_group]
        scores[group] = accuracy(right, [said[i].text for i in of_group])
    for lang in LANGUAGES:
        told = ask([pk.Caption(lang=lang)] * len(scenes), every)
        right = [caption(one, lang) for one in scenes]
        scores[f"caption {lang}"] = caption_scores(right, [one.text for one in told], lang)
    scores["unparsed"] = sum(bool(one.unparsed) for one in [*boxes, *masks])
    scores["seconds"] = round(time.perf_counter() - start, 1)
    return scores


def table(scores: dict[str, Any]) -> str:
    """One line a number."""
    lines = [f"{scores['scenes']} scenes in {scores['seconds']} s"]
    for group, values in scores.items():
        if isinstance(values, dict):
            lines += [f"{group:<12}{name:<14}{value:.3f}" for name, value in values.items()]
    lines.append(f"answers with an unparsed rest: {scores['unparsed']}")
    return "\n".join(lines)


def _shares(truth: Sequence[Scene], found: Sequence[pk.Regions]) -> dict[str, float]:
    values = segmentation(truth, found)
    return {name: values[name] for name in ("found", "right")}


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", default="nano", help="what palikit.load takes")
    parser.add_argument("--limit", type=int, default=SCENES, help="only the first so many scenes")
    parser.add_argument("--side", type=int, default=224, help="side of a scene in pixels")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    args = parser.parse_args()
    scenes = [scene(TEST_SEED, i, side=args.side) for i in range(args.limit)]
    try:
        scores = measure(pk.load(args.source, device=args.device), scenes, args.batch_size)
    except pk.PalikitError as error:
        sys.exit(f"{parser.prog}: {error}")
    print(json.dumps(scores, indent=1) if args.json else table(scores))


if __name__ == "__main__":
    main()
