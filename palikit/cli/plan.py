"""`palikit plan`: what fits into a GPU, before anything is downloaded."""

import json as json_module
import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palikit.errors import UsageError

if TYPE_CHECKING:
    from palikit.config import PaliGemmaConfig
    from palikit.tuning.advice import Wish
    from palikit.tuning.config import Method

__all__ = ["plan"]

GB = 1e9
CARDS = (8, 12, 16, 24, 40, 48, 80, 141)
KINDS, DTYPES = ("full", "lora", "qlora"), ("float32", "bfloat16")


Model = Annotated[
    str, typer.Option("--model", "-m", help="3b-448, paligemma-3b-224, nano or a folder.")
]
Recompute = Annotated[
    bool, typer.Option("--recompute", help="Make activations again instead of keeping them.")
]
Augment = Annotated[
    bool, typer.Option("--augment", help="Pictures change, so the tower runs in each step.")
]


def plan(
    model: Model = "3b-224",
    method: Annotated[str, typer.Option(help="full, lora or qlora.")] = "lora",
    quantize: Annotated[str, typer.Option(help="What qlora holds the base in.")] = "int4",
    batch: Annotated[int, typer.Option(min=1, help="Examples a step; with --infer, at once.")] = 1,
    accumulate: Annotated[int, typer.Option(min=1, help="Parts that a step is made in.")] = 1,
    text: Annotated[int, typer.Option(min=2, help="Tokens of prompt and answer together.")] = 128,
    rank: Annotated[int, typer.Option(min=1, help="Of an adapter.")] = 16,
    freeze: Annotated[str, typer.Option(help="For full: vision,connector,embedding.")] = "",
    dtype: Annotated[str, typer.Option(help="Of weights: float32 or bfloat16.")] = "",
    precision: Annotated[str, typer.Option(help="bfloat16 multiplies in it (autocast).")] = "",
    recompute: Recompute = False,
    augment: Augment = False,
    device: Annotated[str, typer.Option(help="cuda or cpu.")] = "cuda",
    gpu: Annotated[float | None, typer.Option(help="Memory of the card, in GB of 1e9.")] = None,
    infer: Annotated[bool, typer.Option("--infer", help="Plan asking, not training.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One document.")] = False,
) -> None:
    """Say what memory a fine-tuning run takes, and what fits.

    Counted from the model's own code, without its weights. A GPU's "extra" is an allowance.
    """
    from palikit.tuning.advice import Wish, find_config
    from palikit.tuning.config import Method

    if gpu is not None and not 0 < gpu < 1e6:
        raise UsageError(f"--gpu {gpu:g} is no memory: give the card's GB, such as --gpu 24")
    if batch % accumulate:
        raise UsageError(
            f"--batch {batch} has no {accumulate} equal parts: give one that divides it"
        )
    settings: Any = {
        "text": text,
        "dtype": _one_of("dtype", dtype, ("", *DTYPES)),
        "precision": _one_of("precision", precision, ("", *DTYPES)),
        "augment": augment,
        "device": _one_of("device", device, ("cuda", "cpu")),
    }
    way: Any = {
        "kind": _one_of("method", method, KINDS),
        "quantize": _one_of("quantize", quantize, ("int8", "int4")),
        "freeze": tuple(part for part in freeze.split(",") if part),
        "rank": rank,
        "recompute": recompute,
    }
    config, name = find_config(model)
    if infer:
        _asking(config, name, Wish(**settings), batch, gpu, json)
    else:
        _training(config, name, Wish(**settings), Method(**way), (batch, accumulate), gpu, json)


def _one_of(option: str, given: str, known: tuple[str, ...]) -> str:
    if given not in known:
        words = " or ".join(word for word in known if word)
        raise UsageError(f"--{option} {given!r} is unknown: write {words}")
    return given


def _training(
    config: "PaliGemmaConfig",
    name: str,
    wish: "Wish",
    method: "Method",
    size: tuple[int, int],
    gpu: float | None,
    as_json: bool,
) -> None:
    from palikit.tuning.advice import fitting, measuring, train_words
    from palikit.tuning.plan import plan_training

    batch, parts = size
    work = wish.work(config, method, batch // parts, parts)
    found = plan_training(config, work)
    validation = measuring(config, work, found)
    document = {"model": name, **asdict(found), "total": found.total, "measuring": validation}
    if not as_json:
        print(f"{name}, {_called(method)}, weights in {work.dtype}: {work.batch} at once,")
        print(f"each {config.tokens_per_image} tokens of picture and {wish.text} of text")
        print(f"fullest moment: {found.fullest}\n")
        _print_parts(document, validation)
        print("\nmost examples at once")
    cards = CARDS if gpu is None else (gpu,)
    if not as_json:
        print(f"{'':<24}" + "".join(f"{f'{card:g} GB':>8}" for card in cards))
    rows = []
    for way, most in fitting(config, wish, method, [card * GB for card in cards]):
        rows.append((way, most))
        if not as_json:
            print(f"{_called(way):<24}" + "".join(f"{n or '-':>8}" for n in most), flush=True)
    best = _best(rows, method) if gpu is not None else (method, batch // parts)
    words = best and shlex.join(train_words(name, config, wish, best[0], batch, best[1]))
    if not as_json:
        print(f"\nto train: {words}" if words else "\nnothing of this fits: take a smaller model")
        return
    document["fits"] = [
        {"method": _called(way), **{f"{c:g}": n for c, n in zip(cards, most, strict=True)}}
        for way, most in rows
    ]
    print(json_module.dumps({**document, "command": words}))


def _print_parts(document: dict[str, Any], validation: int) -> None:
    for part in ("weights", "gradients", "moments", "activations", "logits", "extra", "total"):
        print(f"{part:<14}{document[part] / GB:>8.2f} GB")
    if validation > document["total"]:
        print(f"{'validation':<14}{validation / GB:>8.2f} GB, where a run measures itself (--val)")


def _best(rows: list[tuple["Method", list[int]]], method: "Method") -> tuple["Method", int] | None:
    """The way asked for, else the next that takes less; None where none fits."""
    kinds = [way.kind for way, _ in rows]
    for way, (most,) in rows[kinds.index(method.kind) :]:
        smaller = way.kind == "qlora" and method.kind == "qlora" and method.quantize == "int4"
        if most and not (smaller and way.quantize == "int8") and way.recompute >= method.recompute:
            return way, most
    return None


def _called(method: "Method") -> str:
    name = f"qlora {method.quantize}" if method.kind == "qlora" else method.kind
    return f"{name}, recompute" if method.recompute else name


def _asking(
    config: "PaliGemmaConfig", name: str, wish: "Wish", batch: int, gpu: float | None, as_json: bool
) -> None:
    from palikit.tuning.plan import plan_asking

    ways: Any = (("float32", None), ("bfloat16", None), ("bfloat16", "int8"), ("bfloat16", "int4"))
    rows = []
    for dtype, packed in ways:
        found = plan_asking(
            config, dtype=dtype, quantize=packed, batch=batch, text=wish.text, device=wish.device
        )
        row: dict[str, Any] = {"held": packed or dtype, **asdict(found), "total": found.total}
        rows.append(row if gpu is None else {**row, "fits": found.total <= gpu * GB})
    if as_json:
        print(json_module.dumps({"model": name, "batch": batch, "ways": rows}))
        return
    parts = ("weights", "cache", "activations", "extra", "total")
    print(f"{name}: {batch} at once, {wish.text} tokens of prompt and 64 of answer each; GB\n")
    print(f"{'':<10}" + "".join(f"{part:>13}" for part in parts))
    for row in rows:
        fits = {True: "  fits", False: "  does not fit", None: ""}[row.get("fits")]
        print(f"{row['held']:<10}" + "".join(f"{row[p] / GB:>13.2f}" for p in parts) + fits)
