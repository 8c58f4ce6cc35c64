"""What the writers share: drafts that become files in one step, names of pictures, and reports.

with drafted(Path("out")) as draft:
    (draft.folder / "a.json").write_text("{}")
    draft.moves.append(("a.json", Path("out/a.json")))
"""

import io
import json
import os
import re
import shutil
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image

from palikit.data.picture_size import picture_size
from palikit.data.pictures import FilePicture, MemberPicture, Picture
from palikit.data.records import Record
from palikit.errors import DataError, ImageError, UsageError
from palikit.inputs import picture_names

__all__ = [
    "OWN_KEYS",
    "Draft",
    "Pictures",
    "Report",
    "check_free",
    "drafted",
    "file_of",
    "named_from",
    "place_of_copies",
    "plain_rle",
    "size_of",
    "to_json",
]

ENDINGS = {
    **{"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp"},
    **{"AVIF": ".avif", "BMP": ".bmp", "GIF": ".gif", "TIFF": ".tiff"},
}
"""Pillow's name of a format to the ending of its files."""

OWN_KEYS = {"image_id", "category_ids"}
"""What COCO's reader leaves in `Record.extra`: its own numbers, no loss to other formats."""


@dataclass(slots=True)
class Report:
    """What was written, and what the format could not say.

    Attributes:
        records: how many were written.
        left_out: what was left out or changed, and how often.
        notes: what to know for reading it again.
    """

    records: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def told(self) -> str:
        """One line: `left out: captions (12), questions (3); read it with images=train`."""
        counts = ", ".join(f"{what} ({n})" for what, n in self.left_out.items() if n)
        return "; ".join([f"left out: {counts}"] * bool(counts) + self.notes)


@dataclass(frozen=True, slots=True)
class Draft:
    """A place to write in.

    Attributes:
        folder: on the same disk as what is written.
        moves: from a name in it to where that belongs, in the order in which they are moved.
    """

    folder: Path
    moves: list[tuple[str, Path]] = field(default_factory=list)


@contextmanager
def drafted(beside: Path) -> Iterator[Draft]:
    """A draft in the folder `beside`, whose parts are moved to their places at the end, or vanish.

    Raises:
        DataError: the disk did not take it.
    """
    folder: Path | None = None
    try:
        beside.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".writing-", dir=beside))
        draft = Draft(folder)
        yield draft
        _move(draft)
    except OSError as error:
        raise DataError(
            f"{beside} could not be written to ({error.strerror or error}): free space there or "
            "give another place"
        ) from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _move(draft: Draft) -> None:
    """All of them or, of what was not there before, none."""
    new: list[tuple[Path, Path]] = []
    try:
        for name, place in draft.moves:
            fresh = not place.exists()
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(draft.folder / name, place)
            if fresh:
                new.append((place, draft.folder / name))
    except OSError:
        for place, back in reversed(new):
            os.replace(place, back)
        raise


def to_json(value: Any, origin: str) -> bytes:
    """JSON in UTF-8, the same for the same value.

    Raises:
        DataError: something in it that JSON lacks, such as NaN or bytes.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise DataError(f"{origin} cannot be written as JSON: {error}") from error


def plain_rle(rle: Mapping[str, Any]) -> dict[str, Any]:
    """Run lengths as JSON takes them: pycocotools gives compressed counts as bytes."""
    counts = rle["counts"]
    return {**rle, "counts": counts.decode("ascii") if isinstance(counts, bytes) else counts}


def named_from(path: Path, base: Path) -> str:
    """The way from one folder to a file, with slashes: `../train/0001.jpg`."""
    # Links within both are resolved, or a .. would lead elsewhere; the file itself may be a link.
    whole = path.parent.resolve() / path.name
    try:
        return Path(os.path.relpath(whole, base.resolve())).as_posix()
    except ValueError:  # another drive
        return whole.as_posix()


def size_of(record: Record) -> tuple[int, int]:
    """(width, height) as the file says, or of its first picture."""
    return record.size or picture_size(record.pictures[0])


class Pictures:
    """Copies pictures into a folder, each under a name of its own.

        Pictures(draft.folder / "train").copy(picture)      # 'cat_2.jpg'

    No two names are the same without their endings, in small letters.
    """

    def __init__(self, folder: Path, *, shared: bool = True) -> None:
        """
        Args:
            folder: is made with the first picture.
            shared: a picture that comes again keeps its name; else it is copied again.
        """
        self.folder = folder
        self._shared = shared
        self._names: dict[Picture, str] = {}
        self._taken: Counter[str] = Counter()

    def copy(self, picture: Picture) -> str:
        """Copy one; the name of the copy."""
        if self._shared and picture in self._names:
            return self._names[picture]
        data = _read(picture)
        stem, suffix = _stem_and_suffix(picture, data)
        name = self._free(stem) + suffix
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(data)
        self._names[picture] = name
        return name

    def _free(self, stem: str) -> str:
        wanted = stem
        while self._taken[wanted.casefold()]:
            self._taken[stem.casefold()] += 1
            wanted = f"{stem}_{self._taken[stem.casefold()]}"
        self._taken[wanted.casefold()] = 1
        return wanted


def _read(picture: Picture) -> bytes:
    if isinstance(picture, FilePicture) and not picture.path.is_file():
        raise ImageError(f"{picture.name} is no file, so it cannot be copied")
    return picture.read()


def _stem_and_suffix(picture: Picture, data: bytes) -> tuple[str, str]:
    """What a copy is called. Nothing but pictures is copied, whatever a label file names."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                suffix = ENDINGS.get(image.format or "", ".png")
    except Exception as error:  # a broken header makes Pillow's readers raise nearly anything
        raise ImageError(f"{picture.name} is no picture, so it is not copied") from error
    whole = picture.member if isinstance(picture, MemberPicture) else picture.name
    name = PurePosixPath(whole.replace("\\", "/")).name
    stem, dot, ending = name.rpartition(".")
    if not dot or f".{ending.lower()}" not in picture_names.SUFFIXES:
        stem, ending = name, ""
    stem = re.sub(r"[^\w.-]+", "_", stem).strip("._")[:100] or "picture"
    return stem, f".{ending}" if ending else suffix


def file_of(picture: Picture) -> Path:
    """Where a picture lies that is not copied.

    Raises:
        UsageError: it is no file.
    """
    if not isinstance(picture, FilePicture):
        raise UsageError(f"{picture.name} is no file of its own: add --copy to write it out as one")
    return picture.path


def place_of_copies(path: Path, *, copy: bool, like: str) -> Path:
    """The folder that pictures are copied to beside a file of labels: `train/` of `train.jsonl`.

    Args:
        copy: whether any will be; else the folder may hold what it likes.
        like: a name for a file, for the message.

    Raises:
        UsageError: `path` is no name for a file, or the folder is taken.
    """
    copies = path.parent / path.stem
    if path.is_dir() or (copy and copies == path):
        raise UsageError(f"{path} is no name for a file: write it like {like}")
    if copy:
        check_free(copies)
    return copies


def check_free(folder: Path) -> None:
    """Whether copies may be put there.

    Raises:
        UsageError: there are files already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already: remove it, or write to another place")
