"""One step of LoRA by palikit, and by `transformers` with `peft`: time and highest memory.

    python bench/compare_training.py                  # the 3B's width, 4 decoder layers; 16 GB
    python bench/compare_training.py --preset tiny    # seconds, to see that it runs

The model is the 3B's at 224 px with its whole vision tower and vocabulary (257,216 rows) but only
4 decoder layers, of random weights; 4 pictures a step, each with 16 tokens of prefix and 16 of
suffix; adapters of rank 16 around the decoder's linear layers; AdamW. A bfloat16 folder is written
once; each system loads it in a process of its own, makes one step to warm up, and then `--runs`.

transformers is given its right labels and token types, eager attention (what it has for Gemma 2's
soft-cap on a CPU), and every setting that is correct: weights in float32 or bfloat16, with and
without gradient checkpointing. palikit runs as `palikit train --method lora` does, from pixels and
with features computed before (its default where pictures and tower stay as they are), and with
`recompute=true`. Ratios are to the fastest and to the smallest of transformers'.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from sides import fill

import palikit as pk
from palikit.config import GemmaConfig, PaliGemmaConfig, SiglipConfig

BATCH, PREFIX, SUFFIX, RANK = 4, 16, 16, 16
SYSTEMS = (
    "transformers float32",
    "transformers bfloat16",
    "transformers bfloat16 checkpointing",
    "palikit pixels",
    "palikit pixels recompute",
    "palikit features",
    "palikit features recompute",
)
TINY = PaliGemmaConfig(
    SiglipConfig(224, 14, 64, 2, 128, 4),
    GemmaConfig(257_216, 64, 2, 128, 4, 2, 16, 16**-0.5, 50.0, 30.0, True),
)


def preset(name: str) -> PaliGemmaConfig:
    """`tiny`, or the 3B with 4 decoder layers."""
    if name == "tiny":
        return TINY
    full = pk.PRESETS["paligemma2-3b-224"]
    return replace(full, text=replace(full.text, depth=4, vocab_size=257_216))


def write_checkpoint(name: str, folder: Path) -> None:
    """A Hugging Face folder of random bfloat16 weights."""
    from palikit.weights.save import save_folder

    with torch.device("meta"):
        model = pk.PaliGemma(preset(name))
    model = model.to(torch.bfloat16).to_empty(device="cpu")
    fill(model)
    save_folder(model, folder)


def rows() -> tuple[torch.Tensor, torch.Tensor]:
    """Pixels [4, 3, 224, 224] and tokens [4, 32], the last 16 of which are learned."""
    generator = torch.Generator().manual_seed(1)
    pixels = torch.rand(BATCH, 3, 224, 224, generator=generator) * 2 - 1
    tokens = torch.randint(1000, 200_000, (BATCH, PREFIX + SUFFIX), generator=generator)
    return pixels, tokens


def palikit_step(folder: Path, features: bool, recompute: bool) -> Callable[[], float]:
    """A function that makes one step and returns its loss."""
    from palikit.inputs.batch import Batch
    from palikit.train import OptimConfig
    from palikit.train.loss import Targets, weigh
    from palikit.train.optim import build_optimizer
    from palikit.tuning.batches import TuningBatch
    from palikit.tuning.building import build_model
    from palikit.tuning.config import FineTune, Method
    from palikit.tuning.objective import Objective

    method = Method(kind="lora", rank=RANK, recompute=recompute)
    model = build_model(FineTune(data=("none:",), model=str(folder), method=method)).train()
    optimizer = build_optimizer(model, OptimConfig(lr=1e-4))
    pixels, tokens = rows()
    real = torch.ones_like(tokens, dtype=torch.bool)
    learned = torch.zeros(tokens.shape)
    learned[:, PREFIX:] = 1.0
    ar = learned.long()
    text = Batch(None if features else pixels[:, None], tokens, real, ar, learned, PREFIX)
    (weights,) = weigh([learned[:, PREFIX:]], "token")
    seen = None
    if features:
        with torch.inference_mode():
            seen = model.embed_image(pixels.to(model.connector.weight.dtype)).clone()
    batch = TuningBatch(text, weights, seen)
    objective = Objective(Targets(), vision_learns=False)

    def once() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = objective(model, batch)["loss"]
        loss.backward()
        optimizer.step()
        return loss.item()

    return once


def transformers_step(folder: Path, dtype: str, checkpointing: bool) -> Callable[[], float]:
    """The same step with transformers and peft."""
    import peft
    import transformers

    model = transformers.PaliGemmaForConditionalGeneration.from_pretrained(
        folder, dtype=getattr(torch, dtype), attn_implementation="eager"
    )
    model = peft.get_peft_model(
        model,
        peft.LoraConfig(
            r=RANK,
            lora_alpha=2 * RANK,
            target_modules=r".*language_model.*\.(q|k|v|o|gate|up|down)_proj",
        ),
    ).train()
    if checkpointing:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable({"use_reentrant": False})
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=1e-4)
    pixels, tokens = rows()
    config = model.config
    count = (config.vision_config.image_size // config.vision_config.patch_size) ** 2
    ids = torch.cat([torch.full((BATCH, count), config.image_token_index), tokens], dim=1)
    types = torch.zeros_like(ids)
    types[:, count + PREFIX :] = 1
    question = {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "token_type_ids": types,
        "pixel_values": pixels.to(getattr(torch, dtype)),
        "labels": ids.masked_fill(types == 0, -100),
    }

    def once() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = model(**question).loss
        loss.backward()
        optimizer.step()
        return loss.item()

    return once


def measure(system: str, folder: Path, runs: int) -> dict[str, float]:
    """Median seconds of a step, the highest memory of the process, and the first step's loss."""
    name, *options = system.split()
    if name == "palikit":
        once = palikit_step(folder, "features" in options, "recompute" in options)
    else:
        once = transformers_step(folder, options[0], options[1:] == ["checkpointing"])
    first = once()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        once()
        times.append(time.perf_counter() - start)
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    peak = int(line.split()[1]) * 1024 / 1e9
    return {"step_s": statistics.median(times), "peak_gb": peak, "loss": first}


def main() -> None:
    """Run all, one after the other, and print the table and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="3b-4-layers", choices=["3b-4-layers", "tiny"])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--only", choices=["write", *SYSTEMS], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only == "write":
        write_checkpoint(args.preset, args.folder)
        return
    if args.only:
        print(json.dumps(measure(args.only, args.folder, args.runs)))
        return
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(Path(__file__)), "--preset", args.preset]
        command += ["--runs", str(args.runs), "--folder", folder, "--only"]
        subprocess.run([*command, "write"], check=True)
        for system in SYSTEMS:
            done = subprocess.run([*command, system], check=True, stdout=subprocess.PIPE, text=True)
            found[system] = json.loads(done.stdout.splitlines()[-1])
            row = found[system]
            print(
                f"{system:<38} {row['step_s']:7.2f} s a step  {row['peak_gb']:6.2f} GB  "
                f"loss {row['loss']:.4f}",
                flush=True,
            )
    theirs = [row for system, row in found.items() if system.startswith("transformers")]
    fastest, smallest = (min(row[key] for row in theirs) for key in ("step_s", "peak_gb"))
    for system, row in found.items():
        if system.startswith("palikit"):
            print(
                f"{system}: {fastest / row['step_s']:.2f}x faster than the fastest, "
                f"{row['peak_gb'] / smallest:.2f}x the memory of the smallest"
            )


if __name__ == "__main__":
    main()
