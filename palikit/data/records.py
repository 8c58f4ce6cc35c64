"""A labelled picture, whatever file its labels came from: Record, Thing, Dataset.

    Record(
        pictures=(FilePicture(Path("train/0001.jpg")),),
        size=(640, 480),
        things=(Thing("cat", Box(12.0, 30.0, 200.0, 310.0)),),
        origin="instances.json, image 17",
    )

A record holds what its file says and nothing else: what is asked of it, and how the answer is
spelled, is decided later, where training examples are made. All coordinates are float pixels of the
picture as `palikit.load_image` gives it (upright), x to the right and y down.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from palikit.coco import MaskArray, decode_rle, fill_polygons
from palikit.errors import DataError
from palikit.results import Box

from .pictures import Picture

__all__ = ["Dataset", "Polygon", "Record", "Thing"]

Polygon: TypeAlias = tuple[float, ...]
"""x, y, x, y, … of at least three corners; the last is joined to the first."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One labelled thing in a picture.

    Attributes:
        label: its class.
        box: where it is, as the file says; it may be outside of the picture or turned inside out
            until `lint` has looked.
        polygons: its outline, several where it is in parts; () where the file has none.
        rle: COCO run lengths `{"size": [height, width], "counts": ...}` instead of an outline.
        crowd: a region of many that were not told apart.
    """

    label: str
    box: Box
    polygons: tuple[Polygon, ...] = ()
    rle: Mapping[str, Any] | None = field(default=None, hash=False)
    crowd: bool = False

    @property
    def has_mask(self) -> bool:
        """Whether the file tells more of its shape than the box."""
        return bool(self.polygons) or self.rle is not None

    def mask(self, size: tuple[int, int]) -> MaskArray | None:
        """bool [H, W] in a picture of `size` (width, height); None where only the box is known.

        Raises:
            DataError: run lengths of another size than the picture, or that do not fill it.
        """
        if self.rle is not None:
            return _mask_of_rle(self.rle, self.label, size)
        return fill_polygons(self.polygons, size) if self.polygons else None


# Over the budget of 8: each field is one of the things that some format can say of a picture.
@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One labelled picture (or several that belong together) and all that its file says of it.

    Attributes:
        pictures: one, or the frames or views that one prompt is about.
        origin: where the labels stand, for messages: a file and a line, or a file and an id.
        id: the file's own name for it; "" where it has none.
        size: (width, height) as the file says; None where it does not.
        things: what is in it; () says that nothing is, None that nobody looked.
        captions: sentences that all tell of it.
        question: what is asked of it; "" where nothing is.
        answers: right answers to the question, several where several people gave one.
        prefix: a prompt, as it is to be asked; "" where the file has none.
        suffix: the answer to the prompt, as it is to be written; None where the file has none.
        lang: language code of captions, question and answers; "" where the file does not say.
        extra: whatever else the file says and another program may want back.
    """

    pictures: tuple[Picture, ...]
    origin: str
    id: str = ""
    size: tuple[int, int] | None = None
    things: tuple[Thing, ...] | None = None
    captions: tuple[str, ...] = ()
    question: str = ""
    answers: tuple[str, ...] = ()
    prefix: str = ""
    suffix: str | None = None
    lang: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Records in the order of their files, and the classes that their things may be of.

    Attributes:
        name: what messages and tables call it.
        classes: every class that the files declare, in their order, also those of which there is
            no thing; the labels in order of first appearance where they declare none.
    """

    name: str
    records: Sequence[Record]
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __getitem__(self, index: int) -> Record:
        return self.records[index]


def _mask_of_rle(rle: Mapping[str, Any], label: str, size: tuple[int, int]) -> MaskArray:
    width, height = size
    try:
        rows, columns = rle["size"]
        # Before anything is allocated: the size in a file may be any number.
        if (columns, rows) != size:
            raise DataError(
                f"the run lengths of {label!r} are of a picture of {columns} x {rows}, "
                f"this one is {width} x {height}"
            )
        return decode_rle(rle)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"the run lengths of {label!r} cannot be read: {error}") from error
