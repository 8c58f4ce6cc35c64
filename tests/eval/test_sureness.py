"""What a run says of its own answers: pairs of score and truth, written, read and drawn."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.benchmarks import FakeEngine, benchmark, item

from palikit.data.records import Thing
from palikit.errors import DataError
from palikit.eval.evaluate import How, evaluate
from palikit.eval.predictions import Prediction
from palikit.eval.report.html import _charts
from palikit.eval.sureness import Sureness, read_sureness, sureness
from palikit.results import Box, Region

CAT, FAR = Box(0, 0, 10, 10), Box(30, 30, 40, 40)


def answer(*regions: Region) -> Prediction:
    return Prediction("1", "…", regions=tuple(r.to_dict() for r in regions), size=(50, 50))


def test_a_region_is_right_where_it_finds_a_thing_of_its_label() -> None:
    scene = item("1", prefix="detect cat ; dog", things=(Thing("cat", CAT), Thing("dog", FAR)))
    said = answer(
        Region("cat", CAT, 0.9),
        Region("cat", CAT, 0.8),
        Region("cat", FAR, 0.7),
        Region("dog", FAR),
    )
    told = sureness(benchmark("detection_ap50"), [said], [scene], [0.0])
    # The thing is found once; what has no score says nothing.
    assert told == Sureness("regions", ((0.9, 1.0), (0.8, 0.0), (0.7, 0.0)))
    assert told.error == pytest.approx((0.1 + 0.8 + 0.7) / 3)


def test_a_crowd_is_nothing_that_could_be_found() -> None:
    scene = item("1", prefix="detect cat", things=(Thing("cat", CAT, crowd=True),))
    told = sureness(benchmark("detection_ap50"), [answer(Region("cat", CAT, 0.9))], [scene], [0.0])
    assert told.right == [0.0]


def test_words_are_as_right_as_the_metric_says() -> None:
    said = [Prediction("a", "yes", score=0.8), Prediction("b", "no")]
    items = [item("a", "yes"), item("b", "yes")]
    assert sureness(benchmark("exact"), said, items, [100.0, 0.0]).pairs == ((0.8, 1.0),)
    errors = replace(benchmark("exact"), higher_is_better=False)
    assert sureness(errors, said, items, [100.0, 0.0]).pairs == ()


def test_a_run_writes_what_calibrate_reads(tmp_path: Path) -> None:
    items = [item("q0", "yes"), item("q1", "no")]
    engine = FakeEngine({"answer en q0?": "yes", "answer en q1?": "yes"})
    result = evaluate(engine, benchmark("exact"), items, tmp_path / "run", How(model="fake"))
    told = read_sureness(tmp_path / "run")
    assert told == read_sureness(tmp_path / "run/scores.json") == result.sureness
    assert told.of == "text"
    assert told.right == [1.0, 0.0]
    ece = json.loads((tmp_path / "run/scores.json").read_text())["said"]["ece"]
    assert ece == pytest.approx(told.error)
    assert f"ECE {told.error:.3f}" in "".join(_charts(result))


def test_no_run_no_pairs(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="palikit eval"):
        read_sureness(tmp_path)
