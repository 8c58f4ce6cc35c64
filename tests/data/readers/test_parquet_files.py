"""Parquet files of a dataset: shards, splits, the hub, and pictures that stay in their cells."""

import pickle

import pytest
from helpers.parquet import cell, encoded, written

from palikit.data.pictures import Picture, open_picture
from palikit.data.readers import parquet_files, read_dataset
from palikit.data.readers.huggingface import read
from palikit.errors import DataError, ImageError, MissingExtraError

pytest.importorskip("pyarrow")


def test_rows_are_read_from_their_group_and_any_process(tmp_path, monkeypatch):
    path = written(
        tmp_path / "a.parquet", {"image": [cell(n) for n in range(1, 8)]}, row_group_size=3
    )
    pictures = [one.pictures[0] for one in read(path)]
    assert [(picture.group, picture.row) for picture in pictures][2:5] == [(0, 2), (1, 0), (1, 1)]
    assert all(isinstance(picture, Picture) for picture in pictures)
    order = [6, 0, 3, 2, 5, 1, 4]
    again = pickle.loads(pickle.dumps([pictures[i] for i in order]))
    assert [open_picture(picture).size[0] for picture in again] == [n + 1 for n in order]
    # A group that is too large to be kept gives the same.
    monkeypatch.setattr(parquet_files, "KEPT_BYTES", 0)
    parquet_files._group.cache_clear()
    assert [open_picture(picture).size[0] for picture in again] == [n + 1 for n in order]
    parquet_files._group.cache_clear()


def test_no_picture_is_kept_by_a_record(tmp_path):
    path = written(tmp_path / "a.parquet", {"image": [{"bytes": b"x" * 100_000, "path": None}]})
    assert len(pickle.dumps(read(path).records)) < 2000


def test_a_file_that_was_written_anew_is_read_anew(tmp_path):
    path = written(tmp_path / "a.parquet", {"image": [cell(3)]})
    (one,) = read(path)
    assert open_picture(one.pictures[0]).size == (3, 5)
    written(path, {"image": [cell(9)]})
    assert open_picture(one.pictures[0]).size == (9, 5)


def test_a_cell_without_bytes_names_a_file(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.png").write_bytes(encoded())
    named = [{"bytes": None, "path": name} for name in ("a.png", "../a.png", None)]
    path = written(tmp_path / "a.parquet", {"image": named})
    one, climbing, nothing = read(path, images=tmp_path / "photos")
    assert one.pictures[0].read() == encoded()
    with pytest.raises(ImageError, match=r"row 1.*within its folder"):
        climbing.pictures[0].read()
    with pytest.raises(ImageError, match="row 2 has no picture"):
        nothing.pictures[0].read()


def test_a_picture_whose_file_is_gone_is_told(tmp_path):
    path = written(tmp_path / "a.parquet", {"image": [cell()]})
    (one,) = read(path)
    path.unlink()
    with pytest.raises(ImageError, match="cannot be read"):
        one.pictures[0].read()


@pytest.fixture
def shards(tmp_path):
    for name, width in [
        ("data/train-00000-of-00002.parquet", 1),
        ("data/train-00001-of-00002.parquet", 2),
        ("data/test-00000-of-00001-0a1b.parquet", 3),
        ("more/val/0000.parquet", 4),
    ]:
        written(tmp_path / name, {"image": [cell(width)]})
    return tmp_path


@pytest.mark.parametrize(("split", "widths"), [("train", [1, 2]), ("test", [3]), ("val", [4])])
def test_a_split_is_chosen_from_a_folder(split, widths, shards):
    dataset = read_dataset(f"parquet:{shards},split={split}")
    assert [open_picture(one.pictures[0]).size[0] for one in dataset] == widths


def test_one_split_need_not_be_chosen_and_a_glob_is_taken_as_it_is(shards):
    assert len(read(shards / "more")) == 1
    assert len(read(shards / "data/t*.parquet")) == 3
    with pytest.raises(DataError, match=r"splits test, train, val: .*split=test"):
        read(shards)


def test_a_name_on_the_hub_is_downloaded(shards, monkeypatch):
    def download(name, *, repo_type, revision, allow_patterns):
        assert (name, repo_type, revision) == ("org/fruit", "dataset", None)
        assert all(pattern.endswith(".parquet") for pattern in allow_patterns)
        return str(shards / "data")

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    assert len(read_dataset("parquet:org/fruit,split=train")) == 2


def test_offline_is_one_sentence(monkeypatch):
    from huggingface_hub import errors

    def offline(*_, **__):
        raise errors.LocalEntryNotFoundError("a long story\nof many lines")

    monkeypatch.setattr("huggingface_hub.snapshot_download", offline)
    with pytest.raises(DataError, match=r"^org/fruit is not on this machine .* go online") as told:
        read_dataset("parquet:org/fruit")
    assert "\n" not in str(told.value)


def test_pyarrow_is_an_extra(tmp_path, monkeypatch):
    path = written(tmp_path / "a.parquet", {"image": [cell()]})

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(MissingExtraError, match=r"pip install 'palikit\[parquet\]'"):
        read(path)


def test_nothing_there_is_told(tmp_path):
    with pytest.raises(DataError, match="there is no"):
        read(tmp_path / "no.parquet")
    with pytest.raises(DataError, match=r"holds no \.parquet file"):
        read(tmp_path)
