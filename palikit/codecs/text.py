"""The answers to `detect` and `segment` as text: written strictly, read leniently, nothing lost.

    "<loc0051><loc0102><loc0512><loc0512> cat ; <loc0000>…"       y1 x1 y2 x2, label, separator
    "<loc0051><loc0102><loc0512><loc0512><seg017>…<seg101> cat"   with the 16 codes of a mask

The form follows the PaliGemma paper (arXiv 2407.07726, section 3.2.5) and big_vision's
`pp/proj/paligemma/segmentation.py`. Reading also accepts space before and after the codes, no
space, no separator, and no label (RefCOCO's answers have none). What it does with what is broken:

- A box needs four locs. A run of 4, 8, 12, … locs is that many boxes, the last of which owns what
  follows; in a run of any other length nobody can say where a box starts, so the run and its label
  are left unparsed.
- A number out of range (loc 1024 and more) spoils its run in the same way.
- A box without area (y2 <= y1 or x2 <= x1) is left unparsed with its codes and label: the reference
  calls it invalid.
- Codes that are not exactly sixteen, or one above 127, are left unparsed; box and label around them
  still count.
- Words, codes without a box, and anything else outside regions are left unparsed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from palikit.codecs.boxes import NUM_BINS, Bins, format_box
from palikit.errors import UsageError

__all__ = ["LOC_LENGTH", "RegionSpan", "check_label"]
__all__ += ["format_region", "join_regions", "parse_spans"]

NUM_CODES = 128
CODES_PER_MASK = 16
LOC_LENGTH = len("<loc0000>")
BOX_LENGTH = 4 * LOC_LENGTH

LOC_RUN = re.compile(r"(?:<loc[0-9]{4}>)+")
TAIL = re.compile(r"\s*(?P<segs>(?:<seg[0-9]{3}>)*)(?P<label>[^;<>\r\n]*)")
NUMBER = re.compile(r"[0-9]+")
NOT_IN_LABEL = re.compile(r"[;<>\r\n]")
SEPARATOR = " ; "
AROUND = " \t\r\n;"


@dataclass(frozen=True, slots=True)
class RegionSpan:
    """One region of an answer, with the character offsets of its parts.

    `start` is where its first loc starts and `end` where its label ends (or its codes, or its box:
    the last that it has). The box is `text[start:start + 36]`, the label
    `text[label_start:label_end]`.
    """

    start: int
    end: int
    bins: Bins
    codes: tuple[int, ...] | None
    label: str
    label_start: int
    label_end: int


def parse_spans(text: str) -> tuple[tuple[RegionSpan, ...], str]:
    """The regions of an answer and what is left, pieces joined by " ; ". Never raises.

    Separators and space around a left piece are dropped; every other character is in a region or in
    what is left.
    """
    spans = [span for run in LOC_RUN.finditer(text) for span in _read_run(run)]
    kept = [part for span in spans for part in _parts(span)]
    starts = [0, *(end for _, end in kept)]
    ends = [*(start for start, _ in kept), len(text)]
    pieces = (text[start:end].strip(AROUND) for start, end in zip(starts, ends, strict=True))
    return tuple(spans), SEPARATOR.join(piece for piece in pieces if piece)


def format_region(bins: Sequence[int], label: str, codes: Sequence[int] | None = None) -> str:
    """A region as the model is taught to write it; space around the label is dropped."""
    name = check_label(label) if label.strip() else ""
    segs = "" if codes is None else _format_codes(codes)
    return f"{format_box(bins)}{segs} {name}".rstrip()


def join_regions(regions: Sequence[str]) -> str:
    """Several formatted regions as one answer."""
    return SEPARATOR.join(regions)


def check_label(label: str) -> str:
    """The label without space around it.

    Raises:
        UsageError: an empty label, or one with a character that would end it: ; < > or a line
        break.
    """
    name = label.strip()
    if not name:
        raise UsageError("a label is empty: name the thing to look for, for example 'cat'")
    if NOT_IN_LABEL.search(name):
        raise UsageError(
            f"label {label!r} holds one of ; < > or a line break: use words without them"
        )
    return name


def _read_run(run: re.Match[str]) -> Iterator[RegionSpan]:
    """The regions of one run of locs, the last with the codes and the label that follow."""
    numbers = [int(number) for number in NUMBER.findall(run.group())]
    if len(numbers) % 4 or max(numbers) >= NUM_BINS:
        return
    for i in range(0, len(numbers), 4):
        y1, x1, y2, x2 = numbers[i : i + 4]
        if y2 <= y1 or x2 <= x1:
            continue
        start = run.start() + i * LOC_LENGTH
        end = start + BOX_LENGTH
        if end == run.end():
            yield _with_tail(start, (y1, x1, y2, x2), run)
        else:
            yield RegionSpan(start, end, (y1, x1, y2, x2), None, "", end, end)


def _with_tail(start: int, bins: Bins, run: re.Match[str]) -> RegionSpan:
    tail = TAIL.match(run.string, run.end())
    assert tail is not None  # every part of TAIL may be empty
    codes = _read_codes(tail["segs"])
    label = tail["label"].strip()
    if label:
        label_start = run.string.index(label, tail.start("label"))
    else:
        label_start = run.end() if codes is None else tail.end("segs")
    label_end = label_start + len(label)
    return RegionSpan(start, label_end, bins, codes, label, label_start, label_end)


def _parts(span: RegionSpan) -> tuple[tuple[int, int], ...]:
    """What of a region was read; between a box and a label there may be codes that were not."""
    if span.codes is not None:
        return ((span.start, span.end),)
    return (span.start, span.start + BOX_LENGTH), (span.label_start, span.label_end)


def _read_codes(segs: str) -> tuple[int, ...] | None:
    codes = tuple(int(number) for number in NUMBER.findall(segs))
    return codes if len(codes) == CODES_PER_MASK and max(codes) < NUM_CODES else None


def _format_codes(codes: Sequence[int]) -> str:
    if len(codes) != CODES_PER_MASK or not all(0 <= code < NUM_CODES for code in codes):
        raise UsageError(f"codes {tuple(codes)} are not sixteen numbers from 0 to 127")
    return "".join(f"<seg{code:03d}>" for code in codes)
