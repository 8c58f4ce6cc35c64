"""`Decoding(refine=True)` with nano: boxes move by less than the reach; the rest stays."""

from dataclasses import replace

import numpy as np
import pytest

import palikit as pk
from palikit.codecs.boxes import NUM_BINS
from palikit.data.emoji_world import scene
from palikit.decode.ruler import REACH
from palikit.engine import ImageLike

SIDE = 224


@pytest.fixture(scope="module")
def nano() -> pk.Engine:
    return pk.load("nano")


def requests(count: int) -> list[tuple[ImageLike, pk.tasks.Task]]:
    scenes = [scene(76, i) for i in range(count)]
    labels = [sorted({thing.key for thing in one.objects}) for one in scenes]
    tasks = [pk.Segment if i % 3 == 2 else pk.Detect for i in range(count)]
    return [
        (one.image, task(names)) for one, task, names in zip(scenes, tasks, labels, strict=True)
    ]


@pytest.mark.parametrize(
    "decoding", [pk.Decoding(), pk.Decoding(grammar=False), pk.Decoding(pk.TopP(0.9), seed=4)]
)
def test_boxes_move_within_reach_and_nothing_else_changes(
    nano: pk.Engine, decoding: pk.Decoding
) -> None:
    asked = requests(9)
    plain = nano.run(asked, decoding=decoding)
    refined = nano.run(asked, decoding=replace(decoding, refine=True))
    gone = []
    for was, now in zip(plain, refined, strict=True):
        assert (was.text, was.unparsed, was.logprobs) == (now.text, now.unparsed, now.logprobs)
        for told, moved in zip(was, now, strict=True):
            assert (told.label, told.score, told.codes) == (moved.label, moved.score, moved.codes)
            x1, y1, x2, y2 = moved.box.xyxy
            assert 0 <= x1 < x2 <= SIDE
            assert 0 <= y1 < y2 <= SIDE
            gone += [a - b for a, b in zip(told.box.xyxy, moved.box.xyxy, strict=True)]
    assert max(map(abs, gone)) < REACH * SIDE / (NUM_BINS - 1)
    assert np.mean(np.abs(gone)) > 0.1


def test_a_refined_batch_equals_its_rows(nano: pk.Engine) -> None:
    decoding = pk.Decoding(refine=True)
    asked = requests(6)
    for together, one in zip(nano.run(asked, decoding=decoding), asked, strict=True):
        (alone,) = nano.run([one], decoding=decoding)
        assert together.text == alone.text
        assert together.boxes == pytest.approx(alone.boxes, abs=1e-2)


def test_those_who_refine_and_those_who_do_not_are_answered_together(nano: pk.Engine) -> None:
    asked = requests(4)
    decodings = [pk.Decoding(refine=i % 2 == 0) for i in range(4)]
    flight = nano.in_flight(4)
    tickets = [
        flight.join(image, task, decoding=how)
        for (image, task), how in zip(asked, decodings, strict=True)
    ]
    answers = {}
    while flight.busy:
        answers |= {said.ticket: said.answer for said in flight.step() if said.answer}
    for ticket, one, how in zip(tickets, asked, decodings, strict=True):
        (alone,) = nano.run([one], decoding=how)
        assert answers[ticket].boxes == pytest.approx(alone.boxes, abs=1e-2)


def test_a_mask_is_pasted_into_its_refined_box(nano: pk.Engine) -> None:
    image, task = requests(3)[2]
    (found,) = nano.run([(image, task)], decoding=pk.Decoding(refine=True))
    assert found
    for region in found:
        rows, columns = np.nonzero(region.mask)
        assert round(region.box.y1) <= rows.min()
        assert rows.max() < round(region.box.y2)
        assert round(region.box.x1) <= columns.min()
        assert columns.max() < round(region.box.x2)


def test_words_are_answered_as_without(nano: pk.Engine) -> None:
    image = scene(76, 0).image
    for task in (pk.Caption(), pk.Answer("is there a cat?", choices=["yes", "no"])):
        plain, refined = (
            nano.run([(image, task)], decoding=pk.Decoding(refine=on))[0] for on in (False, True)
        )
        assert plain == refined
