"""What most metrics ask of their input, said once."""

from collections.abc import Sequence, Sized

from palikit.errors import UsageError

__all__ = ["need_answers", "need_pairs", "need_references"]


def need_answers(answers: Sequence[str], least: int = 1) -> None:
    """A list of at least `least` answers, and not one bare string, whose letters would be answers.

    Raises:
        UsageError: it is something else.
    """
    if isinstance(answers, str):
        raise UsageError(f"answers is the string {answers!r}: give a list of answers")
    if len(answers) < least:
        raise UsageError(f"{len(answers)} answers came, this metric needs {least} or more")


def need_pairs(predictions: Sized, references: Sized) -> None:
    """As many predictions as references, and at least one.

    Raises:
        UsageError: the counts differ, or there is nothing to score.
    """
    if isinstance(predictions, str) or isinstance(references, str):
        raise UsageError("a single string came where a list is scored: wrap it as [text]")
    if len(predictions) != len(references):
        raise UsageError(
            f"{len(predictions)} predictions came for {len(references)} references: "
            "give one prediction an example, in the same order"
        )
    if not len(predictions):
        raise UsageError("there is nothing to score: give at least one prediction")


def need_references(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    """As many predictions as lists of references, none of which is empty.

    Raises:
        UsageError: the counts differ, or an example has no reference.
    """
    need_pairs(predictions, references)
    for index, several in enumerate(references):
        if isinstance(several, str):
            raise UsageError(f"references[{index}] is one string: give a list of references")
        if not several:
            raise UsageError(f"references[{index}] is empty: give at least one reference")
