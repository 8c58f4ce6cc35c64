"""Scorers of radiology reports: as captions, and by RadGraph where it is installed."""

from statistics import fmean

from palikit.errors import PalikitError
from palikit.eval.radiology import radgraph_f1
from palikit.eval.scores import Scores

from .build import Answers, Items, Scorer, build_scores
from .sets import caption_scores

__all__ = ["RADIOLOGY"]

HEADLINE = "RadGraph F1"
FIELDS = {
    HEADLINE: "relations",
    f"{HEADLINE}, entities alone": "entities",
    f"{HEADLINE}, complete relations": "complete",
}


def _radiology(answers: Answers, items: Items) -> Scores:
    """CIDEr; beside it BLEU-4, ROUGE-L and, where it can be had, RadGraph F1."""
    values, others = caption_scores(answers, items)
    try:
        found = _radgraph(answers, items)
    except PalikitError as error:
        note = f"{HEADLINE} was not measured: {error}"
        return build_scores(answers, items, values, others=others, notes=[note])
    others |= {name: fmean(several) for name, several in found.items()}
    return build_scores(answers, items, values, others=others)


def _radgraph_first(answers: Answers, items: Items) -> Scores:
    """RadGraph F1; beside it what `_radiology` has."""
    found = _radgraph(answers, items)
    values, others = caption_scores(answers, items)
    means = {name: fmean(several) for name, several in found.items() if name != HEADLINE}
    others = {"CIDEr": fmean(values), **others, **means}
    return build_scores(answers, items, found[HEADLINE], others=others)


def _radgraph(answers: Answers, items: Items) -> dict[str, list[float]]:
    """Percents of each answer beside the first reference, by name."""
    found = radgraph_f1([one.answer for one in answers], [item.references[0] for item in items])
    return {
        name: [100 * float(getattr(one, field)) for one in found] for name, field in FIELDS.items()
    }


RADIOLOGY: dict[str, Scorer] = {
    "radiology": Scorer(_radiology, unit="CIDEr"),
    "radgraph": Scorer(_radgraph_first, packages=("radgraph",)),
}
"""Metric key to scorer."""
