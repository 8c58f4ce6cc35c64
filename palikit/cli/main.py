"""`palikit`: the table of commands, and how they end.

Exit codes: 0 done, 1 could not be done (for one picture among many: the others were), 2 asked for
wrongly, 130 interrupted. An error is one sentence on stderr.
"""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

import palikit
from palikit.errors import PalikitError

from . import (
    bench,
    calibrate,
    data,
    eval,
    explain,
    merge,
    models,
    plan,
    quantize,
    regions,
    train,
    words,
)

__all__ = ["main", "run"]

# The exception of a wrong command line, wherever the installed typer keeps it.
_Misuse: Any = typer.BadParameter.__base__

COMMANDS: tuple[tuple[Callable[..., Any], str], ...] = (
    (words.caption, "palikit caption photo.jpg --lang de"),
    (words.describe, "palikit describe photo.jpg"),
    (words.ocr, "palikit ocr receipt.png"),
    (words.answer, 'palikit answer photo.jpg "how many cats are there?" --pattern "[0-9]+"'),
    (words.question, 'palikit question photo.jpg "two"'),
    (regions.detect, 'palikit detect photo.jpg "cat ; dog" --out boxed.png --json'),
    (regions.segment, 'palikit segment "photos/*.jpg" "cat" --out masked/'),
    (words.ask, 'palikit ask photo.jpg "where is the cat?"'),
    (explain.explain, 'palikit explain detect "cat ; dog"'),
    (eval.eval, "palikit eval nano"),
    (calibrate.calibrate, "palikit calibrate eval-nano/nano-detect --out calibration.json"),
    (quantize.quantize, "palikit quantize google/paligemma2-3b-mix-224 small/ --mode int8"),
    (bench.bench, "palikit bench --model google/paligemma2-3b-mix-224 --quantize int8"),
    (train.train, "palikit train --data coco:train.json --task detect --model nano"),
    (plan.plan, "palikit plan --model 3b-448 --method lora --batch 4 --gpu 24"),
    (merge.merge, "palikit merge runs/mine/model merged/"),
    (models.models, "palikit models"),
)

app = typer.Typer(
    name="palikit",
    help="Ask a picture: PaliGemma 2 on the command line.",
    epilog='Example: palikit detect photo.jpg "cat ; dog" --out boxed.png',
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command, example in COMMANDS:
    app.command(epilog=f"Example: {example}")(command)
app.add_typer(data.app, name="data")


def _print_version(wanted: bool) -> bool:
    if wanted:
        print(palikit.__version__)
        raise typer.Exit
    return wanted


@app.callback()
def _palikit(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it, leave."),
    ] = False,
) -> None:
    pass


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a file name or an emoji must not stop the output
            stream.reconfigure(errors="backslashreplace")
    try:
        code = typer.main.get_command(app).main(
            args=list(arguments) or ["--help"], prog_name="palikit", standalone_mode=False
        )
        sys.stdout.flush()
    except PalikitError as error:
        return _fail(str(error), error.exit_code)
    except _Misuse as error:
        return _fail(_misuse(error), 2)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        # Whoever read our output has left; what is still buffered must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code if isinstance(code, int) else 0


def _misuse(error: Any) -> str:
    """What the command line's parser objects to, and a line that it would have taken."""
    what = error.format_message().rstrip(".")
    what = what[0].lower() + what[1:]
    example = error.ctx.command.epilog.removeprefix("Example: ")
    return what if what.endswith("?") else f"{what}; write for example {example}"


def _fail(sentence: str, code: int) -> int:
    print(f"palikit: {sentence}", file=sys.stderr)
    return code


def main() -> None:
    """Entry point of the `palikit` command."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
