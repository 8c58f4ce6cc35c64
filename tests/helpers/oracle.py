"""transformers' PaliGemma beside ours: the same shape, the same weights, the same question."""

import re
from functools import cache

import torch
import transformers
from torch import Tensor

from palikit.config import PaliGemmaConfig
from palikit.model.paligemma import PaliGemma

from .tiny import IMAGE_ID, PAD_ID, TINY, pad, randomise

# Written apart from palikit.weights on purpose: here the arithmetic is compared, not the loading.
_RENAMES = [
    (r"^model\.vision_tower\.(vision_model\.)?", "vision."),
    (r"^model\.multi_modal_projector\.linear", "connector"),
    (r"^model\.language_model\.", "text."),
    (r"embeddings\.patch_embedding", "patch_embedding"),
    (r"embeddings\.position_embedding\.weight", "pos_embedding"),
    (r"encoder\.layers|(?<=text\.)layers", "blocks"),
    (r"self_attn", "attn"),
    (r"(?<=attn\.)(o|out)_proj", "out"),
    (r"([qkv]|gate|up|down)_proj", r"\1"),
    (r"layer_norm([12])", r"norm\1"),
    (r"post_layernorm|(?<=text\.)norm", "norm"),
    (r"embed_tokens", "embedding"),
    (r"input_layernorm", "pre_attn_norm"),
    (r"pre_feedforward_layernorm", "pre_mlp_norm"),
    (r"post_feedforward_layernorm", "post_mlp_norm"),
]


@cache
def pair(name: str, seed: int = 0) -> tuple[PaliGemma, transformers.PreTrainedModel]:
    """Our model and transformers', with one set of random float32 weights."""
    config = TINY[name]
    theirs = transformers.PaliGemmaForConditionalGeneration._from_config(
        transformers_config(config), attn_implementation="eager", dtype=torch.float32
    ).eval()
    randomise(theirs, seed)
    weights = {
        our_name(key, gemma2=config.text.post_norms): value
        for key, value in theirs.state_dict().items()
        if key != "lm_head.weight"
    }
    ours = PaliGemma(config).eval().requires_grad_(False)
    ours.load_state_dict(weights, strict=True)
    return ours, theirs


def transformers_config(config: PaliGemmaConfig) -> transformers.PaliGemmaConfig:
    """Our configuration in transformers' words."""
    vision, text = config.vision, config.text
    shared = {
        "vocab_size": text.vocab_size,
        "hidden_size": text.width,
        "intermediate_size": text.mlp_dim,
        "num_hidden_layers": text.depth,
        "num_attention_heads": text.num_heads,
        "num_key_value_heads": text.num_kv_heads,
        "head_dim": text.head_dim,
        "rms_norm_eps": text.norm_eps,
    }
    gemma2 = {
        "model_type": "gemma2",
        "query_pre_attn_scalar": round(text.query_scale**-2),
        "attn_logit_softcapping": text.attn_softcap,
        "final_logit_softcapping": text.final_softcap,
    }
    return transformers.PaliGemmaConfig(
        vision_config={
            "model_type": "siglip_vision_model",
            "image_size": vision.image_size,
            "patch_size": vision.patch_size,
            "hidden_size": vision.width,
            "num_hidden_layers": vision.depth,
            "intermediate_size": vision.mlp_dim,
            "num_attention_heads": vision.num_heads,
            "vision_use_head": False,
        },
        text_config=shared | (gemma2 if text.post_norms else {"model_type": "gemma"}),
        image_token_index=IMAGE_ID,
        hidden_size=text.width,
        projection_dim=text.width,
    )


def their_question(
    images: Tensor, prompts: list[list[int]], suffixes: list[list[int]] | None = None
) -> dict[str, Tensor]:
    """The same rows as transformers wants them: image ids before the words, padding on the left."""
    frames = images.shape[1] * _tokens_per_image(images)
    suffixes = suffixes or [[] for _ in prompts]
    rows = [
        [IMAGE_ID] * frames + prompt + suffix
        for prompt, suffix in zip(prompts, suffixes, strict=True)
    ]
    ids, real = pad(rows, left=True)
    types = torch.zeros_like(ids)
    for row, suffix in enumerate(suffixes):
        types[row, ids.shape[1] - len(suffix) :] = 1
    return {
        "input_ids": ids,
        "attention_mask": real.long(),
        "token_type_ids": types,
        "pixel_values": images.flatten(0, 1),
    }


def their_greedy(
    model: transformers.PreTrainedModel,
    question: dict[str, Tensor],
    steps: int,
    eos_id: int | None = None,
) -> list[list[int]]:
    """Greedy answers; a row ends at its eos, which stays."""
    answer = model.generate(
        **question,
        do_sample=False,
        max_new_tokens=steps,
        eos_token_id=eos_id,
        pad_token_id=PAD_ID,
    )
    rows = answer[:, question["input_ids"].shape[1] :].tolist()
    return [row[: row.index(eos_id) + 1] if eos_id in row else row for row in rows]


def our_name(key: str, *, gemma2: bool) -> str:
    """What a parameter of theirs is called in ours."""
    for pattern, ours in _RENAMES:
        key = re.sub(pattern, ours, key)
    # Gemma 2 has a norm after attention; in Gemma 1 the norm of that name stands before the MLP.
    return key.replace("post_attention_layernorm", "post_attn_norm" if gemma2 else "pre_mlp_norm")


def _tokens_per_image(images: Tensor) -> int:
    return (images.shape[-1] // 7) ** 2
