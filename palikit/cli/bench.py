"""`palikit bench`: how fast a model answers here, and how near to what the machine can do."""

import json as json_module
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palikit.errors import UsageError

from .options import Compile, Model, Quantize

if TYPE_CHECKING:
    import torch

    from palikit.engine.speed import Limits, Speed

__all__ = ["bench"]

TITLES = (
    "pictures",
    "vision s",
    "first token s",
    "prompt tokens/s",
    "decoded tokens/s",
    "pictures/s",
    "GB",
    "of multiplying",
    "of reading",
)


def bench(
    model: Model = "nano",
    device: Annotated[str, typer.Option(help="Where to run: cpu, cuda, cuda:1, mps.")] = "cpu",
    dtype: Annotated[
        str | None, typer.Option(help="float32 or bfloat16; as the checkpoint by default.")
    ] = None,
    quantize: Quantize = None,
    compile: Compile = False,
    pictures: Annotated[str, typer.Option(help="How many at once, each in turn.")] = "1,8",
    tokens: Annotated[int, typer.Option(min=2, help="To decode for each picture.")] = 33,
    runs: Annotated[int, typer.Option(min=1, help="Medians are over these.")] = 5,
    json: Annotated[bool, typer.Option("--json", help="One document for programs.")] = False,
) -> None:
    """Time a model here, beside what this machine allows.

    It is asked about pictures of noise, for answers of a fixed length, whatever they say.

    The last two columns are shares of the machine's own limits, measured first: of matrix products
    up to the first token, and of reading weights while decoding one picture.
    """
    batches = _batches(pictures)
    from palikit.engine.load import open_ready
    from palikit.engine.speed import arithmetic_of, measure_limits, measure_speed
    from palikit.weights.source import find

    found = find(model)
    opened = open_ready(found, device=device, dtype=dtype, quantize=quantize, compile=compile)
    kind = arithmetic_of(opened)
    limits = measure_limits(opened.text.embedding.weight.device, kind)
    if not json:
        print(_machine(limits, kind))
        print(_columns(TITLES))
    rows = []
    for count in batches:
        speed = measure_speed(opened, pictures=count, new_tokens=tokens, runs=runs)
        rows.append(_row(speed, limits, tokens))
        if not json:
            print(_line(rows[-1]), flush=True)
    if json:
        told = {"read_gb_per_s": limits.read / 1e9, "multiply_g_per_s": limits.multiply / 1e9}
        asked = {"model": model, "quantize": quantize, "compile": compile}
        print(json_module.dumps({**asked, **told, "rows": rows}))


def _machine(limits: "Limits", kind: "torch.dtype") -> str:
    from palikit.quantize.native import kernels

    return (
        f"this machine: reads {limits.read / 1e9:.1f} GB/s, multiplies "
        f"{limits.multiply / 1e9:.0f} G operations/s in {str(kind).removeprefix('torch.')}\n"
        f"a row is read by {'kernels built here' if kernels() else 'the kernels of PyTorch'}"
    )


def _row(speed: "Speed", limits: "Limits", tokens: int) -> dict[str, Any]:
    seconds = speed.first_token + speed.pictures * (tokens - 1) / speed.tokens
    return {
        "pictures": speed.pictures,
        "vision_s": speed.vision,
        "first_token_s": speed.first_token,
        "prompt_tokens_per_s": speed.prompt,
        "decoded_tokens_per_s": speed.tokens,
        "pictures_per_s": speed.pictures / seconds,
        "peak_gb": speed.memory / 1e9,
        "share_of_multiplying": speed.multiplied / limits.multiply,
        "share_of_reading": speed.read / limits.read,
    }


def _batches(text: str) -> list[int]:
    counts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) for part in counts):
        raise UsageError(f"--pictures {text!r} came; give numbers such as 1,8")
    return [int(part) for part in counts]


def _line(row: dict[str, Any]) -> str:
    return _columns(
        str(value) if isinstance(value, int) else f"{value:.3g}" for value in row.values()
    )


def _columns(cells: Iterable[str]) -> str:
    """One under the other; no number has more than eight letters: `1.23e-05`."""
    return "  ".join(
        cell.rjust(max(len(title), 8)) for cell, title in zip(cells, TITLES, strict=True)
    )
