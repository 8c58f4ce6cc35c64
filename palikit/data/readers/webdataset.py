"""WebDataset: uncompressed tar files in which the members of one sample share a name.

    shard-0000.tar:   0001.jpg  0001.txt  0001.json   0002.jpg  0002.cls   ...

    webdataset:shard-{0000..0099}.tar        webdataset:"shards/*.tar"

A sample's name is its path up to the first dot of the file name; its members stand one after the
other. Of a sample are read one picture (.jpg .jpeg .png .webp), and

- `.txt`: a caption,
- `.json`: the keys of palikit's JSON lines without the picture (see `jsonl`), a `caption` too,
- `.cls`: the number of a class, which becomes the `suffix` where `classes=cat;dog` names them.

Other endings are passed over, as are folders and hidden files. Nothing is unpacked: a picture is
read where it lies in the archive. Whole paths, `..`, links and devices are refused.
"""

import re
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from glob import glob
from pathlib import Path, PurePosixPath

from palikit.data.pictures import MemberPicture, Picture
from palikit.data.records import Dataset, Record
from palikit.errors import DataError

from .jsonl import record
from .text_files import Fields, labels_of, name_within, parse_json

__all__ = ["read"]

PICTURES = ("jpg", "jpeg", "png", "webp")
COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zX", b"\x28\xb5\x2f\xfd")
"""How gzip, bzip2, xz and zstandard begin."""

MAX_TEXT = 16 << 20
MAX_SHARDS = 100_000
_RANGE = re.compile(r"\{(\d{1,9})\.\.(\d{1,9})\}")


def read(path: Path, *, images: Path | None = None, classes: str = "") -> Dataset:
    """Read one shard, a glob of shards, or a range of them.

    Args:
        images: not used; the pictures lie in the shards.
        classes: names of the classes that `.cls` numbers from 0, with ; between them.

    Raises:
        DataError: no such shard, one that is compressed, truncated or hostile, or a broken sample.
    """
    if images is not None:
        raise DataError(
            f"images={images} came, but a shard holds its pictures itself: leave it out"
        )
    named = tuple(name.strip() for name in classes.split(";")) if classes else ()
    records = [one for shard in _shards(path) for one in _records(shard, named)]
    return Dataset(path.name, records, named or labels_of(records))


def _shards(path: Path) -> list[Path]:
    name = str(path)
    if path.exists():
        return [path]
    found = _RANGE.search(name)
    if found:
        first, last = found.groups()
        count = int(last) - int(first) + 1
        if not 0 < count <= MAX_SHARDS:
            raise DataError(f"{name} is a range of {count} shards: write it like {{0000..0099}}")
        numbers = (f"{number:0{len(first)}d}" for number in range(int(first), int(last) + 1))
        return [Path(name[: found.start()] + number + name[found.end() :]) for number in numbers]
    shards = [Path(one) for one in sorted(glob(name, recursive=True))]
    if not shards:
        raise DataError(f"there is no shard {name}: give a .tar file, a glob, or a {{0000..0099}}")
    return shards


def _records(shard: Path, classes: tuple[str, ...]) -> Iterator[Record]:
    """The samples of one shard in its order."""
    sample: dict[str, MemberPicture] = {}
    key, done = "", set[str]()
    for member in _members(shard):
        stem, ending = _split(member.member)
        if stem != key:
            if sample:
                yield _sample(shard, key, sample, classes)
            if stem in done:
                raise DataError(f"{shard}: the members of {stem!r} do not stand together")
            done.add(stem)
            key, sample = stem, {}
        if ending in sample:
            raise DataError(f"{member.name} stands twice")
        sample[ending] = member
    if sample:
        yield _sample(shard, key, sample, classes)


def _split(name: str) -> tuple[str, str]:
    """`a/0001.seg.png` to `a/0001` and `seg.png`."""
    file = PurePosixPath(name).name
    stem, _, ending = file.partition(".")
    return name[: len(name) - len(file)] + stem, ending.lower()


def _members(shard: Path) -> Iterator[MemberPicture]:
    """Where each file of an archive lies; headers alone are read."""
    try:
        with shard.open("rb") as raw:
            start = raw.read(4)
            if start.startswith(COMPRESSED):
                raise DataError(f"{shard} is compressed, so nothing in it has a place: unpack it")
            length = raw.seek(0, 2)
        with tarfile.open(shard, "r:") as archive:
            yield from _plain(shard, archive, length)
    except (OSError, tarfile.TarError, ValueError, RecursionError) as error:
        raise DataError(f"{shard} is not a tar file that can be read: {error}") from error


def _plain(shard: Path, archive: tarfile.TarFile, length: int) -> Iterator[MemberPicture]:
    last = -1
    while (member := archive.next()) is not None:
        vars(archive)["members"] = []  # or it would keep every header that it has read
        name = f"{shard}:{member.name}"
        # A header with a negative size leads back to itself.
        if member.offset <= last or member.size < 0:
            raise DataError(f"{name} has a broken header")
        last = member.offset
        if member.isdir():
            continue
        if not member.isreg() or member.issparse():
            raise DataError(f"{name} is a link, a device or sparse: a shard holds plain files")
        if member.offset_data + member.size > length:
            raise DataError(f"{shard} ends within {member.name}: download it again")
        name_within(member.name, name)
        if not PurePosixPath(member.name).name.startswith("."):
            yield MemberPicture(shard, member.name, member.offset_data, member.size)
    # tarfile takes a header that it cannot read for the end of the archive.
    with shard.open("rb") as raw:
        raw.seek(archive.offset)
        if any(raw.read(tarfile.BLOCKSIZE)):
            raise DataError(f"{shard} has no header at byte {archive.offset}: download it again")


def _sample(
    shard: Path, key: str, sample: dict[str, MemberPicture], classes: tuple[str, ...]
) -> Record:
    where = f"{shard}:{key}"
    pictures: list[Picture] = [sample[ending] for ending in PICTURES if ending in sample]
    if len(pictures) != 1:
        raise DataError(f"{where} has {len(pictures)} pictures, not one of .{', .'.join(PICTURES)}")
    fields = Fields({}, where)
    if "json" in sample:
        fields = Fields.of(parse_json(_bytes(sample["json"]), f"{where}.json"), f"{where}.json")
    one = replace(record(fields, tuple(pictures)), origin=where)
    captions = [*one.captions, *fields.texts("caption")]
    if "txt" in sample:
        captions.insert(0, _text(sample["txt"]))
    others = {name: value for name, value in one.extra.items() if name != "caption"}
    one = replace(one, captions=tuple(dict.fromkeys(filter(None, captions))), extra=others)
    if "cls" in sample:
        one = _with_class(one, _text(sample["cls"]), classes)
    return one if one.id else replace(one, id=key)


def _with_class(one: Record, text: str, classes: tuple[str, ...]) -> Record:
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise DataError(f"{one.origin}.cls is {text[:40]!r}, not the number of a class")
    number = int(text)
    if not classes:
        return replace(one, extra={**one.extra, "cls": number})
    if number >= len(classes):
        raise DataError(f"{one.origin}.cls is {number}, but classes= names {len(classes)}")
    return replace(one, suffix=classes[number])


def _bytes(member: MemberPicture) -> bytes:
    if member.length > MAX_TEXT:
        raise DataError(f"{member.name} has {member.length} bytes, too many for a text")
    return member.read()


def _text(member: MemberPicture) -> str:
    try:
        return _bytes(member).decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise DataError(f"{member.name} is not UTF-8 (byte {error.start})") from error
