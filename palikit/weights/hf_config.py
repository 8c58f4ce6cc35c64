"""Our configuration and Hugging Face's `config.json`, both ways.

Released files are sparse: what equalled the default of the class of that time is left out, so the
defaults stand here (`_TEXT_DEFAULTS`, `_VISION_DEFAULTS`, as in the classes of transformers 5.23).

`sliding_window` is not read: the released weights were trained without one, though every released
file names 4096. A caller who wants it writes it into the configuration.
"""

import math
from dataclasses import astuple, replace
from typing import Any

from palikit.config import GemmaConfig, PaliGemmaConfig, SiglipConfig
from palikit.errors import CheckpointError, UsageError

__all__ = ["EXTRA_ROWS", "from_hf", "to_hf"]

EXTRA_ROWS = 64
"""Rows that Hugging Face's files have after the last token, `<image>` among them."""

_GELU = "gelu_pytorch_tanh"

_GEMMA2 = {
    "hidden_size": 2304,
    "num_hidden_layers": 26,
    "intermediate_size": 9216,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "query_pre_attn_scalar": 256,
    "attn_logit_softcapping": 50.0,
    "final_logit_softcapping": 30.0,
}
_GEMMA = {
    "hidden_size": 3072,
    "num_hidden_layers": 28,
    "intermediate_size": 24576,
    "num_attention_heads": 16,
    "num_key_value_heads": 16,
    "head_dim": 256,
}
_TEXT_DEFAULTS: dict[str, dict[str, Any]] = {
    "gemma2": _GEMMA2 | {"vocab_size": 256_000, "rms_norm_eps": 1e-6},
    "gemma": _GEMMA | {"vocab_size": 256_000, "rms_norm_eps": 1e-6},
}
_VISION_DEFAULTS: dict[str, Any] = {
    "image_size": 224,
    "patch_size": 16,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "intermediate_size": 3072,
    "num_attention_heads": 12,
    "layer_norm_eps": 1e-6,
}


def from_hf(raw: dict[str, Any], where: str) -> PaliGemmaConfig:
    """Read a parsed `config.json`; `where` names it in errors.

    Raises:
        CheckpointError: it is of another model, or a field is missing or of another kind.
    """
    found = raw.get("model_type")
    if found != "paligemma":
        raise CheckpointError(
            f"{where} describes a model of type {found!r}, not 'paligemma': "
            "give a PaliGemma or PaliGemma 2 checkpoint"
        )
    try:
        _check_activations(raw)
        vision = _vision(_VISION_DEFAULTS | raw.get("vision_config", {}))
        return _checked(PaliGemmaConfig(vision, _text(raw, where)))
    except (TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise CheckpointError(
            f"{where} is not a readable PaliGemma configuration ({error}): download it again"
        ) from error


def _check_activations(raw: dict[str, Any]) -> None:
    """Both parts have the tanh form of GELU; Gemma's first files call it `gelu`."""
    text, vision = raw.get("text_config", {}), raw.get("vision_config", {})
    words = text.get("hidden_activation") or text.get("hidden_act") or _GELU
    for name, known in (
        (vision.get("hidden_act", _GELU), {_GELU}),
        (words, {_GELU, "gelu"}),
    ):
        if name not in known:
            raise ValueError(f"the activation {name!r} is not PaliGemma's, {_GELU!r}")


def _checked(config: PaliGemmaConfig) -> PaliGemmaConfig:
    vision, text = config.vision, config.text
    for part in (vision, text):
        numbers = [n for n in astuple(part) if isinstance(n, int | float)]
        if not all(math.isfinite(n) and n >= 0 for n in numbers):
            raise ValueError(f"a number is out of range: {part}")
    counts = (*astuple(vision)[:6], *astuple(text)[:7])
    if min(counts) < 1:
        raise ValueError(f"a size is less than 1: {config}")
    for whole, divisor in (
        (vision.image_size, vision.patch_size),
        (vision.width, vision.num_heads),
        (text.num_heads, text.num_kv_heads),
    ):
        if whole % divisor:
            raise ValueError(f"{whole} is no multiple of {divisor}")
    return config


def _vision(raw: dict[str, Any]) -> SiglipConfig:
    return SiglipConfig(
        image_size=int(raw["image_size"]),
        patch_size=int(raw["patch_size"]),
        width=int(raw["hidden_size"]),
        depth=int(raw["num_hidden_layers"]),
        mlp_dim=int(raw["intermediate_size"]),
        num_heads=int(raw["num_attention_heads"]),
        norm_eps=float(raw["layer_norm_eps"]),
    )


def _text(raw: dict[str, Any], where: str) -> GemmaConfig:
    given = raw.get("text_config", {})
    kind = given.get("model_type", "gemma")
    if kind not in _TEXT_DEFAULTS:
        raise CheckpointError(
            f"{where} has a text model of type {kind!r}; PaliGemma's are 'gemma' and 'gemma2'"
        )
    text = _TEXT_DEFAULTS[kind] | given
    second = kind == "gemma2"
    scalar = text["query_pre_attn_scalar"] if second else text["head_dim"]
    rope = (text.get("rope_parameters") or {}) | (text.get("rope_scaling") or {})
    if rope.get("rope_type", "default") != "default":
        raise ValueError(f"rotary positions of type {rope['rope_type']!r} are not PaliGemma's")
    return GemmaConfig(
        vocab_size=_vocabulary(raw, int(text["vocab_size"])),
        width=int(text["hidden_size"]),
        depth=int(text["num_hidden_layers"]),
        mlp_dim=int(text["intermediate_size"]),
        num_heads=int(text["num_attention_heads"]),
        num_kv_heads=int(text["num_key_value_heads"]),
        head_dim=int(text["head_dim"]),
        query_scale=float(scalar) ** -0.5,
        attn_softcap=(text["attn_logit_softcapping"] or None) if second else None,
        final_softcap=(text["final_logit_softcapping"] or None) if second else None,
        post_norms=second,
        rope_base=float(text.get("rope_theta") or rope.get("rope_theta") or 10_000.0),
        norm_eps=float(text["rms_norm_eps"]),
    )


def _vocabulary(raw: dict[str, Any], rows: int) -> int:
    """Rows that tokens use: from `<image>` on they are padding, where it comes after all others."""
    image = raw.get("image_token_index", raw.get("image_token_id", rows))
    return int(image) if rows - EXTRA_ROWS <= int(image) < rows else rows


def to_hf(
    config: PaliGemmaConfig, *, rows: int | None = None, dtype: str = "float32"
) -> dict[str, Any]:
    """`config.json` for a model of ours, complete rather than sparse.

    Args:
        rows: of the table in the file.

    Raises:
        UsageError: no Gemma of transformers has this mixture of parts.
    """
    rows = config.text.vocab_size + EXTRA_ROWS if rows is None else rows
    written = {
        "architectures": ["PaliGemmaForConditionalGeneration"],
        "model_type": "paligemma",
        "image_token_index": config.text.vocab_size,
        "hidden_size": config.text.width,
        "projection_dim": config.text.width,
        "pad_token_id": 0,
        "bos_token_id": 2,
        "eos_token_id": 1,
        "torch_dtype": dtype,
        "text_config": _describe_text(config, rows) | {"torch_dtype": dtype},
        "vision_config": _describe_vision(config),
    }
    if not _same(from_hf(written, "config.json"), config):
        raise UsageError(
            "config.json can describe a Gemma or a Gemma 2 only, and this model is a mixture: "
            f"{config.text}"
        )
    return written


def _same(read: PaliGemmaConfig, config: PaliGemmaConfig) -> bool:
    close = math.isclose(read.text.query_scale, config.text.query_scale, rel_tol=1e-9)
    text = replace(
        config.text,
        query_scale=read.text.query_scale,
        attn_softcap=config.text.attn_softcap or None,
        final_softcap=config.text.final_softcap or None,
        sliding_window=None,
    )
    return close and read == replace(config, text=text)


def _describe_text(config: PaliGemmaConfig, rows: int) -> dict[str, Any]:
    text = config.text
    described: dict[str, Any] = {
        "model_type": "gemma2" if text.post_norms else "gemma",
        "vocab_size": rows,
        "hidden_size": text.width,
        "num_hidden_layers": text.depth,
        "intermediate_size": text.mlp_dim,
        "num_attention_heads": text.num_heads,
        "num_key_value_heads": text.num_kv_heads,
        "head_dim": text.head_dim,
        "rms_norm_eps": text.norm_eps,
        "rope_theta": text.rope_base,
        "hidden_activation": "gelu_pytorch_tanh",
        "num_image_tokens": config.tokens_per_image,
    }
    if text.post_norms:
        scalar = text.query_scale**-2
        whole = round(scalar)
        described |= {
            "query_pre_attn_scalar": whole if math.isclose(scalar, whole) else scalar,
            "attn_logit_softcapping": text.attn_softcap or None,
            "final_logit_softcapping": text.final_softcap or None,
            "sliding_window": text.sliding_window or 4096,
        }
    return described


def _describe_vision(config: PaliGemmaConfig) -> dict[str, Any]:
    vision = config.vision
    return {
        "model_type": "siglip_vision_model",
        "image_size": vision.image_size,
        "patch_size": vision.patch_size,
        "hidden_size": vision.width,
        "num_hidden_layers": vision.depth,
        "intermediate_size": vision.mlp_dim,
        "num_attention_heads": vision.num_heads,
        "layer_norm_eps": vision.norm_eps,
        "num_image_tokens": config.tokens_per_image,
        "projection_dim": config.text.width,
        "vision_use_head": False,
    }
