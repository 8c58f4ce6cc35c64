"""A model whose weights were exchanged from outside answers nearly as before."""

import copy

import pytest
import torch
from helpers.tiny import TINY, random_images, tiny_model
from torch import Tensor, nn

from palikit.errors import CheckpointError, UsageError
from palikit.model.gemma import TiedEmbedding
from palikit.model.paligemma import PaliGemma
from palikit.quantize.int4 import Int4Linear
from palikit.quantize.int8 import Int8Embedding, Int8Linear
from palikit.quantize.swap import Quantization, pack_into, quantize_model

MODES = {"int8": Quantization("int8"), "int4": Quantization("int4", 32)}


def calm_model(name: str) -> PaliGemma:
    """Weights as a trained model's: the shared ones make attention so sharp that any rounding, of
    bfloat16 too, moves it to other tokens."""
    model = copy.deepcopy(tiny_model(name))
    for key, weight in model.named_parameters():
        if weight.ndim > 1:
            weight.mul_(0.5)
        elif key.startswith("text") and key.endswith("norm.weight"):
            weight.mul_(0.2)
    return model


def logits(model: PaliGemma) -> Tensor:
    tokens = torch.randint(3, 300, (2, 9), generator=torch.Generator().manual_seed(0))
    masks = torch.zeros_like(tokens), torch.ones_like(tokens, dtype=torch.bool)
    with torch.no_grad():
        return model(random_images(2, 2, seed=1), tokens, *masks)


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize(("mode", "bound"), [("int8", 0.04), ("int4", 0.4)])
def test_a_quantised_model_is_near_the_float_one(name, mode, bound):
    model = calm_model(name)
    plain = logits(model)
    quantised = logits(quantize_model(model, MODES[mode]))
    assert quantised.dtype == torch.float32
    assert (quantised - plain).norm() <= bound * plain.norm()


@pytest.mark.parametrize("mode", MODES)
def test_what_is_exchanged_and_what_stays(mode):
    model = copy.deepcopy(tiny_model("paligemma2"))
    before = {name: type(module) for name, module in model.named_modules()}
    kept = dict(model.named_parameters())
    assert quantize_model(model, MODES[mode]) is model
    for name, module in model.named_modules():
        if before[name] is TiedEmbedding:
            assert type(module) is Int8Embedding
        elif before[name] is nn.Linear:
            four = mode == "int4" and name.startswith("text.")
            assert type(module) is (Int4Linear if four else Int8Linear)
        else:
            assert type(module) is before[name]
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, kept[name]), name
    packed = {name for name in kept if name not in dict(model.named_parameters())}
    assert all(name.endswith(".weight") and "norm" not in name for name in packed)
    assert "vision.patch_embedding.weight" not in packed


@pytest.mark.parametrize("mode", MODES)
def test_weights_packed_one_by_one_equal_those_packed_in_place(mode):
    source = tiny_model("paligemma2")
    with torch.device("meta"):
        model = PaliGemma(source.config)
    take = pack_into(MODES[mode], torch.float32)(model)
    left = {name for name, weight in source.named_parameters() if not take(name, weight)}
    assert left == {name for name, _ in model.named_parameters()}
    whole = quantize_model(copy.deepcopy(source), MODES[mode])
    taken = dict(model.named_buffers())
    assert set(taken) == {name for name, _ in whole.named_buffers()}
    assert all(torch.equal(taken[name], buffer) for name, buffer in whole.named_buffers())


def test_quantising_twice_changes_nothing():
    model = quantize_model(copy.deepcopy(tiny_model("paligemma2")), MODES["int8"])
    before = dict(model.named_buffers())
    after = dict(quantize_model(model, MODES["int4"]).named_buffers())
    assert before.keys() == after.keys()
    assert all(before[name] is after[name] for name in before)


@pytest.mark.parametrize("mode", ["int5", "", "INT8"])
def test_an_unknown_mode_is_told(mode):
    with pytest.raises(UsageError, match="write 'int8' or 'int4'"):
        Quantization.named(mode)


@pytest.mark.parametrize(
    "change", [{"format": 2}, {"mode": "int2"}, {"group_size": 7}, {"group_size": None}]
)
def test_a_description_of_another_version_is_refused(change):
    described = MODES["int4"].describe()
    assert Quantization.read(described, "m") == MODES["int4"]
    with pytest.raises(CheckpointError, match="m is quantised in a way that this palikit does not"):
        Quantization.read(described | change, "m")
