"""All checks over some sources. A record that is broken is told of, and the rest is looked at."""

import numbers
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from palikit.codecs.masks import MaskCodec
from palikit.data.pictures import Picture
from palikit.data.records import Dataset, Record
from palikit.results import Box

from .checks_answers import check_answers
from .checks_boxes import check_boxes
from .checks_labels import check_classes, check_labels
from .checks_masks import check_masks, size_of
from .checks_pictures import check_pictures
from .checks_shapes import check_shapes
from .checks_splits import check_splits
from .checks_words import TokenLimit, check_words
from .findings import Finding, finding
from .looks import Look, look_at_all

__all__ = ["lint"]


def lint(
    datasets: Sequence[Dataset],
    *,
    look: bool = True,
    limit: TokenLimit | None = None,
    codec: MaskCodec | None = None,
    advance: Callable[[int, int], None] | None = None,
) -> list[Finding]:
    """Everything worth to know of labels before training, errors first.

    Args:
        datasets: usually the splits of one: a picture in two of them is a leak.
        look: open the pictures; otherwise sizes are those of the labels, and a picture is known by
            its name.
        limit: the longest answer in tokens.
        codec: tries what its codes keep of the masks.
        advance: told how many pictures were looked at, and of how many.
    """
    typed = [[(record, _wrong_types(record)) for record in dataset] for dataset in datasets]
    found = [
        finding("record-broken", str(record.origin), wrong)
        for part in typed
        for record, wrong in part
        if wrong
    ]
    parts = [[record for record, wrong in part if not wrong] for part in typed]
    pictures = [picture for part in parts for record in part for picture in record.pictures]
    looks = look_at_all(pictures, advance) if look else _by_name(pictures)
    for dataset, part in zip(datasets, parts, strict=True):
        found += _each(dataset, part, looks, limit)
        found += check_answers(dataset, part)
        if codec is not None:
            found += check_masks(dataset, part, looks, codec)
    found += check_classes(datasets, [record for part in parts for record in part])
    found += check_splits(parts, looks)
    return sorted(found, key=lambda one: ("error", "warning", "note").index(one.severity))


def _each(
    dataset: Dataset,
    records: Iterable[Record],
    looks: Mapping[Picture, Look],
    limit: TokenLimit | None,
) -> Iterator[Finding]:
    classes = frozenset(dataset.classes)
    for record in records:
        try:
            yield from _one(record, classes, looks, limit)
        except Exception as error:  # what no check thought of must not hide the other records
            message = f"the record cannot be checked ({type(error).__name__}: {error})"
            yield finding("record-broken", record.origin, message)


def _one(
    record: Record,
    classes: frozenset[str],
    looks: Mapping[Picture, Look],
    limit: TokenLimit | None,
) -> Iterator[Finding]:
    yield from check_pictures(record, looks)
    yield from check_labels(record, classes)
    yield from check_words(record, limit)
    size = size_of(record, looks)
    if record.things and size is not None and min(size) > 0:
        yield from check_boxes(record.things, size, record.origin)
        yield from check_shapes(record.things, size, record.origin)


def _by_name(pictures: Iterable[Picture]) -> dict[Picture, Look]:
    return {p: Look(p.name.encode("utf-8", "surrogatepass")) for p in pictures}


def _wrong_types(record: Record) -> str:
    """What of a record is not of the type that it says; "" when all is.

    A reader checks its own format, and a record may be made by anyone's code.
    """
    try:
        hash((record.pictures, record.things, record.answers, record.captions))
        return next(_strange(record), "")
    except Exception as error:  # a field may be anything, and so may what goes wrong
        return f"a field is of a wrong type ({error})"


def _strange(record: Record) -> Iterator[str]:
    texts: list[object] = [record.origin, record.prefix, record.question, record.lang]
    texts += [*record.answers, *record.captions, "" if record.suffix is None else record.suffix]
    texts += [thing.label for thing in record.things or ()]
    yield from (f"{text!r} stands for a text" for text in texts if not isinstance(text, str))
    for picture in record.pictures:
        if not isinstance(picture, Picture):
            yield f"{picture!r} stands for a picture"
    for thing in record.things or ():
        if not isinstance(thing.box, Box) or not all(map(_is_number, thing.box.xyxy)):
            yield f"{thing.label}: {thing.box!r} is no box of four numbers"
        if not all(_is_number(value) for polygon in thing.polygons for value in polygon):
            yield f"{thing.label}: an outline holds what is no number"
    if record.size is not None:
        width, height = record.size
        if not (_is_number(width) and _is_number(height) and width > 0 and height > 0):
            yield f"{record.size!r} is no (width, height)"


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real)
