"""What is wrong with a run's items and answers: counted and named, so that nothing goes missing.

kept, problems = check_items(items, needs="references")
problems[0]        Problem("no reference: not scored", ("17", "23"))
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from palikit.eval.benchmarks.values import Item
from palikit.eval.predictions import Prediction

__all__ = ["Problem", "answer_problems", "check_items", "match_predictions"]

NO_REFERENCE = "no reference: not scored"
NO_THINGS = "no annotated thing: not scored"
SAME_ID = "an id that was there before: left out"
NO_PICTURE = "the picture does not open: counts as an empty answer"
UNPARSED = "nothing in the answer could be read"
NO_ITEM = "a prediction without an item: not scored"
NO_PREDICTION = "no prediction: counts as an empty answer"
TWO_PREDICTIONS = "a second prediction for the same id: left out"


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of problem, and whom it befell, in order."""

    kind: str
    ids: tuple[str, ...]

    def sentence(self, most: int = 10) -> str:
        """`the picture does not open: counts as an empty answer (2): 17, 23`."""
        named = ", ".join(self.ids[:most])
        rest = f" and {len(self.ids) - most} more" if len(self.ids) > most else ""
        return f"{self.kind} ({len(self.ids)}): {named}{rest}"


def check_items(items: Sequence[Item], needs: str) -> tuple[list[Item], list[Problem]]:
    """The items that can be asked, each id once, and what was left out.

    `needs` is a scorer's: "references", "things" or ""; items that lack them cannot be scored.
    Where none at all has them, the split is a test server's, and all are kept.
    """
    seen: set[str] = set()
    once: list[Item] = []
    repeated: list[str] = []
    for item in items:
        (repeated.append(item.id) if item.id in seen else once.append(item))
        seen.add(item.id)
    able = [item for item in once if not needs or getattr(item, needs)]
    kept = able or once
    scored = {item.id for item in kept}
    lacking = [item.id for item in once if item.id not in scored]
    kind = NO_THINGS if needs == "things" else NO_REFERENCE
    return kept, _problems([(SAME_ID, repeated), (kind, lacking)])


def answer_problems(answers: Sequence[Prediction]) -> list[Problem]:
    """Pictures that did not open, and answers that could not be read."""
    failed = [f"{one.id} ({one.error})" for one in answers if one.error]
    unread = [one.id for one in answers if not one.parsed and not one.error]
    return _problems([(NO_PICTURE, failed), (UNPARSED, unread)])


def match_predictions(
    found: Sequence[Prediction], items: Sequence[Item], known: Iterable[str]
) -> tuple[list[Prediction], list[Problem]]:
    """One prediction an item, in the items' order; `known` are the ids of the whole benchmark."""
    by_id: dict[str, Prediction] = {}
    for one in found:
        by_id.setdefault(one.id, one)
    wanted = {item.id for item in items} | set(known)
    repeated = [name for name, count in Counter(one.id for one in found).items() if count > 1]
    strange = [name for name in by_id if name not in wanted]
    missing = [item.id for item in items if item.id not in by_id]
    answers = [by_id.get(item.id) or Prediction(item.id, "", parsed=False) for item in items]
    kinds = [(NO_ITEM, strange), (NO_PREDICTION, missing), (TWO_PREDICTIONS, repeated)]
    return answers, _problems(kinds)


def _problems(kinds: Sequence[tuple[str, Sequence[str]]]) -> list[Problem]:
    return [Problem(kind, tuple(ids)) for kind, ids in kinds if ids]
