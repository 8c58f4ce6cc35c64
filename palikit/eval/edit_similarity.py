"""ANLS: how near the letters of an answer are. DocVQA, InfoVQA, ST-VQA.

    anls("Paris", ["paris", "France"])      # 1.0
    anls("pariss", ["paris"])               # 1 - 1/6

Biten et al. 2019, equation 1, as in big_vision's `transfers/vqa.py`: 1 - distance / longer length
where that ratio is below 0.5, else 0; the best of the references. From 0 to 1.
"""

from collections.abc import Sequence

from palikit.eval.checks import need_answers
from palikit.eval.extras import need

__all__ = ["anls"]

THRESHOLD = 0.5


def anls(prediction: str, answers: Sequence[str], *, ignore_case: bool = True) -> float:
    """The best similarity to any reference answer. Spaces count, case does not unless asked.

    An empty reference is matched by an empty prediction only.

    Raises:
        UsageError: no answers.
        MissingExtraError: rapidfuzz is not installed.
    """
    need_answers(answers)
    if ignore_case:
        prediction, answers = prediction.lower(), [answer.lower() for answer in answers]
    return max(_similarity(prediction, answer) for answer in answers)


def _similarity(prediction: str, answer: str) -> float:
    if not answer:
        return float(not prediction)
    edits = need("rapidfuzz.distance").Levenshtein.distance(prediction, answer)
    ratio = edits / max(len(prediction), len(answer))
    return float(1 - ratio) if ratio < THRESHOLD else 0.0
