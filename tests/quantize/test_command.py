"""`palikit quantize`: what it writes answers as the checkpoint does; what it cannot do it says."""

import json
from pathlib import Path

import pytest
import torch
from helpers.checkpoints import tiny_folder

import palikit as pk
from palikit.cli.main import run
from palikit.data.emoji_world import scene

SCENES = (3, 5)
"""In these nano finds something."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nano") / "int8"
    assert run(["quantize", "nano", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def plain() -> pk.Engine:
    return pk.load("nano")


def found(engine: pk.Engine, index: int) -> list[str]:
    one = scene(12, index)
    things = sorted(one.objects, key=lambda thing: thing.box.x1 + thing.box.x2)
    labels = list(dict.fromkeys(thing.key for thing in things))
    return [region.label for region in engine.detect(one.image, labels)]


def test_the_folder_is_a_third_of_nano(folder):
    nano = Path(pk.__file__).parent / "assets" / "nano" / "model.safetensors"
    assert (folder / "quantized.safetensors").stat().st_size < nano.stat().st_size / 3
    assert json.loads((folder / "config.json").read_text())["quantization_config"]["mode"] == "int8"


@pytest.mark.parametrize("index", SCENES)
def test_quantised_nano_detects_and_tells_the_same(folder, plain, index):
    quick, stored = pk.load("nano", quantize="int8"), pk.load(folder)
    assert found(plain, index)
    assert found(quick, index) == found(stored, index) == found(plain, index)
    image = scene(12, index).image
    assert stored.caption(image).text == plain.caption(image).text
    assert stored.mask_codec is not None


def test_activations_have_the_dtype_asked_for(folder):
    assert pk.load(folder, dtype="bfloat16").look(scene(12, 2).image).features.dtype == (
        torch.bfloat16
    )
    assert pk.load(folder).look(scene(12, 2).image).features.dtype == torch.float32


MISUSES = {
    "unknown mode": (["nano", "q", "--mode", "int2"], 2, "write 'int8' or 'int4'"),
    "no destination": (["nano"], 2, "missing argument 'DST'"),
    "no such source": (["nowhere", "q"], 1, "there is no checkpoint at 'nowhere'"),
    "onto a checkpoint": (["plain", "plain"], 2, "holds a checkpoint already"),
    "onto a file": (["plain", "file"], 2, "is a file: give the name of a folder"),
}


@pytest.mark.parametrize("name", MISUSES)
def test_misuse_is_one_sentence(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tiny_folder(tmp_path / "plain")
    (tmp_path / "file").touch()
    arguments, code, said = MISUSES[name]
    assert run(["quantize", *arguments]) == code
    captured = capsys.readouterr()
    assert said in captured.err
    assert len(captured.err.splitlines()) == 1
    assert not (tmp_path / "q").exists()
