"""Pictures that are missing or broken, and sizes that contradict them."""

from collections.abc import Iterator, Mapping

from palikit.data.pictures import Picture
from palikit.data.records import Record

from .findings import Finding, finding
from .looks import Look

__all__ = ["check_pictures"]


def check_pictures(record: Record, looks: Mapping[Picture, Look]) -> Iterator[Finding]:
    """What is wrong with the pictures of a record that were looked at."""
    if not record.pictures:
        yield finding("record-without-picture", record.origin, "the record names no picture")
    seen = [looks[picture] for picture in record.pictures]
    for picture, look in zip(record.pictures, seen, strict=True):
        if look.problem:
            yield finding(look.problem, record.origin, look.message)
        elif look.is_blank:
            message = f"all pixels of {picture.name} have the same colour"
            yield finding("picture-blank", record.origin, message)
    if len(seen) == 1:
        yield from _check_size(record, seen[0])


def _check_size(record: Record, look: Look) -> Iterator[Finding]:
    if look.size is None or record.size is None or tuple(record.size) == look.size:
        return
    said, real = (f"{width} x {height}" for width, height in (record.size, look.size))
    if tuple(record.size) != look.size[::-1]:
        message = f"the labels are for a picture of {said}, it is {real}"
        yield finding("size-differs", record.origin, message)
    elif look.is_turned:
        message = f"the labels are for {said}, as it is stored, but EXIF turns it to {real}"
        yield finding("size-turned", record.origin, message)
    else:
        message = f"the labels say {said}, width and height swapped: it is {real}"
        yield finding("size-differs", record.origin, message)
