"""What is asked about a record, and the answer that its labels give: Asking.

    Asking(task="detect", order="left")

    cat at (12, 30, 200, 310), dog at (220, 80, 300, 310)
      -> "detect dog ; cat", "<loc…>x4 dog ; <loc…>x4 cat"

The policies that decide how well detection learns are settings here and nowhere else: in which
order things are told, which classes are asked for, what is said of what is not there, and boxes of
noise (PaliGemma 2 report, appendix C).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar, get_args

import numpy as np

from palikit.codecs.prompts import check_language
from palikit.codecs.text import join_regions
from palikit.errors import DataError, UsageError
from palikit.tasks import Answer

from .records import Record, Thing

__all__ = ["AskFor", "Asked", "Asking", "Kind", "ask", "kind_of"]

Kind: TypeAlias = Literal["detect", "segment", "caption", "describe", "ocr", "answer", "pair"]
Order: TypeAlias = Literal["asked", "left", "reading", "large", "random", "file"]
AskFor: TypeAlias = Literal["mixed", "present", "all"]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """How a record becomes a prompt and its answer.

    Attributes:
        task: `pair` asks what the record's own prefix says, which its suffix, one of its answers
            or its things answer; None is what the record's labels are for (see `kind_of`).
        classes: what `detect` and `segment` may ask for; () takes the dataset's.
        labels: `mixed` names all that is there, sometimes a part of it, and with probability
            `absent` something that is not; `present` all that is there; `all` every class.
        absent: how often something is asked for that is not there (`mixed` alone).
        order: `asked` tells things label by label as the prompt names them, each from left to
            right; the others tell all things in one order.
        nothing: the answer where nothing of what was asked is there.
        noise: fill up the answer to this many boxes with random ones named `noise`, whose places
            are not learned; detection then knows what it does not know (0 for none).
            `Detect(labels, noise=...)` asks a model so tuned.
        lang: of captions and answers, where the record does not say.
    """

    task: Kind | None = None
    classes: tuple[str, ...] = ()
    labels: AskFor = "mixed"
    absent: float = 0.15
    order: Order = "asked"
    nothing: str = ""
    noise: int = 0
    lang: str = "en"

    def __post_init__(self) -> None:
        _one_of("task", self.task, (None, *get_args(Kind)))
        _one_of("labels", self.labels, get_args(AskFor))
        _one_of("order", self.order, get_args(Order))
        check_language(self.lang)
        if not 0 <= self.absent <= 1 or self.noise < 0:
            raise UsageError(
                f"absent={self.absent} must be from 0 to 1, noise={self.noise} 0 or more"
            )


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt, and the things or the words of its answer."""

    prefix: str
    suffix: str = ""
    things: tuple[Thing, ...] = ()
    with_masks: bool = False
    is_regions: bool = False


def kind_of(record: Record) -> Kind:
    """What a record's labels are for: its own prompt, else its things, question or caption.

    Raises:
        DataError: it has none.
    """
    answered = record.things is not None or (bool(record.answers) and not record.question)
    if record.suffix is not None or (record.prefix and answered):
        return "pair"
    if record.things is not None:
        masked = bool(record.things) and all(thing.has_mask for thing in record.things)
        return "segment" if masked else "detect"
    if record.question and record.answers:
        return "answer"
    if record.captions:
        return "caption"
    raise DataError(f"{record.origin} has no label: no suffix, things, answers or captions")


def ask(record: Record, asking: Asking, classes: Sequence[str], rng: np.random.Generator) -> Asked:
    """One prompt about a record and its right answer, drawn by `rng` where there is a choice.

    Raises:
        DataError: the record lacks what the task is about.
    """
    kind = asking.task or kind_of(record)
    if kind in ("detect", "segment"):
        return _regions(record, kind, asking, asking.classes or classes, rng)
    if kind == "pair":
        return _pair(record, asking, rng)
    lang = record.lang or asking.lang
    if kind == "answer":
        question = _has(record, "question", record.question or None)
        return Asked(
            Answer(question, lang).prefix,
            _any(_has(record, "answers", record.answers or None), rng),
        )
    told = _any(_has(record, "captions", record.captions or None), rng)
    return Asked("ocr" if kind == "ocr" else f"{kind} {lang}", told)


def _pair(record: Record, asking: Asking, rng: np.random.Generator) -> Asked:
    """The record's own prompt, and what answers it."""
    if record.suffix is not None or record.things is None:
        answers = record.answers if record.suffix is None else (record.suffix,)
        return Asked(record.prefix, _any(_has(record, "suffix", answers or None), rng))
    things = [thing for thing in record.things if not thing.crowd]
    labels = sorted({thing.label for thing in things})
    masked = bool(things) and all(thing.has_mask for thing in things)
    nothing = "" if things else asking.nothing
    return Asked(record.prefix, nothing, _in_order(things, labels, asking.order, rng), masked, True)


def _regions(
    record: Record, kind: str, asking: Asking, classes: Sequence[str], rng: np.random.Generator
) -> Asked:
    things = [thing for thing in _has(record, "things", record.things) if not thing.crowd]
    if kind == "segment":
        things = [thing for thing in things if thing.has_mask]
    labels = _CHOICES[asking.labels](things, classes, asking, rng)
    if not labels:
        raise DataError(
            f"{record.origin} shows nothing and its dataset names no classes to ask for: "
            "give classes, or leave empty pictures out"
        )
    told = [thing for thing in things if thing.label in labels]
    prefix = f"{kind} {join_regions(labels)}"
    nothing = asking.nothing if not told else ""
    return Asked(
        prefix, nothing, _in_order(told, labels, asking.order, rng), kind == "segment", True
    )


def _mixed(
    things: list[Thing], classes: Sequence[str], asking: Asking, rng: np.random.Generator
) -> list[str]:
    labels = sorted({thing.label for thing in things})
    rng.shuffle(labels)
    if len(labels) > 1 and rng.random() < 0.3:
        labels = labels[: rng.integers(1, len(labels))]
    missing = [name for name in classes if name not in {thing.label for thing in things}]
    if missing and (not labels or rng.random() < asking.absent):
        labels.insert(int(rng.integers(len(labels) + 1)), missing[rng.integers(len(missing))])
    return labels


def _present(
    things: list[Thing], classes: Sequence[str], asking: Asking, rng: np.random.Generator
) -> list[str]:
    order = {name: i for i, name in enumerate(classes)}
    found = sorted({thing.label for thing in things}, key=lambda name: (order.get(name, 0), name))
    return found or list(classes[:1])


def _all(
    things: list[Thing], classes: Sequence[str], asking: Asking, rng: np.random.Generator
) -> list[str]:
    return list(classes)


_CHOICES: dict[
    str, Callable[[list[Thing], Sequence[str], Asking, np.random.Generator], list[str]]
] = {"mixed": _mixed, "present": _present, "all": _all}


def _in_order(
    things: list[Thing], labels: Sequence[str], order: Order, rng: np.random.Generator
) -> tuple[Thing, ...]:
    if order == "random":
        return tuple(things[i] for i in rng.permutation(len(things)))
    if order == "file":
        return tuple(things)
    keys: dict[str, Callable[[Thing], Any]] = {
        "asked": lambda thing: (labels.index(thing.label), thing.box.x1 + thing.box.x2),
        "left": lambda thing: thing.box.x1 + thing.box.x2,
        "reading": lambda thing: (thing.box.y1, thing.box.x1),
        "large": lambda thing: -thing.box.area,
    }
    return tuple(sorted(things, key=keys[order]))


def _has(record: Record, name: str, value: T | None) -> T:
    if value is None:
        raise DataError(f"{record.origin} has no {name}, which this task is about")
    return value


def _any(texts: Sequence[str], rng: np.random.Generator) -> str:
    return texts[int(rng.integers(len(texts)))]


def _one_of(name: str, value: object, known: Sequence[object]) -> None:
    if value not in known:
        raise UsageError(f"{name}={value!r} is unknown: write one of {', '.join(map(str, known))}")
