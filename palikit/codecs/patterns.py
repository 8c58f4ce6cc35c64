r"""Regular expressions: what Python's `re` means by one, spelled for the library of the walk.

    spell_out(r"[A-Z]{2}-\d{4}")      r"[\x{41}-\x{5A}]{2}\x{2D}[\x{30}-\x{39}\x{660}-...]{4}"

A pattern is read by Python's own parser, and every class and letter is written as the characters
that match it here: about `\w`, `\s`, `(?i)` or the version of Unicode, libraries differ. So an
answer that follows the spelling is one that `re.fullmatch` takes, and the other way round.

What does not say letter by letter how a text may go on is refused: look-around and `\b`,
back-references and conditions, possessive and atomic groups, anchors in the middle.
"""

import re
import warnings
from collections.abc import Sequence
from functools import lru_cache
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, TypeAlias

from palikit.errors import UsageError

__all__ = ["PatternError", "read_pattern", "shorten", "spell_out"]

Items: TypeAlias = tuple[tuple[Any, Any], ...]
"""Operations of Python's parser, each with its argument: `((LITERAL, 97), (RANGE, (48, 57)))`."""
Span: TypeAlias = tuple[int, int]
"""A first code point, and the one behind the last."""
MOST_LETTERS, MOST_SPELLED = 10_000, 1_000_000
"""Characters of a pattern, and of its spelling; that many take a tenth of a second to read."""
CODE_POINTS = 0x110000
SURROGATES = (0xD800, 0xE000)
CASED_PLANES = 0x20000
"""Letters with a case all lie below."""
CLASSES = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}
REFUSED = {
    sre.ASSERT: ("look-around", "write what the answer itself holds"),
    sre.ASSERT_NOT: ("look-around", "write what the answer itself holds"),
    sre.GROUPREF: ("a back-reference", "write that part out again"),
    sre.GROUPREF_EXISTS: ("a condition", "write both cases with |"),
    sre.ATOMIC_GROUP: ("an atomic group", "write (?:...)"),
    sre.POSSESSIVE_REPEAT: ("a possessive repetition", "leave its last + out"),
}
STARTS = (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING)
ENDS = (sre.AT_END, sre.AT_END_STRING)


class PatternError(ValueError):
    """What is wrong with a pattern, and what to write: to be completed by its name."""


def read_pattern(pattern: object) -> str:
    """A pattern that answers can be held to.

    Raises:
        UsageError: no regular expression, one that looks around or back, or one without an answer.
    """
    if not isinstance(pattern, str) or not pattern:
        raise UsageError(
            f"pattern={pattern!r} is empty or not a string: write a regular expression, "
            r"such as r'[A-Z]{2}-\d{4}'"
        )
    try:
        spell_out(pattern)
    except PatternError as error:
        raise UsageError(f"pattern={shorten(pattern)} {error}") from error
    return pattern


def shorten(pattern: str) -> str:
    """Quoted, and its beginning only where it is long, to stand in a sentence."""
    return repr(pattern if len(pattern) <= 60 else f"{pattern[:57]}...")


@lru_cache(maxsize=64)
def spell_out(pattern: str) -> str:
    r"""The pattern in the syntax of Rust's `regex`, of `\x{41}`, `[]`, `(?:|)` and `{}` alone.

    Raises:
        PatternError: it cannot be followed, or nothing matches it.
    """
    if len(pattern) > MOST_LETTERS:
        raise PatternError(
            f"has {len(pattern)} characters, where {MOST_LETTERS} are the most: make it shorter"
        )
    try:
        parsed = _parse(pattern)
        spelled = _sequence(tuple(parsed), parsed.state.flags, first=True, last=True)
    except RecursionError as error:
        raise PatternError("is nested too deeply: write it with fewer brackets") from error
    if not spelled:
        what = "nothing matches" if spelled is None else "only an empty answer matches"
        raise PatternError(f"is one that {what}: write what an answer may be")
    if len(spelled) > MOST_SPELLED:
        raise PatternError(
            r"has too many large classes: make it shorter, or write [A-Za-z0-9_] instead of \w"
        )
    return spelled


def _parse(pattern: str) -> Any:
    try:
        with warnings.catch_warnings():
            # Of what a later Python may read otherwise: here it is this one's meaning that counts.
            warnings.simplefilter("ignore", FutureWarning)
            return parser.parse(pattern)
    except (re.error, ValueError, OverflowError) as error:
        raise PatternError(
            rf"is no regular expression ({error}): write one such as r'[A-Z]{{2}}-\d{{4}}'"
        ) from error


def _sequence(items: Items, flags: int, *, first: bool, last: bool) -> str | None:
    """One after another; None where nothing matches.

    `first` and `last` say that nothing of the answer stands before, and behind.
    """
    letters = [at for at, (operation, _) in enumerate(items) if operation is not sre.AT]
    begin, end = (letters[0], letters[-1]) if letters else (len(items), 0)
    parts = [
        _part(operation, argument, flags, first=first and at <= begin, last=last and at >= end)
        for at, (operation, argument) in enumerate(items)
    ]
    return None if None in parts else "".join(part for part in parts if part)


def _part(operation: Any, argument: Any, flags: int, *, first: bool, last: bool) -> str | None:
    """One operation of Python's parser."""
    if operation is sre.LITERAL:
        return _class(((operation, argument),), flags)
    if operation is sre.NOT_LITERAL:
        return _class(((sre.NEGATE, None), (sre.LITERAL, argument)), flags)
    if operation is sre.ANY:
        newline = () if flags & re.DOTALL else ((sre.LITERAL, ord("\n")),)
        return _class(((sre.NEGATE, None), *newline), 0)
    if operation is sre.IN:
        return _class(tuple(argument), flags)
    if operation is sre.BRANCH:
        return _branch(argument[1], flags, first=first, last=last)
    if operation is sre.SUBPATTERN:
        _, added, removed, inner = argument
        return _sequence(tuple(inner), _combined(flags, added, removed), first=first, last=last)
    if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        low, high, inner = argument
        return _repeat(_sequence(tuple(inner), flags, first=False, last=False), low, high)
    if operation is sre.AT:
        return _edge(argument, first=first, last=last)
    if operation is sre.FAILURE:
        return None
    what, instead = REFUSED[operation]
    raise PatternError(f"holds {what}, which an answer cannot be held to: {instead}")


def _branch(ways: Sequence[Any], flags: int, *, first: bool, last: bool) -> str | None:
    spelled = [_sequence(tuple(way), flags, first=first, last=last) for way in ways]
    possible = [way for way in spelled if way is not None]
    return f"(?:{'|'.join(possible)})" if possible else None


def _repeat(spelled: str | None, low: Any, high: Any) -> str | None:
    """So often; greedy or not is one for a whole answer."""
    if not spelled:
        return "" if spelled == "" or low == 0 else None
    most = "" if high is sre.MAXREPEAT else int(high)
    return f"(?:{spelled}){{{int(low)},{most}}}"


def _edge(where: Any, *, first: bool, last: bool) -> str:
    """An anchor, of which nothing is left: a whole answer matches anyway."""
    if (where in STARTS and first) or (where in ENDS and last):
        return ""
    if where in (*STARTS, *ENDS):
        raise PatternError("holds an anchor in the middle: leave it out, all of an answer matches")
    raise PatternError(r"holds \b or \B, which look around: write what the answer itself holds")


def _combined(flags: int, added: int, removed: int) -> int:
    """Flags inside a group, as Python's compiler has them."""
    kinds = re.ASCII | re.UNICODE
    return ((flags & ~kinds if added & kinds else flags) | added) & ~removed


def _class(items: Items, flags: int) -> str | None:
    """One character: of these items, or any other where the first is NEGATE."""
    operation, argument = items[0]
    folds = flags & re.IGNORECASE
    if operation is sre.LITERAL and len(items) == 1 and not (folds and chr(argument) in _cased()):
        return None if SURROGATES[0] <= argument < SURROGATES[1] else rf"\x{{{argument:X}}}"
    return _spelled_class(items, int(flags & (re.IGNORECASE | re.ASCII)))


@lru_cache(maxsize=256)
def _spelled_class(items: Items, flags: int) -> str | None:
    negated = items[0][0] is sre.NEGATE
    taken = [span for item in items[negated:] for span in _spans(*item, flags)]
    if flags & re.IGNORECASE:
        same = re.compile(_source(items[negated:]), flags)
        taken += [(ord(c), ord(c) + 1) for c in same.findall(_cased())]
    rest = _others([*taken, SURROGATES])
    kept = rest if negated else _others([*rest, SURROGATES])
    spelled = "".join(rf"\x{{{start:X}}}-\x{{{end - 1:X}}}" for start, end in kept)
    return f"[{spelled}]" if kept else None


def _spans(operation: Any, argument: Any, flags: int) -> Sequence[Span]:
    """What a class's item holds, letter for letter."""
    if operation is sre.CATEGORY:
        name = CLASSES[argument]
        spans = _category(name.lower(), flags & re.ASCII)
        return spans if name.islower() else _others(spans)
    first, last = argument if operation is sre.RANGE else (argument, argument)
    return ((first, last + 1),)


def _others(spans: Sequence[Span]) -> list[Span]:
    """All code points that none of these holds, as spans in order that do not touch."""
    free, at = [], 0
    for start, end in sorted(spans):
        if start > at:
            free.append((at, start))
        at = max(at, end)
    return [*free, (at, CODE_POINTS)] if at < CODE_POINTS else free


@lru_cache(maxsize=6)
def _category(name: str, flags: int) -> tuple[Span, ...]:
    r"""What `re` takes for `\d` and the like: `((48, 58), (1632, 1642), ...)`."""
    every = "".join(map(chr, range(CODE_POINTS)))
    return tuple(found.span() for found in re.compile(f"{name}+", flags).finditer(every))


@lru_cache(maxsize=1)
def _cased() -> str:
    """Letters that (?i) may take for others."""
    letters = map(chr, range(CASED_PLANES))
    return "".join(c for c in letters if c.lower() != c or c.upper() != c)


def _source(items: Items) -> str:
    """A class as a user writes it."""

    def of(operation: Any, argument: Any) -> str:
        if operation is sre.CATEGORY:
            return CLASSES[argument]
        ends = argument if operation is sre.RANGE else (argument,)
        return "-".join(rf"\U{code:08X}" for code in ends)

    return f"[{''.join(of(*item) for item in items)}]"
