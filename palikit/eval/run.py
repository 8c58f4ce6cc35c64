"""Asking a model all questions of a benchmark, in batches, so that a killed run can go on.

    folder/run.json             what was asked of which model, and how
    folder/predictions.jsonl    one line an item, in the items' order (see `predictions`)

Answers are written a batch at a time. A run that is started again on its folder cuts off a torn
line and what stands of an unfinished batch, and goes on from there; so the batches, and with them
the last digits of every score, are those of a run that was never killed: the files are equal byte
by byte. A run with other settings than the folder's is refused.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from PIL import Image

from palikit.coco import encode_rle
from palikit.codecs.prompts import read_labels
from palikit.data.pictures import open_picture
from palikit.decode.sampling import Decoding
from palikit.errors import DataError, ImageError, PalikitError, UsageError
from palikit.eval.benchmarks.values import Benchmark, Item
from palikit.eval.files import write_text
from palikit.eval.predictions import Prediction, to_line, whole_lines
from palikit.eval.scoring import SCORERS, Scorer
from palikit.eval.segmentation import draw_answer, mask_answers
from palikit.results import Regions, Text
from palikit.tasks import Ask, Detect, Score, Segment, Size, Task

__all__ = ["Asker", "forget", "predict", "read_again"]

ALL_CLASSES = ("all classes",)
"""The paper's prompt for object detection (arXiv 2412.03555, appendix C) names none of them."""

PREDICTIONS, SETTINGS = "predictions.jsonl", "run.json"


class Asker(Protocol):
    """What answers: an `Engine`, or whatever runs requests as it does."""

    def run(
        self, requests: Sequence[tuple[Any, Task]], *, decoding: Decoding, batch_size: int
    ) -> list[Text | Regions]:
        """One answer a request, in order."""


@dataclass(frozen=True, slots=True)
class Place(Task):
    """Any prompt that is answered by regions: RefCOCO asks with the bare sentence."""

    prompt: str
    max_new_tokens: int = field(default=512, kw_only=True)
    name: ClassVar[str] = "place"

    @property
    def prefix(self) -> str:
        return self.prompt

    def parse(
        self, text: str, size: Size, score: Score | None = None, logprobs: Sequence[float] = ()
    ) -> Regions:
        return Detect(["anything"]).parse(text, size, score, logprobs)


def predict(
    engine: Asker,
    benchmark: Benchmark,
    items: Sequence[Item],
    folder: Path,
    *,
    batch_size: int = 8,
    decoding: Decoding | None = None,
    settings: Mapping[str, Any] | None = None,
    advance: Callable[[int], None] = lambda count: None,
) -> list[Prediction]:
    """All answers, those that the folder already holds included.

    Args:
        decoding: None is as the benchmark says: greedy, or its beam search.
        settings: what else tells this run from others, such as the model's name.
        advance: called with the number of items that were done.

    Raises:
        UsageError: the folder holds a run with other settings or of other items.
    """
    how = decoding or Decoding(beam_size=benchmark.beam)
    told = {
        "benchmark": benchmark.name,
        "batch_size": batch_size,
        # Without it where it is not set: a run from before there was such an option goes on.
        "decoding": repr(how).replace(", refine=False", ""),
        "longest_answer": benchmark.text_length,
    }
    done = _open(folder, items, told | dict(settings or {}), batch_size)
    advance(len(done))
    with (folder / PREDICTIONS).open("ab") as file:
        for start in range(len(done), len(items), batch_size):
            batch = items[start : start + batch_size]
            answers = _answer(engine, benchmark, batch, how, batch_size)
            file.write("".join(map(to_line, answers)).encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
            done += answers
            advance(len(answers))
    return done[: len(items)]


def forget(folder: Path) -> None:
    """Take away what a run has left in its folder."""
    for name in (SETTINGS, PREDICTIONS):
        (folder / name).unlink(missing_ok=True)


def _open(
    folder: Path, items: Sequence[Item], settings: Mapping[str, Any], batch_size: int
) -> list[Prediction]:
    """Make or check the folder, and give what it holds of whole batches."""
    path = folder / SETTINGS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            before = json.loads(path.read_text("utf-8"))
        else:
            write_text(path, json.dumps(settings, indent=1, ensure_ascii=False) + "\n")
            before = dict(settings)
    except (OSError, ValueError) as error:
        raise PalikitError(f"{path} cannot be used: {error}; name another folder") from error
    if before != dict(settings):
        changed = [key for key in settings if not _has(before, key, settings[key])]
        raise UsageError(
            f"{folder} holds a run with another {' and '.join(changed) or 'setting'}: "
            "name another --out, or say --fresh to begin again"
        )
    return _cut(folder / PREDICTIONS, items, batch_size)


def _has(before: Any, key: str, value: Any) -> bool:
    return isinstance(before, dict) and before.get(key) == value


def _cut(path: Path, items: Sequence[Item], batch_size: int) -> list[Prediction]:
    """What a file holds of whole batches, or of all items; the rest of it goes."""
    if not path.exists():
        return []
    data = path.read_bytes()
    done, ends = whole_lines(data)
    if [one.id for one in done[: len(items)]] != [item.id for item in items[: len(done)]]:
        raise UsageError(
            f"{path} answers other items than this benchmark has: name another --out, or say "
            "--fresh to begin again"
        )
    if len(done) < len(items):
        done = done[: len(done) // batch_size * batch_size]
    end = ends[len(done) - 1] if done else 0
    if end < len(data):
        with path.open("r+b") as file:
            file.truncate(end)
    return done


def _answer(
    engine: Asker, benchmark: Benchmark, batch: Sequence[Item], how: Decoding, batch_size: int
) -> list[Prediction]:
    scorer = SCORERS[benchmark.metric]
    opened = [_pictures(item) for item in batch]
    asked = [i for i, (pictures, _) in enumerate(opened) if pictures]
    requests = [(_one_or_all(opened[i][0]), _task(batch[i], benchmark, scorer)) for i in asked]
    answers = engine.run(requests, decoding=how, batch_size=batch_size) if requests else []
    by_index = dict(zip(asked, answers, strict=True))
    return [
        _prediction(item, opened[i][0], by_index[i], scorer, engine)
        if i in by_index
        else Prediction(item.id, "", parsed=False, error=opened[i][1])
        for i, item in enumerate(batch)
    ]


def _pictures(item: Item) -> tuple[list[Image.Image], str]:
    """The opened pictures, or none and the reason."""
    if not item.pictures:
        return [], "it has no picture"
    try:
        return [open_picture(picture) for picture in item.pictures], ""
    except (ImageError, DataError, OSError) as error:
        return [], str(error)


def _one_or_all(pictures: list[Image.Image]) -> Image.Image | list[Image.Image]:
    return pictures[0] if len(pictures) == 1 else pictures


def _task(item: Item, benchmark: Benchmark, scorer: Scorer) -> Task:
    """`detect cat ; dog` is held to its form; any other prompt is asked as it is."""
    limit = benchmark.text_length
    if scorer.answers_in == "words":
        return Ask(item.prefix, max_new_tokens=limit)
    verb, _, words = item.prefix.partition(" ")
    for kind in (Detect, Segment):
        labels = _labels(words) if verb == kind.name else ()
        task = kind(labels, max_new_tokens=limit) if labels else None
        if task is not None and task.prefix == item.prefix and _names_all(labels, item):
            return task
    return Place(item.prefix, max_new_tokens=limit)


def _labels(words: str) -> tuple[str, ...]:
    try:
        return read_labels(words)
    except UsageError:
        return ()


def _names_all(labels: Sequence[str], item: Item) -> bool:
    """Whether an answer can be right that names nothing but these labels."""
    return labels != ALL_CLASSES and {thing.label for thing in item.things} <= set(labels)


def _prediction(
    item: Item,
    pictures: Sequence[Image.Image],
    answer: Text | Regions,
    scorer: Scorer,
    engine: Asker,
) -> Prediction:
    regions: list[dict[str, Any]] = []
    if isinstance(answer, Regions):
        regions = [region.to_dict() for region in answer]
        if scorer.answers_in == "reference masks" and regions:
            regions[0]["mask"] = _reference_mask(answer, engine)
    one = Prediction(
        id=item.id,
        answer=answer.text,
        score=answer.score,
        logprob=float(np.sum(answer.logprobs)) if answer.logprobs else None,
        regions=tuple(regions),
        size=pictures[0].size,
    )
    return replace(one, parsed=scorer.parsed(one))


def _reference_mask(answer: Regions, engine: Asker) -> dict[str, Any] | None:
    """The first region's mask as RefCOCO's evaluation draws it."""
    import torch

    codec = getattr(engine, "mask_codec", None)
    if codec is None or answer[0].codes is None:
        return None
    (told,) = mask_answers([answer], lambda codes: codec.decode(torch.from_numpy(codes)).numpy())
    drawn = None if told is None else draw_answer(told, answer.size)
    return None if drawn is None else encode_rle(drawn)


def read_again(answers: Sequence[Prediction], metric: str) -> list[Prediction]:
    """Answers from elsewhere, as the metric reads them: regions from their text where it asks."""
    scorer = SCORERS[metric]
    if scorer.answers_in in ("masks", "reference masks"):
        # Their masks need the model's codec; they are what the file says.
        return [replace(one, parsed=scorer.parsed(one)) for one in answers]
    read = [_with_boxes(one) if scorer.answers_in == "boxes" else one for one in answers]
    return [replace(one, parsed=scorer.parsed(one)) for one in read]


def _with_boxes(one: Prediction) -> Prediction:
    if one.regions or one.size is None:
        return one
    found = Detect(["anything"]).parse(one.answer, one.size)
    return replace(one, regions=tuple(region.to_dict() for region in found))
