"""What a benchmark is: Item, one of its questions, and Benchmark, all that decides its number.

benchmark = BENCHMARKS["docvqa"]
items = benchmark.read(Path("data/docvqa"))
items[0].prefix                     # "answer en What is the date?"
items[0].references                 # ("January 8, 1999", "1/8/99")
benchmark.published["3b-448"]       # 73.6
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from palikit.data.pictures import Picture
from palikit.data.records import Thing

__all__ = ["Benchmark", "Item", "Read"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One question of a benchmark.

    Attributes:
        id: as the benchmark's own files call it; unique within one reading.
        pictures: one, a pair, or the frames of a video in order of time.
        prefix: what is asked, exactly, without <bos> and the newline that ends a prompt.
        references: right answers as texts, in the form that the metric compares; () where a test
            server keeps them.
        things: what is in the picture, for detection, segmentation and text spotting; a word that
            nobody can read, and so counts neither way, is a crowd.
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


class Read(Protocol):
    """How a benchmark's questions are read from the files under one folder."""

    def __call__(self, root: Path, *, split: str | None = None) -> list[Item]:
        """The questions of `split`, or of the benchmark's own split, in the files' order.

        A picture that is not there is no error here: whoever opens it will see.

        Raises:
            UsageError: the benchmark has no such split.
            DataError: an annotation file that is missing, broken or contradicts itself; the message
                names the file and the question.
        """


# Over the budget of 8: a published number depends on each of these.
@dataclass(frozen=True, kw_only=True, slots=True)
class Benchmark:
    """Everything that decides a number in the table of results.

    Attributes:
        name: its key in BENCHMARKS.
        title: what a table calls it, with the split.
        split: what is read unless something else is asked for.
        text_length: tokens of prompt and answer in training, and the most that are generated.
        beam: width of the beam search; 1 is greedy decoding.
        metric: key of `palikit.eval.scoring.SCORERS`.
        published: variant ("3b-224", "10b-448", ...) to PaliGemma 2's number, as printed (percent,
            or CIDEr times 100), after transfer to this task; BENCHMARKS fills it in by the name.
        higher_is_better: False for rates of error.
        licence: under which terms the data comes.
        fetch: what to download from where.
        read: from the official files under one folder to items.
        submission: form of the file for the test server, for splits without answers; "" for none.
    """

    name: str
    title: str
    split: str
    text_length: int
    beam: int = 1
    metric: str
    published: Mapping[str, float] = field(default_factory=dict, hash=False)
    higher_is_better: bool = True
    licence: str
    fetch: str
    read: Read
    submission: str = ""
