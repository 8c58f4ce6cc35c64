"""Mixtures: each record of an epoch once, shares as asked, every draw a function of its index."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palikit.data.mixture import BLOCK, Mixture
from palikit.data.records import Dataset, Record
from palikit.errors import DataError, UsageError


def dataset(name, count):
    records = [Record(pictures=(), origin=f"{name} {i}") for i in range(count)]
    return Dataset(name, records, (name, "shared"))


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 50), st.integers(0, 5))
def test_every_epoch_of_one_dataset_has_each_record_once_in_another_order(count, seed):
    mixture = Mixture([dataset("a", count)], seed=seed)
    epochs = [
        [mixture[epoch * count + i].record.origin for i in range(count)] for epoch in range(2)
    ]
    assert len(set(epochs[0])) == len(set(epochs[1])) == count
    assert count < 6 or epochs[0] != epochs[1]


def test_a_draw_follows_from_seed_and_index_alone():
    first, second = (Mixture([dataset("a", 7), dataset("b", 3)], seed=4) for _ in range(2))
    second[999]
    for index in (0, 5, 1500, 10**9):
        one, other = first[index], second[index]
        assert one == other
        assert one.rng.random() == other.rng.random()
    assert first[0].rng.random() != first[1].rng.random()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(0.05, 20), min_size=1, max_size=4))
def test_shares_are_those_of_the_weights_and_no_dataset_loses_a_record(weights):
    sets = [dataset(str(i), 5 + i) for i in range(len(weights))]
    mixture = Mixture(sets, weights)
    draws = [mixture[i] for i in range(2 * BLOCK)]
    counts = Counter(draw.part for draw in draws)
    for part, weight in enumerate(weights):
        assert abs(counts[part] - 2 * BLOCK * weight / sum(weights)) <= 2 * len(weights)
        positions = [draw.position for draw in draws if draw.part == part]
        assert positions == list(range(len(positions)))
        first = [d.record.origin for d in draws if d.part == part][: len(sets[part])]
        assert len(set(first)) == len(first)


def test_without_weights_datasets_are_mixed_by_their_size():
    mixture = Mixture([dataset("a", 30), dataset("b", 10)])
    counts = Counter(mixture[i].part for i in range(BLOCK))
    assert counts[0] == 3 * counts[1]
    assert len(mixture) == 40
    assert mixture.classes == ("a", "shared", "b")


def test_what_cannot_be_mixed_is_refused():
    with pytest.raises(DataError, match="b has no records"):
        Mixture([dataset("a", 3), dataset("b", 0)])
    for weights in ([1.0], [1.0, 0.0], [1.0, -2.0]):
        with pytest.raises(UsageError, match="positive"):
            Mixture([dataset("a", 3), dataset("b", 3)], weights)
    with pytest.raises(UsageError, match="0 datasets"):
        Mixture([])
