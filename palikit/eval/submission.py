"""The file that a test server takes, for splits whose answers only it knows.

    FORMS["vqa"](items, answers)       # [{"question_id": 17, "answer": "two"}, ...]

Ids are those of the benchmark's own files (`Item.extra`), numbers where they are numbers there.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

from palikit.errors import UsageError
from palikit.eval.benchmarks.values import Item
from palikit.eval.predictions import Prediction

__all__ = ["FORMS", "check_form"]

Form: TypeAlias = Callable[[Sequence[Item], Sequence[Prediction]], Any]
"""From items and their answers to what is written as JSON."""


def _rows(
    id_name: str, answer_name: str, items: Sequence[Item], answers: Sequence[Prediction]
) -> list[dict[str, Any]]:
    pairs = zip(items, answers, strict=True)
    return [
        {id_name: item.extra.get(id_name, item.id), answer_name: one.answer} for item, one in pairs
    ]


def _by_question(
    answer_name: str, items: Sequence[Item], answers: Sequence[Prediction]
) -> dict[str, dict[str, str]]:
    pairs = zip(items, answers, strict=True)
    return {
        str(item.extra.get("question_id", item.id)): {answer_name: one.answer}
        for item, one in pairs
    }


FORMS: dict[str, Form] = {
    "vqa": partial(_rows, "question_id", "answer"),
    "docvqa": partial(_rows, "questionId", "answer"),
    "vizwiz": partial(_rows, "image", "answer"),
    "coco_caption": partial(_rows, "image_id", "caption"),
    "gqa": partial(_rows, "questionId", "prediction"),
    "aokvqa_da": partial(_by_question, "direct_answer"),
    "aokvqa_mc": partial(_by_question, "multiple_choice"),
    "id": partial(_rows, "id", "answer"),
}
"""Form to its writer. VQAv2, TextVQA and ST-VQA; DocVQA and InfoVQA; VizWiz; COCO, NoCaps and
TextCaps; GQA; A-OKVQA, direct and multiple choice; and plain ids."""


def check_form(form: str) -> None:
    """Before a long run, not behind it.

    Raises:
        UsageError: there is no such form.
    """
    if form and form not in FORMS:
        raise UsageError(f"{form!r} is no form of a submission: use one of {', '.join(FORMS)}")
