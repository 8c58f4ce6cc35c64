"""What a benchmark is: Item, one of its questions, and Benchmark, all that decides its number."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from palikit.data.pictures import Picture
from palikit.data.records import Thing

__all__ = ["Benchmark", "Item"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One question of a benchmark.

    Attributes:
        id: as the benchmark's own files call it.
        pictures: one, a pair, or the frames of a video.
        prefix: exactly what is asked, without <bos> and the newline that ends a prompt.
        references: right answers as texts, in the metric's own form.
        things: what is in the picture, for detection, segmentation and text spotting.
        group: question type, language or subset, for tables with one row a group.
        extra: what the metric or the submission file needs besides.
        size: (width, height) in pixels as the files say; None where they do not.
    """

    id: str
    pictures: tuple[Picture, ...]
    prefix: str
    references: tuple[str, ...] = ()
    things: tuple[Thing, ...] = ()
    group: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)
    size: tuple[int, int] | None = None


# Over the budget of 8: a published number depends on each of these.
@dataclass(frozen=True, kw_only=True, slots=True)
class Benchmark:
    """Everything that decides a number in the table of results.

    Attributes:
        name: its key in BENCHMARKS.
        title: what a table calls it.
        split: what is read unless something else is asked for.
        text_length: the most tokens that are generated.
        beam: width of the beam search; 1 is greedy decoding.
        metric: key of `palikit.eval.scoring.SCORERS`.
        published: variant ("3b-224", "10b-448", ...) to PaliGemma 2's number, as printed.
        higher_is_better: False for rates of error.
        licence: under which terms the data comes.
        fetch: what to download from where; "" where nothing is needed.
        read: `read(root, split=None)`, from the files under one folder to items.
        submission: form of the file for a test server; "" for none.
    """

    name: str
    title: str
    split: str
    text_length: int
    beam: int = 1
    metric: str
    published: Mapping[str, float] = field(hash=False)
    higher_is_better: bool = True
    licence: str
    fetch: str
    read: Callable[..., list[Item]]
    submission: str = ""
