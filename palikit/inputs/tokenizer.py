"""Words to token ids and back: Gemma's vocabulary with PaliGemma's `<loc>` and `<seg>` tokens.

Ids equal `transformers`' and SentencePiece's on the same text, with one departure on purpose: a
string in a user's words that looks like a control token (`<eos>`, `<image>`, `<start_of_turn>`,
`<unused7>`) is spelled with ordinary pieces, and so are `<loc0001>` and `<seg001>` unless the
caller says that they are codes. Decoding gives such words back as they were written.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from tokenizers import AddedToken
from tokenizers import Tokenizer as BpeTokenizer

from palikit.errors import TokenizerError, UsageError

from .spm import read_sentencepiece

__all__ = ["Tokenizer"]

LOCS = [f"<loc{i:04d}>" for i in range(1024)]
SEGS = [f"<seg{i:03d}>" for i in range(128)]
IMAGE = "<image>"
BYTE = re.compile(r"<0x([0-9A-F]{2})>")
# Gemma's control pieces; its files flag only some of them as special.
CONTROL = re.compile(r"<(pad|eos|bos|unk|mask|2mass|image|unused\d+|(start|end)_of_\w+)>|\[@BOS@\]")
# Round-tripped on opening: a vocabulary that adds a space, strips, folds case or normalises fails.
PROBE = "Ab  \tc\n\ud55c \ufb01\uff1ceos\uff1e \xe9\U0001f9ff "


class Tokenizer:
    """A BPE vocabulary in which spaces are written `▁` and unknown characters fall back to bytes.

    Attributes:
        newline_id: the token of "\\n", which ends a prefix.
        image_id: what files write for `<image>`; the model never embeds it.
        loc_start: id of `<loc0000>`; the 1024 follow one another.
        seg_start: id of `<seg000>`; the 128 follow one another.
        vocab_size: embedding rows that the ids need, `<image>` left aside where it comes last.
    """

    def __init__(self, bpe: BpeTokenizer, name: str = "the vocabulary") -> None:
        self._bpe = bpe
        self._name = name
        self.loc_start = self._add_run(LOCS)
        self.seg_start = self._add_run(SEGS)
        bpe.add_special_tokens([AddedToken(IMAGE, normalized=False, special=True)])
        self.image_id = self._id_of(IMAGE)
        self.pad_id = self._id_of("<pad>")
        self.eos_id = self._id_of("<eos>", "</s>")
        self.bos_id = self._id_of("<bos>", "<s>")
        self._unk_id = bpe.token_to_id("<unk>")
        last = max(bpe.get_vocab(with_added_tokens=True).values())
        self.vocab_size = last + (self.image_id != last)
        added = bpe.get_added_tokens_decoder()
        control = {t.content for t in added.values() if t.special or CONTROL.fullmatch(t.content)}
        codes = {*LOCS, *SEGS}
        self._unspoken = control | codes
        self._control = _any_of(control - codes)
        self._special = _any_of(self._unspoken)
        self._pieces: dict[int, str | int] = {}  # what _read_piece said before
        self.newline_id = self._find_newline()

    @classmethod
    def from_file(cls, path: str | Path) -> "Tokenizer":
        """Open a `tokenizer.json`; any other ending is read as a SentencePiece `tokenizer.model`.

        Raises:
            TokenizerError: the file is missing, unreadable or not a Gemma-like vocabulary.
        """
        path = Path(path)
        if not path.is_file():
            raise TokenizerError(
                f"{path} is not a file: pass a tokenizer.json or a SentencePiece tokenizer.model"
            )
        if path.suffix != ".json":
            return cls(read_sentencepiece(path), str(path))
        try:
            bpe = BpeTokenizer.from_file(str(path))
        except Exception as error:  # the library raises bare Exception for every fault of a file
            raise TokenizerError(
                f"{path} cannot be read as a tokenizer.json ({error}): download it again"
            ) from error
        return cls(bpe, str(path))

    @classmethod
    def from_folder(cls, folder: str | Path) -> "Tokenizer":
        """Open the `tokenizer.json` of a folder, or else its `tokenizer.model`."""
        for name in ("tokenizer.json", "tokenizer.model"):
            if (Path(folder) / name).is_file():
                return cls.from_file(Path(folder) / name)
        raise TokenizerError(
            f"{folder} holds no tokenizer.json and no tokenizer.model: "
            "copy one from the checkpoint's page into it"
        )

    def encode(self, text: str, *, codes: bool = False) -> list[int]:
        """Token ids of `text`, without bos or eos.

        `<loc0001>` in it is ordinary pieces where a user wrote it, one token if `codes` says that
        we did.
        """
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UsageError(
                f"the text holds half a character, {error.object[error.start]!r}, "
                "which no encoding can carry: remove it"
            ) from error
        ids: list[int] = []
        for part in _cut_inside(text, self._control if codes else self._special):
            ids += self._bpe.encode(part, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids` up to the first eos; pad, bos and `<image>` are silent."""
        return self.decode_spans(ids)[0]

    def decode_spans(self, ids: Sequence[int]) -> tuple[str, list[tuple[int, int]]]:
        """The text of `ids` and the piece of it, (start, end) in characters, that each id wrote.

        The pieces cover the text in order. A character of several byte tokens belongs to the last
        of them, and the others get an empty piece in front of it; bytes that make no character
        become U+FFFD, one each.
        """
        text: list[str] = []
        spans: list[tuple[int, int]] = []
        at = 0
        pending: list[int] = []  # bytes of a character whose end has not come

        def write(words: str) -> None:
            nonlocal at
            text.append(words)
            spans.append((at, at + len(words)))
            at += len(words)

        def flush() -> None:
            for words in _decode_bytes(pending):
                write(words)
            pending.clear()

        for i in self._until_eos(ids):
            if i not in self._pieces:
                self._pieces[i] = self._read_piece(i)
            piece = self._pieces[i]
            if isinstance(piece, int):
                pending.append(piece)
            else:
                flush()
                write(piece)
        flush()
        spans += [(at, at)] * (len(ids) - len(spans))
        return "".join(text), spans

    def piece(self, token: int) -> str:
        """How the vocabulary writes a token: `▁cat`, `<0x0A>`, `<loc0001>`; "?" past its end."""
        return self._bpe.id_to_token(token) or "?"

    def written(self) -> list[bytes]:
        """What each id writes, in UTF-8: `b" cat"`; nothing for control tokens and codes.

        A byte token may write a part of a character. Several ids may write the same.
        """
        names = self._bpe.get_vocab(with_added_tokens=True)
        texts = [b""] * max(self.vocab_size, 1 + max(names.values()))
        for name, i in names.items():
            if name not in self._unspoken and not CONTROL.fullmatch(name):
                piece = _spoken(name)
                texts[i] = bytes([piece]) if isinstance(piece, int) else piece.encode()
        for i in (self.pad_id, self.bos_id, self.eos_id):
            texts[i] = b""
        return texts[: self.vocab_size]

    def save(self, folder: str | Path) -> None:
        """Write `tokenizer.json` and the small files that let `transformers` open the folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._bpe.save(str(folder / "tokenizer.json"))
        names = {
            "bos_token": self.piece(self.bos_id),
            "eos_token": self.piece(self.eos_id),
            "pad_token": self.piece(self.pad_id),
        }
        if self._unk_id is not None:
            names["unk_token"] = "<unk>"
        config = {
            "tokenizer_class": "GemmaTokenizer",
            "add_bos_token": True,
            "add_eos_token": False,
            "extra_special_tokens": {"image_token": IMAGE},
            **names,
        }
        _write_json(folder / "tokenizer_config.json", config)
        _write_json(
            folder / "special_tokens_map.json", {**names, "additional_special_tokens": [IMAGE]}
        )

    def _until_eos(self, ids: Sequence[int]) -> Iterator[int]:
        for i in ids:
            if i == self.eos_id:
                return
            yield int(i)

    def _read_piece(self, i: int) -> str | int:
        """The text of an id, or the value of a byte token."""
        if i in (self.pad_id, self.bos_id, self.image_id):
            return ""
        if i == self._unk_id:
            return "\ufffd"
        token = self._bpe.id_to_token(i)
        if token is None:  # a row past the vocabulary: checkpoints pad their embedding
            return ""
        return _spoken(token)

    def _id_of(self, *names: str) -> int:
        for name in names:
            if (i := self._bpe.token_to_id(name)) is not None:
                return i
        raise TokenizerError(
            f"{self._name} has no {names[0]} token: pass the tokenizer of a PaliGemma checkpoint"
        )

    def _add_run(self, names: list[str]) -> int:
        """Make tokens of names that follow one another, at the end if the file has none of them."""
        self._bpe.add_tokens([AddedToken(n, normalized=False, special=False) for n in names])
        start = self._id_of(names[0])
        if [self._bpe.token_to_id(n) for n in names] != list(range(start, start + len(names))):
            raise TokenizerError(
                f"{self._name} does not number {names[0]} to {names[-1]} in one run: "
                "pass the tokenizer of a PaliGemma checkpoint, or plain Gemma's"
            )
        return start

    def _find_newline(self) -> int:
        ids = self.encode("\n")
        if len(ids) != 1 or self.decode(self.encode(PROBE)) != PROBE:
            raise TokenizerError(
                f"{self._name} does not give text back as it was: PaliGemma needs a byte-fallback "
                "BPE with ▁ for spaces, no added space and no normalisation"
            )
        return ids[0]


def _spoken(token: str) -> str | int:
    """What a piece says, or the value of a byte token."""
    byte = BYTE.fullmatch(token)
    return int(byte[1], 16) if byte else token.replace("▁", " ")


def _any_of(strings: set[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(s) for s in sorted(strings, key=len, reverse=True)))


def _cut_inside(text: str, forbidden: re.Pattern[str]) -> Iterator[str]:
    """Parts of `text` that hold no forbidden string: each is cut after its first letter."""
    start = 0
    while found := forbidden.search(text, start):
        yield text[start : found.start() + 1]
        start = found.start() + 1
    yield text[start:]


def _decode_bytes(values: list[int]) -> Iterator[str]:
    """One string a byte: the character at its last byte, "" before it, U+FFFD for a stray byte."""
    at = 0
    while at < len(values):
        lead = values[at]
        size = 1 + (lead >= 0xC0) + (lead >= 0xE0) + (lead >= 0xF0)
        try:
            char = bytes(values[at : at + size]).decode()
        except UnicodeDecodeError:
            char, size = "\ufffd", 1
        yield from ("",) * (size - 1)
        yield char
        at += size


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
