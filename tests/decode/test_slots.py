"""Who is read, decoded, refused and forgotten when; that nothing stays behind."""

import gc
import random

import pytest
import torch
from helpers.scripted import Scripted
from helpers.tiny import tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st

from palikit.decode.room import Room, default_room
from palikit.decode.rows import Request
from palikit.decode.slots import Slots, Told
from palikit.errors import UsageError
from palikit.model.slot_cache import SlotCache, bytes_a_token

EOS = 1
PLENTY = 1 << 30


def counting() -> Scripted:
    """A model that goes on from the last token to the next number, and ends at 19."""

    def script(tokens: tuple[int, ...]) -> list[float]:
        scores = [0.0] * 20
        scores[EOS if tokens[-1] >= 18 else tokens[-1] + 1] = 4.0
        return scores

    return Scripted(script, 20)


def ask(first: int, limit: int = 30, length: int = 1) -> Request:
    return Request((3,) * (length - 1) + (first,), limit, frozenset([EOS]))


def ids(told: list[Told]) -> dict[int, tuple[int, ...]]:
    return {one.ticket: one.ids for one in told}


def test_a_newcomer_is_read_between_two_steps_of_the_others():
    model = counting()
    slots = Slots(model, Room(3, PLENTY))
    a = slots.join(ask(5))
    assert ids(slots.step()) == {a: (6,)}
    b, c = slots.join(ask(10)), slots.join(ask(11))
    assert ids(slots.step()) == {a: (7,)}
    assert ids(slots.step()) == {b: (11,), c: (12,)}
    assert ids(slots.step()) == {a: (8,), b: (12,), c: (13,)}
    assert (slots.in_flight, slots.waiting) == (3, 0)


def test_those_being_answered_wait_for_one_batch_of_newcomers_at_most():
    slots = Slots(counting(), Room(9, PLENTY, read_tokens=4))
    slots.join(ask(3))
    slots.step()
    for _ in range(6):
        slots.join(ask(3, length=2))
    numbers = [len(slots.step()) for _ in range(6)]
    # One row; two are read at a time; all that are there go on.
    assert numbers == [1, 2, 3, 2, 5, 2]


def test_a_full_batch_waits_and_a_slot_that_is_free_is_taken_in_order():
    slots = Slots(counting(), Room(2, PLENTY))
    a, b, c, d = (slots.join(ask(first, 2)) for first in (3, 4, 5, 6))
    assert set(ids(slots.step())) == {a, b}
    assert (slots.in_flight, slots.waiting) == (2, 2)
    done = slots.step()
    assert [one.ended for one in done] == ["limit", "limit"]
    assert set(ids(slots.step())) == {c, d}


def test_nobody_passes_one_that_does_not_fit_yet():
    model = counting()
    size = bytes_a_token(model.config.text, torch.float32)
    slots = Slots(model, Room(4, 30 * size))
    a = slots.join(ask(3, 10))
    slots.step()
    long, short = slots.join(ask(3, 25)), slots.join(ask(3, 5))
    while slots.in_flight:
        assert set(ids(slots.step())) == {a}
    assert set(ids(slots.step())) == {long}
    assert slots.waiting == 1
    assert slots.cancel(long)
    assert set(ids(slots.step())) == {short}


def test_what_ends_says_how():
    slots = Slots(counting(), Room(2, PLENTY))
    a, b = slots.join(ask(17)), slots.join(ask(3, 2))
    first, second = slots.step(), slots.step()
    assert [one.ended for one in first] == [None, None]
    assert {one.ticket: (one.ids, one.ended) for one in second} == {
        a: ((EOS,), "eos"),
        b: ((5,), "limit"),
    }
    assert not slots.busy
    assert slots.step() == []


def test_a_cancelled_request_is_gone_at_once_wherever_it_is():
    slots = Slots(counting(), Room(2, PLENTY))
    a, b, c, d = (slots.join(ask(first)) for first in (3, 6, 9, 12))
    slots.step()
    assert slots.cancel(a)
    assert slots.cancel(c)
    assert (slots.in_flight, slots.waiting) == (1, 1)
    assert ids(slots.step()) == {b: (8,)}
    assert ids(slots.step()) == {d: (13,)}
    assert not slots.cancel(a)
    assert not slots.cancel(99)


def test_a_request_that_never_fits_is_refused_with_the_numbers():
    model = counting()
    size = bytes_a_token(model.config.text, torch.float32)
    slots = Slots(model, Room(4, 21 * size))
    slots.join(ask(3, 15, length=5))
    with pytest.raises(UsageError, match=r"5 prefix and up to 16 answer tokens came.*room for 20"):
        slots.join(ask(3, 16, length=5))
    with pytest.raises(UsageError, match="without a prefix"):
        slots.join(Request((), 3))


def test_a_picture_that_fails_fails_alone():
    def broken() -> torch.Tensor:
        raise ValueError("no such picture")

    slots = Slots(counting(), Room(4, PLENTY))
    good = slots.join(ask(3, 2))
    bad = slots.join(Request((3,), 2, features=broken))
    told = {one.ticket: one for one in slots.step()}
    assert told[good].ids == (4,)
    assert told[bad].ended == "failed"
    assert str(told[bad].error) == "no such picture"
    assert (slots.in_flight, slots.waiting) == (1, 0)


def test_newcomers_that_cannot_be_read_leave_the_others_as_they_were(monkeypatch):
    model = counting()
    slots = Slots(model, Room(4, PLENTY))
    a = slots.join(ask(3))
    slots.step()
    slots.step()
    with monkeypatch.context() as patch:
        patch.setattr(model, "prefill", lambda *args: (_ for _ in ()).throw(MemoryError("full")))
        b = slots.join(ask(9))
        (told,) = slots.step()
    assert (told.ticket, told.ended, str(told.error)) == (b, "failed", "full")
    assert ids(slots.step()) == {a: (6,)}


def test_a_pass_that_fails_takes_those_in_flight_and_nobody_else(monkeypatch):
    model = counting()
    slots = Slots(model, Room(2, PLENTY))
    a, b, c = (slots.join(ask(first)) for first in (3, 6, 9))
    slots.step()
    with monkeypatch.context() as patch:
        patch.setattr(model, "extend_ragged", lambda *args: (_ for _ in ()).throw(MemoryError("x")))
        told = slots.step()
    assert {one.ticket: (one.ended, str(one.error)) for one in told} == dict.fromkeys(
        (a, b), ("failed", "x")
    )
    assert slots.cache.nbytes == 0
    assert ids(slots.step()) == {c: (10,)}
    assert ids(slots.step()) == {c: (11,)}


def test_closing_forgets_everybody():
    slots = Slots(counting(), Room(2, PLENTY))
    for first in (3, 4, 5):
        slots.join(ask(first))
    slots.step()
    slots.close()
    assert not slots.busy
    assert slots.cache.nbytes == 0


def live_bytes() -> int:
    """Of all tensors that anybody holds."""
    gc.collect()
    tensors = [thing for thing in gc.get_objects() if issubclass(type(thing), torch.Tensor)]
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
    return sum(storages.values())


def any_request(numbers: random.Random) -> Request:
    pictures = numbers.randint(0, 1)
    return Request(
        tuple(numbers.choices(range(3, 300), k=numbers.randint(1, 20))),
        numbers.randint(1, 3),
        features=(lambda: torch.ones(1, 16, 48)) if pictures else None,
        image_tokens=16 * pictures,
    )


@settings(max_examples=3)
@given(seed=st.integers(0, 1 << 20), rows=st.integers(1, 6), tokens=st.integers(40, 400))
def come_and_go(seed: int, rows: int, tokens: int) -> None:
    numbers = random.Random(seed)
    model = tiny_model("paligemma2")
    size = bytes_a_token(model.config.text, torch.float32)
    slots = Slots(model, Room(rows, tokens * size, read_tokens=24))
    there: set[int] = set()
    for _ in range(200):
        what = numbers.random()
        if what < 0.4:
            there.add(slots.join(any_request(numbers)))
        elif what < 0.55 and there:
            ticket = numbers.choice(sorted(there))
            assert slots.cancel(ticket)
            there.remove(ticket)
        else:
            there -= {one.ticket for one in slots.step() if one.ended}
        assert slots.in_flight + slots.waiting == len(there)
        assert len(slots.cache.lengths) == slots.in_flight <= rows
        assert slots.cache.nbytes <= tokens * size
    while slots.busy:
        there -= {one.ticket for one in slots.step() if one.ended}
    assert there == set()
    assert slots.cache.lengths == []
    assert slots.cache.nbytes == 0


def test_200_joins_leaves_and_cancels_leave_no_slot_and_no_byte():
    tiny_model("paligemma2")
    before = live_bytes()
    come_and_go()
    assert live_bytes() <= before


def test_a_row_that_left_leaves_only_zeros():
    config = tiny_model("paligemma2").config.text
    cache = SlotCache(config)
    cache.resize(3, 10)
    joining = cache.joining([4, 6])
    new = torch.randn(2, config.num_kv_heads, 6, config.head_dim)
    for layer in range(config.depth):
        joining.write(layer, new, -new)
    joining.stay()
    kept = cache.keys[0][1].clone()
    cache.leave(0)
    assert cache.lengths == [6]
    assert torch.equal(cache.keys[0][0], kept)
    assert not any(layer[1:].any() for layer in (*cache.keys, *cache.values))


def test_growing_keeps_what_is_there():
    config = tiny_model("paligemma2").config.text
    cache = SlotCache(config)
    cache.resize(1, 4)
    joining = cache.joining([4])
    new = torch.randn(1, config.num_kv_heads, 4, config.head_dim)
    for layer in range(config.depth):
        joining.write(layer, new, -new)
    joining.stay()
    cache.resize(3, 9)
    assert torch.equal(cache.keys[2][:1, :, :4], new)
    assert not cache.keys[2][1:].any()
    assert cache.nbytes == 3 * 10 * bytes_a_token(config, torch.float32)


@pytest.mark.parametrize(
    ("free", "on_cpu", "expected"),
    [
        (60 << 30, False, Room(64, 30 << 30, 4096)),
        (4 << 30, False, Room(39, 2 << 30, 4096)),
        (8 << 30, True, Room(8, 2 << 30, 1024)),
        (1 << 30, True, Room(4, 1 << 28, 1024)),
        (0, True, Room(1, 512 * 106_496, 1024)),
    ],
)
def test_defaults_follow_the_memory_that_is_free(free, on_cpu, expected):
    # The 3B at 224 px in bfloat16: 26 layers, 4 heads of 256 channels, keys and values.
    assert default_room(106_496, 256, free, on_cpu=on_cpu) == expected


@pytest.mark.parametrize("setting", ["slots", "cache_bytes", "read_tokens"])
@pytest.mark.parametrize("value", [0, -1, True])
def test_settings_are_whole_numbers_from_one(setting, value):
    with pytest.raises(UsageError, match=f"{setting} is .*whole number from 1"):
        Room(**{"slots": 1, "cache_bytes": 1, "read_tokens": 1, setting: value})
