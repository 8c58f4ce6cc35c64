"""Names in other people's files: every spelling, every array, one to one."""

import pytest
from helpers.tiny import TINY, tiny_model

from palikit.weights.names import hub_name, npz_entry, released_spelling


@pytest.mark.parametrize("name", TINY)
def test_every_parameter_has_a_name_of_its_own_in_every_format(name):
    post_norms = TINY[name].text.post_norms
    ours = [key for key, _ in tiny_model(name).named_parameters()]
    assert len({hub_name(key, post_norms=post_norms) for key in ours}) == len(ours)
    entries = [npz_entry(key) for key in ours]
    assert len({(entry.key, entry.index) for entry in entries}) == len(ours)


@pytest.mark.parametrize(
    ("ours", "released"),
    [
        ("vision.pos_embedding", "vision_tower.vision_model.embeddings.position_embedding.weight"),
        (
            "vision.blocks.3.attn.out.bias",
            "vision_tower.vision_model.encoder.layers.3.self_attn.out_proj.bias",
        ),
        ("vision.norm.weight", "vision_tower.vision_model.post_layernorm.weight"),
        ("connector.bias", "multi_modal_projector.linear.bias"),
        ("text.embedding.weight", "language_model.model.embed_tokens.weight"),
        ("text.blocks.0.attn.out.weight", "language_model.model.layers.0.self_attn.o_proj.weight"),
        ("text.blocks.9.mlp.gate.weight", "language_model.model.layers.9.mlp.gate_proj.weight"),
        ("text.norm.weight", "language_model.model.norm.weight"),
    ],
)
def test_released_names_are_as_the_released_files_have_them(ours, released):
    assert hub_name(ours, post_norms=True) == released


def test_the_norm_before_the_mlp_has_another_name_in_gemma_1():
    ours = "text.blocks.0.pre_mlp_norm.weight"
    layer = "language_model.model.layers.0"
    assert hub_name(ours, post_norms=False) == f"{layer}.post_attention_layernorm.weight"
    assert hub_name(ours, post_norms=True) == f"{layer}.pre_feedforward_layernorm.weight"


@pytest.mark.parametrize(
    ("spelled", "released"),
    [
        ("language_model.model.norm.weight", "language_model.model.norm.weight"),
        ("model.language_model.norm.weight", "language_model.model.norm.weight"),
        ("language_model.norm.weight", "language_model.model.norm.weight"),
        ("lm_head.weight", "language_model.lm_head.weight"),
        ("language_model.lm_head.weight", "language_model.lm_head.weight"),
        (
            "model.vision_tower.vision_model.post_layernorm.bias",
            "vision_tower.vision_model.post_layernorm.bias",
        ),
        ("vision_tower.post_layernorm.bias", "vision_tower.vision_model.post_layernorm.bias"),
        ("model.multi_modal_projector.linear.bias", "multi_modal_projector.linear.bias"),
    ],
)
def test_all_three_spellings_are_one(spelled, released):
    assert released_spelling(spelled) == released
