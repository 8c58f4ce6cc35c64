"""Grammars over token ids: whatever is picked from what they allow is a well-formed answer."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palikit.decode.grammar import ChoiceWalk, Label, RegionGrammar, RegionWalk, bin_iou

EOS, SEPARATOR, SPACE = 1, 2, 3
CAT, FIRE, HYDRANT, FIREMAN = 10, 11, 12, 13
LOC, SEG = 100, 2000
LABELS = {"cat": (CAT,), "fire hydrant": (FIRE, HYDRANT), "fire": (FIRE,), "fireman": (FIREMAN,)}


def grammar(**changes) -> RegionGrammar:
    labels = tuple(Label((*ids, SEPARATOR, SPACE), (*ids, EOS)) for ids in LABELS.values())
    return RegionGrammar(labels, EOS, LOC, SEG, **changes)


def told(walk: RegionWalk, *tokens: int) -> RegionWalk:
    for token in tokens:
        assert token in walk.allowed().tolist(), token
        walk.advance(token)
    return walk


def box(y1: int, x1: int, y2: int, x2: int) -> tuple[int, ...]:
    return LOC + y1, LOC + x1, LOC + y2, LOC + x2


def read(tokens: list[int], codes: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """An independent reader: boxes in bins and label ids; fails on anything ill-formed."""
    assert tokens[-1] == EOS
    body, regions = tokens[:-1], []
    while body:
        bins = tuple(token - LOC for token in body[:4])
        assert all(0 <= b < 1024 for b in bins)
        assert bins[2] > bins[0]
        assert bins[3] > bins[1]
        assert all(SEG <= token < SEG + 128 for token in body[4 : 4 + codes])
        body = body[4 + codes :]
        end = body.index(SEPARATOR) if SEPARATOR in body else len(body)
        regions.append((bins, tuple(body[:end])))
        if end < len(body):
            assert body[end + 1] == SPACE
            assert len(body) > end + 2
        body = body[end + 2 :]
    return regions


@given(seed=st.integers(0, 10**6), codes=st.sampled_from([0, 16]), most=st.integers(1, 5))
def test_any_allowed_answer_is_well_formed(seed: int, codes: int, most: int) -> None:
    numbers = random.Random(seed)
    walk = RegionWalk(grammar(num_codes=codes, max_objects=most))
    tokens: list[int] = []
    while not tokens or tokens[-1] != EOS:
        tokens.append(numbers.choice(walk.allowed().tolist()))
        walk.advance(tokens[-1])
    kept = tokens if walk.kept is None else [*tokens[: walk.kept], EOS]
    regions = read(kept, codes)
    assert len(regions) <= most
    assert {name for _, name in regions} <= set(LABELS.values())


@given(seed=st.integers(0, 10**6))
def test_a_draft_is_always_something_allowed(seed: int) -> None:
    numbers = random.Random(seed)
    walk = RegionWalk(grammar())
    for _ in range(40):
        if draft := walk.draft():
            told(walk, *draft)
        else:
            walk.advance(token := numbers.choice(walk.allowed().tolist()))
            if token == EOS:
                return
        if draft and draft[-1] == EOS:
            return


def test_nothing_found_is_the_end_at_once_and_only_there() -> None:
    assert EOS in RegionWalk(grammar()).allowed()
    walk = told(RegionWalk(grammar()), *box(1, 1, 5, 5), CAT, SEPARATOR, SPACE)
    assert EOS not in walk.allowed()


def test_corners_keep_their_order() -> None:
    walk = told(RegionWalk(grammar()), LOC + 1022)
    assert LOC + 1023 not in walk.allowed()  # x1 at the very edge would leave x2 no place
    walk = told(walk, LOC + 7)
    assert walk.allowed().tolist() == [LOC + 1023]
    assert told(walk, LOC + 1023).allowed().tolist()[0] == LOC + 8


def test_a_label_that_begins_another_may_end_or_go_on() -> None:
    walk = told(RegionWalk(grammar()), *box(1, 1, 5, 5), FIRE)
    assert sorted(walk.allowed().tolist()) == sorted([EOS, SEPARATOR, HYDRANT])


def test_the_draft_is_the_label_told_last_and_a_separator() -> None:
    walk = told(RegionWalk(grammar()), *box(1, 1, 5, 5))
    assert walk.draft() == (CAT, SEPARATOR, SPACE)
    told(walk, FIREMAN, SEPARATOR, SPACE, *box(9, 9, 50, 50))
    assert walk.draft() == (FIREMAN, SEPARATOR, SPACE)


@pytest.mark.parametrize("end", [(SEPARATOR, SPACE, EOS), (EOS,)])
def test_a_repeated_region_ends_the_list_and_does_not_count(end: tuple[int, ...]) -> None:
    first = (*box(100, 100, 600, 600), CAT)
    walk = told(RegionWalk(grammar()), *first, SEPARATOR, SPACE)
    told(walk, *box(101, 100, 600, 600), CAT, *end)
    assert walk.kept == len(first)


def test_the_same_box_of_another_label_and_a_distant_one_of_the_same_both_count() -> None:
    walk = told(RegionWalk(grammar()), *box(100, 100, 600, 600), CAT, SEPARATOR, SPACE)
    told(walk, *box(100, 100, 600, 600), FIREMAN, SEPARATOR, SPACE, *box(0, 0, 90, 90), CAT, EOS)
    assert walk.kept is None


def test_the_last_allowed_object_must_end() -> None:
    walk = told(RegionWalk(grammar(max_objects=1)), *box(1, 1, 5, 5), CAT)
    assert walk.allowed().tolist() == [EOS]


def test_one_of_the_choices_is_told() -> None:
    walk = ChoiceWalk([(5, 6, 7, EOS), (5, 6, 8, EOS), (9, EOS)])
    assert walk.allowed().tolist() == [5, 9]
    walk.advance(5)
    assert walk.draft() == (6,)
    walk.advance(6)
    assert walk.allowed().tolist() == [7, 8]
    walk.advance(8)
    assert walk.draft() == (EOS,)


def test_bin_iou_is_that_of_areas() -> None:
    assert bin_iou((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert bin_iou((0, 0, 10, 10), (0, 5, 10, 15)) == pytest.approx(50 / 150)
    assert bin_iou((0, 0, 10, 10), (20, 0, 30, 10)) == 0


def rivalled(**changes) -> RegionGrammar:
    fireworks = Label((FIRE, 20, SEPARATOR, SPACE), (FIRE, 20, EOS))
    return grammar(rival=fireworks, **changes)


def test_with_a_rival_all_objects_are_told_and_no_repeated_one_ends_them() -> None:
    walk = RegionWalk(rivalled(max_objects=2))
    assert EOS not in walk.allowed()
    told(walk, *box(1, 1, 5, 5), CAT)
    assert walk.allowed().tolist() == [SEPARATOR]
    told(walk, SEPARATOR, SPACE, *box(1, 1, 5, 5), CAT)
    assert walk.allowed().tolist() == [EOS]
    assert told(walk, EOS).kept is None


def test_a_rival_stands_beside_a_label_wherever_it_could_go_on() -> None:
    walk = RegionWalk(grammar(rival=Label((20, SEPARATOR, SPACE), (20, EOS))))
    assert walk.rivals() == ()
    assert told(walk, *box(1, 1, 5, 5)).rivals() == (20,)
    assert 20 not in walk.allowed()
    assert told(walk, FIRE).rivals() == ()
    sharing = told(RegionWalk(rivalled()), *box(1, 1, 5, 5))
    assert sharing.rivals() == ()  # its first token is a label's too
    assert told(sharing, FIRE).rivals() == (20,)
