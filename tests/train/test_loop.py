"""The loop on a small linear model: it learns, resumes exactly, and stops on what is not finite."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from palikit.errors import CheckpointError, PalikitError
from palikit.train import OptimConfig, TrainConfig, train

STEPS = 12


class KilledError(Exception):
    """Stands for a kill."""


class Noisy(nn.Module):
    """A linear map with a buffer that counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 1)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.linear(x)


def batch(step: int) -> tuple[Tensor, Tensor]:
    x = torch.randn(16, 3, generator=torch.Generator().manual_seed(step))
    return x, x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.25


def batch_until(killed_at: int, step: int) -> tuple[Tensor, Tensor]:
    if step >= killed_at:
        raise KilledError
    return batch(step)


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Mapping[str, Tensor]:
    x, y = batch
    found = model(x)
    return {"loss": F.mse_loss(found, y), "off": (found - y).abs().mean().detach()}


def endless(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Mapping[str, Tensor]:
    return {"loss": model(batch[0]).sum() * float("inf")}


def export(model: nn.Module, folder: Path) -> None:
    assert not model.training
    (folder / "export.txt").write_text("written")


CONFIG = TrainConfig(
    name="line",
    model=Noisy,
    batch=batch,
    loss=loss,
    export=export,
    optim=OptimConfig(lr=0.1, weight_decay=0.01, warmup=0.2),
    steps=STEPS,
    batch_size=16,
    workers=0,
    log_every=4,
    save_every=5,
)


def state_of(model: nn.Module) -> dict[str, list[float]]:
    return {name: value.tolist() for name, value in model.state_dict().items()}


def killed_config(step: int) -> TrainConfig:
    return replace(CONFIG, batch=lambda at: batch_until(step, at))


def rows_of(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_run_learns_and_leaves_what_its_users_need(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(replace(CONFIG, steps=150), tmp_path / "run")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"state.safetensors", "log.jsonl", "export.txt"}
    rows = rows_of(tmp_path / "run")
    assert [row["step"] for row in rows] == [*range(4, 150, 4), 150]
    assert all({"loss", "off", "lr", "examples_per_s"} <= row.keys() for row in rows)
    assert rows[-1]["loss"] < rows[0]["loss"] / 100
    said = capsys.readouterr()
    assert said.out == ""
    assert "step 150/150" in said.err


# Killed before the first save, just after one, between two, and after the last batch but one.
@pytest.mark.parametrize("killed_at", [3, 5, 8, 11])
def test_a_killed_and_resumed_run_equals_the_straight_one(tmp_path: Path, killed_at: int) -> None:
    straight = train(CONFIG, tmp_path / "straight")
    with pytest.raises(KilledError):
        train(killed_config(killed_at), tmp_path / "resumed")
    assert not (tmp_path / "resumed/export.txt").exists()
    resumed = train(CONFIG, tmp_path / "resumed")
    assert state_of(resumed) == state_of(straight)
    assert (tmp_path / "resumed/state.safetensors").read_bytes() == (
        tmp_path / "straight/state.safetensors"
    ).read_bytes()
    assert rows_of(tmp_path / "resumed")[-1]["step"] == STEPS
    assert (tmp_path / "resumed/export.txt").exists()


def test_two_runs_are_alike_and_another_seed_differs(tmp_path: Path) -> None:
    first, second = train(CONFIG, tmp_path / "a"), train(CONFIG, tmp_path / "b")
    other = train(replace(CONFIG, seed=1), tmp_path / "c")
    assert state_of(first) == state_of(second)
    assert state_of(first) != state_of(other)


def test_a_finished_run_only_exports_again(tmp_path: Path) -> None:
    finished = train(CONFIG, tmp_path)
    (tmp_path / "export.txt").unlink()
    again = train(killed_config(0), tmp_path)
    assert state_of(again) == state_of(finished)
    assert (tmp_path / "export.txt").exists()


def test_gradients_that_are_not_finite_stop_the_run_before_they_are_applied(tmp_path: Path) -> None:
    with pytest.raises(PalikitError, match="gradients are not finite"):
        train(replace(CONFIG, loss=endless), tmp_path)
    assert not (tmp_path / "state.safetensors").exists()


def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    train(CONFIG, tmp_path)
    with pytest.raises(CheckpointError, match="is not the state of this run"):
        train(replace(CONFIG, model=lambda: nn.Linear(3, 2)), tmp_path)


def test_gradients_are_clipped_to_their_global_norm(tmp_path: Path) -> None:
    steep = replace(CONFIG, loss=steep_loss, steps=1, export=check_clipped)
    train(steep, tmp_path)


def steep_loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Mapping[str, Tensor]:
    return {"loss": 1e6 * model(batch[0]).square().mean()}


def check_clipped(model: nn.Module, folder: Path) -> None:
    norms = torch.stack([p.grad.norm() for p in model.parameters() if p.grad is not None])
    assert norms.norm().item() == pytest.approx(1.0, abs=1e-5)
