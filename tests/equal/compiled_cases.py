"""Compiled = plain: passes over fixed shapes tell what passes over what is there tell.

Nearly all compile for PyTorch's own kernels, which takes a second and shows the same graphs; one
lets the compiler for the processor write code. `test_compiled.py` runs these.
"""

import os
import shutil
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from helpers.flights import PLENTY, alone, arrivals_of, assert_same, fly, read, request
from helpers.tiny import TINY, random_images, random_prompt, randomise, tiny_model
from torch import Tensor
from torch._dynamo.utils import counters

import palikit as pk
from palikit.data.emoji_world import scene
from palikit.decode import compiled
from palikit.decode.compiled import CompiledPaliGemma, compile_decoding
from palikit.decode.generate import collect, generate
from palikit.decode.room import Room
from palikit.decode.slots import Slots
from palikit.errors import PalikitError
from palikit.model.paligemma import PaliGemma
from palikit.model.slot_cache import SlotCache
from palikit.quantize import Quantization, quantize_model, speed_up


@cache
def compiled_model(name: str) -> PaliGemma:
    """Shared, so that each shape is compiled once."""
    return compile_decoding(tiny_model(name), "eager")


def changed(**text: Any) -> PaliGemma:
    """A tiny PaliGemma 2 with another decoder."""
    config = TINY["paligemma2"]
    model = PaliGemma(replace(config, text=replace(config.text, **text)))
    randomise(model, 0)
    return model.eval().requires_grad_(False)


def shapes(model: PaliGemma) -> set[tuple[int, int, int]]:
    """Rows, width and capacity of all that was compiled."""
    assert isinstance(model, CompiledPaliGemma)
    return set(model._passes)


@pytest.mark.parametrize(
    ("name", "room"),
    [("paligemma1", Room(3, PLENTY)), ("paligemma2", Room(8, PLENTY, 40))],
)
def test_requests_in_flight_are_told_what_the_plain_model_tells_alone(
    name: str, room: Room
) -> None:
    answers = fly(compiled_model(name), arrivals_of(16, seed=1), room)
    assert len(answers) == 16
    for number, answer in answers.items():
        assert_same(answer, alone(tiny_model(name), number))
    assert {width for _, width, _ in shapes(compiled_model(name))} == {1, 8}


def test_cancelled_neighbours_change_no_answer() -> None:
    model, gone = compiled_model("paligemma2"), frozenset(range(0, 18, 2))
    answers = fly(model, arrivals_of(18, seed=2), Room(5, PLENTY), cancelled=gone)
    for number, answer in answers.items():
        assert_same(answer, alone(tiny_model("paligemma2"), number))


def test_a_window_is_each_rows_own() -> None:
    model = changed(depth=2, sliding_window=4)
    answers = fly(compile_decoding(model, "eager"), arrivals_of(6, seed=3), Room(4, PLENTY))
    for number, answer in answers.items():
        assert_same(answer, alone(model, number))


@torch.inference_mode()
def extend(model: PaliGemma, passes: list[list[int]]) -> tuple[list[Tensor], SlotCache]:
    """States of real tokens, a pass for each list of counts, and the cache that is left."""
    cache = read(model, [5, 70, 31])
    states = []
    for number, counts in enumerate(passes):
        generator = torch.Generator().manual_seed(number)
        tokens = torch.randint(3, 300, (3, max(counts)), generator=generator)
        hidden = model.extend_ragged(tokens, counts, cache)
        states.append(torch.cat([row[:new] for row, new in zip(hidden, counts, strict=True)]))
        cache.trim([cache.lengths[0], cache.lengths[1], cache.lengths[2] - 1])
    return states, cache


PASSES = [[1, 1, 1], [3, 1, 8], [2, 2, 2], [20, 1, 9], [30, 2, 2], [1, 1, 1]]
"""The last but one is wider than all that is compiled."""


def test_states_and_what_is_kept_equal_the_plain_ones() -> None:
    ours, fixed = extend(compiled_model("paligemma2"), PASSES)
    theirs, plain = extend(tiny_model("paligemma2"), PASSES)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
    assert fixed.lengths == plain.lengths
    for one, other in zip(fixed.keys + fixed.values, plain.keys + plain.values, strict=True):
        for row, length in enumerate(plain.lengths):
            torch.testing.assert_close(one[row, :, :length], other[row, :, :length])
        assert not one[3:].any(), "idle rows stay empty"


@pytest.mark.parametrize("held", ["int8", "int4", "bfloat16"])
def test_other_weights_are_compiled_too(held: str) -> None:
    model = changed(depth=1)
    if held == "bfloat16":
        model.bfloat16()
    else:
        quantize_model(model, Quantization.named(held))
    speed_up(model)
    compiling = compile_decoding(model, "eager")
    ours, _ = extend(compiling, PASSES[:2])
    theirs, _ = extend(model, PASSES[:2])
    assert shapes(compiling) == {(8, 1, 256), (8, 8, 256)}
    for one, other in zip(ours, theirs, strict=True):
        # int4 has two products for few rows, which agree to 2%.
        assert (one - other).norm() < 0.05 * other.norm()


def test_a_pass_is_one_graph_that_copies_neither_weights_nor_keys() -> None:
    """What a CUDA graph asks for: tensors marked to stay where they are, and none from the CPU."""
    graphs: list[torch.fx.GraphModule] = []

    def look(graph: torch.fx.GraphModule, inputs: list[Any]) -> Any:
        graphs.append(graph)
        return graph.forward

    model = tiny_model("paligemma2")
    extend(compile_decoding(model, look), PASSES[:1])
    (graph,) = graphs
    inputs = [node for node in graph.graph.nodes if node.op == "placeholder"]
    moving = [node for node in inputs if not _stays(node)]
    weights = len(list(model.text.parameters()))
    assert len(moving) == 2, "tokens, and where rows start and end"
    assert len(inputs) == 2 + weights + 2 * model.config.text.depth
    assert not [node for node in graph.graph.nodes if node.op == "get_attr"]
    assert torch.tensor not in {node.target for node in graph.graph.nodes}


def _stays(node: torch.fx.Node) -> bool:
    known = node.meta.get("tensor_dict", {})
    return "_dynamo_static_input_type" in known


def test_where_memory_is_short_passes_are_plain() -> None:
    model = compile_decoding(tiny_model("paligemma2"), "eager")
    answers = fly(model, arrivals_of(8, seed=1), Room(16, 60_000))
    assert shapes(model) == set()
    for number, answer in answers.items():
        assert_same(answer, alone(tiny_model("paligemma2"), number))


def test_shapes_past_the_last_are_read_plainly_and_that_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compiled, "SHAPES", 1)
    plain = changed(depth=1)
    model = compile_decoding(plain, "eager")
    with pytest.warns(UserWarning, match="1 shapes of passes are compiled already"):
        ours, _ = extend(model, PASSES[:2])
    theirs, _ = extend(plain, PASSES[:2])
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
    assert shapes(model) == {(8, 1, 256)}


def test_two_models_of_one_shape_have_their_own_code() -> None:
    """No pass asks whether layers are the same, so none may take another model's code."""
    for model in (changed(depth=1), changed(depth=1, attn_softcap=0.5)):
        ours, _ = extend(compile_decoding(model, "eager"), PASSES[:1])
        theirs, _ = extend(model, PASSES[:1])
        torch.testing.assert_close(ours[0], theirs[0], atol=1e-5, rtol=1e-5)


def test_what_cannot_be_compiled_says_what_to_do() -> None:
    def broken(graph: torch.fx.GraphModule, inputs: list[Any]) -> Any:
        raise RuntimeError("no compiler here")

    slots = Slots(compile_decoding(tiny_model("paligemma2"), broken), Room(2, PLENTY))
    slots.join(request(tiny_model("paligemma2"), 4))
    slots.step()
    (told,) = slots.step()
    assert isinstance(told.error, PalikitError)
    assert "could not be compiled for cpu" in str(told.error)
    assert "no compiler here" in str(told.error)
    assert "leave out compile" in str(told.error)


def test_nano_compiled_answers_as_nano(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "BACKEND", "eager")
    ours, theirs = pk.load("nano", compile=True), pk.load("nano")
    assert isinstance(ours.model, CompiledPaliGemma)
    one, other = scene(91, 0), scene(91, 1)
    labels = sorted({thing.key for thing in one.objects})[:2]
    asked = [(one.image, pk.Detect(labels)), (other.image, pk.Caption())]
    short = pk.Decoding(max_new_tokens=12)
    for mine, their in zip(
        ours.run(asked, decoding=short), theirs.run(asked, decoding=short), strict=True
    ):
        assert mine.text == their.text
        assert mine.score == pytest.approx(their.score, abs=1e-4)
    assert "".join(ours.stream(one.image, pk.Caption(), decoding=short)) == (
        theirs.caption(one.image, decoding=short).text
    )
    assert shapes(ours.model)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_graphs_answer_the_same() -> None:
    model = changed(depth=2).cuda()
    compiling = compile_decoding(model)
    features = model.embed_image(random_images(3, 1).cuda())
    tokens = torch.tensor([random_prompt(4, seed) for seed in range(3)])
    theirs = collect(generate(model, features, tokens, None, eos_id=(), max_new_tokens=12))
    for _ in range(3):  # compiled, recorded, replayed
        ours = collect(generate(compiling, features, tokens, None, eos_id=(), max_new_tokens=12))
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
    assert counters["inductor"]["cudagraph_skips"] == 0


@pytest.mark.skipif(
    shutil.which(os.environ.get("CXX", "g++")) is None, reason="needs a C++ compiler"
)
def test_code_written_for_this_processor_answers_the_same() -> None:
    model = changed(depth=1)
    compiling = compile_decoding(model)
    features = model.embed_image(random_images(3, 1))
    tokens = torch.tensor([random_prompt(4, seed) for seed in range(3)])
    ours, theirs = (
        collect(generate(one, features, tokens, None, eos_id=(), max_new_tokens=12))
        for one in (compiling, model)
    )
    assert shapes(compiling) == {(8, 1, 128)}
    for one, other in zip(ours, theirs, strict=True):
        assert_same(one, other)
