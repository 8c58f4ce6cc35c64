"""YOLO, as Ultralytics reads it: one text file a picture, beside a data.yaml.

    data.yaml                     path: .
    images/train/a/0001.jpg       train: images/train
    labels/train/a/0001.txt       names: {0: cat, 1: dog}

    1 0.5 0.5 0.25 0.5            class, middle x y, width, height: of Box(240, 120, 400, 360)
    0 0.1 0.1 0.9 0.1 0.9 0.9     class, then the corners of an outline

Source: the pages "Object Detection Datasets" and "Instance Segmentation Datasets" of
docs.ultralytics.com. All numbers are shares of the picture's upright width and height, which are
read from its header. The labels of `.../images/x.jpg` are `.../labels/x.txt`, after the last folder
of that name, else beside the picture.

- A picture without a file of labels holds nothing (`things=()`), as Ultralytics has it; but where
  no picture of a split has one, the folders are wrong and that is an error.
- With `kpt_shape`, rows carry keypoints, which are left out: the box is read. Four corners of a
  turned box are an outline.
- Everything must lie in the folder of data.yaml, or in `images=`, which then stands for its `path`.
  A leading `../` that would lead out is dropped, as Ultralytics does for Roboflow's exports.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from palikit.data.picture_size import picture_size
from palikit.data.pictures import FilePicture
from palikit.data.records import Dataset, Record, Thing
from palikit.errors import DataError
from palikit.results import Box

from .boxes_files import Fail, at, bounds, check_folder, outline, read_text, to_number
from .yolo_folders import Layout, find_layout

__all__ = ["read"]


def read(path: Path, *, images: Path | None = None, split: str = "train") -> Dataset:
    """Read one split of a data.yaml, or of a folder with `images/` and `labels/`.

    Args:
        path: a data.yaml, a folder that holds one, or a folder with `images/` and `labels/` (with
            or without a folder for each split) and perhaps a `classes.txt`.
        images: for a data.yaml the folder that its paths start from; else that of the pictures.
        split: "train", "val", "test" or another key of the data.yaml.

    Raises:
        DataError: a file that is missing, broken or no YOLO, with file and line.
        ImageError: a picture whose header cannot be read.
        UsageError: `images` is no folder.
    """
    check_folder(images)
    layout = find_layout(path, images, split)
    if not layout.pictures:
        raise DataError(f"the split {split!r} of {path} has no picture: check the folder it names")
    if not any(label.is_file() for _, label in layout.pictures):
        picture, label = layout.pictures[0]
        raise DataError(
            f"no picture of the split {split!r} of {path} has a file of labels: that of {picture} "
            f"was expected at {label}"
        )
    records = [_record(picture, label, layout) for picture, label in layout.pictures]
    return Dataset(f"{layout.name} {split}", records, _classes(layout.names, records))


def _classes(names: Mapping[int, str] | None, records: list[Record]) -> tuple[str, ...]:
    if names is not None:
        return tuple(dict.fromkeys(names[number] for number in sorted(names)))
    labels = {thing.label for record in records for thing in record.things or ()}
    return tuple(sorted(labels, key=int))


def _record(picture: Path, label: Path, layout: Layout) -> Record:
    size = picture_size(FilePicture(picture))
    return Record(
        pictures=(FilePicture(picture),),
        origin=str(label),
        id=picture.stem,
        size=size,
        things=tuple(_things(label, size, layout)) if label.is_file() else (),
    )


def _things(file: Path, size: tuple[int, int], layout: Layout) -> Iterator[Thing]:
    for i, line in enumerate(read_text(file).splitlines(), start=1):
        if not (words := line.split()):
            continue
        fail = at(f"{file}, line {i}")
        numbers = [to_number(word) for word in words]
        told = [number for number in numbers if number is not None]
        if len(told) != len(words):
            word = words[numbers.index(None)]
            raise fail(f"{word[:40]!r} came where a finite number was expected")
        yield _thing(_label(told[0], layout.names, fail), told[1:], size, layout.keypoints, fail)


def _label(number: float, names: Mapping[int, str] | None, fail: Fail) -> str:
    if number < 0 or not number.is_integer():
        raise fail(f"{number:g} came where the whole number of a class was expected")
    if names is None:
        return str(int(number))
    if int(number) not in names:
        raise fail(f"there is no class {number:.0f}: names has {len(names)} of them, from 0 on")
    return names[int(number)]


def _thing(
    label: str, shares: list[float], size: tuple[int, int], keypoints: int, fail: Fail
) -> Thing:
    if keypoints and len(shares) != 4 + keypoints:
        raise fail(
            f"{len(shares) + 1} numbers came where a class, a box and {keypoints} numbers of "
            "keypoints were expected, as kpt_shape says"
        )
    shares = shares[:4] if keypoints else shares
    if len(shares) == 5:
        raise fail(
            "6 numbers came where 'class x y width height' was expected: a file of predictions "
            "with confidences is not one of labels"
        )
    # What leaves the picture a little is for lint to say; pixels are not shares at all.
    if any(not -1 <= share <= 2 for share in shares):
        raise fail("the numbers are not shares of the picture from 0 to 1: are they pixels?")
    pixels = [share * size[i % 2] for i, share in enumerate(shares)]
    if len(pixels) == 4:
        x, y, width, height = pixels
        return Thing(label, Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2))
    polygon = outline(pixels, fail)
    return Thing(label, bounds([polygon]), (polygon,))
