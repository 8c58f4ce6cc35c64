"""Scorers that need somebody to judge, whom the caller names.

    with judged_by(load_judge("my_judge:judge")):
        evaluate(engine, BENCHMARKS["docci"], items, folder, how)

`my_judge.py` has `def judge(picture: Image, sentence: str) -> str`, which says `entailment`,
`neutral`, `contradiction` or `nothing`.
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
    "this number needs a judge of pictures and sentences: name yours with --judge module:function "
    "(palikit/eval/scoring/judged.py says what it must do)"
)


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
        UsageError: there is none of that name.
    """
    module, _, function = name.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(
            f"--judge {name!r} cannot be found ({error}): write module:function, with the module's "
            "folder in PYTHONPATH"
        ) from error
    if not callable(found):
        raise UsageError(f"--judge {name!r} is no function")
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
    pictures = [open_picture(item.pictures[0]) for item in items]
    _, each = nes(told, pictures, judge)
    sentences = [len(split_sentences(text)) for text in told]
    pairs = zip(each, sentences, strict=True)
    rows = Rows("ratio", tuple((share * count / 100, float(count)) for share, count in pairs))
    others = {
        "sentences": fmean(sentences),
        "characters": fmean(len(text) for text in told),
    }
    return build_scores(answers, items, each, rows=rows, others=others)


JUDGED: dict[str, Scorer] = {"nes": Scorer(_nes, check=_check)}
"""Metric key to scorer."""
