"""A quantised folder gives back the same model, and is nothing that could be misread."""

import json
from pathlib import Path

import pytest
import torch
import transformers
from helpers.checkpoints import edit_config, tiny_folder
from helpers.tiny import random_images
from safetensors.torch import load_file, save_file
from torch import Tensor

import palikit as pk
from palikit.engine.quantized import open_model, quantize_folder
from palikit.errors import CheckpointError, UsageError
from palikit.model.paligemma import PaliGemma
from palikit.weights.packed import PACKED_FILE
from palikit.weights.save import save_folder
from palikit.weights.source import find

MODES = ("int8", "int4")


def logits(model: PaliGemma) -> Tensor:
    tokens = torch.randint(3, 300, (1, 7), generator=torch.Generator().manual_seed(0))
    masks = torch.zeros_like(tokens), torch.ones_like(tokens, dtype=torch.bool)
    return model(random_images(1, 1).to(model.text.norm.weight), tokens, *masks)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return tiny_folder(tmp_path / "plain", dtype=torch.bfloat16)


@pytest.fixture
def packed(plain: Path) -> Path:
    quantize_folder(plain, plain.parent / "packed", "int4")
    return plain.parent / "packed"


def edit_packed(folder: Path, change) -> None:
    tensors = {name: tensor.clone() for name, tensor in load_file(folder / PACKED_FILE).items()}
    change(tensors)
    (folder / PACKED_FILE).unlink()
    save_file(tensors, folder / PACKED_FILE)


@pytest.mark.parametrize("dtype", [None, "bfloat16"])
@pytest.mark.parametrize("mode", MODES)
def test_a_saved_model_gives_identical_logits(mode, dtype, plain):
    folder = plain.parent / "q"
    quantize_folder(plain, folder, mode)
    again = open_model(find(folder), dtype=dtype)
    whole = open_model(find(plain), dtype=dtype, quantize=mode)
    assert again.text.norm.weight.dtype == (torch.bfloat16 if dtype else torch.float32)
    assert torch.equal(logits(again), logits(whole))
    assert not again.training
    assert not any(parameter.requires_grad for parameter in again.parameters())


def test_the_folder_says_what_it_is_and_carries_what_lay_beside(plain, packed):
    config = json.loads((packed / "config.json").read_text())
    assert config["quantization_config"] == {
        "quant_method": "palikit",
        "mode": "int4",
        "group_size": 64,
        "format": 1,
    }
    weights = {"model.safetensors", PACKED_FILE}
    beside = {path.name for path in plain.iterdir()} - weights
    assert {path.name for path in packed.iterdir()} - weights == beside
    assert (packed / PACKED_FILE).stat().st_size < (plain / "model.safetensors").stat().st_size


def test_packed_tensors_stay_in_the_mapped_file(packed):
    model = open_model(find(packed))
    maps = [
        line.split("-")[0:2]
        for line in Path("/proc/self/maps").read_text().splitlines()
        if PACKED_FILE in line
    ]
    ranges = [(int(a, 16), int(b.split()[0], 16)) for a, b in maps]
    for name, buffer in model.named_buffers():
        assert any(a <= buffer.data_ptr() < b for a, b in ranges), name


def test_others_do_not_take_it_for_a_model(packed):
    with pytest.raises((OSError, ValueError)):
        transformers.PaliGemmaForConditionalGeneration.from_pretrained(packed)
    with pytest.raises(CheckpointError, match=r"is quantised \(int4\), which palikit.load opens"):
        pk.load_model(packed)


def test_quantising_a_quantised_folder_is_refused(packed):
    with pytest.raises(UsageError, match=r"is quantised already \(int4\): leave out quantize"):
        open_model(find(packed), quantize="int8")
    with pytest.raises(UsageError, match="is quantised already"):
        quantize_folder(packed, packed.parent / "twice", "int8")


def test_a_checkpoint_is_not_replaced(plain, tmp_path):
    with pytest.raises(UsageError, match="holds a checkpoint already: give the name of a new"):
        quantize_folder(plain, plain, "int8")
    assert (plain / "model.safetensors").is_file()
    quantize_folder(plain, tmp_path / "q", "int8")
    quantize_folder(plain, tmp_path / "q", "int4")
    assert open_model(find(tmp_path / "q"))


def test_a_quantised_model_is_not_saved_as_floats(packed, tmp_path):
    with pytest.raises(UsageError, match="weights are quantised, which this format cannot hold"):
        save_folder(open_model(find(packed)), tmp_path / "m")


def test_an_npz_cannot_become_a_folder(tmp_path):
    (tmp_path / "m.npz").touch()
    with pytest.raises(UsageError, match="give a Hugging Face folder"):
        quantize_folder(tmp_path / "m.npz", tmp_path / "q", "int8")


BROKEN = {
    "a tensor missing": (lambda t: t.pop("connector.scale"), "lacks 1 quantised tensors"),
    "one too many": (lambda t: t.update(more=torch.zeros(1)), "has no place for 1"),
    "another shape": (lambda t: t.update({"connector.scale": torch.ones(3)}), "of shape [3]"),
    "another dtype": (
        lambda t: t.update({"connector.packed": t["connector.packed"].short()}),
        "torch.int16",
    ),
    "NaN in a scale": (lambda t: t["connector.scale"].fill_(float("nan")), "holds NaN"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_told(name, packed):
    change, said = BROKEN[name]
    edit_packed(packed, change)
    with pytest.raises(CheckpointError) as error:
        open_model(find(packed))
    assert said in str(error.value)
    assert "quantise the original again" in str(error.value)


def test_half_a_file_and_none_are_told(packed):
    whole = (packed / PACKED_FILE).read_bytes()
    (packed / PACKED_FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="is not a whole safetensors file"):
        open_model(find(packed))
    (packed / PACKED_FILE).unlink()
    with pytest.raises(CheckpointError, match="is not a whole safetensors file"):
        open_model(find(packed))


def test_a_folder_of_a_later_version_is_told(packed):
    edit_config(packed, lambda raw: raw["quantization_config"].update(format=2))
    with pytest.raises(CheckpointError, match="update palikit, or quantise the original again"):
        open_model(find(packed))
