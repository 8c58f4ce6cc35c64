"""Checkpoints of three kinds hold one model: ours in transformers, theirs in ours, big_vision's."""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from helpers.checkpoints import as_bfloat16, reference_arrays
from helpers.oracle import pair, their_question
from helpers.tiny import IMAGE_ID, TINY, pad, random_images, random_prompt, tiny_model
from torch import Tensor

from palikit.inputs.tokenizer import Tokenizer
from palikit.model.paligemma import PaliGemma
from palikit.weights.load import load_config, load_model
from palikit.weights.save import save_folder

TOLERANCE = 1e-4
PROMPT = random_prompt(9, seed=1)
IMAGES = random_images(1, 1, seed=7)


def our_logits(model: PaliGemma) -> Tensor:
    tokens, real = pad([PROMPT])
    return model(IMAGES, tokens, torch.zeros_like(tokens), real)[0]


def their_logits(model: transformers.PreTrainedModel) -> Tensor:
    question = their_question(IMAGES, [PROMPT])
    ids = question["input_ids"]
    question["input_ids"] = torch.where(ids == IMAGE_ID, model.config.image_token_id, ids)
    # Without suffix all of the prompt sees all of it, as in our mask of zeros.
    with torch.no_grad():
        return model(**question).logits[0, -len(PROMPT) :]


def open_in_transformers(folder: Path) -> transformers.PreTrainedModel:
    model, info = transformers.PaliGemmaForConditionalGeneration.from_pretrained(
        folder, output_loading_info=True, attn_implementation="eager"
    )
    for trouble in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
        assert not info[trouble], (trouble, info[trouble])
    return model.eval()


@pytest.mark.parametrize("name", TINY)
def test_a_saved_folder_opens_in_transformers_whole_and_with_equal_logits(name, tmp_path):
    ours = tiny_model(name)
    save_folder(ours, tmp_path / "m")
    theirs = open_in_transformers(tmp_path / "m")
    assert theirs.dtype == torch.float32
    rows = TINY[name].text.vocab_size
    assert (our_logits(ours) - their_logits(theirs)[:, :rows]).abs().max() <= TOLERANCE


def test_a_sharded_folder_opens_in_transformers(tmp_path):
    save_folder(tiny_model("paligemma2"), tmp_path / "m", max_shard_bytes=100_000)
    assert len(list((tmp_path / "m").glob("*.safetensors"))) > 2
    theirs = open_in_transformers(tmp_path / "m")
    ours = our_logits(tiny_model("paligemma2"))
    assert (ours - their_logits(theirs)[:, : ours.shape[1]]).abs().max() <= TOLERANCE
    again = load_model(tmp_path / "m")
    assert torch.equal(our_logits(again), ours)


def test_the_released_spelling_is_written_in_bfloat16_when_asked(tmp_path):
    save_folder(tiny_model("paligemma2"), tmp_path / "m", dtype=torch.bfloat16)
    assert open_in_transformers(tmp_path / "m").dtype == torch.bfloat16
    assert {p.dtype for p in load_model(tmp_path / "m").parameters()} == {torch.bfloat16}


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("shard", ["10GB", "100KB"])
def test_a_folder_that_transformers_saved_loads_with_equal_logits(name, shard, tmp_path):
    _, theirs = pair(name)
    theirs.save_pretrained(tmp_path / "m", max_shard_size=shard)
    ours = load_model(tmp_path / "m")
    # transformers' last row is <image>, which is no word of ours.
    assert ours.config.text.vocab_size == IMAGE_ID
    difference = our_logits(ours) - their_logits(theirs)[:, :IMAGE_ID]
    assert difference.abs().max() <= TOLERANCE


@pytest.mark.parametrize("name", TINY)
def test_the_configuration_that_transformers_saved_is_ours(name, tmp_path):
    _, theirs = pair(name)
    theirs.config.save_pretrained(tmp_path / "m")
    read = load_config(tmp_path / "m")
    assert read.vision == TINY[name].vision
    assert read.text.query_scale == pytest.approx(TINY[name].text.query_scale)
    assert (read.text.width, read.text.depth) == (TINY[name].text.width, TINY[name].text.depth)
    assert read.text.attn_softcap == TINY[name].text.attn_softcap
    assert read.text.final_softcap == TINY[name].text.final_softcap


def test_the_tensors_of_transformers_in_memory_are_read_under_those_names(tmp_path):
    from safetensors.torch import save_file

    _, theirs = pair("paligemma2")
    theirs.config.save_pretrained(tmp_path)
    state = {key: value.clone() for key, value in theirs.state_dict().items()}
    assert "model.language_model.norm.weight" in state
    assert "lm_head.weight" in state
    save_file(state, tmp_path / "model.safetensors")
    difference = our_logits(load_model(tmp_path)) - their_logits(theirs)[:, :IMAGE_ID]
    assert difference.abs().max() <= TOLERANCE


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("prefix", ["", "params/"])
def test_a_big_vision_file_loads_with_equal_logits(name, prefix, tmp_path):
    arrays = {prefix + key: value for key, value in reference_arrays(name).items()}
    np.savez(tmp_path / "pt.npz", **arrays)
    ours = load_model(tmp_path / "pt.npz", config=TINY[name])
    assert (our_logits(ours) - their_logits(pair(name)[1])).abs().max() <= TOLERANCE


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    ("convert", "dtype"),
    [
        (lambda x: x, torch.float32),
        (as_bfloat16, torch.bfloat16),
        (lambda x: x.astype(np.float16), torch.float16),
    ],
    ids=["f32", "bf16", "f16"],
)
def test_a_big_vision_file_of_any_dtype_is_the_same_weights_as_stored(
    write, convert, dtype, tmp_path
):
    arrays = {key: convert(value) for key, value in reference_arrays("paligemma1").items()}
    write(tmp_path / "pt.npz", **arrays)
    stored = load_model(tmp_path / "pt.npz", config=TINY["paligemma1"])
    ours, _ = pair("paligemma1")
    for (name, got), expected in zip(stored.named_parameters(), ours.parameters(), strict=True):
        assert got.dtype == dtype
        assert torch.equal(got, expected.to(dtype)), name


def test_the_tokenizer_of_a_saved_folder_opens_in_transformers(tmp_path):
    import palikit

    nano = Path(palikit.__file__).parent / "assets" / "nano"
    tokenizer = Tokenizer.from_folder(nano)
    save_folder(tiny_model("paligemma2"), tmp_path / "m", tokenizer=tokenizer)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "m")
    words = "detect cat ; dog"
    assert theirs(words, add_special_tokens=False)["input_ids"] == tokenizer.encode(words)


def test_the_image_processor_of_a_saved_folder_opens_in_transformers(tmp_path):
    save_folder(tiny_model("paligemma2"), tmp_path / "m", resample="bilinear")
    theirs = transformers.AutoImageProcessor.from_pretrained(tmp_path / "m")
    assert theirs.size["height"] == TINY["paligemma2"].vision.image_size
    assert int(theirs.resample) == 2
