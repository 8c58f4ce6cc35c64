"""Curves: they never turn an order round, and only their own files are read."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palikit.codecs.calibration import Calibration, Curve
from palikit.errors import DataError
from palikit.results import Box, Region, Regions, Text

UNIT = st.floats(0, 1)
HALF = Curve(knots=((0.2, 0.1), (0.8, 0.5)))


@given(a=UNIT, b=UNIT, temperature=st.floats(0.01, 100))
def test_the_surer_stays_the_surer(a: float, b: float, temperature: float) -> None:
    low, high = sorted((a, b))
    for curve in (Curve(temperature), Curve(temperature, -3.0), HALF):
        assert 0 <= curve(low) <= curve(high) <= 1


def test_curves_say_what_they_are() -> None:
    assert Curve(1.0)(0.3) == pytest.approx(0.3)
    assert Curve(1.0, shift=np.log(2))(0.5) == pytest.approx(2 / 3)
    assert Curve(2.0)(0.9) == pytest.approx(3 / (3 + 1))  # the odds' square root
    assert [HALF(p) for p in (0.0, 0.5, 1.0)] == pytest.approx([0.1, 0.3, 0.5])
    assert 0 < Curve(0.01)(1.0) <= 1


def test_scores_change_and_nothing_else_does() -> None:
    told = Calibration(regions=HALF)
    box = Box(1.0, 2.0, 3.0, 4.0)
    found = Regions((Region("cat", box, score=0.8), Region("dog", box)), size=(9, 9), score=0.4)
    again = told.apply(found)
    assert [region.score for region in again] == [0.5, None]
    assert again == replace(found, items=again.items)
    assert told.apply(Text("a cat", 0.8)) == Text("a cat", 0.8)
    assert Calibration(text=HALF).apply(Text("a cat", 0.8)) == Text("a cat", 0.5)


def test_what_is_written_is_read(tmp_path) -> None:
    told = Calibration(regions=HALF, text=Curve(1.75, -0.5))
    path = tmp_path / "c.json"
    path.write_text(json.dumps(told.to_dict()))
    assert Calibration.load(path) == told


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "{}", "3", '{"boxes": {"temperature": 2, "shift": 0}}', '{"text": {}}'),
        *('{"text": {"temperature": 0, "shift": 0}}', '{"text": {"temperature": "2", "shift": 0}}'),
        *('{"text": {"temperature": NaN, "shift": 0}}', '{"text": {"temperature": 2}}'),
        *('{"text": {"knots": []}}', '{"text": {"knots": [[0.1, 0.5], [0.2, 0.4]]}}'),
        *('{"text": {"knots": [[0.2, 0.1], [0.1, 0.4]]}}', '{"text": {"knots": [[0, 2]]}}'),
        *('{"text": {"knots": [0.1]}}', '{"text": {"knots": [[0.1]]}}', "[" * 10_000),
    ],
)
def test_another_file_is_refused(tmp_path, text: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"c\.json"):
        Calibration.load(path)


def test_a_missing_file_says_how_to_get_one(tmp_path) -> None:
    with pytest.raises(DataError, match="palikit calibrate"):
        Calibration.load(tmp_path / "none.json")
