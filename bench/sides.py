"""What comparisons with `transformers` share: random weights, and an answer of either side.

The question is a photo of 1280 x 960 pixels and a prompt of 6 tokens; the answer has 33 tokens,
chosen greedily. A file that compares starts itself once for each side, so that the memory of a
process is that side's alone, and reads one line of JSON from it.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

import palikit as pk
from palikit.config import GemmaConfig, PaliGemmaConfig, SiglipConfig

TOKENS = 33
PROMPT = [2, *range(1000, 1004), 108]
TINY = PaliGemmaConfig(
    SiglipConfig(224, 14, 64, 2, 128, 4),
    GemmaConfig(257_152, 64, 2, 128, 4, 2, 16, 16**-0.5, 50.0, 30.0, True),
)

Once = Callable[..., dict[str, float]]
"""Answers once, or palikit's side several at once: seconds by stage, and tokens a second."""


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


def load_palikit(folder: Path, device: str = "cpu", *, compiled: bool = False) -> pk.PaliGemma:
    """As `pk.load` does, without a tokenizer: these weights have none."""
    from palikit.engine.load import open_ready
    from palikit.weights.source import find

    model = open_ready(find(folder), device=device)
    if not compiled:
        return model
    from palikit.decode.compiled import compile_decoding

    # On a CPU it is only to be seen that it runs, for which nobody should wait for a compiler.
    return compile_decoding(model, "eager" if device == "cpu" else None)


def palikit_runner(name: str, folder: Path, device: str = "cpu", *, compiled: bool = False) -> Once:
    """Load palikit's model; returns a function that answers and times its stages."""
    from palikit.decode.generate import generate
    from palikit.inputs.image import Resize

    model = load_palikit(folder, device, compiled=compiled)
    dtype = model.text.embedding.weight.dtype
    resize = Resize(preset(name).vision.image_size, "bicubic")
    picture = photo()

    @torch.inference_mode()
    def once(pictures: int = 1) -> dict[str, float]:
        start = now(device)
        pixels = torch.stack([resize(picture) for _ in range(pictures)]).to(device, dtype)
        resized = now(device)
        features = model.embed_image(pixels)
        looked = now(device)
        prompt = torch.tensor([PROMPT] * pictures)
        columns = generate(model, features, prompt, None, eos_id=(), max_new_tokens=TOKENS)
        next(columns)
        first = now(device)
        count = 1 + sum(1 for _ in columns)
        assert count == TOKENS
        end = now(device)
        return {
            "resize_s": resized - start,
            "vision_s": looked - start,
            "first_token_s": first - start,
            "tokens_per_s": (TOKENS - 1) / (end - first),
            "total_s": end - start,
        }

    return once


def load_transformers(folder: Path, device: str = "cpu"):
    """The same weights in transformers."""
    import transformers

    model = transformers.PaliGemmaForConditionalGeneration.from_pretrained(
        folder, dtype=torch.bfloat16
    ).eval()
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
    return model.to(device)


class Clock:
    """A streamer of transformers that notes when tokens come; the prompt itself comes first."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.stamps: list[float] = []

    def put(self, value: torch.Tensor) -> None:
        self.stamps.append(now(self.device))

    def end(self) -> None:
        pass


def transformers_runner(
    name: str, folder: Path, device: str = "cpu", *, static: bool = False
) -> Once:
    """Load transformers' model; returns a function that answers once and times its stages.

    With a `static` cache transformers compiles its decoding on a GPU by itself.
    """
    import transformers

    model = load_transformers(folder, device)
    if static:
        hand_masks_through()
    side = preset(name).vision.image_size
    processor = transformers.SiglipImageProcessor(size={"height": side, "width": side}, resample=3)
    picture = photo()
    images = preset(name).tokens_per_image
    ids = torch.tensor([[model.config.image_token_id] * images + PROMPT], device=device)
    asked = {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "token_type_ids": torch.zeros_like(ids),
        "max_new_tokens": TOKENS,
        "min_new_tokens": TOKENS,
        "do_sample": False,
    }
    if static:
        asked["cache_implementation"] = "static"

    @torch.inference_mode()
    def once() -> dict[str, float]:
        clock = Clock(device)
        start = now(device)
        pixels = processor(picture, return_tensors="pt")["pixel_values"].to(device, torch.bfloat16)
        resized = now(device)
        out = model.generate(**asked, pixel_values=pixels, streamer=clock)
        end = now(device)
        assert out.shape[1] - ids.shape[1] == TOKENS
        first = clock.stamps[1]
        return {
            "resize_s": resized - start,
            "first_token_s": first - start,
            "tokens_per_s": (TOKENS - 1) / (end - first),
            "total_s": end - start,
        }

    return once


def hand_masks_through() -> None:
    """Let PaliGemma 2 take the masks that `generate` makes for a static cache.

    In transformers 5.23 it makes its own of them, which fails for a dictionary; these are what its
    own would be.
    """
    from transformers.models.paligemma import modeling_paligemma as theirs

    def handing(name: str, kind: str) -> None:
        make = getattr(theirs, name)

        def made(**given):
            mask = given["attention_mask"]
            return mask[kind] if isinstance(mask, dict) else make(**given)

        setattr(theirs, name, made)

    handing("create_causal_mask", "full_attention")
    handing("create_sliding_window_causal_mask", "sliding_attention")


def now(device: str) -> float:
    """Seconds, once a device has done all that it was given."""
    if device != "cpu":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def peak_memory() -> int:
    """Bytes that this process held at most since its count was cleared (Linux)."""
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def command_of(file: str, folder: str, **options: object) -> list[str]:
    """How a file starts itself for one of its parts, whose name is to follow."""
    told = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return [sys.executable, file, *told, "--folder", folder, "--only"]


def ask(command: list[str], what: str):
    """The figures that one of a file's own processes prints."""
    done = subprocess.run([*command, what], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def ratios(theirs: dict[str, float], found: dict[str, float]) -> dict[str, float]:
    """How many times faster than the others."""
    return {
        "first token": theirs["first_token_s"] / found["first_token_s"],
        "decode": found["tokens_per_s"] / theirs["tokens_per_s"],
        "in all": theirs["total_s"] / found["total_s"],
    }
