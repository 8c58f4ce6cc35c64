"""Label sources with weights: `coco:train.json`, `3*coco:more.json`, `benchmark:docvqa:data`."""

import re
from collections.abc import Sequence

from palikit.data.mixture import Mixture
from palikit.data.readers import read_dataset
from palikit.data.records import Dataset
from palikit.errors import UsageError

from .benchmarks import is_benchmark, read_records

__all__ = ["open_mixture", "open_sources"]

_WEIGHED = re.compile(r"([0-9.]+)\*(.+)", re.DOTALL)


def open_sources(sources: Sequence[str]) -> tuple[list[Dataset], list[float]]:
    """The datasets, and their weights; none where no source has one.

    Raises:
        UsageError: some have weights and some have not, or a weight is no number.
        DataError: one cannot be read.
    """
    found = [_WEIGHED.fullmatch(source) for source in sources]
    weights: list[float] = []
    if any(found):
        if not all(found):
            raise UsageError(
                f"{list(sources)}: give all sources a weight, as 3*coco:a.json, or none"
            )
        weights = [_number(match[1]) for match in found if match]
    paths = [match[2] if match else source for match, source in zip(found, sources, strict=True)]
    return [_read(path) for path in paths], weights


def open_mixture(sources: Sequence[str], seed: int) -> Mixture:
    """The sources as one endless row of records."""
    datasets, weights = open_sources(sources)
    return Mixture(datasets, weights, seed=seed)


def _read(source: str) -> Dataset:
    return read_records(source) if is_benchmark(source) else read_dataset(source)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(f"{text!r} before * is no weight: write 3*coco:a.json") from error
