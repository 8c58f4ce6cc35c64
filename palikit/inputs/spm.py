"""A SentencePiece `tokenizer.model`, read without its library, as the BPE that `tokenizers` runs.

The file is a protocol buffer (SentencePiece's `sentencepiece_model.proto`); the few fields that
decide how text is split are read here, so one engine serves both file kinds and either can be saved
as `tokenizer.json`.

Departure: where SentencePiece ranks a merge by the score of the piece it makes, BPE files rank each
pair, so two ways to make one piece get neighbouring ranks instead of one. Left-to-right order
decides between them in both.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors

from palikit.errors import TokenizerError

__all__ = ["read_sentencepiece"]

# Kinds of piece, as the proto numbers them.
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6

Piece = tuple[str, float, int]
"""A piece, its score (higher is merged first) and its kind."""


def read_sentencepiece(path: Path) -> Tokenizer:
    """The BPE of a model with Gemma's settings: byte fallback, no added space, no normalisation.

    Raises:
        TokenizerError: the file is no SentencePiece model, or one with other settings.
    """
    try:
        pieces, trainer, normalizer = _parse(path.read_bytes())
    except (IndexError, ValueError, struct.error) as error:
        raise TokenizerError(
            f"{path} is not a SentencePiece model: pass Gemma's tokenizer.model or a tokenizer.json"
        ) from error
    # Field numbers of TrainerSpec and NormalizerSpec; the fall-backs are the proto's own.
    wrong = [
        text
        for text, bad in {
            "model_type must be BPE": trainer.get(3, 1) != 2,
            "byte_fallback must be on": not trainer.get(35, 0),
            "add_dummy_prefix must be off": bool(normalizer.get(3, 1)),
            "remove_extra_whitespaces must be off": bool(normalizer.get(4, 1)),
            "normalisation must be identity": bool(normalizer.get(2, b"")),
        }.items()
        if bad
    ]
    if wrong:
        raise TokenizerError(f"{path} is no Gemma vocabulary: {', '.join(wrong)}")
    return _build(pieces)


def _build(pieces: list[Piece]) -> Tokenizer:
    vocab = {piece: i for i, (piece, _, _) in enumerate(pieces)}
    names = {kind: piece for piece, _, kind in reversed(pieces)}
    model = models.BPE(
        vocab=vocab,
        merges=_merges(pieces),
        unk_token=names.get(UNKNOWN),
        fuse_unk=True,
        byte_fallback=True,
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    # User-defined pieces carry the space mark where the text has a space, hence normalized.
    tokenizer.add_tokens(
        [
            AddedToken(p, normalized="▁" in p, special=False)
            for p, _, kind in pieces
            if kind == USER_DEFINED
        ]
    )
    tokenizer.add_special_tokens(
        [AddedToken(p, special=True) for p, _, kind in pieces if kind in (CONTROL, UNKNOWN)]
    )
    if "<bos>" in vocab:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<bos> $A",
            pair="<bos> $A <bos>:1 $B:1",
            special_tokens=[("<bos>", vocab["<bos>"])],
        )
    return tokenizer


def _merges(pieces: list[Piece]) -> list[tuple[str, str]]:
    """Every way to make a piece of two others, best score first."""
    ids = {p: i for i, (p, _, kind) in enumerate(pieces) if kind in (NORMAL, UNUSED)}
    ranked = [
        (-pieces[i][1], i, ids[piece[:cut]], ids[piece[cut:]])
        for piece, i in ids.items()
        for cut in range(1, len(piece))
        if piece[:cut] in ids and piece[cut:] in ids
    ]
    ranked.sort()
    return [(pieces[left][0], pieces[right][0]) for _, _, left, right in ranked]


def _parse(data: bytes) -> tuple[list[Piece], dict[int, Any], dict[int, Any]]:
    pieces: list[Piece] = []
    specs: dict[int, dict[int, Any]] = {2: {}, 3: {}}
    for number, value in _fields(data):
        if number == 1:
            piece = dict(_fields(value))
            score = struct.unpack("<f", piece[2])[0] if 2 in piece else 0.0
            pieces.append((piece[1].decode(), score, piece.get(3, NORMAL)))
        elif number in specs:
            specs[number] = dict(_fields(value))
    if not pieces:
        raise ValueError("no pieces")
    return pieces, specs[2], specs[3]


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """(field number, value) of one message; an integer for a varint, bytes for everything else."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind not in (1, 2, 5):
            raise ValueError(f"wire type {kind}")
        size, at = _varint(data, at) if kind == 2 else (8 if kind == 1 else 4, at)
        if at + size > len(data):
            raise ValueError("cut short")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while data[at] & 0x80:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return value | data[at] << shift, at + 1
