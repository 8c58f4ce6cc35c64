"""The planned memory is that of a real step, and grows with what it should grow with."""

from dataclasses import replace

import pytest
import torch

from bench.plan import SMALL, WORKS, measured_step
from palikit.config import PRESETS
from palikit.errors import UsageError
from palikit.model.paligemma import PaliGemma
from palikit.tuning.config import Method
from palikit.tuning.plan import CONTEXT, MemoryPlan, largest_batches, plan_asking, plan_training
from palikit.tuning.rehearsal import Workload, play_step

CASES = [
    ("paligemma2", "full", 4),
    ("paligemma2", "full, autocast", 4),
    ("paligemma2", "full, two parts", 1),
    ("paligemma2", "lora", 4),
    ("paligemma2", "lora, autocast", 1),
    ("paligemma2", "lora, recompute", 4),
    ("paligemma2", "lora, features", 4),
    ("paligemma2", "qlora int8", 1),
    ("paligemma2", "qlora int4, recompute", 4),
    ("paligemma1", "full, recompute", 4),
    ("paligemma2-27b", "lora, float32", 1),
]


@pytest.mark.parametrize(("model", "way", "batch"), CASES)
def test_a_plan_is_within_a_tenth_of_a_real_step(model: str, way: str, batch: int) -> None:
    work = replace(WORKS[way], batch=batch, device="cpu")
    plan = plan_training(SMALL[model], work)
    assert plan.extra == 0
    assert plan.total == pytest.approx(measured_step(SMALL[model], work), rel=0.1)


def test_shallow_models_tell_what_deep_ones_take() -> None:
    """Blocks named by number are played one by one: the same bytes as by difference."""
    every = Method(adapt=("text.blocks.*.attn.*", "text.blocks.*.mlp.*"))
    one_by_one = Method(
        adapt=tuple(f"text.blocks.{i}.{part}.*" for i in range(4) for part in ("attn", "mlp"))
    )
    config = SMALL["paligemma2"]
    evenly, singly = (play_step(config, Workload(method=m)) for m in (every, one_by_one))
    for stage, parts in evenly.items():
        assert parts == pytest.approx(singly[stage], rel=0.01, abs=4096), stage


def test_weights_and_moments_are_those_of_the_model() -> None:
    config = SMALL["paligemma2"]
    with torch.device("meta"):
        numbers = sum(p.numel() for p in PaliGemma(config).parameters())
    stages = play_step(config, Workload(method=Method(kind="full"), dtype="float32"))
    assert stages["loss"]["weights"] == 4 * numbers
    assert stages["loss"]["moments"] == 2 * 4 * numbers
    assert stages["update"]["gradients"] == 4 * numbers


def test_a_frozen_tower_keeps_nothing() -> None:
    config = SMALL["paligemma2"]
    larger = replace(config, vision=replace(config.vision, mlp_dim=4 * config.vision.mlp_dim))
    small, large = (play_step(one, Workload(batch=4))["loss"] for one in (config, larger))
    assert small["activations"] == large["activations"]
    assert small["weights"] < large["weights"]


@pytest.mark.parametrize("family", sorted({name.rsplit("-", 1)[0] for name in PRESETS}))
def test_totals_of_every_preset_grow_with_batch_and_resolution(family: str) -> None:
    work = Workload(method=Method(recompute=True))
    sizes = [(224, 1), (224, 4), (448, 4), (896, 4)]
    totals = [
        plan_training(PRESETS[f"{family}-{side}"], replace(work, batch=n)).total
        for side, n in sizes
    ]
    assert totals == sorted(set(totals))


def test_totals_grow_with_the_size_of_the_model() -> None:
    sizes = ("paligemma2-3b-224", "paligemma2-10b-224", "paligemma2-28b-224")
    for way in (Method(), Method(kind="full")):
        work = Workload(method=way)
        totals = [plan_training(PRESETS[size], work).total for size in sizes]
        assert totals == sorted(totals)


def test_less_of_everything_takes_less() -> None:
    def total(way: Method, **changes) -> int:
        return plan_training(SMALL["paligemma2"], Workload(method=way, batch=8, **changes)).total

    assert total(Method(recompute=True)) < total(Method())
    assert total(Method()) < total(Method(rank=64)) < total(Method(rank=64), text=256)


def test_the_largest_batch_fits_and_the_next_does_not() -> None:
    config, work = SMALL["paligemma2"], Workload(method=Method(), device="cpu")
    memories = [plan_training(config, replace(work, batch=n)).total for n in (1, 7, 20)]
    assert largest_batches(config, work, [1e3, *memories]) == [0, 1, 7, 20]
    assert largest_batches(config, work, [memories[1] - 1]) == [6]


def test_a_gpu_needs_more_than_its_tensors() -> None:
    config = SMALL["paligemma2"]
    plan = plan_training(config, Workload(precision="bfloat16"))
    assert isinstance(plan, MemoryPlan)
    tensors = plan.total - plan.extra
    assert CONTEXT < plan.extra < CONTEXT + 0.05 * tensors + 1


def test_asking_takes_weights_and_a_cache() -> None:
    config = SMALL["paligemma2"]
    text = config.text
    plan = plan_asking(config, dtype="bfloat16", batch=3, text=20, new_tokens=10)
    slots = config.tokens_per_image + 20 + 10
    assert plan.cache == 2 * 2 * text.depth * 3 * text.num_kv_heads * slots * text.head_dim
    packed = plan_asking(config, dtype="bfloat16", quantize="int8", batch=3)
    assert packed.weights < 0.6 * plan.weights
    assert plan_asking(config, dtype="float32").weights == 2 * plan.weights


def test_a_method_that_learns_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing would learn"):
        plan_training(SMALL["paligemma2"], Workload(method=Method(adapt=("nowhere",))))
