"""Scorers of a whole set: by type, pair and language, captions, phrases and error rates."""

from collections.abc import Sequence
from statistics import fmean

from palikit.eval.caption import bleu, cider, rouge_l
from palikit.eval.extras import need
from palikit.eval.grouped import pope_scores, rsvqa_scores
from palikit.eval.matching import any_match
from palikit.eval.scene_captions import caption_objects, object_f1
from palikit.eval.scores import Rows, Scores
from palikit.eval.sequences import (
    clean_kern,
    line_error_rate,
    music_symbols,
    symbol_error_rate,
)

from .build import Answers, Items, Scorer, build_scores, mean_of_groups
from .words import percents

__all__ = ["SETS", "caption_scores"]


def _rsvqa(answers: Answers, items: Items) -> Scores:
    told, right = [one.answer for one in answers], [item.references for item in items]
    values = percents(
        lambda text, several: any_match(text, several, ignore_case=True), answers, items
    )
    found = rsvqa_scores(told, right, [item.group for item in items])
    others = {"accuracy": 100 * found.accuracy, "any of the answers": 100 * found.accuracy_any}
    if found.mean_without_numbers is not None:
        others["without numbers"] = 100 * found.mean_without_numbers
    return build_scores(answers, items, values, rows=mean_of_groups(values, items), others=others)


def _pope(answers: Answers, items: Items) -> Scores:
    """The mean over the subsets (random, popular, adversarial)."""
    told, right = [one.answer for one in answers], [item.references[0] for item in items]
    values = [100.0 * (text.lower() == word) for text, word in zip(told, right, strict=True)]
    found = pope_scores(told, right)
    others = {
        "precision": 100 * found.precision,
        "recall": 100 * found.recall,
        "F1": 100 * found.f1,
        "says yes": 100 * found.yes_share,
    }
    return build_scores(answers, items, values, rows=mean_of_groups(values, items), others=others)


def _paired(answers: Answers, items: Items) -> Scores:
    """Pairs by `extra["pair"]`, or else as they come; drawn for the interval as pairs."""
    values = percents(lambda text, right: any_match(text, right, ignore_case=True), answers, items)
    pairs: dict[object, list[float]] = {}
    for i, (value, item) in enumerate(zip(values, items, strict=True)):
        pairs.setdefault(item.extra.get("pair", i // 2), []).append(value)
    both = tuple((float(min(several)),) for several in pairs.values())
    others = {"single questions": fmean(values)}
    return build_scores(answers, items, values, rows=Rows("mean", both), others=others)


def _cider(answers: Answers, items: Items) -> Scores:
    values, others = caption_scores(answers, items)
    return build_scores(answers, items, values, others=others)


def caption_scores(answers: Answers, items: Items) -> tuple[list[float], dict[str, float]]:
    """CIDEr times 100 of each item; BLEU-4 and ROUGE-L of all, in percent."""
    told, right = [one.answer for one in answers], [item.references for item in items]
    values: list[float] = (100 * cider(told, right)[1]).tolist()
    return values, {"BLEU-4": 100 * bleu(told, right)[3], "ROUGE-L": 100 * rouge_l(told, right)}


def _cider_by_language(answers: Answers, items: Items) -> Scores:
    """CIDEr of each language, its rarities from that language alone.

    The headline is the mean over all languages but English where there are others, which is how the
    published averages are taken (34 of COCO-35L's, 35 of XM3600's); English stands in the groups.
    """
    languages = list(dict.fromkeys(item.group for item in items))
    values = [0.0] * len(items)
    for language in languages:
        mine = [i for i, item in enumerate(items) if item.group == language]
        each = cider([answers[i].answer for i in mine], [items[i].references for i in mine])[1]
        for i, value in zip(mine, (100 * each).tolist(), strict=True):
            values[i] = value
    counted = [i for i, item in enumerate(items) if item.group != "en" or languages == ["en"]]
    rows = mean_of_groups([values[i] for i in counted], [items[i] for i in counted])
    by_language = [
        fmean(v for v, item in zip(values, items, strict=True) if item.group == language)
        for language in languages
    ]
    others = {"mean over all languages": fmean(by_language)}
    return build_scores(answers, items, values, rows=rows, others=others)


def _object_f1(answers: Answers, items: Items) -> Scores:
    """Phrases of nano's captions; `extra["lang"]` is "en" (as by default) or "de"."""
    langs = [str(item.extra.get("lang", "en")) for item in items]
    rows: list[tuple[float, ...]] = []
    for one, item, lang in zip(answers, items, langs, strict=True):
        told, right = (caption_objects(text, lang) for text in (one.answer, item.references[0]))
        rows.append((2.0 * (told & right).total(), float(told.total() + right.total())))
    values = [100 * hits / total if total else 0.0 for hits, total in rows]
    others: dict[str, float] = {}
    if len(set(langs)) == 1:
        whole = object_f1(
            [one.answer for one in answers], [item.references[0] for item in items], langs[0]
        )
        others = {"precision": whole.precision, "recall": whole.recall, "exact": whole.exact}
    return build_scores(
        answers,
        items,
        values,
        rows=Rows("ratio", tuple(rows)),
        others={name: 100 * value for name, value in others.items()},
    )


def _kern(answers: Answers, items: Items) -> Scores:
    """The character error rate of **kern; symbols and lines beside it."""
    told = [clean_kern(one.answer) for one in answers]
    right = [clean_kern(item.references[0]) for item in items]
    edits = _edits(told, right)
    rows = tuple((edit, float(len(text))) for edit, text in zip(edits, right, strict=True))
    values = [100 * edit / max(length, 1.0) for edit, length in rows]
    others = {
        "symbol error rate": symbol_error_rate(told, right),
        "line error rate": line_error_rate(told, right),
    }
    return build_scores(answers, items, values, rows=Rows("ratio", rows), others=others)


def _edits(told: Sequence[str], right: Sequence[str]) -> list[float]:
    distance = need("rapidfuzz.distance").Levenshtein.distance
    return [float(distance(a, b)) for a, b in zip(told, right, strict=True)]


SETS: dict[str, Scorer] = {
    "rsvqa": Scorer(_rsvqa),
    "pope": Scorer(_pope, lambda one: one.answer.lower() in ("yes", "no")),
    "paired": Scorer(_paired),
    "cider": Scorer(_cider, unit="CIDEr"),
    "cider_by_language": Scorer(_cider_by_language, unit="CIDEr"),
    "object_f1": Scorer(_object_f1),
    "kern": Scorer(
        _kern,
        lambda one: bool(music_symbols(one.answer)),
        unit="% errors",
        packages=("rapidfuzz",),
    ),
}
"""Metric key to scorer."""
