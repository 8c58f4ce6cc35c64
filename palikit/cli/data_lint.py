"""`palikit data lint`: what is wrong with labels, before a model is trained on them."""

import json as json_module
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from palikit.errors import UsageError

from .mask_codec import open_codec
from .options import MaskCodecFile, Model, Tokenizer

if TYPE_CHECKING:
    from palikit.data.lint import Finding
    from palikit.data.lint.checks_words import TokenLimit

__all__ = ["lint"]

SHOWN = 5
"""Places of each kind that are listed; the first show what it is about."""


def lint(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE", help="FORMAT:PATH[,option=value...]; give all splits."),
    ],
    max_tokens: Annotated[
        int | None, typer.Option(help="Tell of answers with more tokens than this.")
    ] = None,
    labels_only: Annotated[
        bool, typer.Option("--labels-only", help="Leave the pictures closed.")
    ] = False,
    show_all: Annotated[bool, typer.Option("--all", help="Show every place.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="One line of JSON for each finding.")
    ] = False,
    model: Model = "nano",
    tokenizer: Tokenizer = None,
    mask_codec: MaskCodecFile = None,
) -> None:
    """Check labels and pictures before training: boxes, words, classes, leaks between splits.

    Exits with 1 when there are errors. The model is used for its tokenizer (--max-tokens) and its
    mask codec alone: a label that the codec spoils is told of.
    """
    if max_tokens is not None and max_tokens < 1:
        raise UsageError(f"--max-tokens {max_tokens} leaves no room: give 1 or more")
    from palikit.data.lint import lint as check
    from palikit.data.readers import read_dataset

    datasets = [read_dataset(source) for source in sources]
    limit = None if max_tokens is None else _limit(max_tokens, model, tokenizer)
    masked = any(t.has_mask for d in datasets for record in d for t in record.things or ())
    codec = open_codec(model, mask_codec) if masked else None
    with _progress() as advance:
        found = check(datasets, look=not labels_only, limit=limit, codec=codec, advance=advance)
    if json:
        for one in found:
            print(json_module.dumps(asdict(one)))
    else:
        _print(found, None if show_all else SHOWN)
        records = sum(map(len, datasets))
        print(f"{_count(found)} in {records} records of {', '.join(d.name for d in datasets)}")
    if any(one.severity == "error" for one in found):
        raise typer.Exit(1)


def _limit(most: int, model: str, path: str | None) -> "TokenLimit":
    from palikit.data.lint.checks_words import TokenLimit
    from palikit.inputs.tokenizer import Tokenizer as Vocabulary
    from palikit.weights.source import find

    if path is not None:
        words = Vocabulary.from_file(path)
    else:
        found = find(model)
        folder = found.path if found.kind == "folder" else found.path.parent
        words = Vocabulary.from_folder(folder)
    return TokenLimit(most, lambda text: len(words.encode(text, codes=True)))


def _print(found: "Sequence[Finding]", most: int | None) -> None:
    """Findings of one kind together: what and how many, the places, and what to do."""
    kinds: defaultdict[str, list[Finding]] = defaultdict(list)
    for one in found:
        kinds[one.code].append(one)
    for code, some in kinds.items():
        print(f"{some[0].severity}  {code}  {len(some)}")
        for one in some[:most]:
            print(f"  {_plain(one.place)}: {_plain(one.message)}")
        if most is not None and len(some) > most:
            print(f"  and {len(some) - most} more (--all shows them)")
        print(f"  -> {some[0].remedy}\n")


def _plain(text: str) -> str:
    """Without the control characters by which a label file could steer a terminal."""
    return text if text.isprintable() else ascii(text)[1:-1]


def _count(found: "Sequence[Finding]") -> str:
    """`2 errors, 1 warning, 0 notes`."""
    counts = Counter(one.severity for one in found)
    pairs = [(counts[name], name) for name in ("error", "warning", "note")]
    return ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in pairs)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None] | None]:
    """A bar on a terminal; nothing in a pipe."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("pictures", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
