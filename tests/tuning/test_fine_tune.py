"""A whole run on nano: labels in, a better checkpoint out; killed and resumed; adapters reload."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import palikit as pk
from palikit.cli.main import run as command
from palikit.data.asking import Asking
from palikit.data.emoji_world import KNOWN
from palikit.data.scene_files import write_scenes
from palikit.errors import CheckpointError, DataError, UsageError
from palikit.train import OptimConfig
from palikit.tuning import FineTune, Method, fine_tune


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    return f"coco:{write_scenes(folder, classes=KNOWN[:6], count=12, seed=5, side=56)}"


@pytest.fixture
def config(labels):
    return FineTune(
        data=(labels,),
        asking=Asking(task="detect"),
        method=Method(rank=4),
        optim=OptimConfig(lr=1e-3),
        steps=4,
        batch_size=4,
        workers=0,
        save_every=2,
        log_every=1,
    )


def losses(folder):
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if "loss" in row]


class KilledError(Exception):
    """Stands for a kill."""


def kill_after(monkeypatch, steps):
    from palikit.tuning.batches import Batcher

    real = Batcher.__call__

    def dies(self, step):
        if step >= steps:
            raise KilledError
        return real(self, step)

    monkeypatch.setattr(Batcher, "__call__", dies)


@pytest.mark.parametrize(
    "method",
    [Method(rank=4, dropout=0.1), Method(kind="full", freeze=("embedding",), recompute=True)],
    ids=["lora", "full"],
)
def test_a_killed_run_goes_on_as_if_nothing_had_happened(method, config, tmp_path, monkeypatch):
    config = replace(config, method=method, residual_dropout=0.1, accumulate=2)
    straight = fine_tune(config, tmp_path / "straight")
    with monkeypatch.context() as patch:
        kill_after(patch, 3)
        with pytest.raises(KilledError):
            fine_tune(config, tmp_path / "resumed")
    resumed = fine_tune(config, tmp_path / "resumed")
    assert (
        losses(tmp_path / "straight")
        == losses(tmp_path / "resumed")[:2] + losses(tmp_path / "resumed")[-2:]
    )
    ours, theirs = straight.state_dict(), resumed.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_adapters_load_like_any_checkpoint_and_answer_as_the_trained_model(config, tmp_path):
    model = fine_tune(replace(config, steps=2), tmp_path)
    engine = pk.load(tmp_path / "model")
    assert {p.name for p in (tmp_path / "model").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    pixels = torch.rand(1, 1, 3, 112, 112) * 2 - 1
    tokens = torch.tensor([[2, 20, 30, 40]])
    masks = torch.zeros_like(tokens), torch.ones_like(tokens).bool()
    with torch.no_grad():
        torch.testing.assert_close(
            engine.model(pixels, tokens, *masks), model(pixels, tokens, *masks), atol=1e-4, rtol=0
        )
        plain = pk.load("nano").model(pixels, tokens, *masks)
    assert (plain - model(pixels, tokens, *masks)).abs().max() > 1e-3
    packed = pk.load(tmp_path / "model", quantize="int8")
    image = np.zeros((56, 56, 3), np.uint8)
    assert isinstance(packed.detect(image, ["cat"]), pk.Regions)


def test_adapters_merge_into_a_checkpoint_that_answers_alike(config, tmp_path, capsys):
    model = fine_tune(replace(config, steps=2), tmp_path)
    source, target = str(tmp_path / "model"), tmp_path / "merged"
    assert command(["merge", source, str(target)]) == 0
    assert "scores moved by" in capsys.readouterr().out
    merged = pk.load_model(target)
    tokens = torch.tensor([[2, 20, 30, 40]])
    masks = torch.zeros_like(tokens), torch.ones_like(tokens).bool()
    with torch.no_grad():
        torch.testing.assert_close(
            merged(None, tokens, *masks), model(None, tokens, *masks), atol=1e-4, rtol=0
        )
    assert (target / "mask_codec.safetensors").exists()
    assert command(["merge", "nano", str(target)]) == 2
    assert "holds no adapters" in capsys.readouterr().err


def test_features_computed_before_give_the_losses_of_pixels(config, tmp_path):
    fine_tune(replace(config, cache_features=True), tmp_path / "cached")
    fine_tune(replace(config, cache_features=False), tmp_path / "pixels")
    assert losses(tmp_path / "cached") == pytest.approx(losses(tmp_path / "pixels"), abs=1e-5)
    assert (tmp_path / "cached/features/features.bin").exists()


def test_a_measured_run_leaves_its_best_step_and_its_last(config, labels, tmp_path):
    config = replace(
        config,
        method=Method(kind="full", freeze=("vision",)),
        validation=(labels,),
        validate_every=2,
        validate_limit=2,
        max_suffix=40,
    )
    fine_tune(config, tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "ap50" in row] == [0, 2, 4]
    for folder in (tmp_path / "model", tmp_path / "last/model"):
        assert (folder / "mask_codec.safetensors").exists()
        assert pk.load(folder).caption(Image.new("RGB", (56, 56))).text is not None
    sheet = Image.open(tmp_path / "samples/step-000004.png")
    assert sheet.width > 300


def test_the_command_says_what_learns_and_where_the_result_is(labels, tmp_path, capfd):
    words = ["train", "--data", labels, "--task", "detect", "--out", str(tmp_path / "run")]
    words += ["steps=1", "batch_size=2", "rank=2", "workers=0"]
    assert command(words) == 0
    said = capfd.readouterr()
    assert said.out.strip() == str(tmp_path / "run/model")
    assert "learns" in said.err
    assert "step 1/1" in said.err
    assert command(["caption", str(picture(tmp_path)), "--model", said.out.strip()]) == 0


def picture(folder):
    path = folder / "picture.png"
    Image.new("RGB", (60, 60), "green").save(path)
    return path


RECIPE = """
from palikit.tuning import FineTune, Method

def recipe():
    return FineTune(data=({labels!r},), method=Method(rank=2), steps=1, batch_size=2, workers=0)
"""


def test_a_recipe_is_a_file_with_a_function(labels, tmp_path, capfd):
    path = tmp_path / "mine.py"
    path.write_text(RECIPE.format(labels=labels))
    assert command(["train", str(path), "asking.task=detect", "--out", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run/model/adapter_config.json").exists()
    path.write_text("x = 1")
    assert command(["train", str(path)]) == 2
    assert "no function recipe()" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "nothing to learn from"),
        (["no.py"], 2, "is no recipe"),
        (["--data", "nothing:at.all"], 2, "names no format"),
        (["--data", "coco:not-there.json"], 1, "not-there.json"),
    ],
)
def test_wrong_commands_are_answered_in_a_sentence(words, code, message, capfd):
    assert command(["train", *words]) == code
    assert message in capfd.readouterr().err


def test_what_cannot_be_done_is_said_before_anything_is_computed(config, tmp_path):
    with pytest.raises(UsageError, match="cache_features needs"):
        fine_tune(replace(config, method=Method(kind="full"), cache_features=True), tmp_path)
    with pytest.raises(UsageError, match="weight"):
        fine_tune(replace(config, data=(f"2*{config.data[0]}", config.data[0])), tmp_path)
    with pytest.raises(DataError):
        fine_tune(replace(config, data=("coco:none.json",)), tmp_path)


def test_a_run_of_other_adapters_is_not_continued(config, tmp_path):
    fine_tune(replace(config, steps=2), tmp_path)
    with pytest.raises(CheckpointError, match="not the state of this run"):
        fine_tune(replace(config, method=Method(rank=8)), tmp_path)
