"""Masks of the things that were found, for answers that name several: boxes first, then masks.

    found = [Region("cat", box, mask=mask)]
    match_regions([("cat", box)], found)                    # [(0, 0)]: thing 0 is region 0

A thing is found by a region of its label whose box has an IoU of 0.5 or more, the best pairs first,
each thing and region once. A thing that is found without a mask has a mask IoU of 0. Ours: this is
what nano is measured by.
"""

from collections.abc import Sequence

import numpy as np

from palikit.results import Box, MaskArray, Region

__all__ = ["mask_iou", "match_regions"]

FOUND = 0.5


def match_regions(
    things: Sequence[tuple[str, Box]], regions: Sequence[Region]
) -> list[tuple[int, int]]:
    """Pairs (thing, region), the best first; of equally good ones those that came first."""
    pairs = [
        (box.iou(region.box), i, j)
        for i, (label, box) in enumerate(things)
        for j, region in enumerate(regions)
        if label == region.label
    ]
    chosen: list[tuple[int, int]] = []
    for iou, i, j in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if iou >= FOUND and all(i != a and j != b for a, b in chosen):
            chosen.append((i, j))
    return chosen


def mask_iou(a: MaskArray, b: MaskArray) -> float:
    """Shared pixels over joint pixels; 0 for two empty masks."""
    joint = np.logical_or(a, b).sum()
    return float(np.logical_and(a, b).sum() / joint) if joint else 0.0
