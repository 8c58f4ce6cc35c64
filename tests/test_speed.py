"""What `palikit bench` counts, against counts by hand; times are nobody's to test."""

import pytest
import torch
from helpers.tiny import TINY, random_images, random_prompt, randomise
from torch import Tensor, nn

from palikit.engine import speed
from palikit.engine.speed import arithmetic_of, bytes_a_step, measure_speed
from palikit.model.cache import KVCache
from palikit.model.paligemma import PaliGemma
from palikit.quantize import Quantization, quantize_model, speed_up_bfloat16


def fresh(name: str) -> PaliGemma:
    model = PaliGemma(TINY[name]).eval().requires_grad_(False)
    randomise(model, 0)
    return model


@pytest.mark.parametrize("held", ["plain", "bfloat16", "int8", "int4"])
def test_operations_are_those_of_linear_layers_however_they_are_held(held: str) -> None:
    model = fresh("paligemma2")
    if held == "bfloat16":
        speed_up_bfloat16(model.bfloat16())
    elif held != "plain":
        quantize_model(model, Quantization.named(held))
    # 3 blocks of width 48: 4 heads and twice 2 of 16, and back; gate, up and down of 80.
    by_hand = 3 * (48 * 64 + 2 * 48 * 32 + 64 * 48 + 3 * 48 * 80)
    assert speed._operations(model.text.blocks, 5) == 2 * 5 * by_hand


def test_a_step_reads_every_weight_once() -> None:
    model = fresh("paligemma2")
    numbers = sum(parameter.numel() for parameter in model.text.parameters())
    assert bytes_a_step(model) == 4 * numbers


@pytest.mark.parametrize(("held", "kind"), [("float32", torch.float32), ("int4", torch.int8)])
def test_quantised_weights_are_multiplied_in_eight_bits(held: str, kind: torch.dtype) -> None:
    model = fresh("paligemma2")
    if held == "int4":
        quantize_model(model, Quantization.named(held))
    assert arithmetic_of(model) == kind


def test_all_that_is_told_of_a_run_is_of_it() -> None:
    told = measure_speed(fresh("paligemma2"), pictures=3, new_tokens=4, runs=1)
    assert told.pictures == 3
    assert 0 < told.vision < told.first_token
    image_and_text = TINY["paligemma2"].tokens_per_image + speed.WORDS
    assert told.prompt == pytest.approx(3 * image_and_text / (told.first_token - told.vision))
    assert told.memory > 1 << 20


def test_a_prefix_is_counted_as_it_is_multiplied() -> None:
    model = fresh("paligemma2")
    done: list[int] = []

    def count(layer: nn.Linear, given: tuple[Tensor], out: Tensor) -> None:
        done.append(2 * given[0].numel() * layer.out_features)

    hooks = [m.register_forward_hook(count) for m in model.modules() if type(m) is nn.Linear]
    words = torch.tensor([random_prompt(speed.WORDS)])
    cache = KVCache(model.config.text, 1, 24)
    model.prefill(model.embed_image(random_images(1, 1)), words, None, cache)
    for hook in hooks:
        hook.remove()
    assert sum(done) == speed.operations_of_prefix(model, speed.WORDS)
