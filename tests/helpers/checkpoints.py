"""Checkpoints on disk for tests: ours, transformers', and big_vision's arrays written by hand."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from palikit.config import PaliGemmaConfig
from palikit.model.paligemma import PaliGemma
from palikit.weights.save import save_folder

from .oracle import pair
from .tiny import TINY, tiny_model

Arrays = dict[str, NDArray[Any]]


def tiny_folder(folder: Path, name: str = "paligemma2", **options: Any) -> Path:
    """A tiny model of ours, saved."""
    save_folder(tiny_model(name), folder, **options)
    return folder


def large_config() -> PaliGemmaConfig:
    """150 M parameters: 300 MB as bfloat16, a third of them in the table as in the 3B."""
    tiny = TINY["paligemma2"]
    text = replace(tiny.text, vocab_size=50_000, width=1024, depth=6, mlp_dim=5120, head_dim=64)
    return PaliGemmaConfig(tiny.vision, text)


def large_folder(folder: Path) -> Path:
    """A model of `large_config`, saved as bfloat16; all its numbers are the same."""
    with torch.device("meta"):
        model = PaliGemma(large_config())
    model = model.to_empty(device="cpu").to(torch.bfloat16).requires_grad_(False)
    for parameter in model.parameters():
        parameter.fill_(0.01)
    save_folder(model, folder)
    assert (folder / "model.safetensors").stat().st_size > 290_000_000
    return folder


def edit_tensors(folder: Path, change: Callable[[dict[str, Tensor]], None]) -> None:
    """Rewrite a folder's one weight file; copies first, for the file itself is mapped."""
    path = folder / "model.safetensors"
    tensors = {key: value.clone() for key, value in load_file(path).items()}
    change(tensors)
    path.unlink()
    save_file(tensors, path, metadata={"format": "pt"})


def edit_config(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Rewrite a folder's `config.json`."""
    path = folder / "config.json"
    raw = json.loads(path.read_text())
    change(raw)
    path.write_text(json.dumps(raw))


def reference_arrays(name: str) -> Arrays:
    """transformers' weights of `pair(name)` as big_vision stores them."""
    state = {key.removeprefix("model."): v.numpy() for key, v in pair(name)[1].state_dict().items()}
    state = {
        key.replace("vision_tower.vision_model.", "vision_tower."): v for key, v in state.items()
    }
    return _vision_arrays(state, TINY[name]) | _text_arrays(state, TINY[name])


def as_bfloat16(array: NDArray[Any]) -> NDArray[Any]:
    """Two bytes a number without a type, which is what numpy shows of a stored bfloat16."""
    return torch.from_numpy(array).bfloat16().view(torch.int16).numpy().view("V2")


def _vision_arrays(state: Arrays, config: PaliGemmaConfig) -> Arrays:
    heads, width = config.vision.num_heads, config.vision.width
    head_dim = width // heads
    tower, block = "vision_tower", "img/Transformer/encoderblock"
    layers = [f"{tower}.encoder.layers.{i}" for i in range(config.vision.depth)]
    conv = state[f"{tower}.embeddings.patch_embedding.weight"]
    arrays = {
        "img/embedding/kernel": conv.transpose(2, 3, 1, 0),
        "img/embedding/bias": state[f"{tower}.embeddings.patch_embedding.bias"],
        "img/pos_embedding": state[f"{tower}.embeddings.position_embedding.weight"][None],
        "img/Transformer/encoder_norm/scale": state[f"{tower}.post_layernorm.weight"],
        "img/Transformer/encoder_norm/bias": state[f"{tower}.post_layernorm.bias"],
        "img/head/kernel": state["multi_modal_projector.linear.weight"].T,
        "img/head/bias": state["multi_modal_projector.linear.bias"],
    }
    for theirs, hub in (("query", "q"), ("key", "k"), ("value", "v")):
        kernels = [state[f"{layer}.self_attn.{hub}_proj.weight"] for layer in layers]
        biases = [state[f"{layer}.self_attn.{hub}_proj.bias"] for layer in layers]
        name = f"{block}/MultiHeadDotProductAttention_0/{theirs}"
        arrays[f"{name}/kernel"] = np.stack([k.T.reshape(width, heads, head_dim) for k in kernels])
        arrays[f"{name}/bias"] = np.stack([b.reshape(heads, head_dim) for b in biases])
    kernels = [state[f"{layer}.self_attn.out_proj.weight"] for layer in layers]
    out = f"{block}/MultiHeadDotProductAttention_0/out"
    arrays[f"{out}/kernel"] = np.stack([k.T.reshape(heads, head_dim, width) for k in kernels])
    arrays[f"{out}/bias"] = np.stack(
        [state[f"{layer}.self_attn.out_proj.bias"] for layer in layers]
    )
    for i in (0, 1):
        dense, norm = f"mlp.fc{i + 1}", f"layer_norm{i + 1}"
        names = {
            f"{block}/MlpBlock_0/Dense_{i}/bias": f"{dense}.bias",
            f"{block}/LayerNorm_{i}/scale": f"{norm}.weight",
            f"{block}/LayerNorm_{i}/bias": f"{norm}.bias",
        }
        for theirs, hub in names.items():
            arrays[theirs] = np.stack([state[f"{layer}.{hub}"] for layer in layers])
        kernels = [state[f"{layer}.{dense}.weight"] for layer in layers]
        arrays[f"{block}/MlpBlock_0/Dense_{i}/kernel"] = np.stack([k.T for k in kernels])
    return arrays


def _text_arrays(state: Arrays, config: PaliGemmaConfig) -> Arrays:
    text = config.text
    layers = [f"language_model.layers.{i}" for i in range(text.depth)]

    def each(name: str) -> list[NDArray[Any]]:
        return [state[f"{layer}.{name}.weight"] for layer in layers]

    def einsum(weight: NDArray[Any], heads: int) -> NDArray[Any]:
        # "BTD,NDH->BTNH" in the reference, one matrix of all heads in a torch linear.
        return weight.reshape(heads, text.head_dim, text.width).transpose(0, 2, 1)

    keys = [einsum(w, text.num_kv_heads) for w in each("self_attn.k_proj")]
    values = [einsum(w, text.num_kv_heads) for w in each("self_attn.v_proj")]
    outs = [
        w.T.reshape(text.num_heads, text.head_dim, text.width) for w in each("self_attn.o_proj")
    ]
    gates = zip(each("mlp.gate_proj"), each("mlp.up_proj"), strict=True)
    arrays = {
        "llm/embedder/input_embedding": state["language_model.embed_tokens.weight"],
        "llm/final_norm/scale": state["language_model.norm.weight"],
        "llm/layers/attn/q_einsum/w": np.stack(
            [einsum(w, text.num_heads) for w in each("self_attn.q_proj")]
        ),
        "llm/layers/attn/kv_einsum/w": np.stack(
            [np.stack([k, v]) for k, v in zip(keys, values, strict=True)]
        ),
        "llm/layers/attn/attn_vec_einsum/w": np.stack(outs),
        "llm/layers/mlp/gating_einsum": np.stack([np.stack([g.T, u.T]) for g, u in gates]),
        "llm/layers/mlp/linear": np.stack([w.T for w in each("mlp.down_proj")]),
        "llm/layers/pre_attention_norm/scale": np.stack(each("input_layernorm")),
    }
    if not text.post_norms:
        arrays["llm/layers/pre_ffw_norm/scale"] = np.stack(each("post_attention_layernorm"))
        return arrays
    norms = {
        "post_attention_norm": "post_attention_layernorm",
        "pre_ffw_norm": "pre_feedforward_layernorm",
        "post_ffw_norm": "post_feedforward_layernorm",
    }
    for theirs, hub in norms.items():
        arrays[f"llm/layers/{theirs}/scale"] = np.stack(each(hub))
    return arrays
