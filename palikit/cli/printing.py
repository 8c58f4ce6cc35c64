"""Answers as text for people, or as JSON for programs: one line a picture, and one document."""

import json
import sys
from pathlib import Path

from palikit.results import Regions, Text
from palikit.tasks import Task

__all__ = ["show"]


def show(
    name: str,
    task: Task,
    answer: Text | Regions,
    drawn: Path | None = None,
    *,
    as_json: bool,
    several: bool,
) -> None:
    """Print one picture's answer to stdout; with several pictures, say which it is.

    What of an answer was not understood, or that it was cut off, is in the JSON, and otherwise told
    on stderr.
    """
    if as_json:
        print(_document(name, task, answer, drawn), flush=True)
    elif isinstance(answer, Text):
        print(f"{name}: {answer.text}" if several else answer.text, flush=True)
        if not answer.finished:
            print(f"palikit: {name}: {_cut(answer)}", file=sys.stderr)
    else:
        _print_regions(name, answer, drawn, several)


def _cut(answer: Text) -> str:
    limit = len(answer.logprobs)
    return f"cut off at {limit} tokens: give a larger --max-new-tokens, such as {2 * limit}"


def _document(name: str, task: Task, answer: Text | Regions, drawn: Path | None) -> str:
    document = {"image": name, "task": task.name, "prompt": task.prefix, **answer.to_dict()}
    if drawn is not None:
        document["drawn"] = str(drawn)
    return json.dumps(document, ensure_ascii=False)


def _print_regions(name: str, regions: Regions, drawn: Path | None, several: bool) -> None:
    if several:
        print(f"{name}:")
    if not regions:
        print("nothing found")
    width = max((len(label) for label in regions.labels), default=0)
    for region in regions:
        score = "" if region.score is None else f"{region.score:.2f}"
        corners = "  ".join(f"{value:7.1f}" for value in region.box.xyxy)
        print(f"{region.label:<{width}}  {score:>4}  {corners}")
    if drawn is not None:
        print(f"drawn to {drawn}")
    sys.stdout.flush()
    if regions.unparsed:
        print(f"palikit: {name}: not understood: {regions.unparsed}", file=sys.stderr)
