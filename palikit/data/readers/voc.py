"""Pascal VOC: one XML file a picture.

    VOC2012/Annotations/2007_000027.xml      <annotation>
    VOC2012/JPEGImages/2007_000027.jpg         <filename>2007_000027.jpg</filename>
    VOC2012/ImageSets/Main/train.txt           <size><width>486</width><height>500</height></size>
                                               <object><name>person</name><difficult>0</difficult>
                                                 <bndbox><xmin>175</xmin> ... </bndbox></object>

Source: the VOC2012 development kit, section "Annotation". Its pixels are numbered from 1 and both
corners are inside, so (xmin, ymin, xmax, ymax) = (1, 1, 486, 500) is the whole of a picture of
486 x 500: here Box(0, 0, 486, 500), one off the upper left corner and none off the lower right.
Many tools write continuous coordinates into the same elements; `pixels=continuous` takes those as
they are.

`difficult`, `truncated` and `occluded` are in `Record.extra`, one flag a thing in their order.
Parts of things, poses, `folder` and `path` are not read. VOC declares no classes: they come in
order of first appearance.
"""

from collections.abc import Iterator
from pathlib import Path

from palikit.data.pictures import FilePicture
from palikit.data.records import Dataset, Record, Thing
from palikit.errors import DataError, UsageError
from palikit.inputs.picture_names import is_picture
from palikit.results import Box

from .boxes_files import at, check_folder, inside, read_text
from .boxes_xml import Element, read_xml

__all__ = ["read"]

FLAGS = ("difficult", "truncated", "occluded")


def read(
    path: Path, *, images: Path | None = None, split: str = "", pixels: str = "one-based"
) -> Dataset:
    """Read a VOC folder, a folder of XML files, or one of them.

    Args:
        path: the folder that holds `Annotations/`, or that holds the XML files, or one file.
        images: the folder of pictures; by default `JPEGImages/` beside the XML files' folder, and
            that folder itself where there is none.
        split: the name of a list in `ImageSets/Main/`; by default all files, sorted by name.
        pixels: "one-based", as VOC has it, or "continuous".

    Raises:
        DataError: a file that is missing, cut short or no VOC, with file and line.
        UsageError: `images` is no folder, or `pixels` is neither of the two.
    """
    check_folder(images)
    if pixels not in ("one-based", "continuous"):
        raise UsageError(f"pixels={pixels} is not known: write pixels=one-based or continuous")
    first = 1.0 if pixels == "one-based" else 0.0
    files = [path] if path.is_file() else list(_files(path, split))
    if not files:
        raise DataError(f"{path} holds no XML file: name the folder that holds Annotations/")
    records = [_record(file, images or _pictures(file.parent), first) for file in files]
    labels = (thing.label for record in records for thing in record.things or ())
    return Dataset(split or path.stem, records, tuple(dict.fromkeys(labels)))


def _files(path: Path, split: str) -> Iterator[Path]:
    folder = path / "Annotations" if (path / "Annotations").is_dir() else path
    if not split:
        yield from sorted(folder.glob("*.xml"))
        return
    listing = inside(path / "ImageSets" / "Main", f"{split}.txt", UsageError)
    for i, line in enumerate(read_text(listing).splitlines(), start=1):
        if words := line.split():
            # A second word says whether a class is in the picture; the picture is listed anyway.
            yield inside(folder, f"{words[0]}.xml", at(f"{listing}, line {i}"))


def _pictures(folder: Path) -> Path:
    beside = folder.parent / "JPEGImages"
    return beside if beside.is_dir() else folder


def _record(file: Path, folder: Path, first: float) -> Record:
    root = read_xml(file, "annotation")
    name = root.need("filename")
    objects = root.find_all("object")
    flags = {
        flag: tuple(_flag(entry, flag) for entry in objects)
        for flag in FLAGS
        if any(entry.find(flag) for entry in objects)
    }
    return Record(
        pictures=(FilePicture(_with_suffix(inside(folder, name.words(), name.error))),),
        origin=str(file),
        id=file.stem,
        size=_size(root),
        things=tuple(_thing(entry, first) for entry in objects),
        extra=flags,
    )


def _with_suffix(path: Path) -> Path:
    """Some tools leave the suffix away."""
    if path.suffix or path.is_file():
        return path
    found = (other for other in sorted(path.parent.glob("*")) if other.stem == path.name)
    return next((other for other in found if is_picture(other)), path.with_suffix(".jpg"))


def _size(root: Element) -> tuple[int, int] | None:
    """None where the file has no size, or one of 0 x 0, as some tools write."""
    size = root.find("size")
    if size is None:
        return None
    sides = []
    for name in ("width", "height"):
        element = size.need(name)
        number = element.number()
        if number < 0 or not number.is_integer():
            raise element.error(f"{element.text!r} came where a whole number was expected")
        sides.append(int(number))
    return (sides[0], sides[1]) if all(sides) else None


def _thing(entry: Element, first: float) -> Thing:
    box = entry.need("bndbox")
    x1, y1, x2, y2 = (box.need(name).number() for name in ("xmin", "ymin", "xmax", "ymax"))
    return Thing(entry.need("name").words(), Box(x1 - first, y1 - first, x2, y2))


def _flag(entry: Element, name: str) -> bool:
    """Absent, or left empty, says no."""
    element = entry.find(name)
    if element is None or element.text in ("", "Unspecified"):
        return False
    if element.number() not in (0, 1):
        raise element.error(f"{element.text!r} came where 0 or 1 was expected")
    return bool(element.number())
