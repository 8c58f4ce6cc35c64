"""The verbs: what is asked of the engine, and what is printed."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from palikit.decode.sampling import Decoding, Greedy, Temperature, TopK, TopP

VERBS = {
    "caption": (["caption", "photos/a.png", "--lang", "de"], "caption de"),
    "describe": (["describe", "photos/a.png"], "describe en"),
    "ocr": (["ocr", "photos/a.png"], "ocr"),
    "answer": (["answer", "photos/a.png", "how many?"], "answer en how many?"),
    "question": (["question", "photos/a.png", "two"], "question en two"),
    "ask": (["ask", "photos/a.png", "where is the cat?"], "where is the cat?"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_word_verb_prints_the_answer_to_its_prompt(verb, palikit, engine, photos):
    arguments, prompt = VERBS[verb]
    outcome = palikit(*arguments)
    assert (outcome.code, outcome.out, outcome.err) == (0, f"you asked: {prompt}\n", "")


def test_detect_prints_label_score_and_corners_and_warns_of_the_rest(palikit, engine, photos):
    outcome = palikit("detect", "photos/a.png", "cat ; dog")
    assert outcome.code == 0
    assert outcome.out.split() == ["cat", "0.88", "1.0", "2.0", "30.0", "20.0"]
    assert outcome.err == "palikit: photos/a.png: not understood: <loc0001>"


@pytest.mark.parametrize("verb", ["detect", "segment"])
def test_json_of_one_picture_is_one_document(verb, palikit, engine, photos):
    outcome = palikit(verb, "photos/a.png", "cat ; dog", "--json")
    document = json.loads(outcome.out)
    assert document["image"] == "photos/a.png"
    assert document["task"] == verb
    assert document["prompt"] == f"{verb} cat ; dog"
    assert document["regions"][0]["box"] == [1.0, 2.0, 30.0, 20.0]
    assert document["unparsed"] == "<loc0001>"
    assert outcome.err == ""


def test_json_of_several_pictures_is_one_line_each(palikit, engine, photos):
    outcome = palikit("caption", *photos, "--json")
    lines = [json.loads(line) for line in outcome.out.splitlines()]
    assert [line["image"] for line in lines] == photos
    assert lines[0]["text"] == "you asked: caption en"


def test_several_pictures_are_named_and_run_in_batches(palikit, engine, photos):
    outcome = palikit("caption", *photos, "--batch-size", "2")
    assert outcome.out.splitlines() == [f"{name}: you asked: caption en" for name in photos]
    assert engine.batches == [2, 1]
    assert len(engine.loaded) == 1


def test_a_picture_comes_from_stdin(palikit, engine, monkeypatch):
    file = io.BytesIO()
    Image.new("RGB", (8, 6), "red").save(file, "PNG")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(file.getvalue())))
    outcome = palikit("detect", "-", "cat", "--json")
    assert json.loads(outcome.out)["size"] == [8, 6]


def test_a_broken_picture_among_many_is_told_and_the_others_are_done(palikit, engine, photos):
    Path("photos/b.jpg").write_text("not a picture")
    outcome = palikit("caption", "photos")
    assert outcome.code == 1
    assert [line.split(":")[0] for line in outcome.out.splitlines()] == [photos[0], photos[2]]
    assert outcome.err.startswith("palikit: photos/b.jpg ")
    assert len(outcome.err.splitlines()) == 1


def test_a_missing_picture_is_told_without_loading_a_model(palikit, engine):
    outcome = palikit("caption", "missing.jpg")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("palikit: missing.jpg does not exist")
    assert engine.loaded == []


def test_what_a_model_is_loaded_from_reaches_the_engine(palikit, engine, photos):
    how = {"device": "cuda", "dtype": "bfloat16", "tokenizer": "t.json", "mask_codec": "v.npz"}
    how["quantize"] = "int8"
    how["calibration"] = "c.json"
    options = [f"--{name.replace('_', '-')}={value}" for name, value in how.items()]
    palikit("ocr", "photos/a.png", "--model", "folder", "--compile", *options)
    assert engine.loaded == [("folder", {**how, "compile": True})]


@pytest.mark.parametrize(
    ("options", "decoding"),
    [
        ([], Decoding(Greedy())),
        (["--temperature", "0.5", "--seed", "3"], Decoding(Temperature(0.5), seed=3)),
        (["--temperature", "0"], Decoding(Greedy())),
        (["--top-k", "4", "--temperature", "2"], Decoding(TopK(4, 2.0))),
        (["--top-p", "0.9"], Decoding(TopP(0.9, 1.0))),
        (["--beam", "3", "--max-new-tokens", "9"], Decoding(beam_size=3, max_new_tokens=9)),
    ],
)
def test_options_become_one_decoding(options, decoding, palikit, engine, photos):
    assert palikit("ocr", "photos/a.png", *options).code == 0
    assert engine.decodings == [decoding]


@pytest.mark.parametrize("verb", ["detect", "segment"])
def test_boxes_are_refined_where_it_is_said(verb, palikit, engine, photos):
    assert palikit(verb, "photos/a.png", "cat", "--refine", "--seed", "3").code == 0
    assert engine.decodings == [Decoding(seed=3, refine=True)]
    assert palikit("caption", "photos/a.png", "--refine").code == 2


def test_explain_prints_a_layout(palikit, engine):
    outcome = palikit("explain", "detect", "cat ; dog", "--suffix", "<loc0001>")
    assert outcome.out == "detect cat ; dog | <loc0001>\n"
    assert palikit("explain", "caption", "--lang", "de").out == "caption de | None\n"


def test_models_lists_every_preset_by_what_to_type(palikit):
    lines = palikit("models").out.splitlines()
    assert lines[1].split()[0] == "nano"
    assert lines[-1].split()[-1] == "google/paligemma2-28b-pt-896"
    rows = [json.loads(line) for line in palikit("models", "--json").out.splitlines()]
    assert len(rows) == 13
    assert rows[5]["image_tokens"] == 1024
