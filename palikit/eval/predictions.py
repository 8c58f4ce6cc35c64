"""A model's answers on disk: one line of JSON an item, in the order of the items.

    {"id": "17", "answer": "two", "score": 0.91, "logprob": -0.19, "parsed": true, "size": [64, 48]}

Answers about regions also have `"regions"`, each as `Region.to_dict()`, so that a run can be scored
again, or compared, without the model. An item whose picture does not open has an empty answer and
`"error"`, the reason.

Only whole lines count. A line without its line break, or one that is no JSON, is where a run was
killed: `whole_lines` stops before it.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from palikit.coco import MaskArray, decode_rle
from palikit.errors import DataError
from palikit.results import Box, Region, Regions

__all__ = ["Prediction", "read_predictions", "to_line", "to_regions", "whole_lines"]

MAX_SIDE = 100_000
"""Pixels; a larger mask in a file of predictions is not made."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was answered to one item.

    Attributes:
        id: the item's.
        answer: as the model wrote it.
        score: exp of the mean log-probability of its tokens.
        logprob: the sum of them.
        parsed: False where the metric could read nothing in it.
        regions: what was read as regions, each as `Region.to_dict()`.
        size: (width, height) of the (first) picture; None where it did not open.
        error: why nothing was asked; "" where all is well.
    """

    id: str
    answer: str
    score: float | None = None
    logprob: float | None = None
    parsed: bool = True
    regions: tuple[Mapping[str, Any], ...] = ()
    size: tuple[int, int] | None = None
    error: str = ""


def to_line(one: Prediction) -> str:
    """One line of JSON with its line break."""
    row: dict[str, Any] = {
        "id": one.id,
        "answer": one.answer,
        "score": _finite(one.score),
        "logprob": _finite(one.logprob),
        "parsed": one.parsed,
        "size": None if one.size is None else list(one.size),
    }
    if one.regions:
        row["regions"] = [dict(region) for region in one.regions]
    if one.error:
        row["error"] = one.error
    text = json.dumps(row, ensure_ascii=False, allow_nan=False)
    # A lone surrogate, which no UTF-8 holds, becomes JSON's \udXXX and comes back as it was.
    return text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n"


def whole_lines(data: bytes) -> tuple[list[Prediction], list[int]]:
    """The predictions up to the first line that is torn, and at which byte each of them ends."""
    found: list[Prediction] = []
    ends: list[int] = []
    end = 0
    while (stop := data.find(b"\n", end)) >= 0:
        try:
            found.append(_prediction(json.loads(data[end:stop].decode("utf-8"))))
        except (ValueError, RecursionError, DataError):
            break
        end = stop + 1
        ends.append(end)
    return found, ends


def read_predictions(path: Path) -> list[Prediction]:
    """All lines of a file, which may have been written elsewhere: `id` and `answer` are enough.

    Raises:
        DataError: it cannot be read, or a line is no prediction; with file and line.
    """
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as predictions: {error}") from error
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(_prediction(json.loads(line)))
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}:{number} is no line of JSON: {error}") from error
        except DataError as error:
            raise DataError(f"{path}:{number}: {error}") from error
    return found


def to_regions(one: Prediction, *, with_masks: bool = False) -> Regions:
    """The regions of an answer; masks are decoded only where asked for.

    Raises:
        DataError: a region that is none, or a mask of another size than the picture.
    """
    size = one.size or (0, 0)
    try:
        items = tuple(_region(row, size, with_masks) for row in one.regions)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"the regions of {one.id!r} cannot be read: {error!r}") from error
    return Regions(items, size=size, text=one.answer, score=one.score)


def _region(row: Mapping[str, Any], size: tuple[int, int], with_mask: bool) -> Region:
    corners = [float(value) for value in row["box"]]
    if len(corners) != 4 or not all(map(math.isfinite, corners)):
        raise ValueError(f"{row['box']!r} is not a box of four numbers")
    codes, score = row.get("codes"), row.get("score")
    return Region(
        label=str(row["label"]),
        box=Box(*corners),
        score=None if score is None else float(score),
        mask=_mask(row.get("mask"), size) if with_mask else None,
        codes=None if codes is None else tuple(int(code) for code in codes),
    )


def _mask(rle: Mapping[str, Any] | None, size: tuple[int, int]) -> MaskArray | None:
    if rle is None:
        return None
    # Looked at before decoding: run lengths of a few letters can name billions of pixels.
    if list(rle["size"]) != [size[1], size[0]] or max(size) > MAX_SIDE:
        raise ValueError(f"a mask of {rle['size']} lies in a picture of {size}")
    return np.asarray(decode_rle(rle), np.bool_)


def _prediction(row: Any) -> Prediction:
    if not isinstance(row, Mapping) or not isinstance(row.get("answer"), str) or "id" not in row:
        raise DataError(f"{str(row)[:80]!r} is no prediction: give id and answer")
    size, regions = row.get("size"), row.get("regions", ())
    is_size = isinstance(size, list) and [type(side) for side in size] == [int, int]
    if size is not None and not is_size:
        raise DataError(f"the size {size!r} is not [width, height]")
    if not isinstance(regions, Sequence) or not all(isinstance(r, Mapping) for r in regions):
        raise DataError("regions is no list of objects")
    return Prediction(
        id=str(row["id"]),
        answer=row["answer"],
        score=_number(row, "score"),
        logprob=_number(row, "logprob"),
        parsed=row.get("parsed") is not False,
        regions=tuple(regions),
        size=None if size is None else (size[0], size[1]),
        error=str(row.get("error", "")),
    )


def _number(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"{name}={value!r} is not a number")
    try:
        return _finite(float(value))
    except OverflowError as error:
        raise DataError(f"{name} is a number beyond all bounds") from error


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value
