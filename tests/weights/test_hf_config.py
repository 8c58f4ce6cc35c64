"""`config.json`: sparse, old, new and complete ones, and what is not PaliGemma's."""

from dataclasses import replace

import pytest
from helpers.tiny import TINY

from palikit.config import PRESETS
from palikit.errors import CheckpointError, UsageError
from palikit.weights.hf_config import from_hf, to_hf

SO400M = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_attention_heads": 16,
    "num_hidden_layers": 27,
    "patch_size": 14,
}
# As released: no head_dim, no image_size, caps, scalar, eps or rope.
SPARSE = {
    "model_type": "paligemma",
    "image_token_index": 257152,
    "eos_token_id": [1, 107],
    "text_config": {
        "model_type": "gemma2",
        "hidden_size": 2304,
        "intermediate_size": 9216,
        "num_attention_heads": 8,
        "num_hidden_layers": 26,
        "num_key_value_heads": 4,
        "vocab_size": 257216,
    },
    "vision_config": {"model_type": "siglip_vision_model", **SO400M},
}


def with_text(**fields):
    return SPARSE | {"text_config": SPARSE["text_config"] | fields}


def test_a_sparse_released_configuration_is_the_preset():
    assert from_hf(SPARSE, "config.json") == PRESETS["paligemma2-3b-224"]


def test_a_sparse_configuration_of_the_first_paligemma_is_the_preset():
    text = {
        "model_type": "gemma",
        "hidden_size": 2048,
        "intermediate_size": 16384,
        "num_attention_heads": 8,
        "num_hidden_layers": 18,
        "num_key_value_heads": 1,
        "vocab_size": 257216,
    }
    raw = SPARSE | {"text_config": text}
    raw["vision_config"] = raw["vision_config"] | {"image_size": 448}
    assert from_hf(raw, "config.json") == PRESETS["paligemma-3b-448"]


@pytest.mark.parametrize("name", [*PRESETS, *TINY])
def test_every_size_comes_back_from_its_own_config_json(name):
    config = (PRESETS | TINY)[name]
    read = from_hf(to_hf(config), "config.json")
    assert read.text.query_scale == pytest.approx(config.text.query_scale, rel=1e-12)
    same_scale = replace(read.text, query_scale=config.text.query_scale)
    assert replace(read, text=same_scale) == config


@pytest.mark.parametrize(
    ("fields", "base"),
    [
        ({"rope_theta": 500.0}, 500.0),
        ({"rope_parameters": {"rope_theta": 500.0, "rope_type": "default"}}, 500.0),
        ({}, 10_000.0),
        ({"rope_parameters": None}, 10_000.0),
    ],
)
def test_the_rope_base_is_read_from_the_old_and_the_new_field(fields, base):
    assert from_hf(with_text(**fields), "config.json").text.rope_base == base


@pytest.mark.parametrize(
    ("rows", "image", "tokens"),
    [(257216, 257152, 257152), (257152, 257152, 257152), (257280, 257152, 257280)],
)
def test_rows_from_the_image_token_on_are_padding_where_it_comes_last(rows, image, tokens):
    raw = with_text(vocab_size=rows) | {"image_token_index": image}
    assert from_hf(raw, "config.json").text.vocab_size == tokens


def test_a_soft_cap_that_is_null_is_off():
    assert (
        from_hf(with_text(final_logit_softcapping=None), "config.json").text.final_softcap is None
    )


def test_a_soft_cap_of_zero_is_off():
    assert from_hf(with_text(final_logit_softcapping=0), "config.json").text.final_softcap is None


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        ("text_config", {"hidden_activation": "silu"}),
        ("text_config", {"hidden_act": "relu"}),
        ("vision_config", {"hidden_act": "gelu"}),
    ],
)
def test_another_activation_is_refused_by_name(part, fields):
    with pytest.raises(CheckpointError, match=next(iter(fields.values()))):
        from_hf(SPARSE | {part: SPARSE[part] | fields}, "config.json")


@pytest.mark.parametrize(
    "fields",
    [
        {"hidden_act": "gelu", "hidden_activation": None},
        {"hidden_act": "gelu", "hidden_activation": "gelu_pytorch_tanh"},
    ],
)
def test_the_first_gemmas_name_for_their_activation_is_read(fields):
    assert from_hf(with_text(**fields), "config.json") == PRESETS["paligemma2-3b-224"]


def test_the_window_that_released_files_name_is_not_used():
    assert from_hf(with_text(sliding_window=4096), "config.json").text.sliding_window is None


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({}, "None, not 'paligemma'"),
        ({"model_type": "llava"}, "'llava', not 'paligemma'"),
        (with_text(model_type="llama"), "'llama'"),
        (with_text(head_dim=None), "not a readable"),
        (with_text(hidden_size="wide"), "not a readable"),
        (with_text(num_hidden_layers=0), "less than 1"),
        (with_text(num_key_value_heads=3), "no multiple"),
        (with_text(query_pre_attn_scalar=0), "not a readable"),
        (with_text(rms_norm_eps=float("nan")), "out of range"),
        (with_text(rope_scaling={"rope_type": "yarn"}), "yarn"),
        (SPARSE | {"vision_config": None}, "not a readable"),
        (SPARSE | {"text_config": []}, "not a readable"),
        (SPARSE | {"vision_config": SO400M | {"patch_size": 0}}, "less than 1"),
        (SPARSE | {"vision_config": SO400M | {"image_size": 225}}, "no multiple"),
    ],
)
def test_what_is_not_paligemmas_is_told(raw, words):
    with pytest.raises(CheckpointError, match=words):
        from_hf(raw, "there/config.json")


def test_a_mixture_that_no_gemma_is_cannot_be_written():
    config = TINY["paligemma1"]
    mixed = replace(config, text=replace(config.text, attn_softcap=50.0))
    with pytest.raises(UsageError, match="mixture"):
        to_hf(mixed)
