"""Scorers that need somebody to judge, whom the caller names.

    with judged_by(load_judge("my_judge:judge")):
        evaluate(engine, BENCHMARKS["docci"], items, folder, how)

`my_judge.py` has `def judge(picture: Image, sentence: str) -> str`, which says `entailment`,
`neutral`, `contradiction` or `nothing`. What it raises is its author's to see, and goes through.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from statistics import fmean
from typing import Any

from PIL import Image

from palikit.data.pictures import open_picture
from palikit.errors import UsageError
from palikit.eval.entailment import Judge, nes, split_sentences
from palikit.eval.scores import Rows, Scores

from .build import Answers, Items, Scorer, build_scores

__all__ = ["JUDGED", "judged_by", "load_judge"]

_JUDGE: ContextVar[Judge[Image.Image] | None] = ContextVar("judge", default=None)

HINT = (
    "this number needs a judge of pictures and sentences: palikit eval takes yours as --judge "
    "module:function, a function of a Pillow image and a sentence that returns entailment, "
    "neutral, contradiction or nothing"
)
WHERE = "write module:function, with the module in this folder or in one of PYTHONPATH"


@contextmanager
def judged_by(judge: Judge[Image.Image] | None) -> Iterator[None]:
    """Inside, scorers that need a judge ask this one."""
    before = _JUDGE.set(judge)
    try:
        yield
    finally:
        _JUDGE.reset(before)


def load_judge(name: str) -> Judge[Image.Image]:
    """`"my_judge:judge"` -> that function of a module that can be imported from here.

    Raises:
        UsageError: it is no such name, cannot be imported, or is no function.
    """
    module, _, function = name.partition(":")
    if not (all(part.isidentifier() for part in module.split(".")) and function.isidentifier()):
        raise UsageError(f"--judge {name!r} names no function of a module: {WHERE}")
    try:
        found: Any = getattr(importlib.import_module(module), function, None)
    except (ImportError, SyntaxError) as error:
        raise UsageError(f"--judge {name!r} cannot be imported ({error}): {WHERE}") from error
    if not callable(found):
        told = "nothing" if found is None else f"a {type(found).__name__}, which is no function"
        raise UsageError(f"--judge {name!r} is {told}: {WHERE}")
    judge: Judge[Image.Image] = found
    return judge


def _check() -> Judge[Image.Image]:
    judge = _JUDGE.get()
    if judge is None:
        raise UsageError(HINT)
    return judge


def _nes(answers: Answers, items: Items) -> Scores:
    """The share over all sentences; a description counts by how many it has."""
    judge = _check()
    told = [one.answer for one in answers]
    # Opened when a sentence asks for it: thousands do not fit in memory, and one that does not open
    # has an empty answer, of which nothing is asked.
    _, each = nes(
        told,
        [item.pictures[0] for item in items],
        lambda picture, sentence: judge(open_picture(picture), sentence),
    )
    sentences = [len(split_sentences(text)) for text in told]
    pairs = zip(each, sentences, strict=True)
    rows = Rows("ratio", tuple((share * count / 100, float(count)) for share, count in pairs))
    others = {
        "sentences": fmean(sentences),
        "characters": fmean(len(text) for text in told),
    }
    note = f"the judge was {_name(judge)}; the published shares are the majority of five people's"
    return build_scores(answers, items, each, rows=rows, others=others, notes=[note])


def _name(judge: Judge[Image.Image]) -> str:
    """`my_judge:judge`; that of its class for an object that can be called."""
    named: Any = judge if hasattr(judge, "__qualname__") else type(judge)
    return f"{named.__module__}:{named.__qualname__}"


JUDGED: dict[str, Scorer] = {"nes": Scorer(_nes, check=_check)}
"""Metric key to scorer."""
