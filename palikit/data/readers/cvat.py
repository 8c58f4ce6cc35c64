"""CVAT for images 1.1: one XML file of all pictures.

    <annotations><version>1.1</version>
      <meta><task><labels><label><name>cat</name></label></labels></task></meta>
      <image id="0" name="a/0.jpg" width="640" height="480" subset="train">
        <box label="cat" xtl="10.5" ytl="20" xbr="40" ybr="60" rotation="30.0" occluded="0"/>
        <polygon label="cat" points="10,20;40,20;40,60"/>
        <mask label="cat" rle="1, 2, 1" left="5" top="6" width="2" height="2"/>
      </image></annotations>

Source: the page "XML annotation format" of docs.cvat.ai. Coordinates are continuous pixels. Run
lengths go along the rows of the rectangle left, top, width, height and start with zeros; here they
become COCO's, of the whole picture. A box turned clockwise about its middle becomes the smallest
upright box around it.

Points, polylines, ellipses, cuboids and skeletons are left out and counted in
`Record.extra["left_out"]`; tags of a picture are in `extra["tags"]`, its subset is in
`extra["subset"]`.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from palikit.coco import encode_rle
from palikit.data.pictures import FilePicture
from palikit.data.records import Dataset, Polygon, Record, Thing
from palikit.errors import DataError
from palikit.results import Box

from .boxes_files import bounds, check_folder, check_pixels, inside, outline, to_number, turned
from .boxes_xml import Element, read_xml

__all__ = ["read"]

LEFT_OUT = ("points", "polyline", "ellipse", "cuboid", "skeleton")

Size: TypeAlias = tuple[int, int]


def read(path: Path, *, images: Path | None = None, subset: str = "") -> Dataset:
    """Read an `annotations.xml`, or the folder that was unpacked from CVAT's archive.

    Args:
        path: the file, or the folder that holds `annotations.xml`.
        images: the folder that picture names start from, with or without folders of subsets; by
            default `images/` beside the file, and the file's folder where there is none.
        subset: only pictures of this subset; all by default.

    Raises:
        DataError: a file that is missing, cut short, of videos or no CVAT, with the line.
        UsageError: `images` is no folder.
    """
    check_folder(images)
    file = path / "annotations.xml" if path.is_dir() else path
    root = read_xml(file, "annotations")
    if track := root.find("track"):
        raise track.error("these are tracks of a video: export as 'CVAT for images 1.1'")
    if images is None:
        images = file.parent / "images" if (file.parent / "images").is_dir() else file.parent
    classes = _classes(root)
    entries = root.find_all("image")
    _check_ids(entries)
    chosen = [entry for entry in entries if subset in ("", entry.attributes.get("subset", ""))]
    if subset and not chosen:
        found = sorted({entry.attributes.get("subset", "") for entry in entries})
        raise DataError(f"{file} has no picture of the subset {subset!r}: it has {found}")
    records = [_record(entry, images, classes) for entry in chosen]
    labels = (thing.label for record in records for thing in record.things or ())
    return Dataset(subset or file.stem, records, classes or tuple(dict.fromkeys(labels)))


def _classes(root: Element) -> tuple[str, ...]:
    """The labels of the task, job or project; () where the file has no `meta`."""
    meta = root.find("meta")
    found = [] if meta is None else [part.find("labels") for part in meta.children]
    names = [
        label.need("name").words()
        for labels in found
        if labels is not None
        for label in labels.find_all("label")
    ]
    return tuple(dict.fromkeys(names))


def _check_ids(entries: list[Element]) -> None:
    seen: set[tuple[str, int]] = set()
    for entry in entries:
        # The tasks of a project may number their pictures alike.
        key = entry.attributes.get("task_id", ""), entry.attribute_whole("id")
        if key in seen:
            raise entry.error(f"the id {key[1]} came before: each picture must have its own")
        seen.add(key)


def _record(entry: Element, images: Path, classes: tuple[str, ...]) -> Record:
    size = entry.attribute_whole("width", 1), entry.attribute_whole("height", 1)
    subset = entry.attributes.get("subset", "")
    things, tags, left = [], [], Counter[str]()
    for child in entry.children:
        if child.tag in SHAPES:
            things.append(SHAPES[child.tag](child, _label(child, classes), size))
        elif child.tag == "tag":
            tags.append(_label(child, classes))
        elif child.tag in LEFT_OUT:
            left[child.tag] += 1
        else:
            raise child.error(
                f"a box, polygon, mask, tag or one of {', '.join(LEFT_OUT)} was expected"
            )
    extra: dict[str, Any] = {"tags": tuple(tags), "left_out": dict(left), "subset": subset}
    return Record(
        pictures=(FilePicture(_picture(entry, images, subset)),),
        origin=f"{entry.file}, line {entry.line}",
        id=entry.attribute("id"),
        size=size,
        things=tuple(things),
        extra={name: value for name, value in extra.items() if value},
    )


def _picture(entry: Element, images: Path, subset: str) -> Path:
    name = entry.attribute("name")
    plain = inside(images, name, entry.error)
    if not subset:
        return plain
    below = inside(images, f"{subset}/{name}", entry.error)
    return below if below.is_file() else plain


def _label(entry: Element, classes: tuple[str, ...]) -> str:
    label = entry.attribute("label")
    if classes and label not in classes:
        raise entry.error(f"the label {label!r} is not among the labels in <meta>: add it there")
    return label


def _box(entry: Element, label: str, size: Size) -> Thing:
    x1, y1, x2, y2 = (entry.attribute_number(name) for name in ("xtl", "ytl", "xbr", "ybr"))
    degrees = entry.attribute_number("rotation") if "rotation" in entry.attributes else 0.0
    return Thing(label, turned(Box(x1, y1, x2, y2), degrees, ((x1 + x2) / 2, (y1 + y2) / 2)))


def _polygon(entry: Element, label: str, size: Size) -> Thing:
    points = [_point(entry, point) for point in entry.attribute("points").split(";")]
    polygon: Polygon = outline([number for point in points for number in point], entry.error)
    return Thing(label, bounds([polygon]), (polygon,))


def _point(entry: Element, text: str) -> tuple[float, float]:
    numbers = [to_number(part) for part in text.split(",")]
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
        raise entry.error(f"{text!r} came where a point x,y was expected")
    return numbers[0], numbers[1]


def _mask(entry: Element, label: str, size: Size) -> Thing:
    left, top = entry.attribute_whole("left"), entry.attribute_whole("top")
    width, height = entry.attribute_whole("width", 1), entry.attribute_whole("height", 1)
    check_pixels(size, entry.error)
    if left + width > size[0] or top + height > size[1]:
        raise entry.error(
            f"a mask of {width} x {height} at {left}, {top} leaves the picture of "
            f"{size[0]} x {size[1]}"
        )
    counts = [to_number(part) for part in entry.attribute("rle").split(",")]
    whole = [int(count) for count in counts if count is not None and count >= 0]
    if whole != counts or sum(whole) != width * height:
        raise entry.error(
            f"the run lengths must be whole numbers that add up to {width} x {height} = "
            f"{width * height}: the file may be damaged"
        )
    mask = np.zeros((size[1], size[0]), np.bool_)
    ones = np.arange(len(whole)) % 2 == 1
    mask[top : top + height, left : left + width] = np.repeat(ones, whole).reshape(height, width)
    box = Box(float(left), float(top), float(left + width), float(top + height))
    return Thing(label, box, rle=encode_rle(mask))


SHAPES: dict[str, Callable[[Element, str, Size], Thing]] = {
    "box": _box,
    "polygon": _polygon,
    "mask": _mask,
}
