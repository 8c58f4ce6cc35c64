"""How good a model would seem that always says the same."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from palikit.data.records import Dataset, Record

from .findings import Finding, finding

__all__ = ["check_answers"]

LEAST = 20
"""Records from which on a share says something."""
SAME = 0.8
MAJORITY = 0.4


def check_answers(dataset: Dataset, records: Sequence[Record]) -> Iterator[Finding]:
    """The share of the commonest answer, over all prompts and to each that is asked often."""
    by_prompt: defaultdict[str, list[str]] = defaultdict(list)
    for record in records:
        if record.suffix is not None:
            by_prompt[record.prefix].append(record.suffix)
        elif record.answers:
            by_prompt[record.question].append(_commonest(record.answers)[0])
    everything = [answer for answers in by_prompt.values() for answer in answers]
    told = list(_share(dataset.name, "", everything))
    yield from told
    if len(by_prompt) > 1 and not any(found.severity == "warning" for found in told):
        for prompt, answers in by_prompt.items():
            yield from _share(dataset.name, f" to {prompt!r}", answers)


def _share(place: str, to: str, answers: Sequence[str]) -> Iterator[Finding]:
    if len(answers) < LEAST:
        return
    answer, count = _commonest(answers)
    share = count / len(answers)
    if share >= MAJORITY:
        code = "answers-same" if share >= SAME else "answers-majority"
        shown = answer if len(answer) <= 40 else answer[:39] + "…"
        message = (
            f"a model that always says {shown!r}{to} is right in {share:.0%} of {len(answers)}"
        )
        yield finding(code, place, message)


def _commonest(answers: Sequence[str]) -> tuple[str, int]:
    return Counter(answer.strip().casefold() for answer in answers).most_common(1)[0]
