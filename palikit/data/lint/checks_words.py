"""Prefixes, suffixes, questions, answers and captions, each record by itself."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from palikit.codecs.prompts import check_language
from palikit.codecs.text import check_label, format_region, join_regions, parse_spans
from palikit.data.records import Record
from palikit.errors import UsageError

from .findings import Finding, finding

__all__ = ["TokenLimit", "check_words"]

CONTROL = re.compile(r"<(?:image|bos|eos|pad|s|/s|start_of_turn|end_of_turn)>")
# Also what was meant for a code: <LOC 12>, loc0012.
CODES = re.compile(r"<\s*/?\s*(?:loc|seg)|\b(?:loc|seg)\d{3,4}\b", re.IGNORECASE)
ASKS = re.compile(r"(?P<verb>detect|segment)\s+(?P<labels>.+)")
# Replacement characters, and UTF-8 read as Latin-1 or Windows-1252.
GARBLED = re.compile("\ufffd|[ÃÂ][\x80-\xbf]|â€|Ã©|Ã¼|Ã¤|Ã¶")
SHOWN = 60


@dataclass(frozen=True, slots=True)
class TokenLimit:
    """The longest answer that training takes, and how its tokens are counted."""

    most: int
    count: Callable[[str], int]


def check_words(record: Record, limit: TokenLimit | None = None) -> Iterator[Finding]:
    """What is wrong with the words of a record."""
    for code, message in _wrong_with(record, limit):
        yield finding(code, record.origin, message)


def _wrong_with(record: Record, limit: TokenLimit | None) -> Iterator[tuple[str, str]]:
    broken = [(name, text) for name, text in _texts(record) if not _is_whole(text)]
    if broken:
        # Half characters cannot be printed, encoded or counted: nothing else is worth to say.
        yield "text-broken", f"the {broken[0][0]} holds half a character: {broken[0][1]!a:.{SHOWN}}"
        return
    for name, text in _texts(record):
        if GARBLED.search(text):
            yield "text-garbled", f"the {name} reads {_shown(text)}"
    if record.things is None and record.suffix is None and not (record.captions or record.answers):
        if record.question:
            yield "answers-missing", f"{_shown(record.question)} has no answer"
        else:
            yield "record-empty", "the record has no things, captions, answers or suffix"
    yield from _prefix(record)
    if record.suffix is not None:
        yield from _suffix(record.prefix, record.suffix)
    yield from _answers(record)
    if record.lang:
        yield from _lang(record.lang)
    if limit is not None:
        yield from _long(record, limit)


def _texts(record: Record) -> Iterator[tuple[str, str]]:
    yield from (("prefix", record.prefix), ("suffix", record.suffix or ""))
    yield ("question", record.question)
    yield from (("answer", answer) for answer in record.answers)
    yield from (("caption", caption) for caption in record.captions)
    yield from (("label", thing.label) for thing in record.things or ())


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _prefix(record: Record) -> Iterator[tuple[str, str]]:
    prefix = record.prefix
    if record.suffix is not None and not prefix.strip():
        yield "prefix-empty", f"the suffix {_shown(record.suffix)} has no prefix"
        return
    if control := CONTROL.search(prefix):
        yield "prefix-tokens", f"the prefix {_shown(prefix)} holds {control.group()}"
    if "\n" in prefix or "\r" in prefix:
        yield "prefix-newline", f"the prefix {_shown(prefix)} holds a line break"
    elif prefix != prefix.strip():
        yield "prefix-spaces", f"the prefix {_shown(prefix)} has space around it"


def _suffix(prefix: str, suffix: str) -> Iterator[tuple[str, str]]:
    asks = ASKS.match(prefix.strip())
    if not suffix.strip():
        # "nothing there" is a right answer to detect, and written as no words at all.
        if asks is None or suffix:
            yield "suffix-empty", f"the answer to {_shown(prefix)} is empty"
        return
    if control := CONTROL.search(suffix):
        yield "suffix-tokens", f"the suffix {_shown(suffix)} holds {control.group()}"
    if suffix != suffix.strip():
        yield "suffix-spaces", f"the suffix {_shown(suffix)} has space around it"
    if CODES.search(suffix):
        spans, unread = parse_spans(CONTROL.sub("", suffix))
        if unread:
            yield "suffix-regions", f"of the suffix {_shown(suffix)} {_shown(unread)} is not read"
        if asks is not None:
            yield from _unasked(asks["labels"], {span.label for span in spans if span.label})
            bare = sum(span.codes is None for span in spans)
            if asks["verb"] == "segment" and bare and not unread:
                yield "suffix-unasked", f"{_shown(prefix)} asks for masks, {bare} boxes have none"


def _unasked(asked: str, told: set[str]) -> Iterator[tuple[str, str]]:
    extra = sorted(told - {label.strip() for label in asked.split(";")})
    if extra:
        yield (
            "suffix-unasked",
            f"the prefix asks for {_shown(asked)}, the suffix tells {extra[0]!r}",
        )


def _answers(record: Record) -> Iterator[tuple[str, str]]:
    if record.answers and not record.question.strip() and not record.prefix.strip():
        yield "question-missing", f"the answer {_shown(record.answers[0])} has no question"
    for answer in record.answers:
        if not answer.strip():
            yield "answer-empty", f"an answer to {_shown(record.question)} is {answer!r}"
    for caption in record.captions:
        if not caption.strip():
            yield "caption-empty", f"a caption is {caption!r}"


def _lang(lang: str) -> Iterator[tuple[str, str]]:
    try:
        check_language(lang)
    except UsageError:
        yield "lang-unknown", f"{lang!r} is no language code"


def _long(record: Record, limit: TokenLimit) -> Iterator[tuple[str, str]]:
    for name, text in _texts(record):
        if name in ("suffix", "answer", "caption") and (count := limit.count(text)) > limit.most:
            yield "answer-long", f"the {name} {_shown(text)} has {count} tokens, over {limit.most}"
    if (count := limit.count(_told(record))) > limit.most:
        things = len(record.things or ())
        yield "answer-long", f"telling its {things} things takes {count} tokens, over {limit.most}"


def _told(record: Record) -> str:
    """The things as an answer of the length that theirs will have."""
    regions = []
    for thing in record.things or ():
        try:
            codes = [0] * 16 if thing.has_mask else None
            regions.append(format_region((0, 0, 1, 1), check_label(thing.label), codes))
        except UsageError:  # a label that cannot be told; another check says so
            continue
    return join_regions(regions)


def _shown(text: str) -> str:
    short = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
    return repr(short)
