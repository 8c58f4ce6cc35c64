"""Scores of a whole split that are more than a mean: per question type, per pair, yes and no.

    rsvqa_scores(["yes", "rural"], [["yes"], ["urban"]], ["presence", "rural_urban"])
    pope_scores(["yes", "No"], ["yes", "yes"]).f1
    paired_accuracy([1, 1, 0, 1])                      # 0.5: the pairs are (1, 1) and (0, 1)

Follows big_vision's `evaluators/proj/paligemma/transfers` (rsvqa, pope, tallyqa) and the MMVP paper
(Tong et al. 2024, section 2). Every score is from 0 to 1.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from palikit.errors import UsageError
from palikit.eval.checks import need_pairs
from palikit.eval.matching import any_match, count_match, number_word, soft_match

__all__ = [
    "PopeScores",
    "RsvqaScores",
    "TallyScores",
    "paired_accuracy",
    "pope_scores",
    "rsvqa_scores",
    "tally_scores",
]

NO_NUMBERS = ("comp", "presence")
"""The question types of the splits without numbers."""


@dataclass(frozen=True, slots=True)
class RsvqaScores:
    """RSVQA.

    Attributes:
        accuracy: mean of min(1, n / 3) over the answers of a question.
        accuracy_any: share of questions whose answer is one of the references ("overall accuracy").
        by_type: that share for each question type that occurs.
        mean_of_types: mean of `by_type` ("average accuracy"): the published number.
        mean_without_numbers: mean of comp and presence; None where one of them does not occur.
    """

    accuracy: float
    accuracy_any: float
    by_type: dict[str, float]
    mean_of_types: float
    mean_without_numbers: float | None


@dataclass(frozen=True, slots=True)
class PopeScores:
    """POPE, with "yes" as the positive class.

    Attributes:
        accuracy: share of equal answers: what PaliGemma reports, as a mean over the three subsets.
        precision: of the predicted yes, how many are right; 0 where none was predicted.
        recall: of the true yes, how many were found; 0 where there is none.
        f1: harmonic mean of both.
        yes_share: share of predictions that are yes.
        valid_share: share of predictions that are yes or no at all; the others count as wrong.
    """

    accuracy: float
    precision: float
    recall: float
    f1: float
    yes_share: float
    valid_share: float


@dataclass(frozen=True, slots=True)
class TallyScores:
    """TallyQA.

    Attributes:
        accuracy: share of right counts.
        simple: among questions marked simple; None where none is.
        complex: among questions marked complex; None where none is.
        by_count: for each true count that occurs, however large (the original stops at 15).
    """

    accuracy: float
    simple: float | None
    complex: float | None
    by_count: dict[str, float]


def rsvqa_scores(
    predictions: Sequence[str], answers: Sequence[Sequence[str]], types: Sequence[str]
) -> RsvqaScores:
    """Accuracies per question type, without case.

    Raises:
        UsageError: lists of different length, nothing to score, or a question without an answer.
    """
    need_pairs(predictions, answers)
    need_pairs(predictions, types)
    hits: dict[str, list[float]] = defaultdict(list)
    for prediction, right, kind in zip(predictions, answers, types, strict=True):
        hits[kind].append(any_match(prediction, right, ignore_case=True))
    pairs = zip(predictions, answers, strict=True)
    soft = [soft_match(prediction, right, ignore_case=True) for prediction, right in pairs]
    by_type = {kind: fmean(values) for kind, values in hits.items()}
    # The reference writes two means under one key; the one over comp and presence is what remains.
    plain = [by_type[kind] for kind in NO_NUMBERS if kind in by_type]
    return RsvqaScores(
        accuracy=fmean(soft),
        accuracy_any=fmean(value for values in hits.values() for value in values),
        by_type=by_type,
        mean_of_types=fmean(by_type.values()),
        mean_without_numbers=fmean(plain) if len(plain) == len(NO_NUMBERS) else None,
    )


def pope_scores(predictions: Sequence[str], answers: Sequence[str]) -> PopeScores:
    """Yes and no: predictions are lower-cased, the references must be "yes" or "no".

    Raises:
        UsageError: lists of different length, nothing to score, or another reference.
    """
    need_pairs(predictions, answers)
    if strange := sorted(set(answers) - {"yes", "no"}):
        raise UsageError(f'the reference {strange[0]!r} is neither "yes" nor "no"')
    told = [text.lower() for text in predictions]
    hits = sum(a == b == "yes" for a, b in zip(told, answers, strict=True))
    said_yes, true_yes = told.count("yes"), list(answers).count("yes")
    return PopeScores(
        accuracy=fmean(a == b for a, b in zip(told, answers, strict=True)),
        precision=hits / said_yes if said_yes else 0.0,
        recall=hits / true_yes if true_yes else 0.0,
        # As counts: the same as 2 p r / (p + r), without its 0 / 0.
        f1=2 * hits / (said_yes + true_yes) if said_yes + true_yes else 0.0,
        yes_share=said_yes / len(told),
        valid_share=fmean(text in ("yes", "no") for text in told),
    )


def paired_accuracy(correct: Sequence[float]) -> float:
    """The share of pairs (first and second, third and fourth, ...) with both right. MMVP.

    Raises:
        UsageError: an odd number of questions, or none.
    """
    if not len(correct) or len(correct) % 2:
        raise UsageError(f"{len(correct)} questions are no pairs: give each pair one after another")
    return fmean(bool(correct[i]) and bool(correct[i + 1]) for i in range(0, len(correct), 2))


def tally_scores(
    predictions: Sequence[str],
    answers: Sequence[str],
    simple: Sequence[bool | None] | None = None,
) -> TallyScores:
    """Counting, over all questions, by difficulty and by true count.

    `simple` says of each question whether it is a simple one; None where nobody knows.

    Raises:
        UsageError: lists of different length, or nothing to score.
    """
    need_pairs(predictions, answers)
    marks = [None] * len(answers) if simple is None else simple
    need_pairs(predictions, marks)
    right = [count_match(a, b) for a, b in zip(predictions, answers, strict=True)]
    by_count: dict[str, list[float]] = defaultdict(list)
    for hit, answer in zip(right, answers, strict=True):
        by_count[number_word(answer)].append(hit)

    def marked(wanted: bool) -> float | None:
        chosen = [hit for hit, mark in zip(right, marks, strict=True) if mark is wanted]
        return fmean(chosen) if chosen else None

    return TallyScores(
        accuracy=fmean(right),
        simple=marked(True),
        complex=marked(False),
        by_count={count: fmean(hits) for count, hits in by_count.items()},
    )
