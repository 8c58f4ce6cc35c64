"""How well a model does on records that it does not learn from, by the metric of their task.

    detect      ap50, ap, and how much of what is there is found (ar100)
    segment     iou: mean over all things of the IoU of their masks, 0 for those not found; ap50
    answer      soft: min(1, n / 3) over the people's answers; exact: any of them
    others      similarity: 1 - edit distance over length; exact

Things are asked for by the classes that are there, or by all where training asks for all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from torch import nn

from palikit.codecs.masks import MaskCodec
from palikit.codecs.prompts import read_labels
from palikit.config import PaliGemmaConfig
from palikit.data.asking import Asked, AskFor, Asking, ask, kind_of
from palikit.data.pictures import open_picture
from palikit.data.records import Record
from palikit.engine import Engine
from palikit.errors import ImageError, UsageError
from palikit.eval import anls, any_match, detection_ap, exact_match, soft_match
from palikit.eval.run import Place
from palikit.inputs.processor import Processor
from palikit.model.paligemma import PaliGemma
from palikit.results import Region, Regions, Text
from palikit.tasks import Ask, Detect, Segment, Task

from .samples import save_samples

__all__ = ["METRICS", "Question", "Validator", "asked_at_once", "kind_of_all"]

SAMPLES, FOUND = 12, 0.5

PICTURE_TOKENS, MOST_AT_ONCE = 8192, 16


def asked_at_once(config: PaliGemmaConfig) -> int:
    """Questions that a validation asks together where nobody says: gradients and moments of the
    training stay in memory meanwhile, so fewer where a picture has more tokens."""
    return max(1, min(MOST_AT_ONCE, PICTURE_TOKENS // config.tokens_per_image))


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A record as it is asked, with what its labels say."""

    record: Record
    image: Image.Image
    asked: Asked
    task: Task

    @property
    def right(self) -> Regions:
        """The things asked for, with their masks."""
        regions = [
            Region(thing.label, thing.box, mask=thing.mask(self.image.size))
            for thing in self.asked.things
        ]
        return Regions(tuple(regions), size=self.image.size)


Answers = Sequence[Text | Regions]


def _detect(questions: Sequence[Question], answers: Answers) -> dict[str, float]:
    found = detection_ap(_regions(answers), [question.right for question in questions])
    return {name: found.values[name] for name in ("ap50", "ap", "ar100")}


def _segment(questions: Sequence[Question], answers: Answers) -> dict[str, float]:
    overlaps = [
        iou
        for question, answer in zip(questions, _regions(answers), strict=True)
        for iou in _mask_overlaps(answer, question.right)
    ]
    return {"iou": float(np.mean(overlaps)) if overlaps else 0.0, **_detect(questions, answers)}


def _answer(questions: Sequence[Question], answers: Answers) -> dict[str, float]:
    pairs = [(_words(a), q.record.answers) for q, a in zip(questions, answers, strict=True)]
    return {
        "soft": float(np.mean([soft_match(told, right) for told, right in pairs])),
        "exact": float(np.mean([any_match(told, right) for told, right in pairs])),
    }


def _text(questions: Sequence[Question], answers: Answers) -> dict[str, float]:
    pairs = [(_words(a), _right_texts(q)) for q, a in zip(questions, answers, strict=True)]
    similar = [anls(told, right, ignore_case=False) for told, right in pairs]
    exact = [max(exact_match(told, one) for one in right) for told, right in pairs]
    return {"similarity": float(np.mean(similar)), "exact": float(np.mean(exact))}


METRICS: dict[str, tuple[str, Callable[[Sequence[Question], Answers], dict[str, float]]]] = {
    "detect": ("ap50", _detect),
    "segment": ("iou", _segment),
    "answer": ("soft", _answer),
    "caption": ("similarity", _text),
    "describe": ("similarity", _text),
    "ocr": ("similarity", _text),
    "pair": ("exact", _text),
}
"""By the kind of task: the number that chooses the best step, and what is measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Validator:
    """Asks the model about every record and scores its answers; also keeps some as pictures."""

    records: Sequence[Record]
    asking: Asking
    classes: Sequence[str]
    processor: Processor
    codec: MaskCodec | None
    max_new_tokens: int
    batch_size: int = MOST_AT_ONCE

    def __call__(self, model: nn.Module, step: int, folder: Path) -> Mapping[str, float]:
        """Named numbers; `unread` counts pictures that could not be opened, where there are any."""
        assert isinstance(model, PaliGemma)
        engine = Engine(model, self.processor, self.codec)
        questions = [q for q in map(self._question, self.records) if q is not None]
        if not questions:
            raise UsageError("no validation picture could be opened: look with 'palikit data lint'")
        answers = engine.run(
            [(question.image, question.task) for question in questions],
            batch_size=self.batch_size,
        )
        save_samples(
            folder / "samples" / f"step-{step:06d}",
            [
                (q.image, q.task.prefix, answer)
                for q, answer in zip(questions, answers, strict=True)
            ][:SAMPLES],
        )
        _, measure = METRICS[kind_of_all(self.records, self.asking)]
        unread = len(self.records) - len(questions)
        return {**measure(questions, answers), **({"unread": float(unread)} if unread else {})}

    def _question(self, record: Record) -> Question | None:
        try:
            image = open_picture(record.pictures[0])
        except ImageError:
            return None
        labels: AskFor = "all" if self.asking.labels == "all" else "present"
        asking = replace(self.asking, labels=labels, order="file", noise=0)
        asked = ask(record, asking, self.classes, np.random.default_rng(0))
        return Question(record, image, asked, self._task(asked, record))

    def _task(self, asked: Asked, record: Record) -> Task:
        if not asked.is_regions:
            return Ask(asked.prefix, max_new_tokens=self.max_new_tokens)
        if _kind(record, self.asking) == "pair":
            return Place(asked.prefix, max_new_tokens=self.max_new_tokens)
        kind, _, words = asked.prefix.partition(" ")
        labels, limit = read_labels(words), self.max_new_tokens
        if kind == "segment":
            return Segment(labels, max_new_tokens=limit)
        return Detect(labels, noise=self.asking.noise, max_new_tokens=limit)


def _kind(record: Record, asking: Asking) -> str:
    return asking.task or kind_of(record)


def _measured_as(record: Record, asking: Asking) -> str:
    """A prompt of its own that things answer is measured as these are."""
    kind = _kind(record, asking)
    if kind != "pair" or record.suffix is not None or record.things is None:
        return kind
    masked = bool(record.things) and all(thing.has_mask for thing in record.things)
    return "segment" if masked else "detect"


def kind_of_all(records: Sequence[Record], asking: Asking) -> str:
    """The one kind of task that all records are for.

    Raises:
        UsageError: they are for several, so that no one number says which step is best.
    """
    kinds = {_measured_as(record, asking) for record in records}
    if kinds == {"detect", "segment"}:
        return "detect"
    if len(kinds) != 1:
        raise UsageError(f"validation mixes {', '.join(sorted(kinds))}: name one with task=detect")
    return kinds.pop()


def _regions(answers: Answers) -> list[Regions]:
    return [answer if isinstance(answer, Regions) else Regions(()) for answer in answers]


def _words(answer: Text | Regions) -> str:
    return answer.text.strip()


def _right_texts(question: Question) -> Sequence[str]:
    return question.record.captions or (question.asked.suffix,)


def _mask_overlaps(found: Regions, right: Regions) -> list[float]:
    """For each thing of a mask the IoU with the one found for it: best boxes first, each once."""
    pairs = sorted(
        (
            (region.box.iou(thing.box), i, j)
            for i, thing in enumerate(right)
            for j, region in enumerate(found)
            if region.label == thing.label
        ),
        reverse=True,
    )
    best: dict[int, int] = {}
    for iou, i, j in pairs:
        if iou >= FOUND and i not in best and j not in best.values():
            best[i] = j
    return [
        _overlap(thing, found[best[i]]) if i in best else 0.0
        for i, thing in enumerate(right)
        if thing.mask is not None
    ]


def _overlap(thing: Region, region: Region) -> float:
    if thing.mask is None or region.mask is None:
        return 0.0
    union = int((thing.mask | region.mask).sum())
    return float((thing.mask & region.mask).sum() / union) if union else 0.0
