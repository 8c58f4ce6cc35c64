"""Answers on disk: what is written is read back, and only whole lines count."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palikit.coco import encode_rle
from palikit.errors import DataError
from palikit.eval.predictions import (
    Prediction,
    read_predictions,
    to_line,
    to_regions,
    whole_lines,
)
from palikit.results import Box, Region

# Lone surrogates too: a model's bytes may decode to them.
TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)
NUMBER = st.none() | st.floats(-1e9, 1e9)
ONE = st.builds(
    Prediction,
    id=TEXT,
    answer=TEXT,
    score=NUMBER,
    logprob=NUMBER,
    parsed=st.booleans(),
    size=st.none() | st.tuples(st.integers(1, 99), st.integers(1, 99)),
    error=TEXT,
)


@given(st.lists(ONE, max_size=4))
def test_what_is_written_is_read_back(several: list[Prediction]) -> None:
    data = "".join(map(to_line, several)).encode("utf-8")
    found, ends = whole_lines(data)
    assert found == several
    assert data.count(b"\n") == len(several)
    assert (ends[-1] if ends else 0) == len(data)


@given(st.lists(ONE, min_size=1, max_size=3), st.data())
def test_a_torn_line_is_cut_wherever_it_is_torn(several: list[Prediction], data) -> None:
    lines = [to_line(one).encode("utf-8") for one in several]
    whole = b"".join(lines)
    at = data.draw(st.integers(0, len(whole) - 1))
    found, ends = whole_lines(whole[:at])
    assert found == several[: len(found)]
    kept = ends[-1] if ends else 0
    assert whole[:at].startswith(whole[:kept])
    assert len(found) == sum(at >= end for end in np.cumsum([len(line) for line in lines]))


@given(st.binary(max_size=60))
def test_any_bytes_are_no_reason_to_fail(data: bytes) -> None:
    found, ends = whole_lines(data)
    assert len(found) == len(ends)


def test_a_number_that_is_none_is_written_as_null() -> None:
    row = json.loads(to_line(Prediction("1", "x", score=math.nan, logprob=-math.inf)))
    assert row["score"] is None
    assert row["logprob"] is None


BROKEN = {
    "no JSON": "{",
    "a list": "[1]",
    "no answer": '{"id": "1"}',
    "no id": '{"answer": "x"}',
    "an answer that is no text": '{"id": "1", "answer": 2}',
    "a size of one": '{"id": "1", "answer": "x", "size": [3]}',
    "a size of words": '{"id": "1", "answer": "x", "size": ["a", "b"]}',
    "a score of words": '{"id": "1", "answer": "x", "score": "high"}',
    "a score without end": f'{{"id": "1", "answer": "x", "score": 1{"0" * 400}}}',
    "regions that are none": '{"id": "1", "answer": "x", "regions": 3}',
    "deep": '{"id": "1", "answer": "x", "more": ' + "[" * 100_000,
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_line_is_named_with_its_number(name: str, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(f'{{"id": "0", "answer": "fine"}}\n\n{BROKEN[name]}\n')
    with pytest.raises(DataError, match=r"answers\.jsonl:3"):
        read_predictions(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.jsonl"):
        read_predictions(tmp_path / "none.jsonl")


def test_regions_come_back_with_masks_only_where_asked_for() -> None:
    mask = np.zeros((30, 40), np.bool_)
    mask[3:9, 5:20] = True
    region = Region("cat", Box(5.0, 3.0, 20.0, 9.0), 0.5, mask, tuple(range(16)))
    one = Prediction("1", "…", regions=(region.to_dict(),), size=(40, 30))
    (again,) = to_regions(one, with_masks=True)
    assert again == region
    assert np.array_equal(again.mask, mask)
    assert to_regions(one)[0].mask is None


MASK = encode_rle(np.ones((30, 40), np.bool_))
BAD_REGIONS = {
    "no box": {"label": "cat"},
    "three numbers": {"label": "cat", "box": [1, 2, 3]},
    "not finite": {"label": "cat", "box": [0, 0, math.inf, 1]},
    "words": {"label": "cat", "box": ["a", 0, 0, 1]},
    "a mask of another size": {
        "label": "cat",
        "box": [0, 0, 1, 1],
        "mask": {"size": [31, 40], "counts": MASK["counts"]},
    },
    "a mask of billions": {
        "label": "cat",
        "box": [0, 0, 1, 1],
        "mask": {"size": [10**9, 10**9], "counts": [10**18]},
    },
    "a mask that does not fill it": {
        "label": "cat",
        "box": [0, 0, 1, 1],
        "mask": {"size": [30, 40], "counts": [3]},
    },
}


@pytest.mark.parametrize("name", BAD_REGIONS)
def test_a_broken_region_is_a_data_error(name: str) -> None:
    one = Prediction("17", "…", regions=(BAD_REGIONS[name],), size=(40, 30))
    with pytest.raises(DataError, match="17"):
        to_regions(one, with_masks=True)
