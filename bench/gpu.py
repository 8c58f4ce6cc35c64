"""A photo to 33 tokens on a GPU, by palikit and by `transformers`, in bfloat16.

    python bench/gpu.py                               # the 3B at 224 px; a GPU of 16 GB
    python bench/gpu.py --preset tiny --device cpu    # a minute, to see that it runs

As `compare_transformers.py`, with the same random weights: each side loads them in a process of its
own, answers `--warm` times to compile and record what it compiles and records, and then `--runs`
times. transformers has its static cache, with which it compiles its decoding by itself; palikit
answers as it is and with `compile_decoding`, in bfloat16 and quantised. Beside seconds and memory
(on a GPU the most that PyTorch allocated) stand two shares of what this device was measured to do:

    reading        bytes of weights that decoding read a second, of those that a plain sum reads
    multiplying    operations of linear layers up to the first token, resizing the photo aside, of
                   those that a product of large square bfloat16 matrices makes

and the ratios to transformers.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from sides import (
    PROMPT,
    Once,
    ask,
    command_of,
    now,
    palikit_runner,
    peak_memory,
    preset,
    ratios,
    transformers_runner,
    write_checkpoint,
)

import palikit as pk
from palikit.engine.speed import bytes_a_step, operations_of_prefix
from palikit.quantize import Quantization, quantize_model

COMPILED = "-compiled"
SIDES = (
    "transformers",
    *(f"palikit{mode}{how}" for mode in ("", "-int8", "-int4") for how in ("", COMPILED)),
)
NO_GPU = (
    "bench/gpu.py: PyTorch sees no CUDA device here; "
    "--preset tiny --device cpu shows that this file runs"
)


def runner(side: str, name: str, folder: Path, device: str) -> Once:
    """What answers for a side."""
    if side == "transformers":
        return transformers_runner(name, folder / "palikit", device, static=True)
    weights = side.removesuffix(COMPILED)
    return palikit_runner(name, folder / weights, device, compiled=side.endswith(COMPILED))


def measure(side: str, args: argparse.Namespace) -> dict[str, float]:
    """Medians over the runs, and the most memory from the start to the end."""
    once = runner(side, args.preset, args.folder, args.device)
    start = time.perf_counter()
    for _ in range(args.warm):
        once()
    warmed = time.perf_counter() - start
    rows = [once() for _ in range(args.runs)]
    found = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
    held = peak_memory() if args.device == "cpu" else torch.cuda.max_memory_allocated()
    return found | {"warm_s": warmed, "peak_gb": held / 1e9}


def limits(device: str) -> dict[str, float]:
    """Bytes a second that a sum reads, operations a second of a product of square matrices."""
    small = device == "cpu"
    plain = torch.ones(1 << (22 if small else 28), device=device)
    side = 512 if small else 8192
    square = torch.ones(side, side, dtype=torch.bfloat16, device=device)
    return {
        "read": plain.nbytes / quickest(plain.sum, device),
        "multiply": 2 * side**3 / quickest(lambda: square @ square, device),
    }


def quickest(act: Callable[[], object], device: str, times: int = 20) -> float:
    """Seconds of the fastest of some calls."""
    found = []
    for _ in range(times):
        start = now(device)
        act()
        found.append(now(device) - start)
    return min(found)


def work(side: str, name: str) -> tuple[int, int]:
    """Bytes that a step reads, and operations up to the first token."""
    with torch.device("meta"):
        model = pk.PaliGemma(preset(name)).to(torch.bfloat16)
    operations = operations_of_prefix(model, len(PROMPT))
    for mode in ("int8", "int4"):
        if mode in side:
            quantize_model(model, Quantization.named(mode))
    return bytes_a_step(model), operations


def line(side: str, name: str, found: dict[str, float], able: dict[str, float]) -> str:
    """What a side did, and which shares of the device that is."""
    size, operations = work(side, name)
    reading = size * found["tokens_per_s"] / able["read"]
    multiplying = operations / (found["first_token_s"] - found["resize_s"]) / able["multiply"]
    return (
        f"{side:<22} first token {found['first_token_s']:.4f} s  "
        f"{found['tokens_per_s']:7.1f} tokens/s  in all {found['total_s']:.4f} s  "
        f"{found['peak_gb']:.2f} GB  reading {reading:.1%}  multiplying {multiplying:.1%}  "
        f"(warm after {found['warm_s']:.0f} s)"
    )


def main() -> None:
    """Run all, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="paligemma2-3b-224", choices=["tiny", *pk.PRESETS])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--warm", type=int, default=3)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--sides", nargs="+", default=SIDES, choices=SIDES)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--only", choices=["write", "limits", *SIDES], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.device != "cpu" and not torch.cuda.is_available():
        sys.exit(NO_GPU)
    if args.only == "write":
        write_checkpoint(args.preset, args.folder)
    elif args.only:
        print(
            json.dumps(limits(args.device) if args.only == "limits" else measure(args.only, args))
        )
    else:
        compare(args)


def compare(args: argparse.Namespace) -> None:
    """Write the weights, measure the device and each side, and print all."""
    shared = {name: getattr(args, name) for name in ("preset", "device", "warm", "runs")}
    with tempfile.TemporaryDirectory() as folder:
        command = command_of(__file__, folder, **shared)
        subprocess.run([*command, "write"], check=True)
        able = ask(command, "limits")
        print(f"reads {able['read'] / 1e9:.0f} GB/s, multiplies {able['multiply'] / 1e12:.2f} T/s")
        theirs: dict[str, float] = {}
        for side in args.sides:
            found = ask(command, side)
            print(line(side, args.preset, found, able), flush=True)
            if side == "transformers":
                theirs = found
            elif theirs:
                told = "  ".join(f"{k} {v:.2f}x" for k, v in ratios(theirs, found).items())
                memory = found["peak_gb"] / theirs["peak_gb"]
                print(f"    faster: {told}    memory {memory:.2f}x", flush=True)


if __name__ == "__main__":
    main()
