"""Relaxed accuracy: a number may be 5 % off. ChartQA.

    relaxed_accuracy("104", "100")       # 1.0
    relaxed_accuracy("0.5", "50%")       # 1.0: a percentage is a hundredth
    relaxed_accuracy("0.0", "0")         # 0.0: no 5 % of nothing, so the strings must be equal

Masry et al. 2022, section 5.1, as in big_vision's `transfers/chartqa.py`. 0 or 1; the headline is
the mean of the human and the augmented questions.
"""

__all__ = ["relaxed_accuracy"]

TOLERANCE = 0.05


def relaxed_accuracy(prediction: str, answer: str, *, ignore_case: bool = True) -> float:
    """1 where both are numbers within 5 % of the true one, or else where both are equal.

    A number is whatever `float` reads: also " 5 ", "1e3", "1_000", "inf" and "nan"; not "1,000" and
    not "$5". Once both sides are numbers and the true one is not zero, equal strings no longer
    help: "nan" and "inf" are not within 5 % of themselves.
    """
    if ignore_case:
        prediction, answer = prediction.lower(), answer.lower()
    told, right = _number(prediction), _number(answer)
    if told is None or not right:
        return float(prediction == answer)
    return float(abs(told - right) / abs(right) <= TOLERANCE)


def _number(text: str) -> float | None:
    try:
        # All percent signs go, and one division stays: "5%%" is 0.05.
        return float(text.rstrip("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return None
