"""Two runs on the same items: differences that are there, and some that are not."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.benchmarks import benchmark, item, said

from palikit.data.records import Thing
from palikit.errors import DataError, UsageError
from palikit.eval.compare import Comparison, compare, read_runs
from palikit.eval.predictions import Prediction
from palikit.eval.report import write_comparison
from palikit.eval.results import Result, write_result
from palikit.eval.scoring import SCORERS
from palikit.results import Box, Region

ITEMS = [item(f"q{i}", "yes") for i in range(200)]


def write(folder: Path, right: np.ndarray, items: list = ITEMS, metric: str = "exact") -> Path:
    answers = said(items, ["yes" if hit else "no" for hit in right])
    scores = SCORERS[metric](answers, items)
    known = benchmark(metric, name="small")
    result = Result(
        benchmark=known, model="m", variant="", items=items, answers=answers, scores=scores
    )
    write_result(result, folder / "small")
    return folder


def between(a: Path, b: Path) -> Comparison:
    (told,) = compare(read_runs([a, b]))
    return told


def test_a_clear_difference_is_significant(tmp_path: Path) -> None:
    right = np.arange(200) % 2 == 0
    better = right | (np.arange(200) < 60)
    told = between(write(tmp_path / "a", right), write(tmp_path / "b", better))
    assert told.difference.value == pytest.approx(15)
    assert 0 < told.difference.low < 15 < told.difference.high
    assert told.is_significant
    assert told.mcnemar is not None
    assert (told.mcnemar.only_first, told.mcnemar.only_second) == (0, 30)
    assert told.mcnemar.p_value < 1e-6
    assert told.headlines == (50, 65)


def test_a_run_does_not_differ_from_itself(tmp_path: Path) -> None:
    right = np.arange(200) % 3 == 0
    told = between(write(tmp_path / "a", right), write(tmp_path / "b", right))
    assert (told.difference.value, told.difference.p_value) == (0, 1)
    assert told.mcnemar is not None
    assert told.mcnemar.p_value == 1
    assert not told.is_significant


def test_as_many_gained_as_lost_is_no_difference(tmp_path: Path) -> None:
    right = np.arange(200) % 2 == 0
    other = right.copy()
    other[:40] = ~right[:40]
    told = between(write(tmp_path / "a", right), write(tmp_path / "b", other))
    assert not told.is_significant
    assert told.mcnemar is not None
    assert told.mcnemar.p_value == 1


def test_only_common_items_are_compared_and_the_others_are_told(tmp_path: Path) -> None:
    right = np.ones(200, bool)
    a = write(tmp_path / "a", right)
    b = write(tmp_path / "b", np.zeros(150, bool), ITEMS[50:][::-1])
    told = between(a, b)
    assert (told.common, told.only_one) == (150, 50)
    assert told.difference.value == -100


def test_an_ap_is_tested_on_single_pictures_and_says_so(tmp_path: Path) -> None:
    items = [item(f"p{i}", things=(Thing("cat", Box(0, 0, 20, 20)),)) for i in range(30)]
    folders = []
    for name, shift in (("a", 0.0), ("b", 15.0)):
        region = Region("cat", Box(shift, 0.0, 20.0 + shift, 20.0), 0.5).to_dict()
        # Less sure than every right one, so it costs no AP, but half of a picture's precision.
        wrong = Region("cat", Box(30.0, 20.0, 40.0, 30.0), 0.1).to_dict()
        answers = [Prediction(i.id, "…", regions=(region, wrong), size=(40, 30)) for i in items]
        known = benchmark("detection", name="small")
        scores = SCORERS["detection"](answers, items)
        result = Result(
            benchmark=known, model="m", variant="", items=items, answers=answers, scores=scores
        )
        write_result(result, tmp_path / name / "small")
        folders.append(tmp_path / name)
    told = between(*folders)
    assert told.headlines == pytest.approx((100, 0))
    assert told.tested_on == "the mean of single items"
    assert told.difference.value == pytest.approx(-200 / 3)


def test_a_mean_over_groups_is_compared_as_one(tmp_path: Path) -> None:
    items = [item(f"q{i}", "yes", group="a" if i < 20 else "b") for i in range(200)]
    first = write(tmp_path / "a", np.arange(200) >= 20, items, "relaxed")
    second = write(tmp_path / "b", np.ones(200, bool), items, "relaxed")
    told = between(first, second)
    assert told.tested_on == "the headline"
    assert told.difference.value == pytest.approx(50)


def test_three_runs_are_three_pairs_and_a_report(tmp_path: Path) -> None:
    folders = [write(tmp_path / name, np.arange(200) % k > 0) for name, k in (("a", 2), ("b", 3))]
    folders.append(write(tmp_path / "<script>", np.ones(200, bool)))
    told = compare(read_runs(folders))
    assert len(told) == 3
    page = write_comparison(told, tmp_path / "out", "compared").read_text()
    assert "<script>" not in page
    assert page.count("<tr>") == 4
    rows = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert [row["is_significant"] for row in rows] == [True, True, True]


def test_what_cannot_be_compared_is_told(tmp_path: Path) -> None:
    a = write(tmp_path / "a", np.ones(200, bool))
    with pytest.raises(UsageError, match="two runs"):
        read_runs([a])
    with pytest.raises(DataError, match="no scores"):
        read_runs([a, tmp_path / "nothing"])
    other = [item(f"x{i}", "yes") for i in range(3)]
    with pytest.raises(UsageError, match="share no item"):
        compare(read_runs([a, write(tmp_path / "b", np.ones(3, bool), other)]))
    b = tmp_path / "c" / "another"
    b.mkdir(parents=True)
    told = json.loads((a / "small" / "scores.json").read_text())
    (b / "scores.json").write_text(json.dumps(told | {"benchmark": "another"}))
    with pytest.raises(UsageError, match="no benchmark"):
        compare(read_runs([a, tmp_path / "c"]))


BROKEN = {
    "no JSON": "{",
    "a list": "[]",
    "nothing": "{}",
    "ids without scores": {"per_item": []},
    "words": {"headline": "high"},
    "an unknown statistic": {"statistic": "exec"},
    "rows of two lengths": {"rows": [[1.0], [1.0, 2.0]]},
    "rows that are numbers": {"rows": 3},
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_scores_are_a_data_error(name: str, tmp_path: Path) -> None:
    a, b = (write(tmp_path / x, np.ones(200, bool)) for x in "ab")
    path = b / "small" / "scores.json"
    broken = BROKEN[name]
    if isinstance(broken, dict):
        broken = json.dumps(json.loads(path.read_text()) | broken)
    path.write_text(broken)
    with pytest.raises((DataError, UsageError)):
        compare(read_runs([a, b]))
