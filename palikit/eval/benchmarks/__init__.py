"""Benchmarks of the PaliGemma 2 model card and report: what is asked, read from the official files.

    from palikit.eval.benchmarks import BENCHMARKS

    items = BENCHMARKS["docvqa"].read(Path("data/docvqa"))

A family of benchmarks whose files agree is one file here: its readers, and one `Benchmark` value a
row of the table. A new benchmark is such a value, in BENCHMARKS of its family, and its published
numbers are a row in `published`. Nothing is downloaded: `fetch` says what to get from where, and
under which terms.
"""

from dataclasses import replace
from types import ModuleType

from . import (
    captions,
    counting,
    detection,
    documents,
    languages,
    questions,
    radiology,
    reading,
    reasoning,
    referring,
    remote,
    science,
    screens,
    structures,
    video,
    words,
)
from .published import published
from .values import Benchmark, Item

__all__ = ["BENCHMARKS", "Benchmark", "Item"]

FAMILIES: tuple[ModuleType, ...] = (
    *(questions, reading, documents, captions, languages, referring, reasoning, science),
    *(counting, remote, screens, detection, words, structures, radiology, video),
)

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: replace(benchmark, published=published(benchmark.name))
    for family in FAMILIES
    for benchmark in family.BENCHMARKS
}
