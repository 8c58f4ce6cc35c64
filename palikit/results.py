"""What a model answered, as frozen values: Box, Text, Region, Regions.

    found = vlm.detect(image, ["cat", "dog"])
    found[0]            Region(label='cat', box=Box(x1=12.5, y1=40.0, ...), score=0.94, ...)
    found.unparsed      what of the answer was not understood; "" when all was

All coordinates are float pixels of the original image, x to the right and y down. A badly formed
answer is data here and never an exception: what could be read is in `items`, the rest in
`unparsed`, all of it in `text`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from palikit.coco import MaskArray, encode_rle, polygons
from palikit.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    import supervision

__all__ = ["Box", "MaskArray", "Region", "Regions", "Text"]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle from its upper left corner (x1, y1) to its lower right (x2, y2)."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """Both corners."""
        return (self.x1, self.y1, self.x2, self.y2)

    @property
    def xywh(self) -> tuple[float, float, float, float]:
        """Upper left corner and size, as COCO writes a box."""
        return (self.x1, self.y1, self.width, self.height)

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        """0 where the corners are swapped or on one line."""
        return max(self.width, 0.0) * max(self.height, 0.0)

    def iou(self, other: "Box") -> float:
        """Shared area over joint area; 0 when neither box has an area."""
        width = min(self.x2, other.x2) - max(self.x1, other.x1)
        height = min(self.y2, other.y2) - max(self.y1, other.y1)
        shared = max(width, 0.0) * max(height, 0.0)
        joint = self.area + other.area - shared
        return shared / joint if joint > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Text:
    """An answer in words.

    Attributes:
        text: the answer.
        score: exp of the mean log-probability of its tokens, the end token included.
        logprobs: one log-probability per generated token, the end token included.
        finished: False where the limit of tokens cut it off. It then need be none of the choices,
            nor match the pattern, that it was held to.
    """

    text: str
    score: float | None = None
    logprobs: tuple[float, ...] = ()
    finished: bool = True

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """`{"text": "a cat", "score": 0.91, "logprobs": [-0.1, ...], ...}`, ready for JSON."""
        return {
            "text": self.text,
            "score": self.score,
            "logprobs": list(self.logprobs),
            "finished": self.finished,
        }


@dataclass(frozen=True, slots=True)
class Region:
    """One thing found in the picture.

    Attributes:
        label: its name; "" where the model gave none.
        box: where it is; on the bins that the answer's text names, or with `Decoding(refine=True)`
            between them.
        score: how sure the model was of box and label, from 0 to 1.
        mask: bool [H, W] of the original image. Not part of equality: it follows from box and
            codes.
        codes: the sixteen codes of its mask, as the model wrote them.
    """

    label: str
    box: Box
    score: float | None = None
    mask: MaskArray | None = field(default=None, compare=False)
    codes: tuple[int, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON; the box is `[x1, y1, x2, y2]`, the mask COCO's compressed run lengths."""
        return {
            "label": self.label,
            "box": [float(value) for value in self.box.xyxy],
            "score": self.score,
            "mask": None if self.mask is None else encode_rle(self.mask),
            "codes": None if self.codes is None else list(self.codes),
        }


@dataclass(frozen=True, slots=True)
class Regions:
    """All that was found in one picture, in the model's order.

    Attributes:
        items: the regions; iterate over or index this object to reach them.
        unparsed: what of the answer was not understood, pieces joined by " ; ".
        size: (width, height) of the picture that the boxes lie in.
        text: the whole answer as the model wrote it.
        score: exp of the mean log-probability of all tokens of the answer.
        logprobs: one log-probability per generated token, the end token included.
    """

    items: tuple[Region, ...]
    unparsed: str = ""
    size: tuple[int, int] = (0, 0)
    text: str = ""
    score: float | None = None
    logprobs: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Region]:
        return iter(self.items)

    @overload
    def __getitem__(self, index: int) -> Region: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Region, ...]: ...
    def __getitem__(self, index: int | slice) -> Region | tuple[Region, ...]:
        return self.items[index]

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(region.label for region in self.items)

    @property
    def boxes(self) -> NDArray[np.float64]:
        """float64 [n, 4], each row x1 y1 x2 y2."""
        return np.array([region.box.xyxy for region in self.items], np.float64).reshape(-1, 4)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: `regions`, `unparsed`, `size` [width, height], `text` and the scores."""
        return {
            "regions": [region.to_dict() for region in self.items],
            "unparsed": self.unparsed,
            "size": list(self.size),
            "text": self.text,
            "score": self.score,
            "logprobs": list(self.logprobs),
        }

    def to_coco(
        self,
        *,
        image_id: int,
        category_ids: Mapping[str, int],
        masks: Literal["rle", "polygon"] = "rle",
    ) -> list[dict[str, Any]]:
        """One COCO annotation a region, with a score and a segmentation where it has them.

        Annotation ids are left to whoever joins the pictures: they must be unique over a whole
        file.

        Raises:
            UsageError: a label that `category_ids` lacks, or `masks` of another kind.
        """
        if masks not in ("rle", "polygon"):
            raise UsageError(f"masks={masks!r} is not a COCO form: write 'rle' or 'polygon'")
        unknown = sorted(set(self.labels) - category_ids.keys())
        if unknown:
            raise UsageError(f"category_ids has no number for {unknown}: add one for each label")
        outline = encode_rle if masks == "rle" else polygons
        return [
            _annotation(region, image_id, category_ids[region.label], outline)
            for region in self.items
        ]

    def to_supervision(self) -> "supervision.Detections":
        """The same as `supervision.Detections`, labels in `data["class_name"]`.

        Class ids number the labels in order of first appearance. Scores are given when every region
        has one; where some regions have masks, one without becomes an empty mask.

        Raises:
            MissingExtraError: the package supervision is not installed.
        """
        try:
            import supervision
        except ImportError as error:
            raise MissingExtraError(
                "to_supervision needs a package that is not installed: pip install supervision"
            ) from error
        order = {label: i for i, label in enumerate(dict.fromkeys(self.labels))}
        scores = [region.score for region in self.items if region.score is not None]
        complete = len(scores) == len(self.items)
        return supervision.Detections(
            xyxy=self.boxes,
            mask=self._stacked_masks(),
            confidence=np.array(scores, np.float64) if complete else None,
            class_id=np.array([order[label] for label in self.labels], np.int64),
            data={"class_name": np.array(self.labels, dtype=np.str_)},
        )

    def _stacked_masks(self) -> MaskArray | None:
        if all(region.mask is None for region in self.items):
            return None
        empty = np.zeros((self.size[1], self.size[0]), np.bool_)
        return np.stack([empty if region.mask is None else region.mask for region in self.items])


def _annotation(region: Region, image_id: int, category_id: int, outline: Any) -> dict[str, Any]:
    area = region.box.area if region.mask is None else int(region.mask.sum())
    entry: dict[str, Any] = {
        "image_id": image_id,
        "category_id": category_id,
        "bbox": [float(value) for value in region.box.xywh],
        "area": float(area),
        "iscrowd": 0,
    }
    if region.mask is not None:
        entry["segmentation"] = outline(region.mask)
    if region.score is not None:
        entry["score"] = region.score
    return entry
