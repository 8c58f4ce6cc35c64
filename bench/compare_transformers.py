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

ENGINES = ("transformers", "palikit", "palikit-int8", "palikit-int4")
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
    """A Hugging Face folder of random bfloat16 weights, and what `palikit quantize` makes of it."""
    from palikit.engine.quantized import quantize_folder
    from palikit.weights.save import save_folder

    with torch.device("meta"):
        model = pk.PaliGemma(preset(name))
    model = model.to(torch.bfloat16).to_empty(device="cpu")
    fill(model)
    save_folder(model, folder / "palikit")
    del model
    for mode in ("int8", "int4"):
        quantize_folder(folder / "palikit", folder / f"palikit-{mode}", mode)


def load_palikit(folder: Path) -> pk.PaliGemma:
    """As `pk.load` does, without a tokenizer: these weights have none."""
    from palikit.engine.load import open_ready
    from palikit.weights.source import find

    return open_ready(find(folder))


def palikit_runner(name: str, folder: Path):
    """Load palikit's model; returns a function that answers once and times its stages."""
    from palikit.decode.generate import generate
    from palikit.inputs.image import Resize

    model = load_palikit(folder)
    dtype = model.text.embedding.weight.dtype
    resize = Resize(preset(name).vision.image_size, "bicubic")
    picture = photo()

    @torch.inference_mode()
    def once(pictures: int = 1) -> dict[str, float]:
        start = time.perf_counter()
        pixels = torch.stack([resize(picture) for _ in range(pictures)])
        features = model.embed_image(pixels.to(dtype))
        looked = time.perf_counter()
        prompt = torch.tensor([PROMPT] * pictures)
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


def peak_memory() -> int:
    """Bytes that this process held at most since its count was cleared (Linux)."""
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


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
        command = [sys.executable, str(Path(__file__)), "--preset", args.preset]
        command += ["--runs", str(args.runs), "--together", str(args.together)]
        command += ["--folder", folder, "--only"]
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


def ask(command: list[str], what: str):
    """The figures that one of this file's own processes prints."""
    done = subprocess.run([*command, what], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def print_ratios(theirs: dict[str, float], found: dict[str, float]) -> None:
    """How many times faster, and which share of the memory."""
    if found is theirs:
        return
    faster = {
        "first token": theirs["first_token_s"] / found["first_token_s"],
        "decode": found["tokens_per_s"] / theirs["tokens_per_s"],
        "in all": theirs["total_s"] / found["total_s"],
    }
    if "each_s" in found:
        faster["each of many"] = theirs["total_s"] / found["each_s"]
    told = "  ".join(f"{name} {value:.2f}x" for name, value in faster.items())
    memory = found["peak_gb"] / theirs["peak_gb"]
    print(f"    faster: {told}    memory {memory:.2f}x", flush=True)


if __name__ == "__main__":
    main()
