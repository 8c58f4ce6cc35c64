"""What was looked at is kept by content, within its bytes, and changes no answer."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import palikit as pk
from palikit.data.emoji_world import scene
from palikit.engine.seen import Seen, SeenCache, content_key


def seen(rows: int) -> Seen:
    return Seen(torch.zeros(1, rows, 4), (8, 8))  # 16 bytes a row


def test_the_one_not_used_for_longest_goes_first() -> None:
    cache = SeenCache(64)
    cache.put(b"a", seen(2))
    cache.put(b"b", seen(2))
    assert cache.get(b"a") is not None
    cache.put(b"c", seen(1))
    assert cache.get(b"b") is None
    assert cache.get(b"a") is not None
    assert cache.get(b"c") is not None


def test_one_that_is_larger_than_all_room_is_not_kept() -> None:
    cache = SeenCache(31)
    cache.put(b"a", seen(2))
    assert len(cache) == 0


@given(seed=st.integers(0, 1000))
def test_never_more_bytes_than_allowed_and_none_lost(seed: int) -> None:
    numbers = random.Random(seed)
    cache, sizes = SeenCache(160), {}
    for _ in range(60):
        key, rows = bytes([numbers.randrange(8)]), numbers.randrange(1, 8)
        cache.put(key, seen(rows))
        sizes[key] = rows
        kept = [k for k in sizes if cache.get(k) is not None]
        held = sum(16 * sizes[k] for k in kept)
        assert held <= 160
        assert len(cache) == len(kept)
        assert key in kept


def test_keys_follow_pixels_sizes_and_order() -> None:
    wide = Image.fromarray(np.zeros((4, 8, 3), np.uint8))
    tall = Image.fromarray(np.zeros((8, 4, 3), np.uint8))
    assert content_key([wide]) == content_key([wide.copy()])
    keys = [content_key(p) for p in ([wide], [tall], [wide, tall], [tall, wide], [wide, wide])]
    assert len(set(keys)) == 5


def test_a_second_prompt_costs_no_tower_and_answers_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = scene(5, 0).image
    vlm, plain = pk.load("nano"), pk.load("nano", seen_bytes=0)
    towers = []
    whole = vlm.model.embed_image
    monkeypatch.setattr(vlm.model, "embed_image", lambda x: towers.append(1) or whole(x))
    first, second = vlm.caption(image), vlm.answer(image, "is there a cat?")
    assert len(towers) == 1
    assert first == plain.caption(image)
    assert second == plain.answer(image, "is there a cat?")
    vlm.caption(scene(5, 1).image)
    assert len(towers) == 2


def test_an_engine_made_by_hand_keeps_nothing() -> None:
    vlm = pk.load("nano")
    own = pk.Engine(vlm.model, vlm.processor)
    own.caption(scene(5, 0).image)
    assert len(own.seen) == 0
