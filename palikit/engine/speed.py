"""How fast a model answers here, beside what this machine's memory and arithmetic allow."""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from palikit.decode.generate import generate
from palikit.model.paligemma import PaliGemma
from palikit.quantize.half import HalfLinear
from palikit.quantize.int8 import int8_product
from palikit.quantize.packed import PackedLinear

__all__ = [
    "Limits",
    "Speed",
    "arithmetic_of",
    "bytes_a_step",
    "measure_limits",
    "measure_speed",
    "operations_of_prefix",
]

WORDS = 8
"""Tokens of the prompt."""

ROWS, INPUTS, OUTPUTS = 264, 2304, 9216
"""Of the products that show the arithmetic: a picture's tokens through the 3B's widest layer."""

LAYERS = 24
"""Weights that are multiplied in turn: 0.5 GB in bfloat16, more than any cache holds."""


READS = 1 << 27
"""Floats that are read to see how fast memory is: 0.5 GB."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a machine can do at best.

    Attributes:
        read: bytes a second that plain reads of memory reach.
        multiply: operations a second of matrix products, two for each multiplication and addition.
    """

    read: float
    multiply: float


@dataclass(frozen=True, slots=True)
class Speed:
    """Medians of some runs, each of `pictures` that are asked at once.

    Attributes:
        vision: seconds until the tower has seen all pictures.
        first_token: seconds from pixels to the first token of each.
        tokens: decoded a second, all rows together, after the first.
        multiplied: operations a second in linear layers until the first token.
        read: bytes of weights a second while decoding.
        prompt: image and text tokens read a second, the tower's time aside.
        memory: bytes that the process (on a GPU: the device) held at most while answering.
    """

    pictures: int
    vision: float
    first_token: float
    prompt: float
    tokens: float
    multiplied: float
    read: float
    memory: int


@torch.inference_mode()
def measure_limits(device: torch.device, kind: torch.dtype) -> Limits:
    """Reads of half a gigabyte, and products in a dtype (int8 for quantised weights)."""
    rows = torch.ones(ROWS, INPUTS, dtype=kind, device=device)
    weights = [torch.ones(OUTPUTS, INPUTS, dtype=kind, device=device) for _ in range(LAYERS)]

    def multiplied_by(product: Callable[[Tensor, Tensor], Tensor]) -> Callable[[], None]:
        def multiply() -> None:
            for weight in weights:
                product(rows, weight)

        return multiply

    plain = torch.ones(READS, device=device)
    operations = 2 * ROWS * INPUTS * OUTPUTS * LAYERS
    return Limits(
        read=plain.nbytes / _quickest(plain.sum, device),
        multiply=operations
        / min(_quickest(multiplied_by(product), device) for product in _products(kind)),
    )


def _products(kind: torch.dtype) -> list[Callable[[Tensor, Tensor], Tensor]]:
    """Ways to x Wᵀ; the fastest is the limit."""
    return [F.linear] if kind != torch.int8 else [_by_pytorch, _by_palikit]


def _by_pytorch(rows: Tensor, weight: Tensor) -> Tensor:
    return torch._int_mm(rows, weight.t())


def _by_palikit(rows: Tensor, weight: Tensor) -> Tensor:
    return int8_product(rows.float(), weight, torch.ones(len(weight), device=weight.device))


@torch.inference_mode()
def measure_speed(
    model: PaliGemma, *, pictures: int = 1, new_tokens: int = 33, runs: int = 3
) -> Speed:
    """Answer pictures of noise with so many tokens each, whatever they are."""
    embedding = model.text.embedding.weight
    device = embedding.device
    side = model.config.vision.image_size
    noise = torch.rand(pictures, 3, side, side, generator=torch.Generator().manual_seed(0))
    pixels = (noise * 2 - 1).to(device, embedding.dtype)
    prompt = torch.arange(WORDS, device=device).expand(pictures, -1)

    def once() -> tuple[float, float, float]:
        start = _now(device)
        features = model.embed_image(pixels)
        seen = _now(device)
        columns = generate(model, features, prompt, None, eos_id=(), max_new_tokens=new_tokens)
        next(columns)
        first = _now(device)
        for _ in columns:
            pass
        return seen - start, first - start, _now(device) - first

    _forget_peak(device)
    once()
    vision, first, rest = (
        statistics.median(times) for times in zip(*(once() for _ in range(runs)), strict=True)
    )
    tokens = model.config.tokens_per_image + WORDS
    steps = new_tokens - 1
    return Speed(
        pictures=pictures,
        vision=vision,
        first_token=first,
        prompt=pictures * tokens / (first - vision),
        tokens=pictures * steps / rest,
        multiplied=pictures * operations_of_prefix(model, WORDS) / first,
        read=bytes_a_step(model) * steps / rest,
        memory=_memory(device),
    )


def arithmetic_of(model: PaliGemma) -> torch.dtype:
    """What its products are made in: int8 where weights are quantised, else their dtype."""
    packed = any(buffer.dtype == torch.int8 for buffer in model.buffers())
    return torch.int8 if packed else model.text.embedding.weight.dtype


def operations_of_prefix(model: PaliGemma, words: int) -> int:
    """Of linear layers for one picture and a prompt of so many words, two for each product."""
    patches = model.config.tokens_per_image
    last = f"{len(model.text.blocks) - 1}.attn"
    # Of the last block every token needs its key and value, the last token all the rest.
    read = [*model.text.blocks[:-1]]
    read += [model.text.blocks.get_submodule(f"{last}.{name}") for name in "kv"]
    seen = sum(_operations(module, patches) for module in (model.vision, model.connector))
    others = sum(_operations(module, patches + words - 1) for module in read)
    return seen + others + _operations(model.text.blocks, 1)


def bytes_a_step(model: PaliGemma) -> int:
    """All that a step reads: every weight of the decoder once, the table as the head."""
    tensors: list[Tensor] = [*model.text.parameters(), *model.text.buffers()]
    return sum(tensor.nbytes for tensor in tensors)


def _operations(module: nn.Module, rows: int) -> int:
    return sum(2 * rows * inputs * outputs for inputs, outputs in _layers(module))


def _layers(module: nn.Module) -> Iterator[tuple[int, int]]:
    for child in module.modules():
        if isinstance(child, nn.Linear):
            yield child.in_features, child.out_features
        elif isinstance(child, HalfLinear | PackedLinear):
            yield child.inputs, child.outputs


def _quickest(act: Callable[[], object], device: torch.device, times: int = 5) -> float:
    act()
    found = []
    for _ in range(times):
        start = _now(device)
        act()
        found.append(_now(device) - start)
    return min(found)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif sys.platform == "linux":
        with suppress(OSError):  # a container may forbid it; the peak then counts what was before
            Path("/proc/self/clear_refs").write_text("5")


def _memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "linux":
        lines = Path("/proc/self/status").read_text().splitlines()
        (line,) = (line for line in lines if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
