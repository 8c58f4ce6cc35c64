"""Scorers of answers in words, each a mean of one number an item."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from statistics import fmean

from palikit.eval.edit_similarity import anls
from palikit.eval.matching import (
    any_match,
    choice_letter,
    choice_match,
    count_match,
    exact_match,
    number_word,
    soft_match,
)
from palikit.eval.predictions import Prediction
from palikit.eval.relaxed import relaxed_accuracy
from palikit.eval.scores import Scores
from palikit.eval.smiles import canonical_smiles, smiles_match
from palikit.eval.tables import grits, read_cells, teds
from palikit.eval.vqa import vqa_accuracy

from .build import Answers, Items, Scorer, build_scores, mean_of_groups

__all__ = ["WORDS", "percents"]


def percents(
    score: Callable[[str, Sequence[str]], float], answers: Answers, items: Items
) -> list[float]:
    """One number from 0 to 100 an item."""
    pairs = zip(answers, items, strict=True)
    return [100 * score(one.answer, item.references) for one, item in pairs]


def _mean(score: Callable[[str, Sequence[str]], float], answers: Answers, items: Items) -> Scores:
    return build_scores(answers, items, percents(score, answers, items))


def _exact(answer: str, references: Sequence[str], *, ignore_case: bool = False) -> float:
    return exact_match(answer, references[0], ignore_case=ignore_case)


def _with_one_answer(
    score: Callable[[str, Sequence[str]], float], answers: Answers, items: Items
) -> Scores:
    """Beside the accuracy, what always giving the most frequent right answer would get."""
    values = percents(score, answers, items)
    (common, _) = Counter(item.references[0] for item in items).most_common(1)[0]
    always = fmean(100 * score(common, item.references) for item in items)
    return build_scores(answers, items, values, others={f"always saying {common!r}": always})


def _by_language(answers: Answers, items: Items) -> Scores:
    """The mean over languages, each weighing the same however many questions it has."""
    scores = _with_one_answer(_exact, answers, items)
    others = {"mean over all questions": fmean(scores.per_item), **scores.others}
    rows = mean_of_groups(scores.per_item, items)
    return build_scores(answers, items, scores.per_item, rows=rows, others=others)


def _relaxed(answers: Answers, items: Items) -> Scores:
    """The mean of the human and the augmented questions, where groups tell them apart."""
    values = percents(lambda text, right: relaxed_accuracy(text, right[0]), answers, items)
    pairs = zip(answers, items, strict=True)
    strict = 100 * fmean(_exact(a.answer, b.references, ignore_case=True) for a, b in pairs)
    rows = mean_of_groups(values, items)
    return build_scores(answers, items, values, rows=rows, others={"exact": strict})


def _anls(answers: Answers, items: Items) -> Scores:
    values = percents(anls, answers, items)
    exact = fmean(percents(partial(any_match, ignore_case=True), answers, items))
    return build_scores(answers, items, values, others={"exact": exact})


def _teds(answers: Answers, items: Items) -> Scores:
    values = percents(lambda text, right: teds(text, right[0]), answers, items)
    return build_scores(answers, items, values, others=_of_tables(answers, items, "TEDS"))


def _grits(answers: Answers, items: Items) -> Scores:
    values = percents(lambda text, right: grits(text, right[0], "con"), answers, items)
    return build_scores(answers, items, values, others=_of_tables(answers, items, "GriTS-Con"))


def _of_tables(answers: Answers, items: Items, but: str) -> dict[str, float]:
    """The other published numbers of table structure."""
    scores: dict[str, Callable[[str, Sequence[str]], float]] = {
        "TEDS": lambda text, right: teds(text, right[0]),
        "S-TEDS": lambda text, right: teds(text, right[0], structure_only=True),
        "GriTS-Top": lambda text, right: grits(text, right[0], "top"),
        "GriTS-Con": lambda text, right: grits(text, right[0], "con"),
    }
    chosen = {name: score for name, score in scores.items() if name != but}
    return {name: fmean(percents(score, answers, items)) for name, score in chosen.items()}


def _is_count(one: Prediction) -> bool:
    return number_word(one.answer).isdecimal()


def _is_table(one: Prediction) -> bool:
    return bool(read_cells(one.answer))


WORDS: dict[str, Scorer] = {
    "vqa": Scorer(partial(_mean, vqa_accuracy)),
    "soft": Scorer(partial(_mean, soft_match)),
    "exact": Scorer(partial(_with_one_answer, _exact)),
    "exact_by_language": Scorer(_by_language),
    "exact_lower": Scorer(partial(_with_one_answer, partial(_exact, ignore_case=True))),
    "any_exact": Scorer(partial(_mean, any_match)),
    "anls": Scorer(_anls, packages=("rapidfuzz",)),
    "relaxed": Scorer(_relaxed),
    "tally": Scorer(
        partial(_with_one_answer, lambda text, right: count_match(text, right[0])), _is_count
    ),
    "count": Scorer(
        partial(_with_one_answer, lambda text, right: count_match(text, right[0])), _is_count
    ),
    "letter": Scorer(
        partial(_mean, lambda text, right: choice_match(text, right[0])),
        lambda one: choice_letter(one.answer) is not None,
    ),
    "teds": Scorer(_teds, _is_table, packages=("lxml", "rapidfuzz")),
    "grits": Scorer(_grits, _is_table, packages=("lxml", "rapidfuzz")),
    "smiles": Scorer(
        partial(_mean, lambda text, right: smiles_match(text, right[0])),
        lambda one: canonical_smiles(one.answer) is not None,
        packages=("rdkit",),
    ),
}
"""Metric key to scorer."""
