"""A cache of few sizes that keeps its address: what it holds, and where."""

import pytest
import torch
from helpers.flights import read
from helpers.tiny import tiny_model

from palikit.decode.compiled import compile_decoding
from palikit.decode.fixed_cache import Arena, FixedCache
from palikit.model.paligemma import PaliGemma


def fixed_model() -> PaliGemma:
    """One that has such caches; nothing here is compiled."""
    return compile_decoding(tiny_model("paligemma2"))


def test_the_next_flight_finds_the_memory_of_the_last() -> None:
    model = fixed_model()
    places = []
    for lengths in ([5, 70], [9, 40], [30, 90]):
        cache = read(model, lengths)
        places.append([layer.data_ptr() for layer in cache.keys + cache.values])
        other = read(model, [5])
        assert other.keys[0].data_ptr() not in places[-1], "two at once share nothing"
        for one in (other, cache):
            one.trim([0] * len(one.lengths))
            while one.lengths:
                one.leave(0)
            one.resize(0, 0)
            assert one.nbytes == 0
    assert places[0] == places[1] == places[2]


def test_rows_keep_what_they_hold_from_one_size_to_the_next() -> None:
    config = tiny_model("paligemma2").config.text
    idle: list[Arena] = []
    cache = FixedCache(config, idle)
    cache.resize(*cache.rounded(2, 100))
    joining = cache.joining([4, 6])
    new = torch.randn(2, config.num_kv_heads, 6, config.head_dim)
    for layer in range(config.depth):
        joining.write(layer, new, -new)
    joining.stay()
    for rows, capacity, fixed in ((3, 200, True), (2, 50, True), (2, 131, False), (9, 9, True)):
        size = cache.rounded(rows, capacity) if fixed else (rows, capacity)
        cache.resize(*size)
        assert (cache.rows, cache.capacity) == size
        assert (cache.shape(2, 1) is not None) == fixed
        assert len(idle) == (0 if fixed else 1)
        for keys, values in zip(cache.keys, cache.values, strict=True):
            assert keys.shape == (size[0], config.num_kv_heads, size[1] + 1, config.head_dim)
            assert torch.equal(keys[1, :, :6], new[1])
            assert torch.equal(values[0, :, :4], -new[0, :, :4])
            assert not keys[2:].any()


@pytest.mark.parametrize(
    ("rows", "capacity", "sizes"),
    [(1, 1, (1, 128)), (9, 129, (16, 256)), (65, 100, (65, 100)), (4, 1 << 15, (4, 1 << 15))],
)
def test_sizes_are_rounded_up_as_far_as_there_are_any(
    rows: int, capacity: int, sizes: tuple[int, int]
) -> None:
    cache = fixed_model().slot_cache()
    assert cache.rounded(rows, capacity) == sizes
