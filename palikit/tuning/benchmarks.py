"""Benchmarks in a run: their questions to learn from, and their number to measure by.

    benchmark:docvqa:data/docvqa,split=train        --data
    benchmark:docvqa:data/docvqa                    --val, its own split
    benchmark:ai2d:data/ai2d,split=train[-1024:]    a part of a split, in its files' order
    benchmark:nano-detect                           what needs no data

`lower=true` learns answers in lower case. A validation asks with the benchmark's own prompt, reads
the answers as it does, decodes as it does (beams included) and scores them with its metric: it is
`palikit eval` at every measurement, and leaves the same files in `measured/step-000300/`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from palikit.codecs.masks import MaskCodec
from palikit.data.records import Dataset, Record, Thing
from palikit.engine import Engine
from palikit.errors import DataError, UsageError
from palikit.eval.benchmarks.values import Benchmark, Item
from palikit.eval.evaluate import How, check_benchmark, evaluate
from palikit.eval.names import find_benchmark
from palikit.eval.problems import check_items
from palikit.eval.run import forget
from palikit.eval.scoring import SCORERS
from palikit.inputs.processor import Processor
from palikit.model.paligemma import PaliGemma

from .samples import save_answers

__all__ = ["BenchmarkValidator", "is_benchmark", "open_benchmark", "read_records"]

KIND = "benchmark:"
SAMPLES = 12

_SLICED = re.compile(r"(?P<split>[^\[\]]+)\[(?P<start>-?\d+%?)?:(?P<end>-?\d+%?)?\]")


def is_benchmark(source: str) -> bool:
    return source.startswith(KIND)


def open_benchmark(source: str) -> tuple[Benchmark, list[Item]]:
    """The benchmark that a source names, and the questions of its split.

    Raises:
        UsageError: no such benchmark, split or option, or no path where one is needed.
        DataError: its files cannot be read.
    """
    benchmark, root, options = _parse(source)
    split, start, end = _sliced(options.get("split", ""), source)
    items = benchmark.read(root, split=split or None)
    items = items[_place(start, len(items)) : _place(end, len(items))]
    if not items:
        raise DataError(f"{source} holds no question: look at its split")
    return benchmark, items


def read_records(source: str) -> Dataset:
    """The questions of a benchmark as records to learn from; each asks the benchmark's prompt."""
    benchmark, items = open_benchmark(source)
    lower = _parse(source)[2].get("lower", "false")
    if lower not in ("true", "false"):
        raise UsageError(f"lower={lower!r} in {source}: write true or false")
    kept, _ = check_items(items, SCORERS[benchmark.metric].needs)
    records = [_record(item, benchmark, lower == "true") for item in kept]
    labels = [thing.label for one in records for thing in one.things or () if thing.label]
    return Dataset(source, records, tuple(dict.fromkeys(labels)))


def _record(item: Item, benchmark: Benchmark, lower: bool) -> Record:
    answers = tuple(map(str.lower, item.references)) if lower else item.references
    things = None if answers else tuple(_thing(one, benchmark) for one in item.things)
    if not answers and not item.things and _needs_answers(benchmark):
        raise DataError(f"{benchmark.name}, {item.id} has no answer: choose another split")
    return Record(
        pictures=item.pictures,
        origin=f"{benchmark.name}, {item.id}",
        id=item.id,
        size=item.size,
        things=things,
        answers=answers,
        prefix=item.prefix,
    )


def _thing(thing: Thing, benchmark: Benchmark) -> Thing:
    """With its mask where the answer has one; RefCOCO's answers name nothing."""
    answers_in = SCORERS[benchmark.metric].answers_in
    if answers_in == "reference masks":
        return replace(thing, label="")
    return thing if answers_in == "masks" else replace(thing, polygons=(), rle=None)


def _needs_answers(benchmark: Benchmark) -> bool:
    return SCORERS[benchmark.metric].answers_in == "words"


@dataclass(frozen=True, slots=True, eq=False)
class BenchmarkValidator:
    """Measures a model by a benchmark.

    Attributes:
        batch_size: questions that are asked at once.
    """

    benchmark: Benchmark
    items: Sequence[Item]
    processor: Processor
    codec: MaskCodec | None
    batch_size: int

    def __post_init__(self) -> None:
        check_benchmark(self.benchmark)
        needs = SCORERS[self.benchmark.metric].needs
        kept, _ = check_items(self.items, needs)
        if not any(getattr(item, needs or "things") for item in kept):
            raise UsageError(
                f"none of the {len(kept)} questions of {self.benchmark.name} has a right answer: "
                "choose a split that is not a test server's"
            )

    def __call__(self, model: nn.Module, step: int, folder: Path) -> Mapping[str, float]:
        """The headline under the benchmark's name, and the share of answers that said nothing."""
        assert isinstance(model, PaliGemma)
        engine = Engine(model, self.processor, self.codec)
        place = folder / "measured" / f"step-{step:06d}"
        forget(place)  # what a killed run left there may be another model's
        how = How(model=f"step {step}", batch_size=self.batch_size)
        result = evaluate(engine, self.benchmark, self.items, place, how)
        assert result.scores is not None
        save_answers(
            folder / "samples" / f"step-{step:06d}",
            list(zip(result.items, result.answers, strict=True))[:SAMPLES],
        )
        return {
            self.benchmark.name: result.scores.headline,
            "unparsed": 100 * result.scores.unparsed,
        }


def _parse(source: str) -> tuple[Benchmark, Path, dict[str, str]]:
    told, *settings = source.removeprefix(KIND).split(",")
    name, _, path = told.partition(":")
    benchmark = find_benchmark(name)
    if benchmark.fetch and not path:
        raise UsageError(
            f"{source!r} says not where its data lies: write {KIND}{name}:FOLDER with what "
            f"{name} needs: {benchmark.fetch}"
        )
    options = dict(setting.partition("=")[::2] for setting in settings)
    if unknown := sorted(options.keys() - {"split", "lower"}):
        raise UsageError(f"{unknown[0]!r} in {source} is no option: write split=, or lower=true")
    root = Path(path)
    return benchmark, root / name if (root / name).is_dir() else root, options


def _sliced(split: str, source: str) -> tuple[str, str | None, str | None]:
    if "[" not in split:
        return split, None, None
    found = _SLICED.fullmatch(split)
    if found is None:
        raise UsageError(
            f"{split!r} in {source} is no part of a split: write train[:-1024], train[:98%]"
        )
    return found["split"], found["start"], found["end"]


def _place(told: str | None, count: int) -> int | None:
    """`-5%` of 200 is -10."""
    if told is None or not told.endswith("%"):
        return None if told is None else int(told)
    return round(int(told[:-1]) / 100 * count)
