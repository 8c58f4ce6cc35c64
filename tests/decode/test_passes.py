"""Calls of the model for an answer that is known: right guesses save some, wrong ones cost none."""

from collections.abc import Callable

import pytest
import torch
from helpers.scripted import Scripted

from palikit.decode.generate import Generated, collect, generate
from palikit.decode.grammar import Label, RegionGrammar, RegionWalk

EOS, SEPARATOR, SPACE = 1, 2, 3
CAT, FIRE, HYDRANT = 4, 5, 6
LOC, SEG = 10, 1034
VOCABULARY = SEG + 128
LABELS = ((CAT,), (FIRE, HYDRANT))
PREFIX = (7, 8, 9)
BOXES = ((10, 20, 300, 400), (5, 500, 700, 800), (400, 30, 900, 95))

Told = tuple[int, ...]


def answer(names: tuple[Told, ...], codes: int = 0) -> Told:
    told: list[int] = []
    for box, name in zip(BOXES, names, strict=True):
        told += [LOC + b for b in box]
        told += [SEG + (b + i) % 128 for i, b in enumerate(range(codes))]
        told += [*name, SEPARATOR, SPACE]
    return (*told[:-2], EOS)


def script(right: Told, behind_a_wrong_guess: Callable[[int], int]):
    """Tells `right`; behind anything else, the other function's token for the place."""

    def scores(tokens: Told) -> list[float]:
        said = tokens[len(PREFIX) :]
        at = len(said)
        told = right[at] if said == right[:at] and at < len(right) else behind_a_wrong_guess(at)
        return [float(i == told) for i in range(VOCABULARY)]

    return scores


def passes(right: Told, behind: Callable[[int], int], codes: int = 0) -> tuple[int, Generated]:
    """Calls of the model for the answer, its prefix counted, and what was told."""
    model = Scripted(script(right, behind), VOCABULARY)
    labels = tuple(Label((*ids, SEPARATOR, SPACE), (*ids, EOS)) for ids in LABELS)
    walk = RegionWalk(RegionGrammar(labels, EOS, LOC, SEG, codes))
    prefix = torch.tensor([PREFIX])
    columns = generate(model, None, prefix, None, eos_id=EOS, max_new_tokens=200, walks=[walk])
    (told,) = collect(columns)
    return model.extended + 1, told


CATS, MIXED = ((CAT,),) * 3, ((CAT,), (FIRE, HYDRANT), (CAT,))


@pytest.mark.parametrize(
    ("names", "foreseen", "expected"),
    [
        # Without a grammar each of 20 or 21 tokens is a pass. Guesses are the fire hydrant's here:
        # a wrong label takes a pass more, a wrong box none.
        (CATS, False, 1 + 3 * 4 + 3),
        (MIXED, False, 1 + 3 * 4 + 2),
        # Told y1, one pass finds x1 and foresees the rest, and one tells it.
        (CATS, True, 1 + 3 * 2),
        (MIXED, True, 1 + 3 * 2),
    ],
)
def test_passes_of_three_objects_of_two_labels(
    names: tuple[Told, ...], foreseen: bool, expected: int
) -> None:
    right = answer(names)
    count, told = passes(right, lambda at: right[min(at, len(right) - 1)] if foreseen else FIRE)
    assert told.ids == right
    assert count == expected
    assert count <= 0.8 * len(right)


def test_codes_that_are_foreseen_take_two_passes() -> None:
    right = answer(CATS, codes=16)
    count, told = passes(right, lambda at: right[min(at, len(right) - 1)], codes=16)
    assert told.ids == right
    # Told y1: x1, then the rest of the box with a code, then the other codes and the label.
    assert count == 1 + 3 * 4


@pytest.mark.parametrize("codes", [0, 16])
def test_wrong_guesses_change_no_answer(codes: int) -> None:
    right = answer(MIXED, codes)
    for wrong in (SPACE, EOS, LOC, LOC + 1023, SEG, HYDRANT):
        count, told = passes(right, lambda at, wrong=wrong: wrong, codes)
        assert told.ids == right
        assert count < len(right)
