"""Make nano's vocabulary: byte-fallback BPE of Gemma's structure, on phrases about scenes.

    python -m recipes.nano_tokenizer

Writes `palikit/assets/nano/tokenizer.json` and its companions. Every class name is one piece, with
a space before it, so that nano's few layers need not spell.
"""

import json
import string
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers as splits
from tokenizers.trainers import BpeTrainer

from palikit.data.emoji_words import phrase
from palikit.data.emoji_world import NAMES, scene
from palikit.inputs import tokenizer as ours

ASSETS = Path(__file__).parents[1] / "palikit/assets/nano"
SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>"]
BYTES = [f"<0x{i:02X}>" for i in range(256)]
ALPHABET = [*string.printable.strip(), "\n", "▁", *"äöüÄÖÜß°€"]
TEXT_PIECES = 1024
FIRST_WORDS = """
caption describe ocr answer question detect segment cap
a an two three four ein eine zwei drei vier yes no red orange yellow green blue purple gray white
"""
"""Words that begin a prompt or an answer, where no space stands before them."""
SCENES = 600
MIXTURE = {"count": 2.0, "colour": 1.0, "presence": 2.0, "caption en": 4.0, "caption de": 4.0}


def corpus() -> Iterator[str]:
    """Phrases of seeded scenes, and every name often enough to become a piece."""
    rng = np.random.default_rng(0)
    for i in range(SCENES):
        said = phrase(scene(99, i, side=64), rng, MIXTURE)
        yield f"{said.prefix} {said.suffix}"
    for key, names in NAMES.items():
        for word in (key, names.plural, names.german, names.german_plural):
            yield f" {word}" * 50
    for word in FIRST_WORDS.split():
        yield from [word] * 50
    yield " ; and und en de" * 100


def train() -> Tokenizer:
    """The text part of the vocabulary."""
    bpe = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    bpe.normalizer = normalizers.Replace(" ", "▁")
    # While learning, words are apart and digits alone, so no learned piece crosses a space.
    bpe.pre_tokenizer = splits.Sequence(
        [
            splits.Split("▁", "merged_with_next"),
            splits.Digits(individual_digits=True),
            splits.Split(Regex(r"[?,.]"), "isolated"),
        ]
    )
    trainer = BpeTrainer(
        vocab_size=TEXT_PIECES,
        special_tokens=SPECIAL + BYTES,
        initial_alphabet=ALPHABET,
        show_progress=False,
    )
    bpe.train_from_iterator(corpus(), trainer)
    return bpe


def gemma_like(bpe: Tokenizer) -> Tokenizer:
    """The same pieces and merges in a file that is laid out as Gemma's."""
    learned = json.loads(bpe.to_str())["model"]
    merges = [tuple(pair) for pair in learned["merges"]]
    model = models.BPE(
        vocab=learned["vocab"], merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True
    )
    final = Tokenizer(model)
    final.normalizer = normalizers.Replace(" ", "▁")
    final.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    final.add_special_tokens([AddedToken(name, normalized=False) for name in SPECIAL])
    return final


def main() -> None:
    """Train, add PaliGemma's tokens and write."""
    finished = ours.Tokenizer(gemma_like(train()), "nano's vocabulary")
    for key in NAMES:
        assert len(finished.encode(f" {key}")) == 1, f"{key!r} is not one piece"
    finished.save(ASSETS)
    print(f"{finished.vocab_size} rows, <loc0000> at {finished.loc_start}")


if __name__ == "__main__":
    main()
