"""`palikit bench`: a table for people, a document for programs, and wrong wishes refused."""

import json

import pytest

from palikit.decode import compiled
from palikit.engine import speed


@pytest.fixture
def small_limits(monkeypatch):
    """The machine's limits on a few megabytes, for time."""
    monkeypatch.setattr(speed, "LAYERS", 1)
    monkeypatch.setattr(speed, "READS", 1 << 20)


def test_a_table_shows_each_number_of_pictures(palikit, small_limits):
    outcome = palikit("bench", "--pictures", "1,2", "--tokens", "3", "--runs", "1")
    assert outcome.code == 0
    machine, kernels, titles, one, two = outcome.out.splitlines()
    assert "GB/s" in machine
    assert "in float32" in machine
    assert kernels.startswith("a row is read by")
    assert titles.split()[:2] == ["pictures", "vision"]
    assert (one.split()[0], two.split()[0]) == ("1", "2")
    assert len(one) == len(two) == len(titles)


def test_a_document_holds_the_same(palikit, small_limits):
    arguments = ("--quantize", "int8", "--pictures", "1", "--tokens", "3", "--runs", "1")
    outcome = palikit("bench", *arguments, "--json")
    assert outcome.code == 0
    told = json.loads(outcome.out)
    assert (told["quantize"], told["compile"]) == ("int8", False)
    (row,) = told["rows"]
    assert row["first_token_s"] > row["vision_s"] > 0
    assert row["decoded_tokens_per_s"] > 0
    assert row["share_of_multiplying"] > 0
    assert row["share_of_reading"] > 0


def test_a_compiled_model_is_timed_where_one_is_asked_for(palikit, small_limits, monkeypatch):
    asked = []
    monkeypatch.setattr(compiled, "compile_decoding", lambda model: asked.append(1) or model)
    arguments = ("--compile", "--pictures", "1", "--tokens", "3", "--runs", "1", "--json")
    assert json.loads(palikit("bench", *arguments).out)["compile"]
    assert asked == [1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--pictures", "one"), "give numbers such as 1,8"),
        (("--pictures", "0"), "give numbers such as 1,8"),
        (("--quantize", "int3"), "'int8' or 'int4'"),
        (("--model", "no/such/folder"), "no/such/folder"),
    ],
)
def test_wrong_wishes_are_told(palikit, arguments, words):
    outcome = palikit("bench", *arguments)
    assert outcome.code in (1, 2)
    assert words in outcome.err
