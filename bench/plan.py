"""The planned memory of fine-tuning steps beside that of real ones.

    python bench/plan.py                # small random models of every kind, and two of full width
    python bench/plan.py --small        # without these, which take 6 GB and a minute
    python bench/plan.py --json

A real step runs on random weights with the optimiser's moments in place. What is measured is what
PyTorch's CPU allocator handed out at the fullest moment, as its profiler recorded every
allocation, those inside of kernels too, plus the weights and moments that were there before. On a
GPU that has memory enough, `--device cuda` asks `torch.cuda.max_memory_allocated` instead.
"""

import argparse
import gc
import json
import sys
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from palikit.config import PRESETS, GemmaConfig, PaliGemmaConfig, SiglipConfig
from palikit.inputs.batch import Batch
from palikit.model.paligemma import PaliGemma
from palikit.quantize import Quantization, quantize_model, speed_up_bfloat16
from palikit.train import OptimConfig
from palikit.train.loss import Targets
from palikit.train.optim import build_optimizer
from palikit.tuning import Method
from palikit.tuning.batches import TuningBatch
from palikit.tuning.building import prepare, sees_vision
from palikit.tuning.objective import Objective
from palikit.tuning.plan import plan_training
from palikit.tuning.rehearsal import Workload
from palikit.weights.places import parse_dtype

_TOWER = SiglipConfig(image_size=112, patch_size=14, width=96, depth=4, mlp_dim=256, num_heads=4)
_GEMMA = GemmaConfig(4096, 128, 4, 512, 4, 1, 32, 32**-0.5)
_GEMMA2 = GemmaConfig(4096, 128, 4, 384, 4, 2, 32, 32**-0.5, 50.0, 30.0, True)
SMALL = {
    "paligemma1": PaliGemmaConfig(_TOWER, _GEMMA),
    "paligemma2": PaliGemmaConfig(_TOWER, _GEMMA2),
    "paligemma2-27b": PaliGemmaConfig(
        _TOWER, replace(_GEMMA2, num_heads=8, num_kv_heads=4, head_dim=16, query_scale=0.22)
    ),
}
_BIG = PRESETS["paligemma2-3b-224"]
WIDE = replace(_BIG, vision=replace(_BIG.vision, depth=2), text=replace(_BIG.text, depth=2))
_FROZEN = Method(kind="full", freeze=("vision", "connector"))
WORKS = {
    "full": Workload(method=Method(kind="full"), dtype="float32"),
    "full, tower frozen": Workload(method=_FROZEN, dtype="float32"),
    "full, recompute": Workload(method=Method(kind="full", recompute=True), dtype="float32"),
    "full, autocast": Workload(method=Method(kind="full"), dtype="float32", precision="bfloat16"),
    "full, two parts": Workload(method=Method(kind="full"), dtype="float32", parts=2),
    "lora": Workload(),
    "lora, float32": Workload(dtype="float32"),
    "lora, autocast": Workload(dtype="float32", precision="bfloat16"),
    "lora, recompute": Workload(method=Method(recompute=True)),
    "lora, features": Workload(pictures=False),
    "lora, tower too": Workload(method=Method(adapt=("*.attn.*", "*.mlp.*"))),
    "lora, dropout": Workload(method=Method(dropout=0.1)),
    "qlora int8": Workload(method=Method(kind="qlora", quantize="int8"), dtype="float32"),
    "qlora int4": Workload(method=Method(kind="qlora"), dtype="float32"),
    "qlora int4, recompute": Workload(method=Method(kind="qlora", recompute=True)),
}


def measured_step(config: PaliGemmaConfig, work: Workload) -> int:
    """Bytes of a real step at its fullest moment."""
    model = _model(config, work)
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = build_optimizer(model, OptimConfig(lr=1e-4))
    for parameter in learned:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()  # makes the moments
    batches = [_batch(config, work) for _ in range(work.parts)]
    optimizer.zero_grad(set_to_none=True)
    gc.collect()
    there = {t.untyped_storage()._cdata: t.untyped_storage().nbytes() for t in _held(model)}
    there |= {
        t.untyped_storage()._cdata: t.untyped_storage().nbytes()
        for state in optimizer.state.values()
        for t in state.values()
    }
    objective = Objective(Targets(), sees_vision(model))

    def step() -> None:
        for batch in batches:
            with _precision(work):
                values = objective(model, batch)
            values["loss"].backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    if work.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        step()
        return torch.cuda.max_memory_allocated()
    return sum(there.values()) + _highest(step) + _bytes(batches)


def _model(config: PaliGemmaConfig, work: Workload) -> PaliGemma:
    """As `palikit.tuning.building.build_model` makes it of a checkpoint."""
    dtype = parse_dtype(work.dtype) or torch.float32
    model = PaliGemma(config).to(dtype)
    if work.method.kind == "qlora":
        quantize_model(model, Quantization(work.method.quantize))
    prepare(model.to(work.device), work.method)
    if work.method.kind != "full":
        speed_up_bfloat16(model)
    return model.train()


def _held(model: nn.Module) -> Iterator[torch.Tensor]:
    yield from model.parameters()
    yield from model.buffers()


def _batch(config: PaliGemmaConfig, work: Workload) -> TuningBatch:
    rows, suffix, side = work.batch, max(1, work.text // 2), config.vision.image_size
    tokens = torch.randint(3, config.text.vocab_size, (rows, work.text))
    text = Batch(
        images=torch.zeros(rows, 1, 3, side, side) if work.pictures else None,
        tokens=tokens,
        mask_ar=torch.zeros_like(tokens),
        mask_input=torch.ones_like(tokens, dtype=torch.bool),
        mask_loss=torch.ones(rows, work.text),
        prefix_length=work.text - suffix,
    )
    seen = (rows, config.tokens_per_image, config.text.width)
    weights = torch.full((rows, suffix), 1 / rows / suffix)
    return TuningBatch(text, weights, None if work.pictures else torch.zeros(seen))


def _bytes(batches: list[TuningBatch]) -> int:
    """Of the pictures or features that the profiler did not see come; one part's at a time."""
    held = [t for t in (batches[0].text.images, batches[0].features) if t is not None]
    return sum(t.untyped_storage().nbytes() for t in held)


def _precision(work: Workload):
    on = work.precision == "bfloat16"
    return torch.autocast(work.device, torch.bfloat16, enabled=on)


def _highest(step) -> int:
    """Most bytes that were handed out at once, over what was there before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        step()
    events = found.profiler.kineto_results.events()
    changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    now = most = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def rows(small: bool, device: str) -> Iterator[dict]:
    """One for each way of learning and batch; of two kinds of model, the plainest ways alone."""
    for name, config in SMALL.items():
        for way, work in WORKS.items():
            if name == "paligemma2" or way in ("full", "lora"):
                for batch in (1, 4):
                    yield _row(name, config, way, replace(work, batch=batch, device=device))
    if not small:
        for way in ("lora", "qlora int8"):
            yield _row("3b, 2 + 2 blocks", WIDE, way, replace(WORKS[way], device=device))


def _row(name: str, config: PaliGemmaConfig, way: str, work: Workload) -> dict:
    plan = plan_training(config, work)
    planned, real = plan.total - plan.extra, measured_step(config, work)
    return {
        "model": name,
        "method": way,
        "batch": work.batch,
        "planned_mb": round(planned / 1e6, 2),
        "measured_mb": round(real / 1e6, 2),
        "off_percent": round(100 * (planned / real - 1), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--small", action="store_true", help="leave out the model of full width")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--json", action="store_true", help="one line of JSON for each step")
    given = parser.parse_args()
    torch.manual_seed(0)
    worst = 0.0
    if not given.json:
        print(f"{'model':<18}{'method':<24}{'batch':>5}{'planned':>10}{'measured':>10}{'off':>8}")
    for row in rows(given.small, given.device):
        worst = max(worst, abs(row["off_percent"]))
        if given.json:
            print(json.dumps(row), flush=True)
        else:
            model, method, batch, planned, real, off = row.values()
            line = (
                f"{model:<18}{method:<24}{batch:>5}{planned:>7.1f} MB{real:>7.1f} MB{off:>+7.1f}%"
            )
            print(line, flush=True)
    print(f"furthest off: {worst:.1f} %", file=sys.stderr)


if __name__ == "__main__":
    main()
