"""What our parameters are called in other people's files; tables only, no file is opened here.

Hugging Face spells PaliGemma's tensors in three ways: as released (`language_model.model.…`,
`vision_tower.vision_model.…`), as transformers 4.52 and later hold them (`model.language_model.…`),
and as transformers 5 writes them (`vision_tower.encoder.…`). All are read; the released one is
written.
big_vision's `.npz` stacks the layers of a kind on a leading axis and stores matrices as input x
output.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

__all__ = ["NpzEntry", "hub_name", "npz_entry", "released_spelling"]

_VISION = "vision_tower.vision_model"
_TEXT = "language_model.model"

# Our name, up to the layer's number, to the released one.
_HUB_PARTS = [
    (r"^vision\.patch_embedding", f"{_VISION}.embeddings.patch_embedding"),
    (r"^vision\.pos_embedding$", f"{_VISION}.embeddings.position_embedding.weight"),
    (r"^vision\.blocks", f"{_VISION}.encoder.layers"),
    (r"^vision\.norm", f"{_VISION}.post_layernorm"),
    (r"^connector", "multi_modal_projector.linear"),
    (r"^text\.embedding", f"{_TEXT}.embed_tokens"),
    (r"^text\.blocks", f"{_TEXT}.layers"),
    (r"^text\.norm", f"{_TEXT}.norm"),
    (r"\.norm([12])\.", r".layer_norm\1."),
    (r"(^language.*)\.attn\.out\.", r"\1.self_attn.o_proj."),
    (r"\.attn\.(q|k|v|out)\.", r".self_attn.\1_proj."),
    (r"\.mlp\.(gate|up|down)\.", r".mlp.\1_proj."),
    (r"\.pre_attn_norm\.", ".input_layernorm."),
    (r"\.post_attn_norm\.", ".post_attention_layernorm."),
    (r"\.post_mlp_norm\.", ".post_feedforward_layernorm."),
]


def hub_name(name: str, *, post_norms: bool) -> str:
    """Our parameter's name in a released Hugging Face file.

    `text.blocks.3.attn.q.weight` -> `language_model.model.layers.3.self_attn.q_proj.weight`.
    Gemma 1 calls the norm before its MLP `post_attention_layernorm`, which in Gemma 2 is another.
    """
    for pattern, theirs in _HUB_PARTS:
        name = re.sub(pattern, theirs, name)
    before_mlp = "pre_feedforward" if post_norms else "post_attention"
    return name.replace(".pre_mlp_norm.", f".{before_mlp}_layernorm.")


def released_spelling(name: str) -> str:
    """A tensor's name in any of Hugging Face's spellings, as the released files have it."""
    name = re.sub(r"^model\.(?=language_model|vision_tower|multi_modal_projector)", "", name)
    name = re.sub(r"^lm_head", "language_model.lm_head", name)
    name = re.sub(r"^language_model\.(?!model\.|lm_head)", f"{_TEXT}.", name)
    return re.sub(r"^vision_tower\.(?!vision_model\.)", f"{_VISION}.", name)


@dataclass(frozen=True, slots=True)
class NpzEntry:
    """Where one of our parameters lies in a big_vision file.

    Attributes:
        key: the array's name, without `params/`.
        index: which slice of the stacked array: (layer,), or (layer, 0 for key or gate, 1 for value
            or up); empty for arrays that are not stacked.
        shape: turns the slice into our shape.
    """

    key: str
    index: tuple[int, ...]
    shape: Callable[[Tensor], Tensor]


def npz_entry(name: str) -> NpzEntry:
    """Our parameter's place in a big_vision `.npz`.

    `text.blocks.3.attn.v.weight` -> `llm/layers/attn/kv_einsum/w`, slice (3, 1), from
    heads x width x head_dim to heads·head_dim x width.
    """
    if name in _WHOLE:
        key, shape = _WHOLE[name]
        return NpzEntry(key, (), shape)
    part, layer, rest = _split_layer(name)
    key, index, shape = _STACKED[f"{part}.{rest}"]
    return NpzEntry(key, (layer, *index), shape)


def _split_layer(name: str) -> tuple[str, int, str]:
    found = re.fullmatch(r"(vision|text)\.blocks\.(\d+)\.(.+)", name)
    assert found, f"{name} has no place in a big_vision file"
    return found[1], int(found[2]), found[3]


def _same(x: Tensor) -> Tensor:
    return x


def _transposed(x: Tensor) -> Tensor:
    return x.transpose(-2, -1)  # unlike mT, an IndexError where there is one axis only


def _flat(x: Tensor) -> Tensor:
    return x.reshape(-1)


def _conv(x: Tensor) -> Tensor:
    return x.permute(3, 2, 0, 1)  # height, width, in, out -> out, in, height, width


def _positions(x: Tensor) -> Tensor:
    return x.reshape(-1, x.shape[-1])


def _heads_out(x: Tensor) -> Tensor:
    return x.flatten(1).mT  # width, heads, head_dim -> heads * head_dim, width


def _heads_in(x: Tensor) -> Tensor:
    return x.flatten(0, 1).mT  # heads, head_dim, width -> width, heads * head_dim


def _einsum_out(x: Tensor) -> Tensor:
    return x.mT.flatten(0, 1)  # heads, width, head_dim -> heads * head_dim, width


_Shape = Callable[[Tensor], Tensor]

_WHOLE: dict[str, tuple[str, _Shape]] = {
    "vision.patch_embedding.weight": ("img/embedding/kernel", _conv),
    "vision.patch_embedding.bias": ("img/embedding/bias", _same),
    "vision.pos_embedding": ("img/pos_embedding", _positions),
    "vision.norm.weight": ("img/Transformer/encoder_norm/scale", _same),
    "vision.norm.bias": ("img/Transformer/encoder_norm/bias", _same),
    "connector.weight": ("img/head/kernel", _transposed),
    "connector.bias": ("img/head/bias", _same),
    "text.embedding.weight": ("llm/embedder/input_embedding", _same),
    "text.norm.weight": ("llm/final_norm/scale", _same),
}


def _stacked() -> dict[str, tuple[str, tuple[int, ...], _Shape]]:
    block, layers = "img/Transformer/encoderblock", "llm/layers"
    table: dict[str, tuple[str, tuple[int, ...], _Shape]] = {}
    for ours, theirs in (("q", "query"), ("k", "key"), ("v", "value")):
        attention = f"{block}/MultiHeadDotProductAttention_0/{theirs}"
        table[f"vision.attn.{ours}.weight"] = (f"{attention}/kernel", (), _heads_out)
        table[f"vision.attn.{ours}.bias"] = (f"{attention}/bias", (), _flat)
    out = f"{block}/MultiHeadDotProductAttention_0/out"
    table["vision.attn.out.weight"] = (f"{out}/kernel", (), _heads_in)
    table["vision.attn.out.bias"] = (f"{out}/bias", (), _same)
    for i in (0, 1):
        table[f"vision.norm{i + 1}.weight"] = (f"{block}/LayerNorm_{i}/scale", (), _same)
        table[f"vision.norm{i + 1}.bias"] = (f"{block}/LayerNorm_{i}/bias", (), _same)
        dense = f"{block}/MlpBlock_0/Dense_{i}"
        table[f"vision.mlp.fc{i + 1}.weight"] = (f"{dense}/kernel", (), _transposed)
        table[f"vision.mlp.fc{i + 1}.bias"] = (f"{dense}/bias", (), _same)
    table["text.attn.q.weight"] = (f"{layers}/attn/q_einsum/w", (), _einsum_out)
    table["text.attn.k.weight"] = (f"{layers}/attn/kv_einsum/w", (0,), _einsum_out)
    table["text.attn.v.weight"] = (f"{layers}/attn/kv_einsum/w", (1,), _einsum_out)
    table["text.attn.out.weight"] = (f"{layers}/attn/attn_vec_einsum/w", (), _heads_in)
    table["text.mlp.gate.weight"] = (f"{layers}/mlp/gating_einsum", (0,), _transposed)
    table["text.mlp.up.weight"] = (f"{layers}/mlp/gating_einsum", (1,), _transposed)
    table["text.mlp.down.weight"] = (f"{layers}/mlp/linear", (), _transposed)
    norms = {
        "pre_attn_norm": "pre_attention_norm",
        "post_attn_norm": "post_attention_norm",
        "pre_mlp_norm": "pre_ffw_norm",
        "post_mlp_norm": "post_ffw_norm",
    }
    for mine, theirs in norms.items():
        table[f"text.{mine}.weight"] = (f"{layers}/{theirs}/scale", (), _same)
    return table


_STACKED = _stacked()
