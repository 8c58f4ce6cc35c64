"""`palikit data convert`: one line of what was done, one of what was lost."""

import json

import pytest
from PIL import Image


@pytest.fixture
def labels(tmp_path):
    """Two lines in `a.jsonl` beside their pictures."""
    rows = [
        {"image": "a.png", "boxes": [{"label": "cat", "box": [1, 2, 3, 4]}], "question": "what?"},
        {"image": "b.png", "boxes": []},
    ]
    for name in ("a.png", "b.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path


def test_labels_are_converted_and_losses_told_in_one_line(palikit, labels):
    outcome = palikit("data", "convert", "jsonl:a.jsonl", "a.json", "--to", "coco")
    assert (outcome.code, outcome.out) == (0, "2 records written to a.json\n")
    assert outcome.err == "palikit: a.json: left out: questions (1)"
    assert len(json.loads((labels / "a.json").read_text())["images"]) == 2


def test_without_losses_nothing_is_told(palikit, labels):
    outcome = palikit("data", "convert", "jsonl:a.jsonl", "b/b.jsonl", "--to", "jsonl", "--copy")
    assert (outcome.code, outcome.err) == (0, "")
    assert (labels / "b/b/a.png").is_file()


def test_yolo_is_copied_into_a_split(palikit, labels):
    words = ["--to", "yolo", "--copy", "--split", "val"]
    assert palikit("data", "convert", "jsonl:a.jsonl", "set", *words).code == 0
    assert (labels / "set/labels/val/a.txt").read_text() == "0 0.25 0.375 0.25 0.25\n"


MISUSES = {
    "an unknown source": (["papers:a", "b", "--to", "coco"], 2, "names no format of labels"),
    "an unknown target": (["jsonl:a.jsonl", "b", "--to", "voc"], 2, "coco, jsonl, yolo"),
    "no target": (["jsonl:a.jsonl", "b"], 2, "--to"),
    "a split of coco": (
        ["jsonl:a.jsonl", "b", "--to", "coco", "--split", "val"],
        2,
        "no option of coco",
    ),
    "an unknown option": (["jsonl:a.jsonl,x=1", "b", "--to", "coco"], 2, "no option of jsonl"),
    "yolo without copies": (["jsonl:a.jsonl", "b", "--to", "yolo"], 2, "add --copy"),
    "a missing file": (["jsonl:no.jsonl", "b", "--to", "coco"], 1, "cannot be read"),
}


@pytest.mark.parametrize("name", MISUSES)
def test_what_cannot_be_done_is_one_sentence(name, palikit, labels):
    words, code, said = MISUSES[name]
    outcome = palikit("data", "convert", *words)
    assert (outcome.code, outcome.out) == (code, "")
    assert said in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_help_has_an_example(palikit):
    outcome = palikit("data", "convert", "--help")
    assert outcome.code == 0
    assert "Example: palikit data convert" in outcome.out
