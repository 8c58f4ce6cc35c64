"""A few rows through all blocks by one call in C, against the plain decoder."""

import copy
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from helpers.native import built
from helpers.tiny import TINY, randomise
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from palikit.config import PaliGemmaConfig
from palikit.model.gemma import Gemma
from palikit.model.lora import add_lora
from palikit.model.paligemma import PaliGemma
from palikit.model.slot_cache import SlotCache
from palikit.quantize import Quantization, quantize_model, rows, speed_up
from palikit.quantize.rows import FusedGemma

# int4 layers are whole blocks of 64 outputs wide where C reads them.
WIDE = replace(
    TINY["paligemma2"],
    text=replace(TINY["paligemma2"].text, width=64, mlp_dim=128, head_dim=32),
)
CONFIGS = {**TINY, "wide": WIDE}
LENGTHS = [3, 7, 5]
NEAR = {"float32": 5e-5, "int8": 0.02, "int4": 0.02}
CASES = [(name, held) for name in CONFIGS for held in NEAR if held != "int4" or name == "wide"]


def model_of(config: PaliGemmaConfig, held: str = "float32") -> PaliGemma:
    model = PaliGemma(config).eval().requires_grad_(False)
    randomise(model, 0)
    if held == "bfloat16":
        model = model.bfloat16()
    elif held != "float32":
        quantize_model(model, Quantization.named(held))
    return speed_up(model)


def filled(model: PaliGemma, lengths: Sequence[int]) -> SlotCache:
    """Rows of noise, as if prefixes had been read."""
    cache = model.slot_cache()
    cache.resize(len(lengths), 16)
    for at, layer in enumerate((*cache.keys, *cache.values)):
        noise = torch.randn(layer.shape, generator=torch.Generator().manual_seed(at))
        layer.copy_(noise)
    cache.lengths = list(lengths)
    return cache


def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with every call of C."""
    done: list[int] = []
    read = rows._read

    def counted(*given):
        done.append(1)
        return read(*given)

    monkeypatch.setattr(rows, "_read", counted)
    return done


@torch.inference_mode()
def read_on(model: PaliGemma, counts: Sequence[int], lengths: Sequence[int]) -> list[Tensor]:
    """The real tokens' states, then what the cache holds of each layer."""
    cache = filled(model, lengths)
    tokens = torch.arange(len(counts) * max(counts)).view(len(counts), -1) + 5
    hidden = model.extend_ragged(tokens, counts, cache)
    real = [hidden[row, :count].float() for row, count in enumerate(counts)]
    kept = [layer[:, :, :-1].float() for layer in (*cache.keys, *cache.values)]
    return [*real, *kept]


@pytest.mark.parametrize("counts", [[1], [1, 1, 1], [2, 1], [4], [1, 2]])
@pytest.mark.parametrize(("name", "held"), CASES)
def test_rows_are_read_as_the_plain_decoder_reads_them(name, held, counts, monkeypatch) -> None:
    built()
    model = model_of(CONFIGS[name], held)
    assert type(model.text) is FusedGemma
    done = calls(monkeypatch)
    ours = read_on(model, counts, LENGTHS[: len(counts)])
    assert done
    monkeypatch.setattr(rows, "are_few", lambda count: False)
    theirs = read_on(model, counts, LENGTHS[: len(counts)])
    assert len(done) == 1
    for one, other in zip(ours, theirs, strict=True):
        spread = other.square().mean().sqrt().item()
        assert (one - other).abs().max() <= NEAR[held] * spread
        assert (one - other).square().mean().sqrt() <= NEAR[held] / 4 * spread


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from([*CONFIGS]))
def test_rows_of_any_lengths_are_told_alone_what_they_are_told_together(data, name: str) -> None:
    built()
    lengths = data.draw(st.lists(st.integers(0, 12), min_size=1, max_size=4))
    counts = [data.draw(st.integers(1, 4 // len(lengths))) for _ in lengths]
    model = model_of(CONFIGS[name])
    tokens = torch.arange(len(counts) * max(counts)).view(len(counts), -1) + 5
    with torch.inference_mode():
        together = model.extend_ragged(tokens, counts, filled(model, lengths))
        for row, (length, count) in enumerate(zip(lengths, counts, strict=True)):
            cache, whole = filled(model, [length]), filled(model, lengths)
            ours, theirs = ((*one.keys, *one.values) for one in (cache, whole))
            for layer, all_rows in zip(ours, theirs, strict=True):
                layer[0] = all_rows[row]
            alone = model.extend_ragged(tokens[row : row + 1, :count], [count], cache)
            assert torch.equal(alone[0], together[row, :count])


@pytest.mark.parametrize("counts", [[1], [1, 1, 1], [4]])
@pytest.mark.parametrize("name", CONFIGS)
def test_bfloat16_is_as_near_to_float32_as_the_plain_decoder(name, counts, monkeypatch) -> None:
    built()
    model, done = model_of(CONFIGS[name], "bfloat16"), calls(monkeypatch)
    ours = read_on(model, counts, LENGTHS[: len(counts)])
    assert done
    monkeypatch.setattr(rows, "are_few", lambda count: False)
    theirs = read_on(model, counts, LENGTHS[: len(counts)])
    exact = read_on(model.float(), counts, LENGTHS[: len(counts)])  # the same numbers
    off, usual = (
        sum((one - right).abs().sum().item() for one, right in zip(told, exact, strict=True))
        for told in (ours, theirs)
    )
    assert 0 < off <= 1.3 * usual


def test_slots_of_others_stay_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    built()
    model, done = model_of(CONFIGS["paligemma2"]), calls(monkeypatch)
    cache, before = filled(model, [3, 7]), filled(model, [3, 7])
    with torch.inference_mode():
        model.extend_ragged(torch.tensor([[5], [6]]), [1, 1], cache)
    assert done
    for layer, old in zip(
        (*cache.keys, *cache.values), (*before.keys, *before.values), strict=True
    ):
        changed = (layer != old).any(dim=-1).any(dim=1)
        assert changed.nonzero().tolist() == [[0, 3], [1, 7]]


def test_parts_that_are_exchanged_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    built()
    # Without norms behind the MLP, which would undo the change.
    model, done = model_of(CONFIGS["paligemma1"]), calls(monkeypatch)

    def told() -> Tensor:
        return read_on(model, [1], [3])[0]

    before = told()
    layer = model.text.blocks[1].mlp.up
    layer.weight = nn.Parameter(layer.weight * 2, requires_grad=False)
    exchanged = told()
    assert not torch.equal(exchanged, before)
    layer.weight.data = layer.weight.data / 2  # the same parameter, elsewhere
    torch.testing.assert_close(told(), before)
    assert len(done) == 3
    add_lora(model, ["text.blocks.0.attn.q"], rank=2)
    assert torch.allclose(told(), before, atol=1e-4)
    assert len(done) == 3, "an adapter is none of the layers that C knows"


def test_hooks_are_called_and_parts_of_another_kind_are_kept(monkeypatch) -> None:
    built()
    model, done = model_of(CONFIGS["paligemma2"]), calls(monkeypatch)
    before = read_on(model, [1], [3])[0]
    seen: list[Tensor] = []
    hook = model.text.blocks[1].attn.q.register_forward_hook(lambda *given: seen.append(given[2]))
    torch.testing.assert_close(read_on(model, [1], [3])[0], before, atol=1e-4, rtol=1e-4)
    assert (len(seen), len(done)) == (1, 1)
    hook.remove()
    assert torch.equal(read_on(model, [1], [3])[0], before)
    assert len(done) == 2
    model.text.blocks[1].post_mlp_norm = nn.Tanh()
    assert not torch.allclose(read_on(model, [1], [3])[0], before, atol=1e-2)
    assert len(done) == 2


def test_a_copy_has_weights_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    built()
    model, done = model_of(CONFIGS["paligemma1"]), calls(monkeypatch)
    before = read_on(model, [1], [3])[0]
    copied = copy.deepcopy(model)
    copied.text.blocks[1].mlp.up.weight.mul_(2)
    assert not torch.equal(read_on(copied, [1], [3])[0], before)
    assert torch.equal(read_on(model, [1], [3])[0], before)
    assert len(done) == 3


@pytest.mark.parametrize("reason", ["rows", "gradient", "window", "bias"])
def test_what_c_does_not_do_the_plain_decoder_does(reason: str, monkeypatch) -> None:
    built()
    config = CONFIGS["paligemma2"]
    if reason == "window":
        config = replace(config, text=replace(config.text, sliding_window=4))
    model, done = model_of(config), calls(monkeypatch)
    if reason == "bias":
        model.text.blocks[0].attn.q.bias = nn.Parameter(torch.zeros(64), requires_grad=False)
    counts = [5] if reason == "rows" else [1]
    cache = filled(model, [3])
    tokens = torch.arange(counts[0])[None] + 5
    with torch.set_grad_enabled(reason == "gradient"):
        hidden = model.extend_ragged(tokens, counts, cache)
    plain = Gemma(config.text).eval()
    plain.load_state_dict({k: v for k, v in model.text.state_dict().items() if "bias" not in k})
    model.text = plain
    with torch.no_grad():
        theirs = model.extend_ragged(tokens, counts, filled(model, [3]))
    assert not done
    torch.testing.assert_close(hidden, theirs, atol=1e-4, rtol=1e-4)
