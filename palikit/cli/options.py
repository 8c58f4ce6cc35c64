"""The options that all verbs share, as one frozen value that a command asks for.

    @with_options
    def caption(images: Images, *, options: Options) -> None: ...

gives `caption` every option below, each a field here, without listing them in each command.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palikit.errors import UsageError

if TYPE_CHECKING:
    import palikit.decode.sampling

__all__ = [
    "Compile",
    "Images",
    "Lang",
    "MaskCodecFile",
    "Model",
    "Options",
    "Quantize",
    "Refine",
    "Tokenizer",
    "as_decoding",
    "with_options",
]

Images = Annotated[
    list[str],
    typer.Argument(metavar="IMAGE", help="Files, folders, quoted globs, or - for stdin."),
]
Lang = Annotated[str, typer.Option("--lang", metavar="CODE", help="Language of the answer.")]
Model = Annotated[
    str,
    typer.Option(
        "--model", "-m", metavar="NAME", help="nano, a Hugging Face id, a folder or an .npz file."
    ),
]
Quantize = Annotated[
    str | None,
    typer.Option(metavar="MODE", help="Pack weights while they are read: int8 or int4."),
]
Refine = Annotated[
    bool, typer.Option("--refine", help="Box edges between the bins, where the model's mean lies.")
]
Compile = Annotated[
    bool, typer.Option("--compile", help="Compile the decoder's passes; for many answers on a GPU.")
]
Tokenizer = Annotated[
    str | None, typer.Option(metavar="PATH", help="Where none lies beside the weights.")
]
MaskCodecFile = Annotated[
    str | None, typer.Option(metavar="PATH", help="vae-oid.npz, where none lies beside them.")
]


# Over the budget of 8: one field for each option of a verb.
@dataclass(frozen=True, kw_only=True)
class Options:
    """What every verb can be told."""

    model: Model = "nano"
    device: Annotated[
        str, typer.Option(metavar="NAME", help="Where to run: cpu, cuda, cuda:1, mps.")
    ] = "cpu"
    dtype: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="float32 or bfloat16; as the checkpoint by default."),
    ] = None
    quantize: Quantize = None
    compile: Compile = False
    tokenizer: Tokenizer = None
    mask_codec: MaskCodecFile = None
    calibration: Annotated[
        str | None, typer.Option(metavar="PATH", help="What palikit calibrate wrote.")
    ] = None
    json: Annotated[bool, typer.Option("--json", help="One line of JSON for each picture.")] = False
    max_new_tokens: Annotated[
        int | None,
        typer.Option(metavar="N", help="Longest answer, in tokens; as the task by default."),
    ] = None
    temperature: Annotated[
        float | None,
        typer.Option(metavar="T", help="Draw tokens at this temperature; the likeliest if unset."),
    ] = None
    top_k: Annotated[
        int | None, typer.Option(metavar="K", help="Draw among the k likeliest tokens.")
    ] = None
    top_p: Annotated[
        float | None,
        typer.Option(metavar="P", help="Draw among the likeliest tokens that sum to p."),
    ] = None
    beam: Annotated[int, typer.Option(metavar="N", help="Beam search with this many beams.")] = 1
    seed: Annotated[int, typer.Option(metavar="N", help="Start of the random numbers.")] = 0
    batch_size: Annotated[
        int, typer.Option(min=1, metavar="N", help="Pictures that run at once.")
    ] = 8


def with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the fields of `Options` as options, handed over as its argument `options`."""
    own = [p for p in inspect.signature(command).parameters.values() if p.name != "options"]
    shared = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type
        )
        for field in fields(Options)
    ]
    names = {parameter.name for parameter in shared}

    @wraps(command)
    def expanded(**given: Any) -> Any:
        options = Options(**{name: given.pop(name) for name in names})
        return command(**given, options=options)

    parameters = sorted([*own, *shared], key=lambda parameter: parameter.kind)
    signature = inspect.Signature(parameters)
    # Typer reads both; mypy sees the undecorated command's.
    expanded.__signature__ = signature  # type: ignore[attr-defined]
    expanded.__annotations__ = {p.name: p.annotation for p in parameters}
    return expanded


def as_decoding(options: Options, *, refine: bool = False) -> "palikit.decode.sampling.Decoding":
    """How answers are to be written, and boxes read."""
    from palikit.decode.sampling import Decoding

    return Decoding(
        sampler=_sampler(options),
        beam_size=options.beam,
        max_new_tokens=options.max_new_tokens,
        seed=options.seed,
        refine=refine,
    )


def _sampler(options: Options) -> "palikit.decode.sampling.Sampler":
    from palikit.decode.sampling import Greedy, Temperature, TopK, TopP

    if options.top_k is not None and options.top_p is not None:
        raise UsageError("--top-k and --top-p came together: give one of them")
    temperature = 1.0 if options.temperature is None else options.temperature
    if options.top_k is not None:
        return TopK(options.top_k, temperature)
    if options.top_p is not None:
        return TopP(options.top_p, temperature)
    # At temperature 0 only the likeliest token is left.
    return Temperature(temperature) if options.temperature else Greedy()
