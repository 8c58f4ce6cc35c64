"""A run's state: what comes back is what was saved, or an error in our words."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from palikit.errors import CheckpointError
from palikit.train import OptimConfig, stored
from palikit.train.checkpoint import load_state, save_state
from palikit.train.optim import build_optimizer

OPTIM = OptimConfig(lr=0.01, weight_decay=0.1)


def trained(seed: int, steps: int = 3) -> tuple[nn.Module, torch.optim.Optimizer]:
    """A small network and its optimiser after some steps."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.Linear(8, 2))
    optimizer = build_optimizer(model, OPTIM)
    for _ in range(steps):
        take_step(model, optimizer)
    return model, optimizer


def take_step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    model(torch.linspace(-1, 1, 12).view(3, 4)).square().mean().backward()
    optimizer.step()


def test_a_state_comes_back_to_the_bit_and_goes_on_the_same(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state.safetensors"
    model, optimizer = trained(0)
    save_state(path, model, optimizer, 3)
    other, other_optimizer = trained(1, steps=0)
    assert load_state(path, other, other_optimizer)[0] == 3
    saved, loaded = optimizer.state_dict(), other_optimizer.state_dict()
    assert saved["param_groups"] == loaded["param_groups"]
    assert saved["state"].keys() == loaded["state"].keys()
    for index, moments in saved["state"].items():
        assert set(moments) == {"step", "exp_avg", "exp_avg_sq"}
        for name, value in moments.items():
            assert torch.equal(loaded["state"][index][name], value), name
    take_step(model, optimizer)
    take_step(other, other_optimizer)
    for ours, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_buffers_are_part_of_the_state(tmp_path: Path) -> None:
    model = nn.BatchNorm1d(2)
    model(torch.randn(8, 2, generator=torch.Generator().manual_seed(0)))
    optimizer = build_optimizer(model, OPTIM)
    save_state(tmp_path / "state.safetensors", model, optimizer, 1)
    other = nn.BatchNorm1d(2)
    load_state(tmp_path / "state.safetensors", other, build_optimizer(other, OPTIM))
    assert torch.equal(other.running_mean, model.running_mean)
    assert other.num_batches_tracked == 1


def test_a_state_of_another_model_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    save_state(path, *trained(0), 3)
    other = nn.Linear(4, 2)
    with pytest.raises(CheckpointError, match=r"state\.safetensors is not the state of this run"):
        load_state(path, other, build_optimizer(other, OPTIM))


@pytest.mark.parametrize("kind", ["no state", "not safetensors", "empty"])
def test_a_file_that_is_no_state_is_refused_in_a_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "state.safetensors"
    if kind == "no state":
        save_file({"weight": torch.zeros(2)}, path)
    else:
        path.write_bytes(b"a pickle, perhaps" if kind == "not safetensors" else b"")
    with pytest.raises(CheckpointError, match="move it away to start anew"):
        load_state(path, *trained(0))


def test_saving_leaves_one_file(tmp_path: Path) -> None:
    for step in (1, 2):
        save_state(tmp_path / "state.safetensors", *trained(0), step)
    assert [path.name for path in tmp_path.iterdir()] == ["state.safetensors"]


def test_a_crash_while_writing_leaves_the_older_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.safetensors"
    save_state(path, *trained(0), 3)

    def half_written(target: Path, *_: object) -> None:
        target.write_bytes(b"half")
        raise OSError("the disk is full")

    monkeypatch.setattr(stored, "_write", half_written)
    with pytest.raises(CheckpointError, match=r"the disk is full.*what was saved before is whole"):
        save_state(path, *trained(1), 6)
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["state.safetensors"]
    assert load_state(path, *trained(1))[0] == 3
    save_state(path, *trained(1), 6)
    assert [path.name for path in tmp_path.iterdir()] == ["state.safetensors"]


def test_frozen_parameters_are_not_saved_and_must_not_be_there(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    model = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2))
    model[0].requires_grad_(False)
    save_state(path, model, build_optimizer(model, OPTIM), 2, {"best": 0.5})
    assert path.stat().st_size < 1000
    other = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2))
    other[0].requires_grad_(False)
    first = other[0].weight.clone()
    assert load_state(path, other, build_optimizer(other, OPTIM)) == (2, {"best": 0.5})
    assert torch.equal(other[1].weight, model[1].weight)
    assert torch.equal(other[0].weight, first)
    other.requires_grad_(True)
    with pytest.raises(CheckpointError, match=r"missing \['0\.bias', '0\.weight'\]"):
        load_state(path, other, build_optimizer(other, OPTIM))
