"""Box edges between the bins: where the model's mean lies, beside the loc that it told.

    text      "<loc0051><loc0102><loc0512><loc0512> cat"
    offsets   {0: 0.3, 27: -1.25}           in bins, by where a loc starts in the text
    edges     51.3, 102.0, 512.0, 510.75    y1 x1 y2 x2

Text, labels, codes and scores stay as they were told; only boxes move, and a mask that is pasted
afterwards moves with its box.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from palikit.codecs.boxes import NUM_BINS, decode_box
from palikit.codecs.text import LOC_LENGTH, RegionSpan, parse_spans
from palikit.results import Box, Region, Regions

__all__ = ["refine_boxes"]


def refine_boxes(found: Regions, offsets: Mapping[int, float]) -> Regions:
    """The same regions with their edges moved, inside the picture and with corners in order.

    An axis whose edges would pass each other keeps the bins that were told.
    """
    spans = iter(parse_spans(found.text)[0])
    items: list[Region] = []
    for region in found:
        # A task may have left out regions that the text has.
        span = next((one for one in spans if _tells(one, region, found.size)), None)
        moved = region.box if span is None else _box(span, offsets, found.size)
        items.append(replace(region, box=moved))
    return replace(found, items=tuple(items))


def _tells(span: RegionSpan, region: Region, size: tuple[int, int]) -> bool:
    return span.label == region.label and decode_box(span.bins, size) == region.box


def _box(span: RegionSpan, offsets: Mapping[int, float], size: tuple[int, int]) -> Box:
    starts = [span.start + i * LOC_LENGTH for i in range(4)]
    edges = [
        min(max(told + offsets.get(start, 0.0), 0.0), NUM_BINS - 1.0)
        for told, start in zip(span.bins, starts, strict=True)
    ]
    y1, y2 = _in_order(edges[::2], span.bins[::2])
    x1, x2 = _in_order(edges[1::2], span.bins[1::2])
    return decode_box((y1, x1, y2, x2), size)


def _in_order(edges: Sequence[float], told: Sequence[int]) -> tuple[float, float]:
    low, high = edges if edges[0] < edges[1] else map(float, told)
    return low, high
