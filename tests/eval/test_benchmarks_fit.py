"""Every benchmark names a scorer and a form that exist."""

from palikit.eval.benchmarks import BENCHMARKS
from palikit.eval.scoring import SCORERS
from palikit.eval.submission import FORMS


def test_every_benchmark_can_be_scored():
    assert {b.metric for b in BENCHMARKS.values()} <= set(SCORERS)


def test_every_submission_has_its_form():
    assert {b.submission for b in BENCHMARKS.values()} - {""} <= set(FORMS)
