"""A photo to 33 tokens with random 3B weights in bfloat16, by palikit and by `transformers`.

    python bench/compare_transformers.py                  # the 3B at 224 px; 16 GB of memory
    python bench/compare_transformers.py --preset tiny    # seconds, to see that it runs

A checkpoint folder is written to a temporary place (6 GB for the 3B); each loads it and answers in
its own process. Prints the median of each stage over the runs, the highest memory of each process
from its start to its end (`peak_gb`) and while it answered (`answering_gb`), and the ratios.
`transformers` is used as its documentation says, with its default attention for Gemma 2 on a CPU.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

import palikit as pk
from palikit.config import GemmaConfig, PaliGemmaConfig, SiglipConfig

ENGINES = ("transformers", "palikit")
TOKENS = 33
PROMPT = [2, *range(1000, 1004), 108]
TINY = PaliGemmaConfig(
    SiglipConfig(224, 14, 64, 2, 128, 4),
    GemmaConfig(257_152, 64, 2, 128, 4, 2, 16, 16**-0.5, 50.0, 30.0, True),
)


def preset(name: str) -> PaliGemmaConfig:
    """A published size by name, or `tiny`."""
    return TINY if name == "tiny" else pk.PRESETS[name]


def fill(model: nn.Module) -> None:
    """Random weights at once: one block of small numbers, repeated."""
    noise = torch.randn(1 << 20, generator=torch.Generator().manual_seed(0)) * 0.02
    with torch.no_grad():
        for weight in model.parameters():
            flat = weight.view(-1)
            for start in range(0, flat.numel(), len(noise)):
                part = flat[start : start + len(noise)]
                part.copy_(noise[: len(part)])


def photo() -> Image.Image:
    """A picture of 1280 x 960 pixels."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (960, 1280, 3), np.uint8))


def write_checkpoint(name: str, folder: Path) -> None:
    """A Hugging Face folder of random bfloat16 weights."""
    from palikit.weights.save import save_folder

    with torch.device("meta"):
        model = pk.PaliGemma(preset(name))
    model = model.to(torch.bfloat16).to_empty(device="cpu")
    fill(model)
    save_folder(model, folder)


def palikit_runner(name: str, folder: Path):
    """Load palikit's model; returns a function that answers once and times its stages."""
    from palikit.decode.generate import generate
    from palikit.inputs.image import Resize
    from palikit.quantize import speed_up_bfloat16

    config = preset(name)
    model = pk.load_model(folder)
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
    speed_up_bfloat16(model)
    resize = Resize(config.vision.image_size, "bicubic")
    picture, prompt = photo(), torch.tensor([PROMPT])

    @torch.inference_mode()
    def once() -> dict[str, float]:
        start = time.perf_counter()
        features = model.embed_image(resize(picture)[None].bfloat16())
        looked = time.perf_counter()
        columns = generate(model, features, prompt, None, eos_id=(), max_new_tokens=TOKENS)
        next(columns)
        first = time.perf_counter()
        count = 1 + sum(1 for _ in columns)
        assert count == TOKENS
        end = time.perf_counter()
        return {
            "vision_s": looked - start,
            "first_token_s": first - start,
            "tokens_per_s": (TOKENS - 1) / (end - first),
            "total_s": end - start,
        }

    return once


def load_transformers(folder: Path):
    """The same weights in transformers."""
    import transformers

    model = transformers.PaliGemmaForConditionalGeneration.from_pretrained(
        folder, dtype=torch.bfloat16
    ).eval()
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
    return model


def transformers_runner(name: str, folder: Path):
    """Load transformers' model; returns a function that answers once and times its stages."""
    import transformers

    model = load_transformers(folder)
    side = preset(name).vision.image_size
    processor = transformers.SiglipImageProcessor(size={"height": side, "width": side}, resample=3)
    picture = photo()
    images = preset(name).tokens_per_image
    ids = torch.tensor([[model.config.image_token_id] * images + PROMPT])
    stamps: list[float] = []

    class Clock(transformers.generation.streamers.BaseStreamer):
        def put(self, value: torch.Tensor) -> None:
            stamps.append(time.perf_counter())

        def end(self) -> None:
            pass

    @torch.inference_mode()
    def once() -> dict[str, float]:
        stamps.clear()
        start = time.perf_counter()
        pixels = processor(picture, return_tensors="pt")["pixel_values"].bfloat16()
        out = model.generate(
            input_ids=ids,
            pixel_values=pixels,
            attention_mask=torch.ones_like(ids),
            token_type_ids=torch.zeros_like(ids),
            max_new_tokens=TOKENS,
            min_new_tokens=TOKENS,
            do_sample=False,
            streamer=Clock(),
        )
        end = time.perf_counter()
        assert out.shape[1] - ids.shape[1] == TOKENS
        first = stamps[1]  # the prompt itself is put first
        return {
            "first_token_s": first - start,
            "tokens_per_s": (TOKENS - 1) / (end - first),
            "total_s": end - start,
        }

    return once


def measure(engine: str, name: str, folder: Path, runs: int) -> dict[str, float]:
    """One warm-up, then the median of `runs`, and the highest memory in all and of answering."""
    runner = {"palikit": palikit_runner, "transformers": transformers_runner}[engine]
    once = runner(name, folder)
    loading = peak_memory()
    Path("/proc/self/clear_refs").write_text("5")
    once()
    rows = [once() for _ in range(runs)]
    medians = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
    answering = peak_memory()
    return {**medians, "peak_gb": max(loading, answering) / 1e9, "answering_gb": answering / 1e9}


def peak_memory() -> int:
    """Bytes that this process held at most since its count was cleared (Linux)."""
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def main() -> None:
    """Run both, one after the other, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="paligemma2-3b-224", choices=["tiny", *pk.PRESETS])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--only", choices=["write", *ENGINES], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only == "write":
        write_checkpoint(args.preset, args.folder)
        return
    if args.only:
        print(json.dumps(measure(args.only, args.preset, args.folder, args.runs)))
        return
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(Path(__file__)), "--preset", args.preset]
        command += ["--runs", str(args.runs), "--folder", folder, "--only"]
        # In a process of its own, so that its memory is nobody's.
        subprocess.run([*command, "write"], check=True)
        for engine in ENGINES:
            done = subprocess.run([*command, engine], check=True, stdout=subprocess.PIPE, text=True)
            found[engine] = json.loads(done.stdout.splitlines()[-1])
            print(engine, "  ".join(f"{key} {value:.2f}" for key, value in found[engine].items()))
    theirs, ours = found["transformers"], found["palikit"]
    print(f"faster {theirs['total_s'] / ours['total_s']:.2f}x", end="  ")
    print(f"memory {ours['peak_gb'] / theirs['peak_gb']:.2f}x", end="  ")
    print(f"while answering {ours['answering_gb'] / theirs['answering_gb']:.2f}x")


if __name__ == "__main__":
    main()
