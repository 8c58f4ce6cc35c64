"""Shards: tar files whose members share a name, and archives that mean harm."""

import io
import json
import pickle
import tarfile

import pytest
from helpers.reading import read_or_told
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from palikit.data.pictures import open_picture
from palikit.data.readers import read_dataset
from palikit.data.readers.webdataset import read
from palikit.data.records import Thing
from palikit.errors import DataError
from palikit.results import Box


def picture(width=7):
    buffer = io.BytesIO()
    Image.new("RGB", (width, 5), "red").save(buffer, "png")
    return buffer.getvalue()


def shard(path, *members, kind="w"):
    with tarfile.open(path, kind) as archive:
        for name, data, *special in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            if special:
                info.type, info.linkname = special[0], "elsewhere"
            archive.addfile(info, io.BytesIO(data))
    return path


def test_members_of_a_sample_share_a_name(tmp_path):
    labels = {
        "boxes": [{"label": "cat", "box": [0, 0, 3, 4]}],
        "captions": ["one", "two"],
        "url": "http://a.b/c.jpg",
    }
    path = shard(
        tmp_path / "a.tar",
        ("set", b"", tarfile.DIRTYPE),
        ("set/0001.json", json.dumps(labels).encode()),
        ("set/0001.png", picture(9)),
        ("set/0001.txt", b" a cat\n"),
        ("set/0001.seg.png", b"not read"),
        ("set/._0002.jpg", b"hidden"),
        ("set/0002.JPG", picture(11)),
        ("set/0002.json", b'{"caption": "a dog", "id": 5}'),
    )
    dataset = read_dataset(f"webdataset:{path}")
    one, other = dataset
    assert one.things == (Thing("cat", Box(0.0, 0.0, 3.0, 4.0)),)
    assert one.captions == ("a cat", "one", "two")
    assert (one.id, one.origin) == ("set/0001", f"{path}:set/0001")
    assert one.extra == {"url": "http://a.b/c.jpg"}
    assert (other.captions, other.id, other.extra) == (("a dog",), "5", {})
    assert [open_picture(one.pictures[0]).size for one in dataset] == [(9, 5), (11, 5)]
    assert dataset.classes == ("cat",)


def test_a_picture_is_read_from_another_process_too(tmp_path):
    (one,) = read(shard(tmp_path / "a.tar", ("1.png", picture())))
    again = pickle.loads(pickle.dumps(one.pictures[0]))
    assert again.read() == picture()


def test_numbers_of_classes_become_names(tmp_path):
    path = shard(tmp_path / "a.tar", ("1.png", picture()), ("1.cls", b"1\n"))
    dataset = read_dataset(f"webdataset:{path},classes=cat;dog")
    assert (dataset[0].suffix, dataset.classes) == ("dog", ("cat", "dog"))
    (unnamed,) = read(path)
    assert (unnamed.suffix, unnamed.extra) == (None, {"cls": 1})


def test_long_names_and_unicode_are_read(tmp_path):
    name = "ordner/" + "lang" * 60 + "ü"
    (one,) = read(shard(tmp_path / "a.tar", (name + ".png", picture())))
    assert one.id == name


@pytest.mark.parametrize("named", ["s-{0009..0011}.tar", "s-*.tar", "s-00{09..11}.tar"])
def test_shards_are_named_by_range_or_glob(named, tmp_path):
    for number in (9, 10, 11):
        shard(tmp_path / f"s-{number:04d}.tar", (f"{number}.png", picture()))
    assert [one.id for one in read(tmp_path / named)] == ["9", "10", "11"]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("no.tar", "there is no shard"),
        ("no-*.tar", "there is no shard"),
        ("s-{0..999999999}.tar", "range of 1000000000 shards"),
        ("s-{5..1}.tar", "range of -3 shards"),
        ("s-{0..1}.tar", r"s-0\.tar is not a tar file"),
    ],
)
def test_shards_that_are_not_there_are_told(named, said, tmp_path):
    with pytest.raises(DataError, match=said):
        read(tmp_path / named)


HOSTILE = {
    "a whole path": ([("/etc/1.png", b"x")], "within its folder"),
    "climbing": ([("a/../../1.png", b"x")], "within its folder"),
    "a symbolic link": ([("1.png", b"", tarfile.SYMTYPE)], "is a link, a device"),
    "a hard link": ([("1.png", b"", tarfile.LNKTYPE)], "is a link, a device"),
    "a device": ([("1.png", b"", tarfile.CHRTYPE)], "is a link, a device"),
    "a pipe": ([("1.png", b"", tarfile.FIFOTYPE)], "is a link, a device"),
    "no picture": ([("1.txt", b"a cat")], "has 0 pictures"),
    "two pictures": ([("1.png", b"x"), ("1.jpg", b"x")], "has 2 pictures"),
    "a member twice": ([("1.png", b"x"), ("1.png", b"x")], "stands twice"),
    "apart": ([("1.png", b"x"), ("2.png", b"x"), ("1.txt", b"x")], "do not stand together"),
    "broken json": ([("1.png", b"x"), ("1.json", b"{")], r"1\.json is not JSON"),
    "a list": ([("1.png", b"x"), ("1.json", b"[]")], "not a JSON object"),
    "a caption of a number": ([("1.png", b"x"), ("1.json", b'{"caption": 3}')], "'caption'"),
    "a text not in utf-8": ([("1.png", b"x"), ("1.txt", b"\xff")], "not UTF-8"),
    "a class in words": ([("1.png", b"x"), ("1.cls", b"cat")], "not the number of a class"),
    "a class too high": ([("1.png", b"x"), ("1.cls", b"9")], "classes= names 2"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_or_broken_shard_is_refused(name, tmp_path):
    members, said = HOSTILE[name]
    with pytest.raises(DataError, match=said):
        read(shard(tmp_path / "a.tar", *members), classes="cat;dog")


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz"])
def test_a_compressed_shard_is_refused(kind, tmp_path):
    path = shard(tmp_path / f"a.tar.{kind}", ("1.png", picture()), kind=f"w:{kind}")
    with pytest.raises(DataError, match="is compressed"):
        read(path)


def test_a_text_that_is_too_long_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("palikit.data.readers.webdataset.MAX_TEXT", 10)
    with pytest.raises(DataError, match="too many for a text"):
        read(shard(tmp_path / "a.tar", ("1.png", b"x"), ("1.txt", b"x" * 11)))


def test_a_folder_of_pictures_beside_a_shard_is_misuse(tmp_path):
    with pytest.raises(DataError, match="leave it out"):
        read(shard(tmp_path / "a.tar", ("1.png", b"x")), images=tmp_path)


def test_a_header_that_leads_back_is_refused(tmp_path):
    path = shard(tmp_path / "a.tar", ("1.png", b"x" * 10))
    data = bytearray(path.read_bytes())
    data[124:136] = b"\xff" * 4 + (-1024).to_bytes(8, "big", signed=True)  # base 256, below 0
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"a\.tar"):
        read(path)


WHOLE = 2 * 512 + 512 * 2  # two headers, each with one block


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "a.tar"
    return shard(path, ("1.png", b"x" * 100), ("2.png", b"y" * 300))


@given(st.integers(0, WHOLE))
def test_a_truncated_shard_is_refused_unless_it_ends_after_a_member(sample, tmp_path_factory, end):
    path = tmp_path_factory.getbasetemp() / "cut.tar"
    path.write_bytes(sample.read_bytes()[:end])
    dataset, told = read_or_told(read, path)
    assert str(path) in told if dataset is None else len(dataset) == end // 1024
    assert (dataset is not None) == (end in (1024, 2048))


@given(st.integers(0, WHOLE - 1), st.integers(0, 255))
def test_a_changed_byte_is_found_or_harmless(sample, tmp_path_factory, at, value):
    data = bytearray(sample.read_bytes())
    data[at] = value
    path = tmp_path_factory.getbasetemp() / "changed.tar"
    path.write_bytes(data)
    dataset, told = read_or_told(read, path)
    assert str(path) in told if dataset is None else len(dataset) == 2
