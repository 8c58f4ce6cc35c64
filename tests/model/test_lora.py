"""Adapters: a new one changes nothing, a merged one is the same function, only they learn."""

import pytest
import torch
from helpers.tiny import TINY, randomise, tiny_model
from torch import Tensor, nn

from palikit.model.lora import LoraLinear, add_lora, lora_layers, merge_lora
from palikit.model.paligemma import PaliGemma
from palikit.quantize import Quantization, quantize_model

TOKENS = torch.tensor([[2, 7, 9, 11]])


def fresh(name: str = "paligemma2") -> PaliGemma:
    model = PaliGemma(TINY[name]).eval().requires_grad_(False)
    model.load_state_dict(tiny_model(name).state_dict())
    return model


def answer(model: PaliGemma) -> Tensor:
    ones = torch.ones_like(TOKENS)
    return model(None, TOKENS, ones, ones.bool())


def stir(model: nn.Module) -> None:
    generator = torch.Generator().manual_seed(3)
    for _, layer in lora_layers(model):
        with torch.no_grad():
            layer.lora_b.copy_(torch.randn(layer.lora_b.shape, generator=generator) * 0.1)


def test_a_new_adapter_changes_nothing():
    model = fresh()
    before = answer(model)
    names = add_lora(model, ["text.blocks.*"], rank=4)
    assert len(names) == 7 * model.config.text.depth
    assert torch.equal(answer(model), before)


def test_patterns_choose_layers_and_nothing_is_wrapped_twice():
    model = fresh()
    assert add_lora(model, ["text.blocks.1.attn.[qv]"], rank=2) == [
        "text.blocks.1.attn.q",
        "text.blocks.1.attn.v",
    ]
    again = add_lora(model, ["text.blocks.1.attn.*"], rank=2)
    assert again == ["text.blocks.1.attn.k", "text.blocks.1.attn.out"]
    assert not add_lora(model, ["vision.nothing"], rank=2)


def test_merging_gives_the_same_function_in_plain_layers():
    model = fresh()
    before = answer(model)
    add_lora(model, ["text.*", "connector"], rank=4, alpha=16.0)
    stir(model)
    changed = answer(model)
    assert (changed - before).abs().max() > 1e-3
    merge_lora(model)
    assert not list(lora_layers(model))
    assert {type(m) for m in model.modules()} == {type(m) for m in fresh().modules()}
    torch.testing.assert_close(answer(model), changed, atol=1e-5, rtol=1e-5)


def test_only_adapters_get_gradients():
    model = fresh()
    add_lora(model, ["text.blocks.*"], rank=4)
    answer(model).square().sum().backward()
    with_gradient = {name for name, p in model.named_parameters() if p.grad is not None}
    assert with_gradient == {
        f"{name}.lora_{letter}" for name, _ in lora_layers(model) for letter in "ab"
    }


def test_dropout_acts_on_the_change_alone_and_only_in_training():
    layer = LoraLinear(nn.Linear(6, 5), rank=2, alpha=4.0, dropout=0.5)
    nn.init.normal_(layer.lora_b)
    x = torch.randn(3, 6)
    assert torch.equal(layer.eval()(x), layer(x))
    noisy = layer.train()(x)
    assert not torch.equal(noisy, layer.eval()(x))
    nn.init.zeros_(layer.lora_b)
    assert torch.equal(layer.train()(x), layer.base(x))


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_a_quantised_base_trains_its_adapters_with_the_gradients_of_its_stored_weights(mode):
    packed = quantize_model(fresh(), Quantization(mode))
    plain = fresh()
    with torch.no_grad():
        for name, layer in packed.named_modules():
            if hasattr(layer, "unpack"):
                plain.get_submodule(name).weight.copy_(layer.unpack())
    grads = []
    for model in (packed, plain):
        torch.manual_seed(0)
        assert len(add_lora(model, ["text.blocks.*"], rank=4)) == 21
        stir(model)
        x = torch.randn(1, 4, 48, generator=torch.Generator().manual_seed(1)).requires_grad_()
        hidden = x
        for block in model.text.blocks:
            hidden = block.mlp(block.pre_mlp_norm(hidden)) + hidden
        model.text.logits(hidden).square().sum().backward()
        grads.append([x.grad, *(p.grad for p in model.parameters() if p.grad is not None)])
    assert len(grads[0]) == len(grads[1]) == 1 + 2 * 9
    for ours, theirs in zip(*grads, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4 * float(theirs.abs().max()))


def test_randomised_adapters_are_float32_on_any_base():
    model = fresh().to(torch.bfloat16)
    add_lora(model, ["text.blocks.*"], rank=2)
    randomise(model, 1)
    assert {layer.lora_a.dtype for _, layer in lora_layers(model)} == {torch.float32}
    assert answer(model).isfinite().all()
