"""Files, folders, globs and stdin to a list of pictures; `--out` to files."""

from pathlib import Path

import pytest
from PIL import Image

from palikit.cli.pictures import find
from palikit.errors import ImageError, UsageError


def test_a_folder_is_its_pictures_sorted(palikit, photos):
    assert [source.name for source in find(["photos"])] == photos


def test_a_quoted_glob_is_expanded_and_sorted(palikit, photos):
    assert [source.name for source in find(["photos/*.[jp][pn]g"])] == photos[:2]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(palikit, photos):
    Path("a[1].png").write_bytes(Path(photos[0]).read_bytes())
    assert [source.name for source in find(["a[1].png"])] == ["a[1].png"]


def test_order_of_arguments_is_kept(palikit, photos):
    names = [source.name for source in find(["photos/b.jpg", "photos", "-"])]
    assert names == ["photos/b.jpg", *photos, "-"]


@pytest.mark.parametrize("argument", ["empty", "photos/*.gif"])
def test_nothing_found_is_an_error(argument, palikit, photos):
    Path("empty").mkdir()
    with pytest.raises(ImageError, match=argument.replace("*", r"\*")):
        find([argument])


def test_stdin_holds_one_picture(palikit):
    with pytest.raises(UsageError, match="twice"):
        find(["-", "-"])


def test_one_picture_is_drawn_to_the_named_file(palikit, engine, photos):
    outcome = palikit("detect", "photos/a.png", "cat", "--out", "new/boxed.png")
    assert outcome.out.endswith("drawn to new/boxed.png\n")
    assert Image.open("new/boxed.png").size == (40, 30)


def test_several_pictures_are_drawn_into_a_folder(palikit, engine, photos):
    Path("other").mkdir()
    Image.new("RGB", (20, 20)).save("other/a.png")
    outcome = palikit("segment", "photos", "other", "cat", "--out", "drawn", "--json")
    assert outcome.code == 0
    assert sorted(p.name for p in Path("drawn").iterdir()) == ["a-2.png", "a.png", "b.png", "c.png"]
    assert '"drawn": "drawn/a-2.png"' in outcome.out


@pytest.mark.parametrize(
    ("out", "images", "said"),
    [
        ("boxed.png", ["photos"], "several pictures"),
        ("boxed.txt", ["photos/a.png"], "ends in .txt"),
    ],
)
def test_out_that_cannot_be_is_refused_before_the_model_runs(
    out, images, said, palikit, engine, photos
):
    outcome = palikit("detect", *images, "cat", "--out", out)
    assert outcome.code == 2
    assert said in outcome.err
    assert engine.loaded == []


def test_out_that_cannot_be_written_is_one_sentence(palikit, engine, photos):
    Path("taken").write_text("a file where a folder is needed")
    outcome = palikit("detect", "photos/a.png", "cat", "--out", "taken/boxed.png")
    assert outcome.code == 1
    assert "taken/boxed.png could not be written" in outcome.err
