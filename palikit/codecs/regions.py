"""Regions as a model writes them, both ways.

    read_regions("<loc0051>… cat", (640, 480))    Regions((Region('cat', Box(...), ...),), ...)
    write_regions(found)                          "<loc0051>… cat"

The score of a region is the geometric mean of how sure the model was of its four locs and of its
label, each taken as exp of the mean log-probability of its tokens; so where and what weigh the
same, however many pieces a name takes and whether or not a mask stands in between. A region without
label has the score of its locs. A noisy model's are scored by the label alone.
"""

from collections.abc import Iterable, Sequence

from palikit.results import Region, Regions

from .boxes import decode_box, encode_box
from .prompts import NOISE_LABEL
from .scores import Score, mean_score, region_score
from .text import format_region, join_regions, parse_spans

__all__ = ["read_regions", "write_regions"]


def read_regions(
    text: str,
    size: tuple[int, int],
    score: Score | None = None,
    logprobs: Sequence[float] = (),
    *,
    noisy: bool = False,
) -> Regions:
    """What can be read of an answer about a picture of `size` (width, height).

    A `noisy` model is one that calls some boxes noise. Masks are left to the caller, who has the
    mask codec: the regions come with their codes.
    """
    spans, unparsed = parse_spans(text)
    items = tuple(
        Region(
            label=span.label,
            box=decode_box(span.bins, size),
            score=None if score is None else region_score(span, score, by_label=noisy),
            codes=span.codes,
        )
        for span in spans
        # Without a grammar the model may say of a box that it holds nothing.
        if not (noisy and span.label == NOISE_LABEL)
    )
    return Regions(items, unparsed, size, text, mean_score(logprobs), tuple(logprobs))


def write_regions(regions: Iterable[Region], size: tuple[int, int], *, codes: bool) -> str:
    """The answer that training teaches, with the codes of masks or without."""
    return join_regions(
        [
            format_region(encode_box(one.box, size), one.label, one.codes if codes else None)
            for one in regions
        ]
    )
