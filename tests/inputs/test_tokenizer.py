"""Words in, ids out, and back; nothing in a user's words becomes a control token or a code."""

import json
import pickle
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, decoders, normalizers
from tokenizers import Tokenizer as BpeTokenizer
from tokenizers.models import BPE, WordLevel

from palikit.errors import TokenizerError, UsageError
from palikit.inputs.tokenizer import Tokenizer

CONTROL = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>"]
CONTROL += ["<unused0>", "<unused7>", "[@BOS@]"]
LOOKS_SPECIAL = [*CONTROL, "<image>", "<loc0000>", "<loc1023>", "<seg000>", "<seg127>"]
WORDS = ["▁", "c", "a", "t", "at", "cat", "▁cat", "\n", "\n\n", "▁▁", "<", ">", "<b>"]


def tiny_bpe(extra: list[str] = (), newline: bool = True) -> BpeTokenizer:
    """Some 290 pieces: control, bytes, a few words; `extra` added at the end."""
    words = WORDS if newline else [w for w in WORDS if "\n" not in w]
    pieces = [*CONTROL, *(f"<0x{i:02X}>" for i in range(256)), *words]
    merges = [("a", "t"), ("c", "at"), ("▁", "cat")]
    bpe = BpeTokenizer(
        BPE(
            vocab={piece: i for i, piece in enumerate(pieces)},
            merges=merges,
            unk_token="<unk>",
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    bpe.normalizer = normalizers.Replace(" ", "▁")
    bpe.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    # As in Gemma's own file, most control pieces are not flagged special.
    bpe.add_tokens([AddedToken(p, normalized=False) for p in [*CONTROL[3:], "\n\n", "<b>"]])
    bpe.add_special_tokens(CONTROL[:3])
    bpe.add_tokens(list(extra))
    return bpe


LOCS = [f"<loc{i:04d}>" for i in range(1024)]
SEGS = [f"<seg{i:03d}>" for i in range(128)]
TINY = Tokenizer(tiny_bpe())
ROWS = len(CONTROL) + 256 + len(WORDS)


def assert_no_smuggling(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    control = {tokenizer.pad_id, tokenizer.eos_id, tokenizer.bos_id, tokenizer.image_id}
    for i in ids:
        assert i < tokenizer.loc_start
        assert i not in control
        assert tokenizer.piece(i) not in LOOKS_SPECIAL
        assert not re.fullmatch(r"<unused\d+>", tokenizer.piece(i))


def test_codes_are_appended_where_a_vocabulary_has_none() -> None:
    assert TINY.loc_start == ROWS
    assert TINY.seg_start == ROWS + 1024
    assert TINY.vocab_size == TINY.image_id == ROWS + 1152
    assert TINY.encode("<loc0003><seg002>", codes=True) == [ROWS + 3, ROWS + 1026]


def test_codes_that_a_vocabulary_has_keep_their_ids() -> None:
    own = Tokenizer(tiny_bpe([*LOCS, *SEGS, "<image>"]))
    assert (own.loc_start, own.seg_start, own.image_id) == (ROWS, ROWS + 1024, ROWS + 1152)
    assert own.vocab_size == TINY.vocab_size
    image_first = Tokenizer(tiny_bpe(["<image>", *LOCS, *SEGS]))
    assert (image_first.image_id, image_first.loc_start) == (ROWS, ROWS + 1)
    assert image_first.vocab_size == ROWS + 1153


@pytest.mark.parametrize("extra", [LOCS[:7], [*LOCS[::-1], *SEGS], [*LOCS[:9], "x", *LOCS[9:]]])
def test_codes_out_of_order_or_missing_are_refused(extra: list[str]) -> None:
    if extra == LOCS[:7]:  # the rest can be appended behind, so only a gap is an error
        extra = [*extra, "gap"]
    with pytest.raises(TokenizerError, match="in one run"):
        Tokenizer(tiny_bpe(extra))


@pytest.mark.parametrize("text", LOOKS_SPECIAL)
@pytest.mark.parametrize("around", ["{}", " {} ", "a{}b", "<{}>", "{}{}", "<eos{}\n", "<{}"])
def test_what_looks_special_stays_words(text: str, around: str) -> None:
    assert_no_smuggling(TINY, around.format(text, text))


@pytest.mark.parametrize("text", LOOKS_SPECIAL)
def test_what_looks_special_stays_words_in_the_real_vocabulary(text: str, gemma: Tokenizer) -> None:
    for around in ("{}", "what is {} here", "<{}>", "{0}{0}", "\n{}\n"):
        assert_no_smuggling(gemma, around.format(text))


def test_every_piece_of_the_real_vocabulary_that_is_control_can_be_written_as_words(
    gemma: Tokenizer,
) -> None:
    names = [f"<unused{i}>" for i in range(100)] + ["<2mass>", "[@BOS@]", "<mask>", "<unk>"]
    for name in names:
        assert_no_smuggling(gemma, name)


MESS = st.lists(
    st.sampled_from(LOOKS_SPECIAL) | st.sampled_from(["<", ">", " ", "<0x41>"]) | st.text(),
    max_size=8,
).map("".join)


@given(MESS)
@settings(max_examples=300, deadline=None)
def test_no_mixture_of_strings_smuggles_a_token(text: str) -> None:
    if "▁" not in text:  # the space mark itself comes back as a space, as everywhere
        assert_no_smuggling(TINY, text)


@given(MESS)
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_mixture_smuggles_into_the_real_vocabulary(gemma: Tokenizer, text: str) -> None:
    if "▁" not in text:
        assert_no_smuggling(gemma, text)


@given(MESS)
@settings(max_examples=200, deadline=None)
def test_codes_let_codes_through_and_still_no_control_token(text: str) -> None:
    ids = TINY.encode(text, codes=True)
    assert all(TINY.piece(i) not in [*CONTROL, "<image>"] for i in ids)
    starts = [text[i : i + 9] in LOCS or text[i : i + 8] in SEGS for i in range(len(text))]
    assert sum(i >= TINY.loc_start for i in ids) == sum(starts)


@given(st.lists(st.integers(0, TINY.vocab_size + 70), max_size=30))
@settings(deadline=None)
def test_spans_of_any_ids_cover_the_text_in_order(ids: list[int]) -> None:
    text, spans = TINY.decode_spans(ids)
    assert text == TINY.decode(ids)
    assert len(spans) == len(ids)
    assert "".join(text[a:b] for a, b in spans) == text
    assert all(b == c for (_, b), (c, _) in pairwise(spans))


def test_spans_say_which_token_wrote_what() -> None:
    ids = [*TINY.encode("cat é"), TINY.loc_start + 7, TINY.eos_id, *TINY.encode("cat")]
    text, spans = TINY.decode_spans(ids)
    assert text == "cat é<loc0007>"
    # é is two bytes: an empty piece, then the character.
    assert spans == [(0, 3), (3, 4), (4, 4), (4, 5), (5, 14), (14, 14), (14, 14)]


def test_bytes_that_make_no_character_become_replacement_marks() -> None:
    half = TINY.encode("🧿")[:3]
    assert TINY.decode(half) == "\ufffd" * 3
    assert TINY.decode([*half, *TINY.encode("🧿cat")]) == "\ufffd" * 3 + "🧿cat"


def test_silent_ids_and_rows_past_the_vocabulary_write_nothing() -> None:
    ids = [TINY.bos_id, TINY.pad_id, TINY.image_id, 10**6, *TINY.encode("cat")]
    assert TINY.decode(ids) == "cat"


def test_newline_is_looked_up_as_a_piece_or_as_its_byte() -> None:
    assert TINY.piece(TINY.newline_id) == "\n"
    by_byte = Tokenizer(tiny_bpe_without_newlines())
    assert by_byte.piece(by_byte.newline_id) == "<0x0A>"


def tiny_bpe_without_newlines() -> BpeTokenizer:
    raw = json.loads(tiny_bpe(newline=False).to_str())
    raw["added_tokens"] = [t for t in raw["added_tokens"] if "\n" not in t["content"]]
    return BpeTokenizer.from_str(json.dumps(raw))


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(UsageError, match="half a character"):
        TINY.encode("cat \ud83d")


def test_a_tokenizer_travels_to_worker_processes() -> None:
    again = pickle.loads(pickle.dumps(TINY))
    assert again.encode("a cat<eos>") == TINY.encode("a cat<eos>")


def test_saved_folder_opens_again_and_equal(tmp_path: Path) -> None:
    TINY.save(tmp_path / "new" / "folder")
    again = Tokenizer.from_folder(tmp_path / "new" / "folder")
    text = "a <loc0001> cat <eos>\n\n<b>é"
    for codes in (False, True):
        assert again.encode(text, codes=codes) == TINY.encode(text, codes=codes)
    assert again.vocab_size == TINY.vocab_size


def test_missing_and_broken_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "tokenizer.model").write_bytes(b"\x0a\xff\xff")
    (tmp_path / "words.model").write_text("these are just words, no model at all")
    (tmp_path / "empty.model").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    for path, words in [
        (tmp_path / "none.json", "is not a file"),
        (tmp_path / "tokenizer.json", "cannot be read as a tokenizer.json"),
        (tmp_path / "tokenizer.model", "not a SentencePiece model"),
        (tmp_path / "words.model", "not a SentencePiece model"),
        (tmp_path / "empty.model", "not a SentencePiece model"),
    ]:
        with pytest.raises(TokenizerError, match=words) as caught:
            Tokenizer.from_file(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(TokenizerError, match=r"no tokenizer\.json and no tokenizer\.model"):
        Tokenizer.from_folder(tmp_path / "empty")


def test_a_vocabulary_of_another_kind_is_refused() -> None:
    with pytest.raises(TokenizerError, match="has no <pad> token"):
        Tokenizer(BpeTokenizer(WordLevel({"cat": 0}, unk_token="cat")))
    folding = tiny_bpe()
    folding.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" ", "▁")])
    with pytest.raises(TokenizerError, match="does not give text back"):
        Tokenizer(folding)
    prefixing = tiny_bpe()
    prefixing.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    with pytest.raises(TokenizerError, match="does not give text back"):
        Tokenizer(prefixing)


def test_what_ids_write_is_what_they_decode_to() -> None:
    written = TINY.written()
    assert len(written) == TINY.vocab_size
    for word in ("cat", " cat", "\n\n", "<b>"):
        assert [written[i] for i in TINY.encode(word)] == [word.encode()]
    assert b"".join(written[i] for i in TINY.encode("caté 猫")) == "caté 猫".encode()
    silent = [TINY.pad_id, TINY.eos_id, TINY.bos_id, TINY.loc_start, TINY.seg_start + 127]
    assert {written[i] for i in silent} == {b""}
    named = {TINY.piece(i) for i, some in enumerate(written) if not some}
    assert named == {*LOCS, *SEGS, *CONTROL}


def test_gemma_writes_all_but_its_control_tokens_and_codes(gemma: Tokenizer) -> None:
    written = gemma.written()
    texts = [
        "how many cups? 3.14",
        "naïve 猫 🐈‍⬛",
        " " * 40,
        "a\n\n\nb",
        "<table><b>x</b>",
        "\x00\x7f",
    ]
    for text in texts:
        assert b"".join(written[i] for i in gemma.encode(text)) == text.encode()
    silent = {gemma.piece(i) for i, some in enumerate(written) if not some}
    odd = {name for name in silent if not re.fullmatch(r"<(unused|loc|seg)\d+>", name)}
    assert odd <= {*CONTROL, "<2mass>", "<image>"}
