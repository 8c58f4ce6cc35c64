"""A benchmark from its items to its result: asked or read, scored, written down.

    result = evaluate(vlm, BENCHMARKS["docvqa"], items, Path("eval-docvqa/docvqa"), model="nano")
    result.scores.headline

The folder then holds `run.json` and `predictions.jsonl` (see `run`), `scores.json` (see `results`)
and, for a test server's split, `submission.json`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from palikit.decode.sampling import Decoding
from palikit.errors import DataError, UsageError
from palikit.eval.benchmarks.values import Benchmark, Item
from palikit.eval.files import write_json
from palikit.eval.predictions import Prediction, read_predictions
from palikit.eval.problems import (
    Problem,
    answer_problems,
    check_items,
    match_predictions,
)
from palikit.eval.results import Result, write_result
from palikit.eval.run import Asker, predict, read_again
from palikit.eval.scoring import SCORERS
from palikit.eval.submission import FORMS, check_form

__all__ = ["How", "check_benchmark", "evaluate", "score_file"]


@dataclass(frozen=True, kw_only=True, slots=True)
class How:
    """How a run is made and called.

    Attributes:
        model: its name in reports, and in the folder, which another model may then not go on with.
        variant: the published column that it stands beside, such as "3b-448"; "" for none.
        limit: only the first so many items; None for all.
        decoding: None is as each benchmark says.
        settings: what else tells runs apart.
    """

    model: str = ""
    variant: str = ""
    limit: int | None = None
    batch_size: int = 8
    decoding: Decoding | None = None
    settings: tuple[tuple[str, Any], ...] = ()


def evaluate(
    engine: Asker,
    benchmark: Benchmark,
    items: Sequence[Item],
    folder: Path,
    how: How,
    *,
    advance: Callable[[int], None] = lambda count: None,
) -> Result:
    """Ask, or go on asking, and score.

    Raises:
        UsageError: the folder holds another run.
        DataError: no item has a right answer, and the benchmark has no test server.
    """
    kept, problems, can_score = _prepare(benchmark, items, how.limit)
    answers = predict(
        engine,
        benchmark,
        kept,
        folder,
        batch_size=how.batch_size,
        decoding=how.decoding,
        settings={"model": how.model, **dict(how.settings)},
        advance=advance,
    )
    return _finish(benchmark, kept, answers, folder, how, problems, can_score)


def score_file(
    path: Path, benchmark: Benchmark, items: Sequence[Item], folder: Path, how: How
) -> Result:
    """Score answers that lie in a file, one line of JSON with `id` and `answer` each.

    Raises:
        DataError: the file cannot be read, or no item has a right answer.
    """
    kept, problems, can_score = _prepare(benchmark, items, how.limit)
    known = {item.id for item in items}
    found, more = match_predictions(read_predictions(path), kept, known)
    sized = [
        replace(one, size=one.size or item.size) for one, item in zip(found, kept, strict=True)
    ]
    answers = read_again(sized, benchmark.metric)
    return _finish(benchmark, kept, answers, folder, how, [*problems, *more], can_score)


def check_benchmark(benchmark: Benchmark) -> None:
    """What can be known to fail before any model is loaded.

    Raises:
        UsageError: an unknown metric, one without its judge, or an unknown form of a submission.
        MissingExtraError: a package that the metric needs is not installed.
    """
    if benchmark.metric not in SCORERS:
        raise UsageError(
            f"{benchmark.name} names the metric {benchmark.metric!r}: use one of "
            f"{', '.join(SCORERS)}"
        )
    check_form(benchmark.submission)
    SCORERS[benchmark.metric].check_needs()


def _prepare(
    benchmark: Benchmark, items: Sequence[Item], limit: int | None
) -> tuple[list[Item], list[Problem], bool]:
    """The items to ask, what was left out, and whether there is anything to compare with."""
    check_benchmark(benchmark)
    needs = SCORERS[benchmark.metric].needs
    kept, problems = check_items(items[:limit], needs)
    if not kept:
        raise DataError(f"{benchmark.name} has no item: check --data, --split and --limit")
    can_score = any(getattr(item, needs or "things") for item in kept)
    if not can_score and not benchmark.submission:
        raise DataError(
            f"none of the {len(kept)} items of {benchmark.name} has a right answer, and there is "
            "no test server: choose another --split"
        )
    return kept, problems, can_score


def _finish(
    benchmark: Benchmark,
    items: Sequence[Item],
    answers: Sequence[Prediction],
    folder: Path,
    how: How,
    problems: Sequence[Problem],
    can_score: bool,
) -> Result:
    if benchmark.submission and not can_score:
        write_json(folder / "submission.json", FORMS[benchmark.submission](items, answers))
    scores = SCORERS[benchmark.metric](answers, items) if can_score else None
    result = Result(
        benchmark=benchmark,
        model=how.model,
        variant=how.variant,
        items=items,
        answers=answers,
        scores=scores,
        problems=[*problems, *answer_problems(answers)],
        notes=scores.notes if scores is not None else (),
    )
    write_result(result, folder)
    return result
