import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from palikit.errors import UsageError
from palikit.eval.bootstrap import bootstrap_interval, mcnemar, paired_bootstrap

values = st.lists(st.floats(-5, 5), min_size=1, max_size=30)


@given(values, st.integers(0, 99))
def test_an_interval_stays_within_the_values_and_repeats(values, seed):
    one = bootstrap_interval(values, n=50, seed=seed)
    assert min(values) - 1e-9 <= one.low <= one.high <= max(values) + 1e-9
    assert one.value == pytest.approx(np.mean(values))
    assert one == bootstrap_interval(values, n=50, seed=seed)


def test_the_interval_is_near_that_of_a_normal_distribution():
    values = np.random.default_rng(3).normal(2.0, 1.0, 400)
    one = bootstrap_interval(values, n=4000)
    half = 1.96 * values.std() / 20
    assert one.low == pytest.approx(values.mean() - half, abs=0.01)
    assert one.high == pytest.approx(values.mean() + half, abs=0.01)


def test_a_statistic_may_be_a_ratio_of_sums():
    pixels = np.array([[1, 2], [3, 4], [10, 10]])
    one = bootstrap_interval(pixels, lambda rows: rows[:, 0].sum() / rows[:, 1].sum(), n=100)
    assert one.value == 14 / 16
    assert 0.5 <= one.low <= one.high <= 1


def test_a_constant_gain_is_certain_and_no_gain_is_not():
    first = np.random.default_rng(0).random(50)
    better = paired_bootstrap(first, first + 0.1, n=200)
    assert (better.low, better.high) == (pytest.approx(0.1), pytest.approx(0.1))
    assert better.p_value == 0
    assert paired_bootstrap(first, first, n=200).p_value == 1


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_mcnemar_equals_an_exact_binomial_test(pairs):
    result = mcnemar([a for a, _ in pairs], [b for _, b in pairs])
    one, other = result.only_first, result.only_second
    expected = stats.binomtest(one, one + other, 0.5).pvalue if one + other else 1.0
    assert result.p_value == pytest.approx(expected, rel=1e-9)


def test_mcnemar_of_many_answers_is_no_overflow():
    first, second = np.zeros(5000, bool), np.zeros(5000, bool)
    first[:2400], second[2400:] = True, True
    expected = stats.binomtest(2400, 5000, 0.5).pvalue
    assert mcnemar(first, second).p_value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "call",
    [
        lambda: bootstrap_interval([]),
        lambda: bootstrap_interval([1.0], n=0),
        lambda: bootstrap_interval([1.0], level=95),
        lambda: paired_bootstrap([1.0], [1.0, 2.0]),
        lambda: mcnemar([1, 0], [1]),
        lambda: mcnemar([0.5], [1]),
    ],
)
def test_wrong_runs_are_refused(call):
    with pytest.raises(UsageError):
        call()
