"""Train nano, the embedded model, from nothing on generated scenes.

    python -m recipes.nano_codec codes runs/nano-codec  # the mask codec, first
    python -m recipes.nano vision runs/nano-vision    # the tower learns what is where, by patch
    python -m recipes.nano words runs/nano-words      # the whole model learns the tasks
    python -m recipes.nano captions runs/nano-captions  # to tell whole scenes
    python -m recipes.nano german runs/nano           # and, last, more of them in German

The last command writes a Hugging Face folder, `runs/nano/model`, which is what
`palikit/assets/nano` holds. Every batch follows from its step and the seed, so a second run sees
the same examples.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from palikit.codecs.masks import MaskCodec, mask_to_patch
from palikit.data.emoji_words import Phrase, phrase
from palikit.data.emoji_world import COLOURS, KNOWN, NAMES, Scene, scene
from palikit.inputs.batch import Batch
from palikit.inputs.image import Resize
from palikit.inputs.processor import Processor, Row
from palikit.inputs.tokenizer import Tokenizer
from palikit.train import OptimConfig, TrainConfig, train
from palikit.train.loss import per_example, suffix_losses

from .nano_model import GRID, IMAGE_SIZE, NanoInTraining, dense_targets

SEED = 2026
TOKENIZER = Path(__file__).parents[1] / "palikit/assets/nano"
CODEC = Path("runs/nano-codec/mask_codec.safetensors")
VISION = Path("runs/nano-vision/state.safetensors")
WORDS = Path("runs/nano-words/state.safetensors")
CAPTIONS = Path("runs/nano-captions/state.safetensors")

SCENES, PHRASES = 48, 2
"""Pictures in a batch, and prompts about each: the tower is paid once for both."""

SEGMENT_EVERY = 4
"""Every fourth batch tells masks, one prompt a picture: such answers are four times as long."""

MIXTURE = {"detect": 0.40, "count": 0.20, "colour": 0.03, "presence": 0.12}
MIXTURE |= {"caption en": 0.14, "caption de": 0.11}

CAPTION_MIXTURE = {"detect": 0.15, "count": 0.10, "colour": 0.02, "presence": 0.05}
CAPTION_MIXTURE |= {"caption en": 0.33, "caption de": 0.35}
"""At the end captions are most of what is told: they need all that the others teach."""

GERMAN_MIXTURE = CAPTION_MIXTURE | {"caption en": 0.30, "caption de": 0.40}
"""German names change with case and number, so its captions need more examples."""

VISION_STEPS, WORDS_STEPS, CAPTION_STEPS, GERMAN_STEPS = 1200, 1300, 200, 240

BINS = (8.0, 4.0, 2.0)
"""Widths of the bells that box targets are, in bins of 0.11 px: the first while the tower learns
places roughly, the second up to two thirds of the words' steps, the last for sure, sharp boxes."""

DENSE_WEIGHT = 0.5
"""Weight of the dense losses once the model learns words, so that the tower forgets nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class NanoBatch:
    """Pictures, the dense targets of their patches, and (for words) some rows of text on each."""

    images: Tensor
    targets: dict[str, Tensor]
    text: Batch | None
    soft_bins: float


def vision_batch(step: int) -> NanoBatch:
    """Pictures with dense targets alone."""
    count = SCENES * PHRASES
    scenes = [_scene(0, step * count + i) for i in range(count)]
    return NanoBatch(_pixels(scenes), dense_targets(scenes), None, BINS[2 * step // VISION_STEPS])


def words_batch(step: int) -> NanoBatch:
    """Pictures with dense targets and phrases."""
    scenes = [_scene(1, step * SCENES + i) for i in range(SCENES)]
    masks = step % SEGMENT_EVERY == SEGMENT_EVERY - 1
    soft_bins = BINS[1 if step < 2 * WORDS_STEPS // 3 else 2]
    return _told(scenes, [SEED, 2, step], None if masks else MIXTURE, soft_bins)


def captions_batch(step: int, mixture: Mapping[str, float] = CAPTION_MIXTURE) -> NanoBatch:
    """The same, mostly captions, on scenes of which half are like those that measure nano."""
    scenes = [_scene(3, step * SCENES + i, repeats=i % 2 == 0) for i in range(SCENES)]
    masks = step % (2 * SEGMENT_EVERY) == SEGMENT_EVERY
    return _told(scenes, [SEED, 4, step], None if masks else dict(mixture), BINS[2])


def german_batch(step: int) -> NanoBatch:
    """More captions, on the scenes that come after those of `captions_batch`."""
    return captions_batch(CAPTION_STEPS + step, GERMAN_MIXTURE)


def _told(
    scenes: list[Scene], seed: list[int], mixture: dict[str, float] | None, soft_bins: float
) -> NanoBatch:
    """Prompts of a mixture about each scene; of none, its masks alone."""
    rng = np.random.default_rng(seed)
    each = 1 if mixture is None else PHRASES
    asked = {"segment": 1.0} if mixture is None else mixture
    rows = [_row(phrase(one, rng, asked)) for one in scenes for _ in range(each)]
    return NanoBatch(_pixels(scenes), dense_targets(scenes), _processor().collate(rows), soft_bins)


def vision_loss(model: nn.Module, batch: NanoBatch) -> Mapping[str, Tensor]:
    """What and where, from every image token."""
    assert isinstance(model, NanoInTraining)
    losses = _dense(model, model.model.embed_image(batch.images), batch)
    return {"loss": _sum(losses), **losses}


def words_loss(model: nn.Module, batch: NanoBatch) -> Mapping[str, Tensor]:
    """The suffix's tokens, boxes with soft targets, and a share of the dense losses."""
    assert isinstance(model, NanoInTraining)
    text = batch.text
    assert text is not None
    features = model.model.embed_image(batch.images)
    dense = _dense(model, features, batch)
    each = len(text.tokens) // len(features)
    hidden = model.model.forward_suffix(
        features.repeat_interleave(each, dim=0), text.tokens, text.mask_input, text.prefix_length
    )
    logits = model.model.text.logits(hidden)
    weights = text.mask_loss[:, text.prefix_length :]
    losses = suffix_losses(
        logits, text.suffix_tokens, loc_start=model.loc_start, soft_bins=batch.soft_bins
    )
    # Between a mean over tokens, where a count of one digit hardly weighs, and one over examples,
    # where a box of a long list hardly does: each weighs as the square root of its length.
    lengths = weights.sum(dim=1)
    roots = lengths.sqrt()
    tokens = ((losses * weights).sum(dim=1) / lengths * roots).sum() / roots.sum()
    right = (logits.argmax(dim=-1) == text.suffix_tokens).float()
    words = weights * (text.suffix_tokens < model.loc_start)
    return {
        "loss": tokens + DENSE_WEIGHT * _sum(dense),
        "tokens": tokens.detach(),
        "example": per_example(losses, weights).detach(),
        "words_right": ((right * words).sum() / words.sum()).detach(),
        "class_right": dense["class_right"],
        "bins_off": dense["bins_off"],
    }


def build() -> NanoInTraining:
    """A new nano, compiled for the loop; compiling keeps the parameters' names."""
    tokenizer = _tokenizer()
    names = torch.tensor([_name_ids(key) for key in KNOWN]).T
    nano = NanoInTraining(tokenizer.vocab_size, tokenizer.loc_start, names, len(COLOURS))
    nano.model.vision.compile()
    nano.model.text.compile(dynamic=True)
    return nano


def build_from(path: Path) -> NanoInTraining:
    """A nano as an earlier stage left it."""
    model = build()
    state = load_file(path)
    prefix = "model/"
    model.load_state_dict(
        {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    )
    return model


def export_words(model: nn.Module, folder: Path) -> None:
    """A Hugging Face folder with tokenizer and mask codec."""
    from palikit.weights.save import save_folder

    assert isinstance(model, NanoInTraining)
    save_folder(model.model, folder / "model", tokenizer=_tokenizer())
    MaskCodec.load(CODEC).save(folder / "model" / "mask_codec.safetensors")


def vision_recipe(steps: int = VISION_STEPS) -> TrainConfig:
    """Dense targets only; about 15 minutes on 2 CPU cores."""
    return TrainConfig(
        name="nano-vision",
        model=build,
        batch=vision_batch,
        loss=vision_loss,
        export=lambda model, folder: None,
        optim=OptimConfig(lr=2e-3, kind="muon", weight_decay=0.02, warmup=0.05),
        steps=steps,
        batch_size=SCENES * PHRASES,
        save_every=100,
    )


def words_recipe(steps: int = WORDS_STEPS) -> TrainConfig:
    """All tasks; about 80 minutes on 2 CPU cores."""
    return TrainConfig(
        name="nano",
        model=partial(build_from, VISION),
        batch=words_batch,
        loss=words_loss,
        export=export_words,
        optim=OptimConfig(lr=1e-3, kind="muon", betas=(0.9, 0.98), weight_decay=0.02, warmup=0.05),
        steps=steps,
        batch_size=SCENES * PHRASES,
        save_every=100,
    )


def captions_recipe(steps: int = CAPTION_STEPS) -> TrainConfig:
    """Mostly captions; about 8 minutes on 2 CPU cores."""
    return replace(
        words_recipe(steps),
        model=partial(build_from, WORDS),
        batch=captions_batch,
        optim=OptimConfig(lr=5e-4, kind="muon", betas=(0.9, 0.98), weight_decay=0.02, warmup=0.05),
    )


def german_recipe(steps: int = GERMAN_STEPS) -> TrainConfig:
    """More of them; about 10 minutes on 2 CPU cores."""
    return replace(captions_recipe(steps), model=partial(build_from, CAPTIONS), batch=german_batch)


@cache
def _tokenizer() -> Tokenizer:
    return Tokenizer.from_folder(TOKENIZER)


def _name_ids(key: str) -> list[int]:
    """The tokens of a class: one and many, English and German, each a single token of nano's."""
    forms = (key, NAMES[key].plural, NAMES[key].german, NAMES[key].german_plural)
    ids = [_tokenizer().encode(f" {form}") for form in forms]
    assert all(len(found) == 1 for found in ids), f"{key}: a name is more than one token: {ids}"
    return [found[0] for found in ids]


@cache
def _processor() -> Processor:
    return Processor(_tokenizer(), Resize(IMAGE_SIZE, "bicubic"), GRID * GRID)


@cache
def _codec() -> MaskCodec:
    return MaskCodec.load(CODEC)


def _scene(split: int, index: int, *, repeats: bool = True) -> Scene:
    # Some are large, so that nano has seen how sharp a resize leaves them; small ones are cheap.
    side = (112, 112, 112, 224)[index % 4]
    return scene(SEED + split, index, side=side, repeats=repeats)


def _row(words: Phrase) -> Row:
    processor = _processor()
    patches = [mask_to_patch(r.mask, r.box) for r in words.regions if r.mask is not None]
    codes = _codec().encode(torch.stack(patches)).tolist() if patches else []
    suffix = words.suffix_with(codes)
    return Row(None, processor.prefix_ids(words.prefix), processor.suffix_ids(suffix))


def _pixels(scenes: list[Scene]) -> Tensor:
    from PIL import Image

    resize = _processor().resize
    return torch.stack([resize(Image.fromarray(one.image)) for one in scenes])


def _dense(model: NanoInTraining, features: Tensor, batch: NanoBatch) -> dict[str, Tensor]:
    return model.dense_losses(features, batch.targets, batch.soft_bins)


def _sum(losses: dict[str, Tensor]) -> Tensor:
    return losses["class"] + losses["box"] + losses["colour"]


RECIPES = {
    "vision": vision_recipe,
    "words": words_recipe,
    "captions": captions_recipe,
    "german": german_recipe,
}

if __name__ == "__main__":
    train(RECIPES[sys.argv[1]](), Path(sys.argv[2]))
