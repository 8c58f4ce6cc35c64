"""`palikit data preview`: what tokens say is drawn, what nobody reads is red."""

import json
import re
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from palikit.cli.preview_cards import SIDE, Card, Piece, card_of, pieces_of
from palikit.cli.preview_page import page
from palikit.cli.preview_sheet import INK, sheet
from palikit.codecs.masks import MaskCodec
from palikit.data.examples import Example

LOCS = "<loc0256><loc0512><loc0767><loc1023>"
SEGS = "".join(f"<seg{i:03d}>" for i in range(16))
GREY = Image.new("RGB", (200, 100), (128, 128, 128))


def changed(card: Card) -> tuple[int, int, int, int]:
    """Extent of what was drawn on a grey picture."""
    away = np.abs(np.asarray(card.picture, np.int64) - 128).max(axis=2) > 40
    ys, xs = np.nonzero(away)
    return xs.min(), ys.min(), xs.max() + 1, ys.max() + 1


def test_a_box_is_drawn_where_its_tokens_say():
    card = card_of(Example((GREY,), "detect cat", LOCS), "a")
    assert card.picture.size == (SIDE, SIDE // 2)
    assert changed(card) == pytest.approx((SIDE / 2, SIDE / 8, SIDE, SIDE * 3 / 8), abs=2)


def test_a_mask_is_drawn_when_there_is_a_codec():
    codec = MaskCodec.load(str(files("palikit.assets") / "nano" / "mask_codec.safetensors"))
    full = codec.encode(np_ones())[0].tolist()
    suffix = LOCS + "".join(f"<seg{code:03d}>" for code in full) + " cat"
    example = Example((GREY,), "segment cat", suffix)
    plain, masked = card_of(example, "a"), card_of(example, "a", codec)
    middle = (SIDE * 3 // 4, SIDE // 4)
    assert plain.picture.getpixel(middle) == (128, 128, 128)
    assert masked.picture.getpixel(middle) != (128, 128, 128)


def np_ones():
    import torch

    return torch.ones(1, 64, 64)


def test_several_pictures_stand_side_by_side():
    card = card_of(Example((GREY, GREY), "caption en", "two"), "a")
    assert card.picture.size == (SIDE, SIDE // 4)


PIECES = {
    "words": ("caption en", "a cat", [("a cat", "word")]),
    "a region": ("detect cat", f"{LOCS} cat", [(LOCS, "code"), (" cat", "word")]),
    "a mask": ("segment cat", f"{LOCS}{SEGS} cat", [(LOCS + SEGS, "code"), (" cat", "word")]),
    "fifteen codes": (
        "segment cat",
        f"{LOCS}{SEGS[:-8]} cat",
        [(LOCS, "code"), (SEGS[:-8], "unread"), (" cat", "word")],
    ),
    "three locs": ("detect cat", f"{LOCS[9:]} cat", [
        (LOCS[9:], "unread"), (" ", "word"), ("cat", "unread")]),
    "words for boxes": ("detect cat", "none", [("none", "unread")]),
    "codes in a caption": ("caption en", "<loc0001>", [("<loc0001>", "unread")]),
    "two regions": (
        "detect a", f"{LOCS} a ; {LOCS} b",
        [(LOCS, "code"), (" a ; ", "word"), (LOCS, "code"), (" b", "word")],
    ),
    "nothing": ("detect cat", "", []),
}  # fmt: skip


@pytest.mark.parametrize("name", PIECES)
def test_a_suffix_in_pieces(name):
    prefix, suffix, expected = PIECES[name]
    assert [(piece.text, piece.kind) for piece in pieces_of(prefix, suffix)] == expected


@given(st.lists(st.sampled_from([LOCS, LOCS[:18], SEGS, "<seg001>", " ; ", "cat", " ", "<", "\n"])))
def test_pieces_joined_are_the_suffix(parts):
    suffix = "".join(parts)
    assert "".join(piece.text for piece in pieces_of("detect cat", suffix)) == suffix


def test_labels_cannot_put_markup_on_the_page():
    evil = "<script>alert(1)</script>\"'&"
    told = page([Card(evil, GREY, evil, (Piece(evil, "unread"),)), Card(evil, None, evil)], evil)
    assert "<script" not in told
    assert told.count("&lt;script&gt;") == 7
    assert 'src="data:image/jpeg;base64,' in told
    assert not re.search(r"(?:src|href)=\"(?!data:)", told)


def test_a_long_suffix_is_cut_on_the_page_and_what_is_unread_is_not():
    suffix = pieces_of("detect a", " ; ".join([f"{LOCS} a"] * 50) + " ; oops")
    told = page([Card("a", GREY, "detect a", suffix)], "t")
    assert told.count("&lt;loc0256&gt;") < 20
    assert "…" in told
    assert '<span class="unread">oops</span>' in told


def reds(image: Image.Image) -> int:
    return int((np.asarray(image) == INK["unread"]).all(axis=2).sum())


def test_the_sheet_shows_in_red_what_is_not_read_even_behind_a_long_suffix():
    good = pieces_of("detect a", " ; ".join([f"{LOCS} a"] * 50))
    bad = pieces_of("detect a", " ; ".join([f"{LOCS} a"] * 50) + " ; oops")
    assert reds(sheet([Card("a", GREY, "detect a", good)])) == 0
    assert reds(sheet([Card("a", GREY, "detect a", bad)])) > 20


@pytest.mark.parametrize(
    "text", ["", "word " * 5000, "w" * 100_000, "猫 Käse\n\t", "half \ud83d", "<loc0001>" * 999]
)
def test_any_words_keep_to_their_column(text):
    cards = [Card(text, GREY, text, (Piece(text, "word"),)), Card("", GREY.resize((320, 160)))]
    image = np.asarray(sheet(cards))
    gap = image[:, 14 + SIDE + 1 : 14 + SIDE + 13]
    assert (gap == 255).all()
    assert image.shape[0] < 700


@pytest.fixture
def rows(tmp_path):
    """Two records of a caption, one of which has lost its picture."""
    GREY.save(tmp_path / "a.png")
    told = [{"image": f"{n}.png", "prefix": "caption en", "suffix": f"cat {n}"} for n in "ab"]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, told)))
    return tmp_path


@pytest.mark.parametrize("out", ["sheet.png", "new/page.html"])
def test_a_broken_record_does_not_stop_the_others(out, palikit, rows):
    outcome = palikit("data", "preview", "jsonl:a.jsonl", "--out", out)
    assert (outcome.code, outcome.out) == (0, f"2 of 2 records drawn to {out}\n")
    assert outcome.err.startswith("palikit: ")
    assert "b.png" in outcome.err
    if out.endswith("html"):
        told = (rows / out).read_text()
        assert "cat a" in told
        assert re.search(r'class="unread">[^<]*b\.png', told)
    else:
        assert Image.open(rows / out).size[0] > SIDE


def test_the_seed_chooses_and_the_same_seed_the_same(palikit, tmp_path):
    GREY.save(tmp_path / "a.png")
    told = [{"image": "a.png", "prefix": "caption en", "suffix": f"cat {i}"} for i in range(30)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, told)))
    chosen = []
    for seed in ("1", "1", "2"):
        words = ["--count", "3", "--seed", seed, "--out", "a.html", "--augment"]
        assert palikit("data", "preview", "jsonl:a.jsonl", *words).code == 0
        chosen.append((tmp_path / "a.html").read_text())
    assert chosen[0] == chosen[1] != chosen[2]
    assert len(set(re.findall(r"cat \d+", chosen[0]))) == 3


MISUSES = {
    "no place": (["jsonl:a.jsonl"], 2, "--out"),
    "no picture": (["jsonl:a.jsonl", "--out", "a.txt"], 2, "sheet.png or page.html"),
    "too many": (["jsonl:a.jsonl", "--out", "a.png", "--count", "999"], 2, "page.html"),
    "no such task": (["jsonl:a.jsonl", "--out", "a.png", "--task", "sing"], 2, "task='sing'"),
    "no labels": (["jsonl:no.jsonl", "--out", "a.png"], 1, "no.jsonl"),
    "no room": (["jsonl:a.jsonl", "--out", "a.jsonl/a.png"], 1, "could not be written"),
}


@pytest.mark.parametrize("name", MISUSES)
def test_what_cannot_be_done_is_one_sentence(name, palikit, rows):
    words, code, said = MISUSES[name]
    outcome = palikit("data", "preview", *words)
    assert (outcome.code, outcome.out) == (code, "")
    assert said in outcome.err.splitlines()[-1]
