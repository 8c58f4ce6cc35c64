"""Adapters travel both ways between palikit and the package PEFT, and mean the same there."""

import copy
import json

import peft
import pytest
import torch
from helpers.oracle import pair
from safetensors.torch import load_file, save_file

from palikit.errors import CheckpointError
from palikit.model.lora import add_lora, lora_layers
from palikit.weights.peft import load_adapter, save_adapter

NAMES = ["paligemma1", "paligemma2"]
PATTERNS = ["text.blocks.*.attn.[qv]", "text.blocks.*.mlp.*", "vision.blocks.*.attn.q", "connector"]
TOKENS = torch.tensor([[2, 7, 9, 11, 5]])


def ours_and_theirs(name):
    return tuple(copy.deepcopy(model) for model in pair(name))


def our_answer(model):
    ones = torch.ones_like(TOKENS)
    return model(None, TOKENS, ones, ones.bool())


def their_answer(model):
    hidden = model.base_model.model.model.language_model(input_ids=TOKENS).last_hidden_state
    logits = model.base_model.model.lm_head(hidden)
    cap = model.config.text_config.to_dict().get("final_logit_softcapping")
    return cap * torch.tanh(logits / cap) if cap else logits


def stir(parameters):
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in parameters:
            parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))


@pytest.mark.parametrize("name", NAMES)
def test_peft_loads_what_we_write(name, tmp_path):
    ours, theirs = ours_and_theirs(name)
    add_lora(ours, PATTERNS, rank=3, alpha=12.0)
    stir(p for _, layer in lora_layers(ours) for p in (layer.lora_a, layer.lora_b))
    save_adapter(ours, tmp_path, base="tiny")
    loaded = peft.PeftModel.from_pretrained(theirs, str(tmp_path)).eval()
    wrapped = [m for m in loaded.modules() if isinstance(m, peft.tuners.lora.Linear)]
    assert len(wrapped) == len(list(lora_layers(ours)))
    with torch.no_grad():
        torch.testing.assert_close(our_answer(ours), their_answer(loaded), atol=2e-5, rtol=1e-5)
        image = torch.randn(1, 3, 28, 28, generator=torch.Generator().manual_seed(2))
        tower = loaded.base_model.model.model
        features = tower.multi_modal_projector(tower.vision_tower(image).last_hidden_state)
        torch.testing.assert_close(ours.embed_image(image), features, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_we_load_what_peft_writes(name, tmp_path):
    ours, theirs = ours_and_theirs(name)
    config = peft.LoraConfig(
        r=4, lora_alpha=6, target_modules=r".*language_model.*\.(q_proj|gate_proj)"
    )
    wrapped = peft.get_peft_model(theirs, config)
    stir(p for key, p in wrapped.named_parameters() if "lora_" in key)
    wrapped.save_pretrained(str(tmp_path))
    names = load_adapter(ours, tmp_path)
    assert len(names) == 2 * ours.config.text.depth
    with torch.no_grad():
        torch.testing.assert_close(
            our_answer(ours), their_answer(wrapped.eval()), atol=2e-5, rtol=1e-5
        )


def test_our_own_adapters_come_back(tmp_path):
    ours, other = ours_and_theirs("paligemma2")[0], ours_and_theirs("paligemma2")[0]
    add_lora(ours, ["text.blocks.0.*"], rank=2)
    stir(p for _, layer in lora_layers(ours) for p in (layer.lora_a, layer.lora_b))
    save_adapter(ours, tmp_path)
    load_adapter(other, tmp_path)
    assert torch.equal(our_answer(ours), our_answer(other))


@pytest.fixture
def folder(tmp_path):
    model = ours_and_theirs("paligemma2")[0]
    add_lora(model, ["text.blocks.0.*"], rank=2)
    save_adapter(model, tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"use_dora": True}, "use_dora"),
        ({"bias": "all"}, "bias 'all'"),
        ({"peft_type": "LOHA"}, "LOHA"),
        ({"modules_to_save": ["connector"]}, "modules_to_save"),
        ({"r": "four"}, "no rank"),
        ({"r": 5}, "the model needs"),
    ],
)
def test_what_is_not_plain_lora_is_refused(folder, change, message):
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(CheckpointError, match=message):
        load_adapter(ours_and_theirs("paligemma2")[0], folder)


def test_broken_weights_are_refused(folder):
    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    save_file({key.replace("layers.0", "layers.9"): t for key, t in tensors.items()}, path)
    with pytest.raises(CheckpointError, match="does not fit this model"):
        load_adapter(ours_and_theirs("paligemma2")[0], folder)
    path.write_bytes(b"torn")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_adapter(ours_and_theirs("paligemma2")[0], folder)
    path.unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_adapter(ours_and_theirs("paligemma2")[0], folder)
