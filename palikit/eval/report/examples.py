"""Which answers a report shows, and their pictures, small enough to stand inside the page.

pick_examples(result).worst        # positions of the items with the lowest scores
picture_uris(result, 17)           # ["data:image/jpeg;base64,...", ...]
"""

import base64
import zlib
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from palikit.data.pictures import open_picture
from palikit.errors import PalikitError
from palikit.eval.predictions import Prediction, to_regions
from palikit.eval.results import Result
from palikit.eval.scoring import SCORERS
from palikit.results import Region, Regions
from palikit.view.draw import draw

__all__ = ["Examples", "pick_examples", "picture_uris"]

MOST_BYTES = 150_000
"""Of a picture's file; a third more in the page."""

SIDE = 320
FRAMES = 4
"""So many pictures of one item are shown."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Positions of items; no item stands in two lists.

    Attributes:
        worst: the lowest scores.
        surest_wrong: of those that are wrong, where the model was surest.
        drawn: at random, always the same ones.
    """

    worst: tuple[int, ...]
    surest_wrong: tuple[int, ...]
    drawn: tuple[int, ...]


def pick_examples(one: Result, count: int = 6) -> Examples:
    """What to show of a run; without scores only random ones."""
    order = sorted(range(len(one.items)), key=lambda i: zlib.crc32(_bytes(one.items[i].id)))
    if one.scores is None:
        return Examples((), (), tuple(order[:count]))
    sign = 1 if one.benchmark.higher_is_better else -1
    badness = [sign * value for value in one.scores.per_item]
    wrong = [i for i in order if _is_wrong(one, i)]
    surest = sorted(wrong, key=lambda i: -(one.answers[i].score or 0.0))[:count]
    rest = [i for i in order if i not in surest]
    worst = [i for i in sorted(rest, key=lambda i: badness[i]) if _is_flawed(one, i)][:count]
    return Examples(tuple(worst), tuple(surest), tuple(i for i in rest if i not in worst)[:count])


def picture_uris(one: Result, index: int) -> list[tuple[str, str]]:
    """(what it shows, data URI) for each picture; none where it does not open.

    For regions, the answer and the right things are drawn on a copy each.
    """
    item, answer = one.items[index], one.answers[index]
    try:
        pictures = [open_picture(picture) for picture in item.pictures[:FRAMES]]
    except PalikitError:
        return []
    if not pictures:
        return []
    if SCORERS[one.benchmark.metric].answers_in == "words":
        return [("", _uri(picture)) for picture in pictures]
    right = _right_regions(one, index, pictures[0].size)
    drawn = [("answer", _drawn(pictures[0], _told_regions(answer, pictures[0].size)))]
    if item.things:
        drawn.append(("right", _drawn(pictures[0], right)))
    return drawn


def _is_wrong(one: Result, index: int) -> bool:
    """Less than half right, where items are measured in percent."""
    assert one.scores is not None
    value = one.scores.per_item[index]
    return value < 50 if one.benchmark.higher_is_better else value > 50


def _is_flawed(one: Result, index: int) -> bool:
    assert one.scores is not None
    value = one.scores.per_item[index]
    return value < 100 if one.benchmark.higher_is_better else value > 0


def _told_regions(answer: Prediction, size: tuple[int, int]) -> Regions:
    try:
        found = to_regions(answer, with_masks=answer.size == size)
    except PalikitError:
        return Regions((), size=size)
    return Regions(found.items, size=size)


def _right_regions(one: Result, index: int, size: tuple[int, int]) -> Regions:
    things = one.items[index].things
    return Regions(
        tuple(Region(thing.label, thing.box, mask=thing.mask(size)) for thing in things), size=size
    )


def _drawn(picture: Image.Image, found: Regions) -> str:
    return _uri(draw(picture, found, min_side=SIDE))


def _uri(picture: Image.Image) -> str:
    """JPEG, smaller and coarser until it is small enough."""
    data, side, quality = b"", SIDE, 85
    while not data or (len(data) > MOST_BYTES and side > 32):
        small = picture.convert("RGB")
        small.thumbnail((side, side))
        file = BytesIO()
        small.save(file, "JPEG", quality=quality)
        data, side, quality = file.getvalue(), side * 3 // 4, max(quality - 15, 40)
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode('ascii')}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
