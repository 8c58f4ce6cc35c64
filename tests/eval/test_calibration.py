import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palikit.errors import UsageError
from palikit.eval.calibration import calibration_bins, expected_calibration_error

answers = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


def plain_error(said, right, bins):
    """Bin by bin, with the edges written out."""
    total = 0.0
    for i in range(bins):
        low, high = np.linspace(0, 1, bins + 1)[i : i + 2]
        inside = [j for j, p in enumerate(said) if low < p <= high or (i == 0 and p == 0)]
        if inside:
            gap = np.mean([said[j] for j in inside]) - np.mean([right[j] for j in inside])
            total += len(inside) / len(said) * abs(gap)
    return total


@given(answers, st.integers(1, 20))
def test_the_error_equals_a_loop_over_bins(pairs, bins):
    said, right = [p for p, _ in pairs], [ok for _, ok in pairs]
    error = expected_calibration_error(said, right, bins=bins)
    assert error == pytest.approx(plain_error(said, right, bins), abs=1e-12)
    assert 0 <= error <= 1


@given(answers)
def test_every_answer_is_in_one_bin(pairs):
    bins = calibration_bins([p for p, _ in pairs], [ok for _, ok in pairs], bins=7)
    assert sum(one.count for one in bins) == len(pairs)
    assert all(one.low <= one.confidence <= one.high + 1e-12 for one in bins if one.count)


def test_the_docstring_example_holds():
    assert expected_calibration_error([0.9] * 4, [1, 1, 1, 0]) == pytest.approx(0.15)


def test_sure_and_right_is_calibrated_and_sure_and_wrong_is_not():
    assert expected_calibration_error([1.0, 0.0], [True, False]) == 0
    assert expected_calibration_error([1.0, 0.0], [False, True]) == 1


@pytest.mark.parametrize(
    ("said", "right", "bins"),
    [([], [], 15), ([0.5], [1, 0], 15), ([1.5], [1], 15), ([np.nan], [1], 15), ([0.5], [1], 0)],
)
def test_wrong_answers_are_refused(said, right, bins):
    with pytest.raises(UsageError):
        expected_calibration_error(said, right, bins=bins)
