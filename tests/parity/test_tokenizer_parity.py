"""Our token ids against `transformers` and SentencePiece, on text made from a seed."""

import json
import random
from pathlib import Path

import pytest
from tokenizers import Tokenizer as BpeTokenizer
from tokenizers import decoders, normalizers, pre_tokenizers, trainers
from tokenizers.models import BPE

from palikit.inputs.tokenizer import Tokenizer

transformers = pytest.importorskip("transformers")

TEXT = """the cat sat on a mat detect segment caption en answer how many cups? What's in it -- 3.14
der Hund läuft über die Straße el niño come manzanas où est la bibliothèque? żółw gęś Čeština ğüşıöç
собака бежит быстро Ελληνικά γάτα كلب يركض بسرعة שלום עולם हिन्दी ภาษาไทย แมว 貓在墊子上 犬が走る
बिल्ली 고양이가 잔다 தமிழ் ქართული հայերեն አማርኛ ខ្មែរ ພາສາລາວ Tiếng Việt 𝄞𝅘𝅥𝅮 ☃ € ™ ½ x² 1024
naïve \u0301e \u200b \ufeff 😀 👨‍👩‍👧‍👦 🇩🇪 🧿 👍🏽 ❤️ 𓀀 <b> </b> <table> <br> <loc> <seg>
<loc12> <seg1234> < > << >> {} [] ; & # ~ \\ / "'"""
WORDS = TEXT.split()
CODES = ["<loc0000>", "<loc0511>", "<loc1023>", "<seg000>", "<seg127>"]
SPACES = [
    " ",
    " ",
    " ",
    "",
    "  ",
    "   ",
    " " * 17,
    " " * 40,
    "\t",
    "\t\t",
    "\n",
    "\n\n",
    "\r\n",
    "\u00a0",
]


def mixed_strings(count: int, seed: int = 0) -> list[str]:
    """Words of many scripts, emoji, codes and stray characters, between spaces of every kind."""
    rng = random.Random(seed)

    def word() -> str:
        kind = rng.random()
        if kind < 0.6:
            return rng.choice(WORDS)
        if kind < 0.8:
            return rng.choice(CODES)
        if kind < 0.9:
            return "".join(
                rng.choice("abcdefgZQ0123456789.,;-_") for _ in range(rng.randint(1, 12))
            )
        points = [rng.choice([rng.randint(32, 0xD7FF), rng.randint(0xE000, 0x1FBFF)]) for _ in "12"]
        return "".join(map(chr, points))

    return [
        "".join(word() + rng.choice(SPACES) for _ in range(rng.randint(0, 14)))
        for _ in range(count)
    ]


def assert_same_ids(ours: Tokenizer, theirs, texts: list[str]) -> None:
    expected = theirs(texts, add_special_tokens=False)["input_ids"]
    for text, ids in zip(texts, expected, strict=True):
        assert ours.encode(text, codes=True) == ids, repr(text)


def write_tiny_vocabulary(path: Path, with_codes: bool) -> Path:
    """A byte-fallback BPE like Gemma's, of some 500 pieces, trained on the test's own words."""
    bpe = BpeTokenizer(BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    bpe.normalizer = normalizers.Replace(" ", "▁")
    bpe.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    bpe.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    names = ["<pad>", "<eos>", "<bos>", "<unk>", "\n", *(f"<0x{i:02X}>" for i in range(256))]
    if with_codes:
        names += [f"<loc{i:04d}>" for i in range(1024)] + [f"<seg{i:03d}>" for i in range(128)]
    trainer = trainers.BpeTrainer(
        vocab_size=len(names) + 250, special_tokens=names, show_progress=False
    )
    bpe.train_from_iterator([" ".join(WORDS[:40])] * 3, trainer)
    raw = json.loads(bpe.to_str())
    for token in raw["added_tokens"]:
        token["special"] = token["content"] in ("<pad>", "<eos>", "<bos>", "<unk>")
    raw["added_tokens"] = [t for t in raw["added_tokens"] if not t["content"].startswith("<0x")]
    path.write_text(json.dumps(raw))
    return path


@pytest.fixture(scope="module")
def hf_gemma(gemma_tokenizer: Path):
    return transformers.PreTrainedTokenizerFast(tokenizer_file=str(gemma_tokenizer))


def test_ten_thousand_mixed_strings_give_the_ids_of_transformers(
    gemma: Tokenizer, hf_gemma
) -> None:
    texts = mixed_strings(10_000)
    assert sum(len(t) for t in texts) > 300_000
    assert_same_ids(gemma, hf_gemma, texts)


def test_decoded_text_equals_transformers_on_whole_characters(gemma: Tokenizer, hf_gemma) -> None:
    for text in mixed_strings(300, seed=4):
        ids = gemma.encode(text, codes=True)
        theirs = hf_gemma.decode(ids, clean_up_tokenization_spaces=False)
        assert gemma.decode(ids) == theirs == text


def test_plain_gemma_gets_codes_at_the_released_ids_and_saves_for_transformers(
    plain_gemma_tokenizer: Path, gemma: Tokenizer, tmp_path: Path
) -> None:
    ours = Tokenizer.from_file(plain_gemma_tokenizer)
    for tokenizer in (ours, gemma):
        assert (tokenizer.pad_id, tokenizer.eos_id, tokenizer.bos_id) == (0, 1, 2)
        assert (tokenizer.newline_id, tokenizer.image_id) == (108, 257_152)
        assert (tokenizer.loc_start, tokenizer.seg_start) == (256_000, 257_024)
        assert tokenizer.vocab_size == 257_152
    ours.save(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert_same_ids(ours, theirs, mixed_strings(2_000, seed=2))
    assert theirs("a cat").input_ids == [ours.bos_id, *ours.encode("a cat")]
    assert theirs.image_token == "<image>"
    assert theirs.convert_tokens_to_ids("<image>") == ours.image_id
    assert (theirs.pad_token_id, theirs.eos_token_id, theirs.bos_token_id) == (0, 1, 2)
    assert len(theirs) == 257_153


@pytest.mark.parametrize("with_codes", [True, False])
def test_saved_tiny_folder_opens_in_transformers_with_equal_ids(
    with_codes: bool, tmp_path: Path
) -> None:
    ours = Tokenizer.from_file(write_tiny_vocabulary(tmp_path / "tokenizer.json", with_codes))
    ours.save(tmp_path / "saved")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert_same_ids(ours, theirs, mixed_strings(1_000, seed=3))
    assert theirs.convert_tokens_to_ids("<image>") == ours.image_id
    again = Tokenizer.from_folder(tmp_path / "saved")
    assert (again.loc_start, again.vocab_size) == (ours.loc_start, ours.vocab_size)


@pytest.fixture(scope="module")
def sentencepiece_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny SentencePiece model with Gemma's settings and user-defined newlines and spaces."""
    spm = pytest.importorskip("sentencepiece")
    folder = tmp_path_factory.mktemp("spm")
    corpus = folder / "corpus.txt"
    texts = [t.replace("\n", " ").replace("\r", " ") for t in mixed_strings(3_000, seed=5)]
    corpus.write_text("\n".join(t for t in texts if t.strip()), encoding="utf-8")
    spm.SentencePieceTrainer.train(
        input=str(corpus),
        model_prefix=str(folder / "tokenizer"),
        model_type="bpe",
        vocab_size=2_000,
        byte_fallback=True,
        split_digits=True,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        character_coverage=0.98,
        pad_id=0,
        eos_id=1,
        bos_id=2,
        unk_id=3,
        pad_piece="<pad>",
        eos_piece="<eos>",
        bos_piece="<bos>",
        user_defined_symbols=["<mask>", "<unused0>", "\n", "\n\n", "▁▁", "▁▁▁", "<b>", "</b>"],
        minloglevel=2,
    )
    return folder / "tokenizer.model"


def test_sentencepiece_file_gives_the_ids_of_its_own_library(sentencepiece_model: Path) -> None:
    spm = pytest.importorskip("sentencepiece")
    theirs = spm.SentencePieceProcessor(model_file=str(sentencepiece_model))
    ours = Tokenizer.from_file(sentencepiece_model)
    assert ours.loc_start == theirs.vocab_size()
    assert (ours.pad_id, ours.eos_id, ours.bos_id) == (0, 1, 2)
    assert ours.newline_id == theirs.piece_to_id("\n")
    for text in mixed_strings(3_000, seed=6) + ["a" * n for n in range(40)]:
        assert ours.encode(text) == theirs.encode(text), repr(text)


def test_sentencepiece_file_saves_as_a_folder_of_equal_ids(
    sentencepiece_model: Path, tmp_path: Path
) -> None:
    ours = Tokenizer.from_folder(sentencepiece_model.parent)
    ours.save(tmp_path)
    assert_same_ids(
        ours, transformers.AutoTokenizer.from_pretrained(tmp_path), mixed_strings(500, seed=7)
    )


def test_sentencepiece_decodes_stray_bytes_as_we_do(sentencepiece_model: Path) -> None:
    spm = pytest.importorskip("sentencepiece")
    theirs = spm.SentencePieceProcessor(model_file=str(sentencepiece_model))
    ours = Tokenizer.from_file(sentencepiece_model)
    rng = random.Random(8)
    first = theirs.piece_to_id("<0x00>")
    for _ in range(300):
        words = rng.choice(["a", "é", "🧿"]).encode()
        noise = bytes(rng.choice([0x41, 0x80, 0xBF, 0xC3, 0xE2, 0xF0, 0xFF]) for _ in range(4))
        ids = [first + byte for byte in words + noise + words]
        assert ours.decode(ids) == theirs.decode(ids), ids
