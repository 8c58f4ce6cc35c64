"""`palikit data` and `palikit plan` on the command line: what they print, write and end with."""

import json

import pytest
from PIL import Image

from palikit.cli.main import run
from palikit.data.emoji_world import KNOWN
from palikit.data.scene_files import write_scenes


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    return f"coco:{write_scenes(folder, classes=KNOWN[:5], count=6, seed=3, side=56)}"


def test_good_labels_have_no_errors(labels, capsys):
    assert run(["data", "lint", labels, "--labels-only"]) == 0
    assert "0 errors" in capsys.readouterr().out


def test_bad_labels_are_told_with_place_and_remedy_and_end_with_1(tmp_path, capsys):
    path = tmp_path / "bad.jsonl"
    path.write_text(
        '{"image": "none.jpg", "prefix": "<image>detect cat", "suffix": "<loc0001> x"}\n'
    )
    assert run(["data", "lint", f"jsonl:{path}", "--json"]) == 1
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"error"} <= {one["severity"] for one in found}
    assert all(one["place"] and one["remedy"] for one in found)
    assert run(["data", "lint", "coco:not-there.json"]) == 1
    assert "not-there.json" in capsys.readouterr().err


def test_a_preview_is_a_sheet_or_a_page(labels, tmp_path):
    sheet, page = tmp_path / "sheet.png", tmp_path / "page.html"
    assert run(["data", "preview", labels, "--out", str(sheet), "--count", "4"]) == 0
    assert run(["data", "preview", labels, "--out", str(page), "--count", "4"]) == 0
    assert Image.open(sheet).width > 200
    html = page.read_text()
    assert html.count("data:image/") >= 4
    assert "detect" in html or "segment" in html


def test_scenes_are_refused_where_there_would_be_none(tmp_path, capsys):
    assert run(["data", "scenes", str(tmp_path), "--count", "0"]) == 2
    assert "makes nothing" in capsys.readouterr().err
