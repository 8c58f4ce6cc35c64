"""Verbs that are answered in words: caption, describe, ocr, answer, question, ask."""

from typing import Annotated

import typer

from .options import Images, Lang, Options, with_options

__all__ = ["answer", "ask", "caption", "describe", "ocr", "question"]

Choices = Annotated[
    list[str] | None,
    typer.Option("--choice", metavar="TEXT", help="A possible answer; give two or more."),
]
Pattern = Annotated[
    str | None,
    typer.Option(metavar="REGEX", help=r"What all of the answer matches: --pattern '\d{2}'."),
]


@with_options
def caption(images: Images, lang: Lang = "en", *, options: Options) -> None:
    """A short caption of each picture."""
    from palikit.tasks import Caption

    from .running import ask_all

    ask_all(images, Caption(lang=lang), options)


@with_options
def describe(images: Images, lang: Lang = "en", *, options: Options) -> None:
    """A longer description of each picture."""
    from palikit.tasks import Describe

    from .running import ask_all

    ask_all(images, Describe(lang=lang), options)


@with_options
def ocr(images: Images, *, options: Options) -> None:
    """The words that can be read in each picture."""
    from palikit.tasks import Ocr

    from .running import ask_all

    ask_all(images, Ocr(), options)


@with_options
def answer(
    images: Images,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="The question, last.")],
    lang: Lang = "en",
    choice: Choices = None,
    pattern: Pattern = None,
    *,
    options: Options,
) -> None:
    """The answer to a question about each picture."""
    from palikit.tasks import Answer

    from .running import ask_all

    task = Answer(question, lang=lang, choices=tuple(choice or ()), pattern=pattern)
    ask_all(images, task, options, words=question)


@with_options
def question(
    images: Images,
    answer: Annotated[str, typer.Argument(metavar="ANSWER", help="The answer, last.")],
    lang: Lang = "en",
    *,
    options: Options,
) -> None:
    """A question about each picture that has the given answer."""
    from palikit.tasks import Question

    from .running import ask_all

    ask_all(images, Question(answer, lang=lang), options, words=answer)


@with_options
def ask(
    images: Images,
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="The prompt, last.")],
    pattern: Pattern = None,
    *,
    options: Options,
) -> None:
    """Any prompt, as it is: for mix and fine-tuned checkpoints."""
    from palikit.tasks import Ask

    from .running import ask_all

    ask_all(images, Ask(prompt, pattern=pattern), options, words=prompt)
