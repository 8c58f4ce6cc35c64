"""nano's vocabulary: what its recipe promises, and the same ids in transformers."""

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer as BpeTokenizer

from palikit.data.emoji_words import KINDS, phrase
from palikit.data.emoji_world import COLOURS, NAMES, scene
from palikit.inputs.image import Resize
from palikit.inputs.processor import Processor
from palikit.inputs.tokenizer import Tokenizer
from recipes import emoji_sprites, nano_tokenizer

FOLDER = nano_tokenizer.ASSETS
STRAY = ["Grüße 🐈 ¿qué?", "two  spaces\tand a tab", "1234 <eos> <loc12>", "€ ° ß", "", " "]


@pytest.fixture(scope="module")
def nano() -> Tokenizer:
    return Tokenizer.from_folder(FOLDER)


@pytest.fixture(scope="module")
def said() -> list[str]:
    """Prefixes and suffixes of every kind, codes included."""
    rng = np.random.default_rng(0)
    even = dict.fromkeys(KINDS, 1.0)
    phrases = [phrase(scene(9, i, side=64), rng, even) for i in range(120)]
    codes = rng.integers(0, 128, 16).tolist()
    suffixes = [one.suffix_with([codes] * len(one.regions)) for one in phrases]
    return [*(f"{one.prefix}\n" for one in phrases), *suffixes]


def test_special_tokens_stand_where_gemmas_do(nano: Tokenizer):
    assert (nano.pad_id, nano.eos_id, nano.bos_id) == (0, 1, 2)
    assert nano.seg_start == nano.loc_start + 1024
    assert nano.vocab_size == nano.seg_start + 128
    assert nano.image_id == nano.vocab_size
    assert nano.encode("\n") == [nano.newline_id]


def test_every_name_and_colour_is_one_piece_after_a_space(nano: Tokenizer):
    words = [w for k, n in NAMES.items() for w in (k, n.plural, n.german, n.german_plural)]
    for word in [*words, *COLOURS]:
        assert len(nano.encode(f" {word}")) == 1, word


def test_words_that_begin_a_prompt_or_an_answer_are_one_piece(nano: Tokenizer):
    for word in nano_tokenizer.FIRST_WORDS.split():
        assert len(nano.encode(word)) == 1, word


def test_a_short_answer_is_few_tokens(nano: Tokenizer):
    assert len(nano.encode("a cat and two dogs on a blue background")) == 9
    assert len(nano.encode("eine Katze und zwei Hunde auf blauem Hintergrund")) == 8
    assert len(nano.encode("answer en how many cats?")) == 6


def test_all_text_comes_back(nano: Tokenizer, said: list[str]):
    for text in [*said, *STRAY]:
        assert nano.decode(nano.encode(text, codes=True)) == text


def test_ids_equal_those_of_tokenizers_and_of_transformers(nano: Tokenizer, said: list[str]):
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoTokenizer.from_pretrained(FOLDER)
    plain = BpeTokenizer.from_file(str(FOLDER / "tokenizer.json"))
    for text in said:
        ids = nano.encode(text, codes=True)
        assert ids == plain.encode(text, add_special_tokens=False).ids
        assert ids == theirs.encode(text, add_special_tokens=False)
    assert theirs.convert_tokens_to_ids("<image>") == nano.image_id


def test_transformers_processor_lays_a_prompt_out_as_ours(nano: Tokenizer):
    transformers = pytest.importorskip("transformers")
    pixels = transformers.SiglipImageProcessor(size={"height": 28, "width": 28})
    pixels.image_seq_length = 4
    theirs = transformers.PaliGemmaProcessor(
        pixels, transformers.AutoTokenizer.from_pretrained(FOLDER)
    )
    image = np.zeros((28, 28, 3), np.uint8)
    ids = theirs(text="<image>detect cat ; dog", images=image)["input_ids"][0]
    ours = Processor(nano, Resize(28, "bicubic"), 4).prefix_ids("detect cat ; dog")
    assert list(ids) == [nano.image_id] * 4 + ours


def test_the_recipe_writes_the_same_files_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(nano_tokenizer, "ASSETS", tmp_path)
    nano_tokenizer.main()
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), name
    assert "<loc0000> at" in capsys.readouterr().out


FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")


@pytest.mark.skipif(not FONT.is_file(), reason="needs Debian's fonts-noto-color-emoji")
def test_the_recipe_draws_the_same_sheet_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("emoji")
    bundled = emoji_sprites.ASSETS
    monkeypatch.setattr(emoji_sprites, "ASSETS", tmp_path)
    emoji_sprites.main(str(FONT))
    for name in ("sprites.png", "sprites.json"):
        assert (tmp_path / name).read_bytes() == (bundled / name).read_bytes(), name
