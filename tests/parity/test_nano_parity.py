"""The end-to-end proof on trained weights: transformers opens nano and says the same."""

from pathlib import Path

import pytest
import torch
import transformers
from PIL import Image

import palikit as pk
from palikit.data.emoji_world import scene

NANO = Path(pk.__file__).parent / "assets" / "nano"
PROMPTS = {
    "caption en": pk.Caption(),
    "caption de": pk.Caption(lang="de"),
    "answer en how many cats?": pk.Answer("how many cats?"),
    "detect cat ; dog ; house": pk.Detect(["cat", "dog", "house"]),
    "segment balloon": pk.Segment("balloon"),
}


@pytest.fixture(scope="module")
def theirs() -> tuple[transformers.PreTrainedModel, transformers.PaliGemmaProcessor]:
    model, report = transformers.PaliGemmaForConditionalGeneration.from_pretrained(
        NANO, attn_implementation="eager", dtype=torch.float32, output_loading_info=True
    )
    assert not any(report[kind] for kind in report)
    return model.eval(), transformers.PaliGemmaProcessor.from_pretrained(NANO, use_fast=False)


@pytest.fixture(scope="module")
def ours() -> pk.Engine:
    return pk.load("nano", dtype="float32")


FREE = pk.Decoding(max_new_tokens=100, grammar=False)


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("index", range(3))
def test_nano_says_the_same_in_transformers(prompt, index, theirs, ours) -> None:
    model, processor = theirs
    picture = Image.fromarray(scene(12, index).image)
    inputs = processor(text=f"<image>{prompt}", images=picture, return_tensors="pt")
    said = model.generate(**inputs, max_new_tokens=100, do_sample=False)
    ids = said[0, inputs["input_ids"].shape[1] :].tolist()
    tokenizer = ours.processor.tokenizer
    task = PROMPTS[prompt]
    (answer,) = ours.run([(picture, task)], decoding=FREE)
    assert [
        *tokenizer.encode(answer.text, codes=True),
        tokenizer.eos_id,
    ] == ids or answer.text == tokenizer.decode(ids)
    assert len(answer.logprobs) == len(ids)


def test_processors_agree_on_ids_and_pixels(theirs, ours) -> None:
    _, processor = theirs
    picture = Image.fromarray(scene(12, 0).image)
    inputs = processor(text="<image>detect cat ; dog", images=picture, return_tensors="pt")
    ids = inputs["input_ids"][0].tolist()
    tokenizer = ours.processor.tokenizer
    assert ids == [tokenizer.image_id] * 64 + ours.processor.prefix_ids("detect cat ; dog")
    pixels = ours.processor.resize(picture)
    assert (pixels - inputs["pixel_values"][0]).abs().max() <= 2 / 255


def test_nano_is_small() -> None:
    engine = pk.load("nano")
    assert engine.mask_codec is not None
    modules = (engine.model, engine.mask_codec)
    count = sum(p.numel() for module in modules for p in module.parameters())
    assert count <= 12_000_000
