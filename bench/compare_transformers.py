"""A photo to 33 tokens with random 3B weights, by palikit and by `transformers` in bfloat16.

    python bench/compare_transformers.py                  # the 3B at 224 px; 16 GB of memory
    python bench/compare_transformers.py --preset tiny    # seconds, to see that it runs

A checkpoint folder is written to a temporary place (6 GB for the 3B, and 5 for the quantised ones);
each system loads it and answers in a process of its own. Prints the median of each stage over the
runs, the time of a picture among several that are asked at once (`--together`), the highest memory
of each process from its start to its end (`peak_gb`) and while one picture was answered
(`answering_gb`), how far the first scores are from palikit's in bfloat16, and the ratios to
`transformers`, which is used as its documentation says, with its default attention for Gemma 2 on a
CPU.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
from pathlib import Path

import torch
from sides import (
    PROMPT,
    ask,
    command_of,
    load_palikit,
    palikit_runner,
    peak_memory,
    preset,
    ratios,
    transformers_runner,
    write_checkpoint,
)

import palikit as pk

ENGINES = ("transformers", "palikit", "palikit-int8", "palikit-int4")


def measure(engine: str, name: str, folder: Path, runs: int, together: int) -> dict[str, float]:
    """One warm-up, then the median of `runs`, and the highest memory in all and of answering."""
    ours = engine.startswith("palikit")
    runner = palikit_runner if ours else transformers_runner
    once = runner(name, folder / (engine if ours else "palikit"))
    loading = peak_memory()
    Path("/proc/self/clear_refs").write_text("5")
    once()
    rows = [once() for _ in range(runs)]
    found = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
    answering = peak_memory()
    found |= {"peak_gb": max(loading, answering) / 1e9, "answering_gb": answering / 1e9}
    if ours and together:
        many = [once(together)["total_s"] / together for _ in range(min(runs, 3))]
        found["each_s"] = statistics.median(many)
    return found


@torch.inference_mode()
def first_scores(name: str, folder: Path) -> torch.Tensor:
    """The scores after the prompt, with features of noise; float32."""
    model = load_palikit(folder)
    tokens = torch.tensor([PROMPT])
    pixels = torch.rand(1, 3, *[preset(name).vision.image_size] * 2) * 2 - 1
    dtype = model.text.embedding.weight.dtype
    features = model.embed_image(pixels.to(dtype))
    capacity = features.shape[1] + len(PROMPT)
    cache = pk.KVCache(model.config.text, 1, capacity, dtype=dtype)
    return model.prefill(features, tokens, None, cache)


def compare_scores(name: str, folder: Path) -> dict[str, str]:
    """How far the quantised models' first scores are from the bfloat16 model's."""
    torch.manual_seed(0)
    exact = first_scores(name, folder / "palikit")
    found = {}
    for mode in ("int8", "int4"):
        torch.manual_seed(0)
        scores = first_scores(name, folder / f"palikit-{mode}")
        spread = (scores - exact).square().mean().sqrt() / exact.std()
        same = "same" if scores.argmax() == exact.argmax() else "another"
        found[mode] = f"{spread:.3f} of the scores' spread away, {same} first token"
    return found


def main() -> None:
    """Run all, one after the other, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="paligemma2-3b-224", choices=["tiny", *pk.PRESETS])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--together", type=int, default=8, help="0 leaves that out")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--only", choices=["write", "scores", *ENGINES], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only == "write":
        write_checkpoint(args.preset, args.folder)
        return
    if args.only:
        found = (
            compare_scores(args.preset, args.folder)
            if args.only == "scores"
            else measure(args.only, args.preset, args.folder, args.runs, args.together)
        )
        print(json.dumps(found))
        return
    with tempfile.TemporaryDirectory() as folder:
        shared = {"preset": args.preset, "runs": args.runs, "together": args.together}
        command = command_of(__file__, folder, **shared)
        # In a process of its own, so that its memory is nobody's.
        subprocess.run([*command, "write"], check=True)
        theirs: dict[str, float] = {}
        for engine in ENGINES:
            found = ask(command, engine)
            print(engine, "  ".join(f"{key} {value:.2f}" for key, value in found.items()))
            theirs = theirs or found
            print_ratios(theirs, found)
        for mode, told in ask(command, "scores").items():
            print(f"{mode}: {told}")


def print_ratios(theirs: dict[str, float], found: dict[str, float]) -> None:
    """How many times faster, and which share of the memory."""
    if found is theirs:
        return
    faster = ratios(theirs, found)
    if "each_s" in found:
        faster["each of many"] = theirs["total_s"] / found["each_s"]
    told = "  ".join(f"{name} {value:.2f}x" for name, value in faster.items())
    memory = found["peak_gb"] / theirs["peak_gb"]
    print(f"    faster: {told}    memory {memory:.2f}x", flush=True)


if __name__ == "__main__":
    main()
