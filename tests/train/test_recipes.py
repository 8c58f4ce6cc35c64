"""nano's recipes: they build, each can take a step, and a batch follows from its step alone."""

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from palikit.codecs.masks import MaskCodec
from palikit.train import TrainConfig
from palikit.train.checkpoint import save_state
from palikit.train.optim import build_optimizer
from recipes import nano, nano_codec
from recipes.nano_model import NUM_BINS, ordered_rows

MASKS = nano.SEGMENT_EVERY - 1
"""The first step whose batch tells masks."""

RECIPES = {
    "vision": nano.vision_recipe,
    "words": nano.words_recipe,
    "captions": nano.captions_recipe,
    "german": nano.german_recipe,
    "codec": nano_codec.recipe,
}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two pictures a batch, a codec that has learnt nothing, and no compiler."""
    torch.manual_seed(0)
    codec = MaskCodec().eval()
    monkeypatch.setattr(nano, "SCENES", 2)
    monkeypatch.setattr(nano, "_codec", lambda: codec)
    monkeypatch.setattr(nano_codec, "BATCH", 8)
    monkeypatch.setattr(nano_codec, "SCENES_A_BATCH", 3)
    with torch.compiler.set_stance("force_eager"):
        yield


def check_gradients(model: nn.Module, values: dict[str, Tensor]) -> None:
    """The loss is finite, and so is the gradient of all that it trains, somewhere not zero."""
    assert all(value.isfinite() for value in values.values()), values
    values["loss"].backward()
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert found
    for name, gradient in found.items():
        assert gradient.isfinite().all(), name
    assert all(gradient.any() for name, gradient in found.items() if name.endswith("weight"))


def tensors_of(batch: nano.NanoBatch) -> list[Tensor]:
    """Everything a batch holds, in a fixed order."""
    assert batch.text is not None
    text = [batch.text.tokens, batch.text.mask_input, batch.text.mask_ar, batch.text.mask_loss]
    return [batch.images, *batch.targets.values(), *text]


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_recipe_is_a_config_whose_batch_a_worker_can_be_sent(
    recipe: Callable[..., TrainConfig],
) -> None:
    config = recipe(steps=7)
    assert config.steps == 7
    assert pickle.loads(pickle.dumps(config.batch)) is config.batch
    assert set(nano.RECIPES) == {"vision", "words", "captions", "german"}


def test_nano_and_its_codec_have_at_most_12_million_parameters() -> None:
    model = nano.build()
    parts = (model.model, MaskCodec())
    assert sum(p.numel() for part in parts for p in part.parameters()) <= 12_000_000
    assert model.model.config.tokens_per_image == 64


def test_box_bins_start_in_order() -> None:
    rows = ordered_rows(NUM_BINS, 256)
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(NUM_BINS))
    likeness = rows @ rows[500]
    assert likeness.argmax() == 500
    near = likeness[500:509]
    assert torch.equal(near.sort(descending=True).values, near)


def test_a_vision_step_teaches_the_tower() -> None:
    model = nano.build()
    values = dict(nano.vision_loss(model, nano.vision_batch(0)))
    check_gradients(model, values)
    assert model.model.vision.patch_embedding.weight.grad is not None
    assert model.model.text.blocks[0].attn.q.weight.grad is None


@pytest.mark.parametrize(("step", "each"), [(0, nano.PHRASES), (MASKS, 1)])
def test_a_words_step_teaches_everything(step: int, each: int) -> None:
    model = nano.build()
    batch = nano.words_batch(step)
    assert batch.text is not None
    assert len(batch.text.tokens) == each * len(batch.images)
    check_gradients(model, dict(nano.words_loss(model, batch)))
    assert all(p.grad is not None for p in model.model.parameters())


@pytest.mark.parametrize(("step", "masks"), [(0, False), (nano.SEGMENT_EVERY, True)])
def test_a_captions_batch_tells_masks_now_and_then_only(step: int, masks: bool) -> None:
    text = nano.captions_batch(step).text
    assert text is not None
    codes = (text.suffix_tokens >= nano._tokenizer().seg_start).any(dim=1)
    assert codes.any() == masks


def test_the_german_stage_goes_on_with_other_scenes() -> None:
    first, later = nano.captions_batch(1).images, nano.german_batch(1).images
    assert not torch.equal(first, later)


def test_every_fourth_batch_tells_masks_and_the_others_none() -> None:
    tokenizer = nano._tokenizer()
    for step in range(nano.SEGMENT_EVERY):
        text = nano.words_batch(step).text
        assert text is not None
        codes = (text.suffix_tokens >= tokenizer.seg_start).any(dim=1)
        assert codes.all() if step == MASKS else not codes.any()


@pytest.mark.parametrize("step", [1, MASKS])
def test_a_words_batch_follows_from_its_step_alone(step: int) -> None:
    first = tensors_of(nano.words_batch(step))
    nano.words_batch(step + 1)
    torch.manual_seed(1)
    again = tensors_of(nano.words_batch(step))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    other = nano.words_batch(step + nano.SEGMENT_EVERY)
    assert not torch.equal(other.images, first[0])


def test_patch_targets_name_the_thing_and_the_box_that_cover_a_patch() -> None:
    targets = nano.vision_batch(0).targets
    classes, boxes = targets["patch_class"], targets["patch_box"]
    assert classes.shape == (4, 64)
    assert boxes.shape == (4, 64, 4)
    assert (classes > 0).any()
    assert not boxes[classes == 0].any()
    inside = boxes[classes > 0]
    assert (inside[:, :2] < inside[:, 2:]).all()
    assert inside.max() < NUM_BINS


def test_words_start_from_the_tower_that_vision_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(7)
    taught = nano.build()
    optimizer = build_optimizer(taught, nano.vision_recipe().optim)
    save_state(tmp_path / "state.safetensors", taught, optimizer, 1)
    monkeypatch.setattr(nano, "VISION", tmp_path / "state.safetensors")
    torch.manual_seed(8)
    found = nano.words_recipe().model().state_dict()
    assert all(torch.equal(found[name], value) for name, value in taught.state_dict().items())


def test_words_leave_a_folder_with_model_tokenizer_and_codec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nano._codec().save(tmp_path / "codec.safetensors")
    monkeypatch.setattr(nano, "CODEC", tmp_path / "codec.safetensors")
    nano.export_words(nano.build(), tmp_path)
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "mask_codec.safetensors"} <= names


@pytest.mark.parametrize("steps_done", [0, nano_codec.UNQUANTISED_STEPS])
def test_a_codec_step_teaches_encoder_and_decoder(steps_done: int) -> None:
    model = nano_codec.CodecInTraining()
    model.steps.fill_(steps_done)
    before = model.codec.codebook.clone()
    masks = nano_codec.batch(0)
    assert masks.shape == (8, 64, 64)
    values = dict(nano_codec.loss(model, masks))
    check_gradients(model, values)
    # The codebook learns by moving averages, never by a gradient.
    assert model.codec.codebook.grad is None
    assert not torch.equal(model.codec.codebook, before)
    assert (values["commitment"] > 0) == (steps_done > 0)


def test_a_codec_run_leaves_a_codec_that_loads(tmp_path: Path) -> None:
    model = nano_codec.CodecInTraining()
    nano_codec.export(model, tmp_path)
    codec = MaskCodec.load(tmp_path / "mask_codec.safetensors")
    assert torch.equal(codec.codebook, model.codec.codebook)
