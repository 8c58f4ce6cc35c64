"""What a run does beside learning: it is measured, watched, and stopped by what can go wrong."""

import json
import os
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from palikit.errors import CheckpointError, MissingExtraError, PalikitError, UsageError
from palikit.train import OptimConfig, TrainConfig, Validation, stored, train
from palikit.train.batches import prefetch
from palikit.train.curves import open_curves

Batch = tuple[Tensor, Tensor]


def batch(step: int) -> Batch:
    x = torch.randn(16, 3, generator=torch.Generator().manual_seed(step))
    return x, x @ torch.tensor([[1.0], [-2.0], [0.5]])


def parts(step: int) -> list[Batch]:
    x, y = batch(step)
    return [(x[:5], y[:5]), (x[5:], y[5:])]


def loss(model: nn.Module, batch: Batch) -> Mapping[str, Tensor]:
    x, y = batch
    return {"loss": F.mse_loss(model(x), y, reduction="sum") / 16, "num_tokens": torch.ones(())}


def export(model: nn.Module, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "weight.json").write_text(json.dumps(model.weight.tolist()))  # type: ignore[operator]


CONFIG = TrainConfig(
    name="line",
    model=lambda: nn.Linear(3, 1),
    batch=batch,
    loss=loss,
    export=export,
    optim=OptimConfig(lr=0.1, warmup=0.2),
    steps=12,
    batch_size=16,
    workers=0,
    log_every=4,
    save_every=4,
)


def rows(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def weight(folder: Path) -> list[list[float]]:
    return json.loads((folder / "weight.json").read_text())


def test_a_step_in_parts_is_the_step_in_one(tmp_path: Path) -> None:
    whole = train(CONFIG, tmp_path / "a")
    split = train(replace(CONFIG, batch=parts), tmp_path / "b")
    for ours, theirs in zip(whole.parameters(), split.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
    one, two = rows(tmp_path / "a"), rows(tmp_path / "b")
    assert [r["loss"] for r in one] == pytest.approx([r["loss"] for r in two])
    assert {"tokens_per_s", "memory_gb", "examples_per_s"} <= one[0].keys()


def scores(values: dict[int, float], seen: dict[int, list[list[float]]]) -> Validation:
    def measure(model: nn.Module, step: int, folder: Path) -> dict[str, float]:
        assert not model.training
        seen[step] = model.weight.tolist()  # type: ignore[operator]
        return {"score": values[step]}

    return Validation(every=4, measure=measure, best="score")


@pytest.mark.parametrize(("higher", "best"), [(True, 8), (False, 4)])
def test_the_best_measured_step_is_exported_and_the_last_stands_beside(
    tmp_path: Path, higher: bool, best: int
) -> None:
    seen: dict[int, list[list[float]]] = {}
    watched = replace(scores({0: 0.3, 4: 0.1, 8: 0.9, 12: 0.5}, seen), higher=higher)
    train(replace(CONFIG, validation=watched), tmp_path)
    assert weight(tmp_path) == seen[best]
    assert weight(tmp_path / "last") == seen[12]
    assert [row["score"] for row in rows(tmp_path) if "score" in row] == [0.3, 0.1, 0.9, 0.5]


def test_a_resumed_run_remembers_its_best_step(tmp_path: Path) -> None:
    seen: dict[int, list[list[float]]] = {}
    watched = scores({0: 0.3, 4: 0.9, 8: 0.2, 12: 0.5}, seen)

    def dies(step: int) -> Batch:
        if step == 9:
            raise KeyboardInterrupt
        return batch(step)

    with pytest.raises(KeyboardInterrupt):
        train(replace(CONFIG, validation=watched, batch=dies), tmp_path)
    train(replace(CONFIG, validation=watched), tmp_path)
    assert weight(tmp_path) == seen[4]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
)
def test_memory_that_runs_out_is_said_with_the_remedy_and_nothing_saved_is_lost(
    tmp_path: Path, error: Exception
) -> None:
    calls: list[int] = []

    def fails(model: nn.Module, batch: Batch) -> Mapping[str, Tensor]:
        calls.append(1)
        if len(calls) == 7:
            raise error
        return loss(model, batch)

    with pytest.raises(PalikitError, match=r"step 7 ran out of memory with 16.*halve.*step 4 is"):
        train(replace(CONFIG, loss=fails), tmp_path)
    resumed = train(CONFIG, tmp_path)
    straight = train(CONFIG, tmp_path / "straight")
    assert torch.equal(resumed.weight, straight.weight)


def test_another_error_stays_what_it_is(tmp_path: Path) -> None:
    def fails(model: nn.Module, batch: Batch) -> Mapping[str, Tensor]:
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        train(replace(CONFIG, loss=fails), tmp_path)


def test_a_full_disk_is_said_and_the_older_state_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = stored._write
    calls: list[int] = []

    def full(*arguments: object, **options: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(stored, "_write", full)
    with pytest.raises(CheckpointError, match=r"No space left.*run again"):
        train(CONFIG, tmp_path)
    resumed = train(CONFIG, tmp_path)
    assert torch.equal(resumed.weight, train(CONFIG, tmp_path / "straight").weight)


def test_a_killed_worker_is_said_with_the_remedy() -> None:
    with pytest.raises(PalikitError, match=r"was killed.*fewer workers"):
        list(prefetch(os._exit, range(1, 4), workers=1))


def test_what_was_left_out_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Noted(tuple):  # type: ignore[type-arg]
        notes = ("left out: torn.jpg is no picture",)

    train(replace(CONFIG, batch=lambda step: Noted(batch(step))), tmp_path)
    assert capsys.readouterr().err.count("torn.jpg") == 1


def test_bfloat16_products_keep_float32_weights(tmp_path: Path) -> None:
    seen: list[torch.dtype] = []

    def watch(model: nn.Module, batch: Batch) -> Mapping[str, Tensor]:
        seen.append(model(batch[0]).dtype)
        return loss(model, (batch[0], batch[1]))

    model = train(replace(CONFIG, loss=watch, precision="bfloat16"), tmp_path)
    assert set(seen) == {torch.bfloat16}
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_the_rsqrt_curve_falls_as_the_references(tmp_path: Path) -> None:
    from palikit.train.optim import learning_rate

    optim = OptimConfig(lr=1.0, warmup=0.1, schedule="rsqrt", timescale=50)
    assert learning_rate(10, 100, optim) == 1.0
    assert learning_rate(60, 100, optim) == pytest.approx((50 / 100) ** 0.5)


def test_the_references_decay_is_the_vision_towers_and_connectors_alone() -> None:
    from palikit.train.optim import build_optimizer

    model = nn.ModuleDict({"vision": nn.Linear(2, 2), "connector": nn.Linear(2, 2)})
    model["text"] = nn.Linear(2, 2)
    optimizer = build_optimizer(model, OptimConfig(lr=0.1, weight_decay=0.5, decay="vision"))
    decayed = {id(p) for p in optimizer.param_groups[0]["params"]}
    names = {name for name, p in model.named_parameters() if id(p) in decayed}
    assert names == {"vision.weight", "connector.weight"}


def test_tensorboard_draws_the_curves(tmp_path: Path) -> None:
    train(replace(CONFIG, curves=("tensorboard",)), tmp_path)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path))
    events.Reload()
    drawn = [(event.step, event.value) for event in events.Scalars("loss")]
    logged = [(row["step"], row["loss"]) for row in rows(tmp_path)]
    assert [step for step, _ in drawn] == [step for step, _ in logged]
    assert [v for _, v in drawn] == pytest.approx([v for _, v in logged])


@pytest.mark.parametrize("package", ["wandb", "trackio"])
def test_other_trackers_take_the_same_curves(
    tmp_path: Path, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    module = types.ModuleType(package)
    functions: dict[str, Callable[..., None]] = {
        "init": lambda project, name: told.append((project, name)),
        "log": lambda values, step: told.append((step, values["loss"])),
        "finish": lambda: told.append("done"),
    }
    for name, function in functions.items():
        setattr(module, name, function)
    monkeypatch.setitem(sys.modules, package, module)
    train(replace(CONFIG, curves=(package,)), tmp_path / "mine")
    logged = [(row["step"], row["loss"]) for row in rows(tmp_path / "mine")]
    assert told == [("palikit", "mine"), *logged, "done"]


def test_curves_that_are_unknown_or_not_installed_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="tensorboard, wandb, trackio"):
        open_curves("mlflow", tmp_path)
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingExtraError, match="pip install 'wandb'"):
        open_curves("wandb", tmp_path)
