"""Fine-tuning by two and by four processes is fine-tuning by one, on nano."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from helpers.many import environment, run_many
from helpers.tuning_together import configs, resume, tune

import palikit as pk
from palikit.data.emoji_world import KNOWN
from palikit.data.scene_files import write_scenes
from palikit.train.world import ALONE

# All runs are made before the first test, by seven processes that each import PyTorch.
pytestmark = pytest.mark.timeout(900)


def write_labels(folder: Path) -> str:
    return f"coco:{write_scenes(folder, classes=KNOWN[:6], count=8, seed=5, side=56)}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All runs, each in a folder that says how many processes made it."""
    folder = tmp_path_factory.mktemp("many")
    labels = write_labels(folder)
    (folder / "labels").write_text(labels)
    runs = configs(labels)
    for name, config in runs.items():
        tune(config, folder / f"one-{name}", ALONE)
    tune(runs["full"], folder / "one-stopped", ALONE, stop=True)
    run_many(2, "tuning_together", folder)
    run_many(4, "tuning_together", folder)
    resume(runs["full"], folder / "two-stopped", folder / "two-to-one", ALONE)
    return folder


def losses(folder: Path) -> list[float]:
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if "loss" in row]


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_two_processes_have_the_losses_of_one(folder: Path, method: str) -> None:
    ours, theirs = losses(folder / f"two-{method}"), losses(folder / f"one-{method}")
    assert len(theirs) == 3
    assert ours == pytest.approx(theirs, abs=1e-5)


@pytest.mark.parametrize("run", ["two-to-one", "two-to-four", "one-to-two"])
def test_a_state_of_any_number_of_processes_goes_on_in_any_other(folder: Path, run: str) -> None:
    assert losses(folder / run) == pytest.approx(losses(folder / "one-full"), abs=1e-5)


def test_a_stopped_run_of_two_processes_goes_on_as_if_nothing_had_happened(folder: Path) -> None:
    assert losses(folder / "two-to-two") == losses(folder / "two-full")
    state = "state.safetensors"
    ours, straight = folder / "two-to-two" / state, folder / "two-full" / state
    assert ours.read_bytes() == straight.read_bytes()


@pytest.mark.parametrize("run", ["full", "lora"])
def test_what_two_processes_export_answers_like_what_one_does(folder: Path, run: str) -> None:
    ours, theirs = (pk.load(folder / f"{size}-{run}/model") for size in ("two", "one"))
    pixels = torch.rand(1, 1, 3, 112, 112, generator=torch.Generator().manual_seed(0)) * 2 - 1
    tokens = torch.tensor([[2, 20, 30, 40]])
    masks = torch.zeros_like(tokens), torch.ones_like(tokens).bool()
    with torch.no_grad():
        scores = [one.model(pixels, tokens, *masks) for one in (ours, theirs)]
    torch.testing.assert_close(*scores, atol=1e-3, rtol=0)


def test_the_first_process_measures_as_one_does(folder: Path) -> None:
    names = ("samples/step-000000.jsonl", "samples/step-000003.jsonl")
    for name in names:
        ours, theirs = ((folder / f"{size}-lora" / name).read_text() for size in ("two", "one"))
        assert json.loads(ours)["answer"] == json.loads(theirs)["answer"]
    assert (folder / "two-lora/last/model/adapter_config.json").exists()


def test_the_command_under_torchrun_says_an_error_once_and_ends(tmp_path: Path) -> None:
    words = ["--data", write_labels(tmp_path), "--out", str(tmp_path / "none")]
    words += ["--task", "detect", "batch_size=1", "workers=0", "cache_features=false"]
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    start += ["--nproc-per-node", "2", "-m", "palikit.cli.main", "train"]
    done = subprocess.run(
        [*start, *words], env=environment(), capture_output=True, text=True, timeout=280
    )
    assert done.returncode != 0
    assert done.stderr.count("palikit: 2 processes cannot share 1 examples a step") == 1
