"""Fitted curves: the right temperature, the best rising sequence, and honest errors."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palikit.errors import DataError, UsageError
from palikit.eval.calibrating import fit, held_out, pooled
from palikit.eval.calibration import expected_calibration_error


def overconfident(n: int = 4000, temperature: float = 2.5) -> tuple[np.ndarray, np.ndarray]:
    """Answers whose logits are `temperature` times too large."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0.5, 1.5, n)
    right = rng.random(n) < 1 / (1 + np.exp(-logits))
    return 1 / (1 + np.exp(-temperature * logits)), right.astype(float)


def test_the_temperature_is_found_again() -> None:
    assert fit(*overconfident(), "temperature").temperature == pytest.approx(2.5, rel=0.1)
    plain = fit(*overconfident(temperature=1.0), "temperature")
    assert plain.temperature == pytest.approx(1.0, rel=0.1)
    assert plain.shift == 0


def test_the_shift_is_found_too() -> None:
    said, right = overconfident()
    moved = 1 / (1 + np.exp(2.0 - np.log(said / (1 - said))))  # all scores far too low
    curve = fit(moved, right)
    assert curve.temperature == pytest.approx(2.5, rel=0.1)
    assert curve.shift == pytest.approx(2.0 / 2.5, abs=0.15)
    assert expected_calibration_error([curve(score) for score in moved], right) < 0.03


def test_scores_that_say_nothing_become_the_share_of_right_ones() -> None:
    said = [0.2, 0.7] * 50
    right = [1, 0, 1, 0, 0, 1, 0, 1] * 12 + [1, 0, 0, 1]
    curve = fit(said, right)
    assert curve(0.2) <= curve(0.7) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("method", ["logistic", "temperature", "isotonic"])
def test_held_out_errors_fall(method: str) -> None:
    said, right = overconfident()
    before = expected_calibration_error(said, right)
    after = expected_calibration_error(held_out(said, right, method), right)
    assert before > 0.1
    assert after < before / 3


@settings(deadline=None)
@given(
    values=st.lists(st.integers(0, 4), min_size=1, max_size=6),
    weights=st.lists(st.integers(1, 3), min_size=6, max_size=6),
)
def test_pooling_is_the_best_of_all_rising_sequences(values, weights) -> None:
    weights = weights[: len(values)]

    def loss(told) -> float:
        rows = zip(told, values, weights, strict=True)
        return sum(w * (t - v) ** 2 for t, v, w in rows)

    told = pooled(values, weights)
    assert told == sorted(told)
    # The best one is the mean of each block, for some way to cut the list into blocks.
    best = np.inf
    for count in range(len(values)):
        for cuts in combinations(range(1, len(values)), count):
            edges = [0, *cuts, len(values)]
            blocks = [slice(a, b) for a, b in pairwise(edges)]
            means = [np.average(values[one], weights=weights[one]) for one in blocks]
            if all(a <= b + 1e-12 for a, b in pairwise(means)):
                lengths = [one.stop - one.start for one in blocks]
                best = min(best, loss(np.repeat(means, lengths)))
    assert loss(told) == pytest.approx(best, abs=1e-9)


def test_an_isotonic_curve_is_the_pooled_means_at_every_score() -> None:
    rng = np.random.default_rng(1)
    said, right = np.round(rng.random(300), 2), (rng.random(300) < 0.5).astype(float)
    curve = fit(said, right, "isotonic")
    levels, counts = np.unique(said, return_counts=True)
    means = [right[said == level].mean() for level in levels]
    shares = pooled(means, counts.tolist())
    assert [curve(level) for level in levels] == pytest.approx(shares)
    assert len(curve.knots) < len(levels)


def test_too_little_to_go_by_is_refused() -> None:
    with pytest.raises(DataError, match="too few"):
        fit([0.5] * 19, [1] * 19)
    with pytest.raises(DataError, match="100"):
        fit([0.5] * 99, [1] * 99, "isotonic")
    with pytest.raises(DataError, match="all 30 answers are right"):
        fit([0.5] * 30, [1] * 30)
    with pytest.raises(DataError, match="wrong"):
        fit([0.5] * 30, [0] * 30)
    with pytest.raises(UsageError, match="logistic, temperature, isotonic"):
        fit([0.5] * 30, [0] * 30, "platt")
