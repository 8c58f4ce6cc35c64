"""Answers that are right or wrong as they stand: equal strings, letters, counts, yes and no.

    exact_match("Cat", "cat")                                      # 0.0; ignore_case=True: 1.0
    soft_match("cat", ["cat", "cat", "dog"])                       # 2/3
    choice_letter("The answer is B.")                              # "b"
    number_word("Two")                                             # "2"

Follows big_vision's `evaluators/proj/paligemma/transfers` (vqa, science_qa, tallyqa). Scores are
from 0 to 1. Strings are compared as they come: nothing is stripped, and case counts unless asked.
"""

import re
from collections.abc import Sequence

from palikit.eval.checks import need_answers

__all__ = [
    "any_match",
    "choice_letter",
    "choice_match",
    "count_match",
    "exact_match",
    "number_word",
    "soft_match",
]

ENOUGH = 3
"""So many annotators make an answer fully right (VQA)."""

NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty"
).split()
DIGITS = {"none": "0"} | {word: str(value) for value, word in enumerate(NUMBERS)}

LETTER = re.compile(r"the answer is ([a-z])\.")


def exact_match(prediction: str, answer: str, *, ignore_case: bool = False) -> float:
    """1 where both strings are equal, else 0. AI2D, GQA, NLVR2 ...; without case: OCR-VQA."""
    if ignore_case:
        prediction, answer = prediction.lower(), answer.lower()
    return float(prediction == answer)


def soft_match(prediction: str, answers: Sequence[str], *, ignore_case: bool = False) -> float:
    """min(1, n / 3) for n annotators of this very answer. OK-VQA, A-OKVQA direct, VizWiz.

    Neither normalised nor averaged over left-out annotators, unlike `vqa_accuracy`.

    Raises:
        UsageError: no answers.
    """
    need_answers(answers)
    return min(1.0, _equal(prediction, answers, ignore_case) / ENOUGH)


def any_match(prediction: str, answers: Sequence[str], *, ignore_case: bool = False) -> float:
    """1 where at least one annotator gave this very answer, else 0.

    Raises:
        UsageError: no answers.
    """
    need_answers(answers)
    return float(_equal(prediction, answers, ignore_case) > 0)


def choice_letter(text: str) -> str | None:
    """The letter, in lower case, of a text that begins `The answer is B.`; None for any other.

    The full stop is part of the form; what follows it is not read, and nothing may stand before.
    """
    found = LETTER.match(text.lower())
    return found.group(1) if found else None


def choice_match(prediction: str, answer: str) -> float:
    """1 where both name the same letter, else 0. ScienceQA.

    Departure: a reference that names no letter is never matched; the original counts two texts
    without a letter as equal.
    """
    letter = choice_letter(prediction)
    return float(letter is not None and letter == choice_letter(answer))


def number_word(text: str) -> str:
    """`none`, `zero` ... `twenty` in any case as digits; every other text as it came.

    Only whole texts are looked up: `two cats`, `two ` and `twenty-one` stay as they are.
    """
    return DIGITS.get(text.lower(), text)


def count_match(prediction: str, answer: str) -> float:
    """1 where both counts are equal strings after `number_word`, else 0. TallyQA, CountBenchQA."""
    return float(number_word(prediction) == number_word(answer))


def _equal(prediction: str, answers: Sequence[str], ignore_case: bool) -> int:
    return sum(exact_match(prediction, one, ignore_case=ignore_case) == 1 for one in answers)
