"""`palikit data lint`: findings in groups, as JSON, and the exit code that scripts ask for."""

import json

import numpy as np
import pytest
from PIL import Image

LOCS = "<loc0100><loc0100><loc0500><loc0500>"


@pytest.fixture
def write(tmp_path):
    """Writes rows to a jsonl file, and a picture of noise for each that has none."""
    rng = np.random.default_rng(3)

    def written(name, *rows):
        lines = []
        for i, row in enumerate(rows):
            if "image" not in row:
                row = {"image": f"{name}-{i}.png", **row}
                noise = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
                picture = Image.fromarray(noise).resize((80, 60), Image.Resampling.NEAREST)
                picture.save(tmp_path / row["image"])
            lines.append(json.dumps(row))
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))

    return written


def test_sound_labels_end_with_0(palikit, write):
    write("a", {"prefix": "caption en", "suffix": "a cat"})
    outcome = palikit("data", "lint", "jsonl:a.jsonl")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == "0 errors, 0 warnings, 0 notes in 1 records of a.jsonl\n"


def test_warnings_alone_end_with_0(palikit, write):
    write("a", {"prefix": "caption en ", "suffix": "a cat"})
    outcome = palikit("data", "lint", "jsonl:a.jsonl")
    assert outcome.code == 0
    assert "warning  prefix-spaces  1\n  a.jsonl:1: the prefix" in outcome.out


def test_errors_come_in_groups_of_five_with_a_remedy_and_end_with_1(palikit, write):
    write("a", *({"prefix": "detect cat", "suffix": f"{LOCS[:-9]} cat {i}"} for i in range(7)))
    outcome = palikit("data", "lint", "jsonl:a.jsonl")
    assert outcome.code == 1
    lines = outcome.out.splitlines()
    assert lines[0] == "error  suffix-regions  7"
    assert [line.split(": of")[0] for line in lines[1:6]] == [f"  a.jsonl:{i}" for i in range(1, 6)]
    assert lines[6] == "  and 2 more (--all shows them)"
    assert lines[7].startswith("  -> write <loc0000>")
    whole = palikit("data", "lint", "jsonl:a.jsonl", "--all")
    assert "a.jsonl:7: " in whole.out
    assert "more (--all" not in whole.out


def test_json_is_one_finding_a_line(palikit, write):
    write("a", {"image": "gone.png", "prefix": "caption en", "suffix": "a cat"})
    outcome = palikit("data", "lint", "jsonl:a.jsonl", "--json")
    assert outcome.code == 1
    (one,) = map(json.loads, outcome.out.splitlines())
    assert (one["severity"], one["code"], one["place"]) == ("error", "picture-missing", "a.jsonl:1")
    assert set(one) == {"severity", "code", "place", "message", "remedy"}
    assert palikit("data", "lint", "jsonl:a.jsonl", "--labels-only").code == 0


def test_a_picture_in_two_sources_is_a_leak(palikit, write):
    write("a", {"prefix": "caption en", "suffix": "a cat"})
    write("b", {"image": "a-0.png", "prefix": "caption en", "suffix": "a dog"})
    outcome = palikit("data", "lint", "jsonl:a.jsonl", "jsonl:b.jsonl")
    assert outcome.code == 1
    assert "b.jsonl:1: a-0.png is also the picture of a.jsonl:1" in outcome.out


def test_tokens_are_counted_by_the_models_tokenizer(palikit, write):
    write("a", {"prefix": "detect cat", "suffix": f"{LOCS} cat"})
    assert palikit("data", "lint", "jsonl:a.jsonl", "--max-tokens", "9").code == 0
    outcome = palikit("data", "lint", "jsonl:a.jsonl", "--max-tokens", "4")
    assert outcome.code == 1
    assert "error  answer-long  1" in outcome.out


def test_masks_are_tried_with_the_models_codec(palikit, write):
    comb = [[x, y] for i in range(6) for x, y in ((8 * i, 0), (8 * i + 3, 0), (8 * i + 3, 50))]
    outline = [v for corner in [*comb, [0, 52]] for v in corner]
    thing = {"label": "comb", "box": [0, 0, 43, 52], "polygons": [outline]}
    write("a", {"things": [thing], "boxes": [thing]})
    outcome = palikit("data", "lint", "jsonl:a.jsonl")
    assert "note  masks-ceiling  1" in outcome.out


def test_control_characters_of_a_file_do_not_reach_the_terminal(palikit, write):
    write("a", {"boxes": [{"label": "\x1b[2Jcat;", "box": [1, 2, 30, 40]}]})
    outcome = palikit("data", "lint", "jsonl:a.jsonl")
    assert "label-characters" in outcome.out
    assert "\x1b" not in outcome.out


MISUSES = {
    "no source": ([], 2, "SOURCE"),
    "no format": (["a.jsonl"], 2, "names no format"),
    "no room": (["jsonl:a.jsonl", "--max-tokens", "0"], 2, "--max-tokens 0"),
    "no file": (["jsonl:no.jsonl"], 1, "no.jsonl"),
}


@pytest.mark.parametrize("name", MISUSES)
def test_what_cannot_be_done_is_one_sentence(name, palikit):
    words, code, said = MISUSES[name]
    outcome = palikit("data", "lint", *words)
    assert (outcome.code, outcome.out) == (code, "")
    assert said in outcome.err
    assert len(outcome.err.splitlines()) == 1
