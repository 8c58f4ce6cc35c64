"""`palikit eval`: a model's numbers on benchmarks, and whether two runs differ."""

import json as json_module
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from palikit.errors import UsageError

from .options import Options, Refine, as_decoding, with_options

if TYPE_CHECKING:
    import palikit.engine
    import palikit.eval.benchmarks.values as values
    import palikit.eval.evaluate as evaluating
    import palikit.eval.results as results

__all__ = ["eval"]


Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="BENCHMARK", help="nano, or names of benchmarks; see --list."),
]
Data = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="Where the data lies, or a folder for each by name."),
]
Limit = Annotated[
    int | None, typer.Option(min=1, help="Only the first so many items; scenes, for nano.")
]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="PATH", help="Default: eval-BENCHMARK.")
]
Against = Annotated[
    str | None, typer.Option(help="Published column: 3b-448; the model's own by default.")
]
Predictions = Annotated[
    Path | None, typer.Option(metavar="PATH", help="Score these answers; ask no model.")
]
Judge = Annotated[
    str | None, typer.Option(metavar="MODULE:FUNCTION", help="Who judges sentences, for docci.")
]
Compare = Annotated[
    bool, typer.Option("--compare", help="Compare runs: folders stand for benchmarks.")
]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What was asked for, beside the model's options."""

    limit: int | None
    against: str | None
    predictions: Path | None
    fresh: bool
    grammar: bool
    refine: bool


@with_options
def eval(
    names: Names = None,
    data: Data = None,
    split: Annotated[str | None, typer.Option(help="Another split than the published.")] = None,
    limit: Limit = None,
    out: Out = None,
    against: Against = None,
    grammar: Annotated[bool, typer.Option(help="Hold regions to their form.")] = True,
    refine: Refine = False,
    predictions: Predictions = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin again, do not go on.")] = False,
    judge: Judge = None,
    compare: Compare = False,
    list_: Annotated[bool, typer.Option("--list", help="What can be measured.")] = False,
    *,
    options: Options,
) -> None:
    """A model's numbers on benchmarks, with a report.

    A run that was stopped goes on where it was. The folder holds report.html, report.md and
    report.json, and for each benchmark the answers, the scores and, for splits whose answers only a
    test server knows, the file for it.
    """
    told = names or []
    if list_:
        _list()
    elif compare:
        _compare(told, out, as_json=options.json)
    else:
        from palikit.eval.names import find_benchmarks

        chosen = find_benchmarks(told, limit)
        if predictions is not None and len(chosen) > 1:
            raise UsageError(
                f"--predictions answers one benchmark and {len(chosen)} were named: name one"
            )
        read = [(one, one.read(_root(one, data), split=split)) for one in chosen]
        wish = Wish(
            limit=limit,
            against=against,
            predictions=predictions,
            fresh=fresh,
            grammar=grammar,
            refine=refine,
        )
        folder = out or Path(f"eval-{'-'.join(dict.fromkeys(told))}"[:100])
        with _judged(judge, chosen):
            results = _run(read, folder, _how(wish, options, split), options, wish)
        _report(results, folder, f"palikit eval {' '.join(told)}", as_json=options.json)


def _judged(name: str | None, chosen: "Sequence[values.Benchmark]") -> AbstractContextManager[None]:
    from palikit.eval.scoring import JUDGED, judged_by, load_judge

    if name is None:
        return judged_by(None)
    if not any(one.metric in JUDGED for one in chosen):
        told = ", ".join(one.name for one in chosen)
        raise UsageError(f"--judge judges sentences, of which {told} asks none: leave it out")
    # As `python -m` would, the installed command looks where it was called, but there last, so that
    # no file of that folder takes the place of a library.
    if (here := os.getcwd()) not in sys.path:
        sys.path.append(here)
    return judged_by(load_judge(name))


def _how(wish: Wish, options: Options, split: str | None) -> "evaluating.How":
    """As the benchmark says, unless the command line says more."""
    from palikit.decode.sampling import Decoding
    from palikit.eval.evaluate import How

    asked = replace(as_decoding(options, refine=wish.refine), grammar=wish.grammar)
    # Only where they are set: a run from before there were such options goes on.
    extra = {
        "calibration": options.calibration,
        "quantize": options.quantize,
        "compile": options.compile or None,
    }
    model = ", ".join(filter(None, (options.model, options.quantize)))
    return How(
        model=model if wish.predictions is None else str(wish.predictions),
        limit=wish.limit,
        batch_size=options.batch_size,
        decoding=None if asked == Decoding() else asked,
        settings=(
            *(("split", split), ("dtype", options.dtype), ("grammar", wish.grammar)),
            *((name, value) for name, value in extra.items() if value is not None),
        ),
    )


def _root(one: "values.Benchmark", data: Path | None) -> Path:
    """The folder of a benchmark's data: its own below `data` where there is one."""
    if not one.fetch:
        return Path()
    if data is None:
        raise UsageError(f"{one.name} needs --data, the folder with its files: {one.fetch}")
    if one.name.startswith("own-"):
        return data
    if not data.is_dir():
        raise UsageError(f"--data {data} is no folder; {one.name} needs: {one.fetch}")
    return data / one.name if (data / one.name).is_dir() else data


def _run(
    read: "Sequence[tuple[values.Benchmark, list[values.Item]]]",
    folder: Path,
    how: "evaluating.How",
    options: Options,
    wish: Wish,
) -> "list[results.Result]":
    """Every benchmark in turn, the model loaded once."""
    from palikit.eval.evaluate import check_benchmark, evaluate, score_file
    from palikit.eval.run import forget

    from .running import load_engine, progress

    for one, _ in read:
        check_benchmark(one)
    engine = load_engine(options) if wish.predictions is None else None
    how = replace(how, variant=variant_of(engine) if wish.against is None else wish.against)
    told: list[results.Result] = []
    for one, items in read:
        place = folder / one.name
        mine = _for(one, how)
        if wish.predictions is not None:
            told.append(score_file(wish.predictions, one, items, place, mine))
            continue
        assert engine is not None
        if wish.fresh:
            forget(place)
        with progress(len(items[: mine.limit]), one.name) as advance:
            result = evaluate(engine, one, items, place, mine, advance=advance)
        told.append(_with_codec(result, engine, wish.limit))
    return told


def _for(one: "values.Benchmark", how: "evaluating.How") -> "evaluating.How":
    """What concerns this benchmark."""
    from palikit.decode.sampling import Decoding

    # nano's limit is one of scenes, and is kept already.
    limit = None if one.name.startswith("nano-") else how.limit
    # What is searched with beams is answered in words: there is nothing to refine.
    words = one.beam > 1 and how.decoding == Decoding(refine=True)
    return replace(how, limit=limit, decoding=None if words else how.decoding)


def _with_codec(
    result: "results.Result", engine: "palikit.engine.Engine", limit: int | None
) -> "results.Result":
    """What nano's masks can reach at most, said beside what they do."""
    from palikit.eval.nano import SCENES, codec_scores, held_out_scenes

    codec = getattr(engine, "mask_codec", None)
    if result.benchmark.name != "nano-segment" or codec is None:
        return result
    scores = codec_scores(codec, held_out_scenes(limit or SCENES))
    return replace(result, notes=[*result.notes, scores.sentence()])


def variant_of(engine: "palikit.engine.Engine | None") -> str:
    """`3b-448` for a PaliGemma 2 of that size; "" for any other model."""
    from palikit.config import PRESETS

    config = getattr(getattr(engine, "model", None), "config", None)
    for name, preset in PRESETS.items():
        if (
            config is not None
            and name.startswith("paligemma2-")
            and (config.text.width, config.text.depth) == (preset.text.width, preset.text.depth)
            and config.vision.image_size == preset.vision.image_size
        ):
            return name.removeprefix("paligemma2-")
    return ""


def _compare(names: Sequence[str], out: Path | None, *, as_json: bool) -> None:
    from palikit.eval.compare import compare, read_runs
    from palikit.eval.report import write_comparison
    from palikit.eval.report.tables import comparison_table

    told = compare(read_runs([Path(name) for name in names]))
    if out is not None:
        page = write_comparison(told, out, f"palikit eval --compare {' '.join(names)}")
    if as_json:
        for one in told:
            print(json_module.dumps(asdict(one), ensure_ascii=False))
        return
    _print_table(*comparison_table(told))
    if out is not None:
        print(f"report: {page}")


def _report(told: "Sequence[results.Result]", folder: Path, title: str, *, as_json: bool) -> None:
    from palikit.eval.report import write_report
    from palikit.eval.report.tables import headline_table
    from palikit.eval.results import result_dict

    page = write_report(told, folder, title)
    if as_json:
        for one in told:
            print(json_module.dumps(result_dict(one), ensure_ascii=False))
        return
    _print_table(*headline_table(told))
    for one in told:
        for line in [*one.notes, *(problem.sentence(3) for problem in one.problems)]:
            print(f"{one.benchmark.name}: {line}")
    print(f"report: {page}")


def _print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
    sys.stdout.flush()


def _list() -> None:
    from palikit.eval.benchmarks import BENCHMARKS
    from palikit.eval.nano import suite
    from palikit.eval.scoring import SCORERS

    for one in [*suite(1), *BENCHMARKS.values()]:
        print(f"{one.name:<20}{one.title}")
    print(f"{'own-METRIC':<20}your own labels: --data train.jsonl, by any of {', '.join(SCORERS)}")
