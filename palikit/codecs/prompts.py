"""What a prompt is checked for, and what form its answer has."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from palikit.errors import UsageError

from .patterns import read_pattern, shorten
from .text import check_label

__all__ = ["NOISE_LABEL", "AnswerForm", "ChoiceForm", "PatternForm", "RegionForm", "WordForm"]
__all__ += ["check_language", "check_limit", "check_noise", "check_words", "read_choices"]
__all__ += ["read_labels", "word_form"]

NOISE_LABEL = "noise"
"""What training calls a box that holds nothing."""

LANGUAGE = re.compile(r"[a-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True)
class RegionForm:
    """Regions of the given labels, each with the codes of a mask or without.

    Attributes:
        noise: exactly so many, of a model that may have called any of them noise; 0 for a list that
            ends where the model ends it.
    """

    labels: tuple[str, ...]
    with_codes: bool
    noise: int = 0


@dataclass(frozen=True, slots=True)
class ChoiceForm:
    """One of some texts."""

    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PatternForm:
    """What `re.fullmatch` takes for this regular expression."""

    pattern: str


WordForm = ChoiceForm | PatternForm
AnswerForm = RegionForm | WordForm
"""What a grammar can hold a model to."""


def read_labels(labels: Sequence[object]) -> tuple[str, ...]:
    """Labels from a list or from "cat ; dog".

    Raises:
        UsageError: none at all, or one that no answer could hold.
    """
    names = labels.split(";") if isinstance(labels, str) else list(labels)
    if not names:
        raise UsageError(
            "the list of labels is empty: name at least one thing, for example ['cat']"
        )
    read: list[str] = []
    for name in names:
        if not isinstance(name, str):
            raise UsageError(f"label {name!r} is not a string: write for example ['cat', 'dog']")
        read.append(check_label(name))
    return tuple(read)


def read_choices(choices: Sequence[object]) -> tuple[str, ...]:
    """The answers to choose from, without space around them.

    Raises:
        UsageError: one string instead of several, or one that is empty.
    """
    texts = [] if isinstance(choices, str) else [c.strip() for c in choices if isinstance(c, str)]
    if len(texts) != len(choices) or not all(texts):
        raise UsageError(f"choices={choices!r} must be several texts: write ['yes', 'no']")
    return tuple(dict.fromkeys(texts))


def word_form(choices: tuple[str, ...], pattern: object) -> WordForm | None:
    """What an answer in words is held to; None for anything.

    Raises:
        UsageError: both came, or a pattern that no answer can be held to.
    """
    form = None if pattern is None else PatternForm(read_pattern(pattern))
    if form and choices:
        raise UsageError(
            f"choices={list(choices)} came with pattern={shorten(form.pattern)}: give one of them"
        )
    return ChoiceForm(choices) if choices else form


def check_words(field_name: str, words: object) -> None:
    """Refuse what is no text, or an empty one."""
    if not isinstance(words, str) or not words.strip():
        raise UsageError(f"{field_name}={words!r} is empty or not a string: write it in words")


def check_language(lang: object) -> None:
    """Refuse what is no language code."""
    if not isinstance(lang, str) or not LANGUAGE.fullmatch(lang):
        raise UsageError(f"lang={lang!r} is not a language code: write one such as 'en' or 'de'")


def check_noise(noise: object, labels: Sequence[str]) -> None:
    """Refuse what is no number of boxes, and to look for noise among noise."""
    if isinstance(noise, bool) or not isinstance(noise, int) or noise < 0:
        raise UsageError(
            f"noise={noise!r} is no number of boxes: give the one of Asking(noise=...), or 0"
        )
    if noise and NOISE_LABEL in labels:
        raise UsageError(
            f"the label {NOISE_LABEL!r} was asked for with noise={noise}, where it stands for "
            "boxes that hold nothing: leave one of them out"
        )


def check_limit(max_new_tokens: int) -> None:
    """Refuse a limit that leaves no room."""
    if max_new_tokens < 1:
        raise UsageError(f"max_new_tokens={max_new_tokens} leaves no room: give 1 or more")
