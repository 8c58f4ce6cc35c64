"""Two processes are one: the same losses, states that either can go on from, one error for all."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.many import run_many
from helpers.small_together import CONFIG, MUON, STEPS, copy_state, stopped
from safetensors.torch import load_file, save_file
from torch import nn

from palikit.train import train
from palikit.train.stored import write_tensors
from palikit.train.world import ALONE, open_world


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """Runs of one process, and those of two beside them, with what these said of errors."""
    folder = tmp_path_factory.mktemp("together")
    train(CONFIG, folder / "one", ALONE)
    train(MUON, folder / "one-muon", ALONE)
    stopped(folder / "alone")
    return folder, run_many(2, "small_together", folder)


def losses(folder: Path) -> list[float]:
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if "loss" in row]


@pytest.mark.parametrize(("alone", "together"), [("one", "plain"), ("one-muon", "muon")])
def test_two_processes_have_the_losses_of_one(two: Any, alone: str, together: str) -> None:
    folder, _ = two
    assert len(losses(folder / together)) == STEPS
    assert losses(folder / together) == pytest.approx(losses(folder / alone), abs=1e-5)
    for name in ("state.safetensors", "best.safetensors"):
        ours, theirs = load_file(folder / together / name), load_file(folder / alone / name)
        assert ours.keys() == theirs.keys()
        for key, value in theirs.items():
            torch.testing.assert_close(ours[key], value, atol=1e-5, rtol=0)


def test_two_processes_export_and_measure_what_one_does(two: Any) -> None:
    folder, _ = two
    for name in ("export.json", "last/export.json"):
        ours, theirs = (json.loads((folder / run / name).read_text()) for run in ("plain", "one"))
        assert ours.keys() == theirs.keys()
        for key, value in theirs.items():
            torch.testing.assert_close(
                torch.tensor(ours[key]), torch.tensor(value), atol=1e-5, rtol=0
            )


def test_noise_comes_again_as_it_was(two: Any) -> None:
    folder, _ = two
    assert losses(folder / "noisy") == losses(folder / "again")
    assert losses(folder / "noisy") != losses(folder / "plain")


def test_a_state_of_one_process_goes_on_in_two(two: Any) -> None:
    folder, _ = two
    resumed = losses(folder / "from-alone")
    assert resumed[-3:] == pytest.approx(losses(folder / "one")[-3:], abs=1e-5)


def test_a_state_is_the_same_file_through_any_number_of_processes(two: Any, tmp_path: Path) -> None:
    folder, _ = two
    of_one, of_two = (folder / name / "state.safetensors" for name in ("one", "plain"))
    assert (folder / "copied-by-two").read_bytes() == of_one.read_bytes()
    copy_state(of_two, tmp_path / "copied-by-one", ALONE)
    assert (tmp_path / "copied-by-one").read_bytes() == of_two.read_bytes()


@pytest.mark.parametrize(
    ("case", "sentence", "code"),
    [
        ("data", "row 7 of labels.csv is broken", 1),
        ("infinite", "the gradients are not finite", 1),
        ("disk", "the disk is full", 1),
        ("undivided", "cannot be divided among processes", 2),
        ("too few", "2 processes cannot share 1 examples a step", 2),
    ],
)
def test_an_error_of_one_process_ends_all_and_is_said_once(
    two: Any, case: str, sentence: str, code: int
) -> None:
    _, (first, second) = two
    assert sentence in first[case]
    assert second[case] == f"exit {code}"


def test_a_run_that_an_error_ended_goes_on(two: Any) -> None:
    folder, told = two
    assert [one["again after data"] for one in told] == ["well", "well"]
    assert losses(folder / "data")[-3:] == losses(folder / "plain")[-3:]


def test_only_the_first_process_writes(two: Any) -> None:
    folder, _ = two
    rows = [json.loads(line) for line in (folder / "plain/log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "loss" in row] == [*range(1, STEPS + 1)]


def test_without_torchrun_there_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert open_world("cpu") is ALONE


def test_tensors_are_stored_as_the_library_stores_them(tmp_path: Path) -> None:
    tensors = {
        "half": torch.randn(3, 5).bfloat16(),
        "count": torch.tensor(7),
        "flags": torch.tensor([True, False, True]),
        "none": torch.zeros(0, 4),
        "turned": torch.randn(4, 6).T,
        "ß": torch.arange(5, dtype=torch.uint8),
        "model": nn.Linear(2, 2).weight,
    }
    write_tensors(tmp_path / "ours", tensors, {"who": "we"}, lambda tensor: tensor)
    save_file({k: v.detach().contiguous() for k, v in tensors.items()}, tmp_path / "theirs")
    ours, theirs = load_file(tmp_path / "ours"), load_file(tmp_path / "theirs")
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
