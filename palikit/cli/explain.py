"""`palikit explain`: the exact tokens of a request, without a picture."""

from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from palikit.errors import UsageError

from .options import Model, Tokenizer

if TYPE_CHECKING:
    import palikit.tasks

__all__ = ["explain"]

_WITHOUT_WORDS = ("caption", "describe", "ocr")
_WITH_LANG = ("caption", "describe", "answer", "question")


def explain(
    task: Annotated[str, typer.Argument(metavar="TASK", help="caption, detect or another verb.")],
    words: Annotated[
        str | None, typer.Argument(metavar="[WORDS]", help="Its labels, question or prompt.")
    ] = None,
    suffix: Annotated[
        str | None, typer.Option(help="An answer to lay out behind it, as in training.")
    ] = None,
    lang: Annotated[
        str | None, typer.Option(help="Language code, for a task that has one.")
    ] = None,
    model: Model = "nano",
    tokenizer: Tokenizer = None,
) -> None:
    """The exact tokens of a task, without a picture.

    One line a token: position, id, piece, its block, what it may see, and whether it is scored.
    """
    asked = _task(task, words, lang)
    from palikit.engine import load

    print(load(model, tokenizer=tokenizer).explain(asked, suffix))


def _task(name: str, words: str | None, lang: str | None) -> "palikit.tasks.Task":
    from palikit.tasks import TASKS

    if name not in TASKS:
        close = get_close_matches(name, TASKS, n=1)
        hint = f"did you mean {close[0]!r}" if close else f"write one of {', '.join(TASKS)}"
        raise UsageError(f"unknown task {name!r}: {hint}")
    if (words is None) != (name in _WITHOUT_WORDS):
        problem = "takes no words" if words is not None else "needs words"
        example = f"palikit explain {name}" + ("" if words is not None else ' "cat"')
        raise UsageError(f"{name} {problem}: write {example}")
    if lang is not None and name not in _WITH_LANG:
        raise UsageError(f"{name} takes no --lang: leave it out")
    given = () if words is None else (words,)
    return TASKS[name](*given, **({} if lang is None else {"lang": lang}))
