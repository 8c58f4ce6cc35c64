"""What learns is what the method says, and what is put around the model does not change it."""

import copy

import pytest
import torch
from helpers.tiny import TINY, random_images, randomise

from palikit.errors import UsageError
from palikit.model.paligemma import PaliGemma
from palikit.tuning.building import build_model, describe, prepare, sees_vision
from palikit.tuning.config import FineTune, Method


def fresh():
    model = PaliGemma(TINY["paligemma2"]).train()
    randomise(model, 0)
    return model


def run(model):
    tokens = torch.tensor([[2, 7, 9, 11, 12, 1]])
    real = torch.ones_like(tokens, dtype=torch.bool)
    features = model.embed_image(random_images(1, 1))
    return model.forward_suffix(features, tokens, real, 3)


def gradients(model):
    run(model).square().sum().backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(
    ("freeze", "frozen"),
    [
        (("vision",), {"vision"}),
        (("vision", "connector", "embedding"), {"vision", "connector", "embedding"}),
        (("text.*",), {"embedding", "decoder"}),
    ],
)
def test_parts_and_patterns_freeze(freeze, frozen):
    model = prepare(fresh(), Method(kind="full", freeze=freeze))
    rows = {part: (learned, total) for part, learned, total in describe(model)}
    for part, (learned, total) in rows.items():
        assert learned == (0 if part in frozen else total)
        assert total > 0
    assert sees_vision(model) == ("vision" not in frozen or "connector" not in frozen)


def test_adapters_are_what_learns_and_are_counted():
    model = prepare(fresh(), Method(kind="lora", rank=4))
    rows = {part: learned for part, learned, _ in describe(model)}
    assert rows["vision"] == rows["connector"] == rows["embedding"] == 0
    assert rows["decoder"] == sum(p.numel() for p in model.parameters() if p.requires_grad) > 0
    assert not sees_vision(model)


def test_when_nothing_would_learn_it_is_said():
    with pytest.raises(UsageError, match=r"nothing would learn.*text\.blocks\.0\.attn\.q"):
        prepare(fresh(), Method(kind="lora", adapt=("no.such.layer",)))
    with pytest.raises(UsageError, match="nothing would learn"):
        prepare(fresh(), Method(kind="full", freeze=("*",)))


def test_recomputed_activations_give_the_same_gradients():
    plain = gradients(prepare(fresh(), Method(kind="full")))
    again = gradients(prepare(fresh(), Method(kind="full", recompute=True)))
    assert plain.keys() == again.keys()
    for name, gradient in plain.items():
        assert torch.equal(gradient, again[name]), name


def test_recomputing_draws_the_same_dropout():
    results = []
    for recompute in (False, True):
        model = prepare(fresh(), Method(kind="full", recompute=recompute), 0.2)
        torch.manual_seed(3)
        results.append(gradients(model))
    for name, gradient in results[0].items():
        torch.testing.assert_close(gradient, results[1][name])


def test_dropout_stands_in_the_residual_branches_and_only_in_training():
    model = prepare(fresh(), Method(kind="full"), residual_dropout=0.5)
    torch.manual_seed(0)
    first = run(model)
    assert not torch.equal(first, run(model))
    model.eval()
    assert torch.equal(run(model), run(fresh().eval()))


def test_with_all_branches_dropped_only_the_embeddings_pass():
    model = prepare(fresh(), Method(kind="full"), residual_dropout=1.0)
    hidden = run(model)
    bare = copy.deepcopy(model)
    bare.text.blocks = torch.nn.ModuleList()
    torch.testing.assert_close(hidden, run(bare))


@pytest.mark.parametrize("kind", ["full", "lora", "qlora"])
def test_a_checkpoint_is_opened_ready_to_learn(kind):
    model = build_model(
        FineTune(data=("none:",), method=Method(kind=kind, rank=2, quantize="int8"))
    )
    learned = [p for p in model.parameters() if p.requires_grad]
    assert learned
    assert all(p.dtype == torch.float32 for p in learned)
    packed = any(hasattr(module, "unpack") for module in model.modules())
    assert packed == (kind == "qlora")
    with torch.no_grad():
        for parameter in learned:
            parameter.add_(1.0)  # a mapped file would end the process here
