"""A user's own labels as a benchmark: any file of labels, measured by any metric.

    palikit eval own-relaxed --data charts/val.jsonl --model runs/charts/model

`own-<metric>` is a benchmark whose data is a file of labels as `palikit train` reads them: a path
(JSON lines, or FORMAT:PATH). What is asked is what training asks; right answers are a record's
suffix, answers or captions, and for metrics of places its things.
"""

from functools import partial
from pathlib import Path

import numpy as np

from palikit.codecs.prompts import read_labels
from palikit.data.asking import Asking, ask
from palikit.data.readers import READERS, read_dataset
from palikit.data.records import Dataset, Record
from palikit.errors import DataError, UsageError
from palikit.eval.benchmarks.values import Benchmark, Item
from palikit.eval.scoring import SCORERS

__all__ = ["LOWER_IS_BETTER", "OWN", "own_benchmark"]

OWN = "own-"

LENGTHS = {
    **{"teds": 2048, "grits": 2048, "kern": 1024, "spotting": 1024, "detection": 1024},
    **{"detection_ap50": 1024, "segmentation": 1024, "smiles": 256, "nes": 192, "cider": 128},
    **{"radiology": 512, "radgraph": 512},
}
"""The most tokens of an answer, where 64 are not enough."""

LOWER_IS_BETTER = frozenset({"kern", "nes"})


def own_benchmark(name: str) -> Benchmark:
    """The benchmark `own-<metric>`.

    Raises:
        UsageError: there is no such metric.
    """
    metric = name.removeprefix(OWN)
    if metric not in SCORERS:
        raise UsageError(
            f"{name!r} names no metric: write {OWN} and one of {', '.join(sorted(SCORERS))}"
        )
    return Benchmark(
        name=name,
        title=f"own labels, {metric}",
        split="all",
        text_length=LENGTHS.get(metric, 64),
        metric=metric,
        published={},
        higher_is_better=metric not in LOWER_IS_BETTER,
        licence="your own",
        fetch="a file of labels: JSON lines, or FORMAT:PATH as in palikit train",
        read=partial(_read, metric),
    )


def _read(metric: str, root: Path, *, split: str | None = None) -> list[Item]:
    if split not in (None, "all"):
        raise UsageError(f"own labels have no split {split!r}: name the file that you mean")
    kind = str(root).partition(":")[0]
    dataset = read_dataset(str(root) if kind in READERS else f"jsonl:{root}")
    needs_things = SCORERS[metric].answers_in != "words"
    items = [_item(record, dataset, needs_things, i) for i, record in enumerate(dataset)]
    if not items:
        raise DataError(f"{root} holds no record")
    return items


def _item(record: Record, dataset: Dataset, needs_things: bool, index: int) -> Item:
    asked = ask(
        record, Asking(labels="present", order="file"), dataset.classes, np.random.default_rng(0)
    )
    if needs_things != (record.things is not None):
        raise DataError(
            f"{record.origin} has {'no things' if needs_things else 'things'}: "
            "choose a metric of what the labels say"
        )
    texts = record.answers if record.suffix is None else (record.suffix,)
    prefix = asked.prefix
    things = record.things or ()
    if asked.is_regions and prefix != record.prefix:
        asked_for = set(read_labels(prefix.partition(" ")[2]))
        things = tuple(thing for thing in things if thing.label in asked_for)
    return Item(
        # Numbered, for files that name no record, and one name several times.
        id=f"{index}: {record.id}" if record.id else str(index),
        pictures=record.pictures,
        prefix=prefix,
        references=() if needs_things else texts or record.captions,
        things=things,
        group=str(record.extra.get("group", "")),
        size=record.size,
    )
