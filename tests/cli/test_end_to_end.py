"""The command line with nothing faked: nano, real files, and what can be wrong with them."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

import palikit as pk

ROOT = Path(__file__).parents[2]
NANO = ROOT / "palikit" / "assets" / "nano"
SCENE = ROOT / "examples" / "scene.png"


def test_detect_draws_and_prints_json(palikit, tmp_path: Path) -> None:
    drawn = tmp_path / "boxed.png"
    outcome = palikit("detect", str(SCENE), "dog ; balloon", "--out", str(drawn), "--json")
    assert outcome.code == 0
    told = json.loads(outcome.out)
    assert told["prompt"] == "detect dog ; balloon"
    assert {region["label"] for region in told["regions"]} <= {"dog", "balloon"}
    with Image.open(drawn) as picture:
        assert min(picture.size) >= 224


def test_caption_answers_in_two_languages(palikit) -> None:
    english = palikit("caption", str(SCENE))
    german = palikit("caption", str(SCENE), "--lang", "de")
    assert (english.code, german.code) == (0, 0)
    assert english.out.strip().endswith("background")
    assert german.out.strip().endswith("Hintergrund")


def test_an_answer_is_one_of_the_choices_or_matches_a_pattern(palikit) -> None:
    chosen = palikit("answer", str(SCENE), "how many?", "--choice", "a few", "--choice", "a lot")
    assert chosen.out.strip() in ("a few", "a lot")
    for verb, words in (("answer", "what is the plate number?"), ("ask", "caption en")):
        held = palikit(verb, str(SCENE), words, "--pattern", r"[A-Z]{2}-\d{4}")
        assert (held.code, held.err) == (0, "")
        assert re.fullmatch(r"[A-Z]{2}-\d{4}\n", held.out)


def test_an_answer_that_was_cut_off_is_told_of(palikit) -> None:
    line = ("answer", str(SCENE), "how many?", "--pattern", "[a-z]{50}", "--max-new-tokens", "4")
    cut = palikit(*line)
    assert cut.code == 0
    assert cut.err.endswith("cut off at 4 tokens: give a larger --max-new-tokens, such as 8")
    as_json = palikit(*line, "--json")
    assert (json.loads(as_json.out)["finished"], as_json.err) == (False, "")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--pattern", "(?=a)b"], "look-around"),
        (["--pattern", "("], "no regular expression"),
        (["--choice", "a", "--pattern", "b"], "give one of them"),
        (["--choice", " "], "several texts"),
    ],
)
def test_what_no_answer_can_be_held_to_is_misuse(options: list[str], said: str, palikit) -> None:
    outcome = palikit("answer", str(SCENE), "how many?", *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
    assert len(outcome.err.splitlines()) == 1


@pytest.fixture
def broken_pictures(tmp_path: Path) -> dict[str, Path]:
    """One file of each kind of broken."""
    files = {name: tmp_path / f"{name}.png" for name in ("text", "empty", "huge", "missing")}
    files["text"].write_text("this is no picture")
    files["empty"].write_bytes(b"")
    Image.new("1", (10_000, 10_000)).save(files["huge"])
    whole = tmp_path / "whole.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    Image.fromarray(noise).save(whole)
    files["cut"] = tmp_path / "cut.jpg"
    files["cut"].write_bytes(whole.read_bytes()[:3000])
    return files


@pytest.mark.parametrize("name", ["text", "empty", "huge", "missing", "cut"])
def test_a_broken_picture_is_one_sentence_that_names_it(name, palikit, broken_pictures) -> None:
    path = broken_pictures[name]
    outcome = palikit("caption", str(path))
    assert outcome.code in (1, 2)
    assert outcome.out == ""
    assert path.name in outcome.err
    assert "Traceback" not in outcome.err


def broken_model(kind: str, folder: Path) -> Path:
    """A copy of nano with one thing wrong."""
    shutil.copytree(NANO, folder, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    weights = folder / "model.safetensors"
    if kind == "no config":
        (folder / "config.json").unlink()
    if kind == "half":
        weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    if kind == "another model":
        (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))
    if kind in ("a tensor less", "NaN"):
        tensors = load_file(weights)
        name = "multi_modal_projector.linear.bias"
        if kind == "NaN":
            tensors[name][3] = float("nan")
        else:
            del tensors[name]
        weights.unlink()
        save_file(tensors, weights)
    return folder


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("no config", "config.json"),
        ("half", "model.safetensors"),
        ("another model", "llama"),
        ("a tensor less", "multi_modal_projector.linear.bias"),
        ("NaN", "connector.bias"),
    ],
)
def test_a_broken_checkpoint_is_one_sentence_that_names_it(kind, words, palikit, tmp_path) -> None:
    folder = broken_model(kind, tmp_path / "model")
    outcome = palikit("caption", str(SCENE), "--model", str(folder))
    assert outcome.code == 1
    assert words in outcome.err
    assert len(outcome.err.splitlines()) == 1
    with pytest.raises(pk.CheckpointError):
        pk.load(folder)


def test_a_checkpoint_that_is_nowhere_says_what_may_be_given(palikit) -> None:
    outcome = palikit("caption", str(SCENE), "--model", "no/such/thing/at/all")
    assert outcome.code == 1
    assert "nano" in outcome.err
