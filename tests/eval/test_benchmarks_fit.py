"""Every benchmark names a scorer and a form that exist; one without a scorer is known as such."""

from palikit.eval.benchmarks import BENCHMARKS
from palikit.eval.scoring import SCORERS
from palikit.eval.submission import FORMS

NO_SCORER_YET = {"docci"}
"""NES needs a model that judges entailment, which nobody has plugged in so far."""


def test_every_benchmark_can_be_scored():
    assert {b.name for b in BENCHMARKS.values() if b.metric not in SCORERS} == NO_SCORER_YET


def test_every_submission_has_its_form():
    assert {b.submission for b in BENCHMARKS.values()} - {""} <= set(FORMS)
