"""What is asked about a record, and the answers that its labels give."""

from dataclasses import replace

import numpy as np
import pytest

from palikit.data.asking import Asking, ask, kind_of
from palikit.data.pictures import BytesPicture
from palikit.data.records import Record, Thing
from palikit.errors import DataError, UsageError
from palikit.results import Box

CLASSES = ("cat", "dog", "bird")
THINGS = (
    Thing("dog", Box(50, 10, 90, 90)),
    Thing("cat", Box(60, 40, 70, 50)),
    Thing("cat", Box(5, 20, 30, 30)),
)
RECORD = Record(pictures=(BytesPicture("a", b""),), origin="a.json image 1", things=THINGS)


def asked(record=RECORD, seed=0, **settings):
    return ask(record, Asking(**settings), CLASSES, np.random.default_rng(seed))


def test_the_present_classes_are_named_in_the_datasets_order():
    assert asked(task="detect", labels="present").prefix == "detect cat ; dog"
    assert asked(task="detect", labels="all").prefix == "detect cat ; dog ; bird"


@pytest.mark.parametrize(
    ("order", "lefts"),
    [
        ("asked", [5, 60, 50]),
        ("left", [5, 60, 50]),
        ("reading", [50, 5, 60]),
        ("large", [50, 5, 60]),
        ("file", [50, 60, 5]),
    ],
)
def test_things_are_told_in_the_order_that_is_set(order, lefts):
    found = asked(task="detect", labels="present", order=order)
    assert [thing.box.x1 for thing in found.things] == lefts


def test_a_random_order_varies_with_the_draw_and_loses_nothing():
    orders = {
        tuple(t.box.x1 for t in asked(task="detect", order="random", labels="all", seed=i).things)
        for i in range(20)
    }
    assert len(orders) == 6


def test_mixed_prompts_sometimes_ask_for_less_and_for_what_is_not_there():
    prompts = [asked(task="detect", seed=i) for i in range(300)]
    absent = sum("bird" in one.prefix for one in prompts) / 300
    partial = sum(";" not in one.prefix for one in prompts) / 300
    assert 0.08 < absent < 0.22
    assert 0.15 < partial < 0.4
    for one in prompts:
        named = one.prefix.removeprefix("detect ").split(" ; ")
        assert {thing.label for thing in one.things} == {"cat", "dog"} & set(named)


def test_of_an_empty_picture_something_is_asked_and_the_answer_is_what_nothing_is():
    empty = replace(RECORD, things=())
    found = asked(empty, task="detect", nothing="none")
    assert found.prefix.removeprefix("detect ") in CLASSES
    assert (found.suffix, found.things) == ("none", ())
    with pytest.raises(DataError, match="names no classes"):
        ask(empty, Asking(), (), np.random.default_rng(0))


def test_crowds_are_not_told_and_segment_tells_what_has_a_mask():
    crowd = replace(THINGS[0], crowd=True)
    masked = replace(THINGS[1], polygons=((60.0, 40, 70, 40, 70, 50),))
    found = asked(replace(RECORD, things=(crowd, masked)), task="detect", labels="present")
    assert [thing.label for thing in found.things] == ["cat"]
    found = asked(replace(RECORD, things=(THINGS[0], masked)), task="segment", labels="present")
    assert (found.prefix, found.with_masks) == ("segment cat", True)


@pytest.mark.parametrize(
    ("fields", "kind", "prefix", "suffix"),
    [
        ({"prefix": "what?", "suffix": "that"}, "pair", "what?", "that"),
        ({"captions": ("a cat",)}, "caption", "caption en", "a cat"),
        ({"captions": ("ein Hund",), "lang": "de"}, "caption", "caption de", "ein Hund"),
        ({"question": "how many?", "answers": ("2",)}, "answer", "answer en how many?", "2"),
    ],
)
def test_a_record_of_words_is_asked_what_it_is_for(fields, kind, prefix, suffix):
    record = replace(RECORD, things=None, **fields)
    assert kind_of(record) == kind
    found = asked(record)
    assert (found.prefix, found.suffix) == (prefix, suffix)


@pytest.mark.parametrize(("said", "expected"), [("", "caption th"), ("de", "caption de")])
def test_the_setting_names_the_language_where_the_file_does_not(said, expected):
    record = replace(RECORD, things=None, captions=("a cat",), lang=said)
    assert asked(record, lang="th").prefix == expected


def test_a_records_own_prompt_is_answered_by_what_its_labels_say():
    several = replace(RECORD, things=None, prefix="who?", answers=("he", "she"))
    assert kind_of(several) == "pair"
    told = {asked(several, seed=seed).suffix for seed in range(20)}
    assert told == {"he", "she"}
    things = replace(RECORD, prefix="detect text")
    found = asked(things, order="file")
    assert (kind_of(things), found.prefix, found.is_regions) == ("pair", "detect text", True)
    assert found.things == THINGS
    assert not found.with_masks
    empty = asked(replace(things, things=()), nothing="none")
    assert (empty.suffix, empty.things) == ("none", ())


def test_a_record_of_things_is_detected_or_with_masks_segmented():
    assert kind_of(RECORD) == "detect"
    masked = tuple(replace(t, polygons=((0.0, 0, 9, 0, 9, 9),)) for t in THINGS)
    assert kind_of(replace(RECORD, things=masked)) == "segment"
    assert kind_of(replace(RECORD, things=())) == "detect"


@pytest.mark.parametrize("task", ["segment", "detect", "caption", "answer", "pair", "ocr"])
def test_a_record_without_the_label_that_a_task_needs_is_named(task):
    with pytest.raises(DataError, match=r"a\.json image 1 has no "):
        asked(replace(RECORD, things=None), task=task)
    with pytest.raises(DataError, match="has no label"):
        asked(replace(RECORD, things=None))


@pytest.mark.parametrize(
    "settings",
    [{"task": "find"}, {"order": "up"}, {"labels": "some"}, {"absent": 2}, {"lang": "!"}],
)
def test_wrong_settings_are_refused(settings):
    with pytest.raises(UsageError):
        Asking(**settings)
