"""What is said of a scene: the prompt forms, in order and in good English and German."""

import numpy as np
import pytest

from palikit.codecs.text import parse_spans
from palikit.data.emoji_words import (
    COLOUR_QUESTION,
    KINDS,
    Phrase,
    caption,
    count_question,
    phrase,
    presence_question,
)
from palikit.data.emoji_world import KNOWN, NAMES, Scene, SceneObject, scene
from palikit.errors import UsageError
from palikit.results import Box
from palikit.tasks import Answer, Caption, Detect, Segment


def thing(key: str, x: int) -> SceneObject:
    mask = np.zeros((100, 100), bool)
    mask[10:20, x : x + 10] = True
    return SceneObject(key, Box(float(x), 10.0, x + 10.0, 20.0), mask)


def made(background: str, *things: SceneObject) -> Scene:
    return Scene(np.zeros((100, 100, 3), np.uint8), things, background)


def phrases(kind: str, count: int = 60) -> list[tuple[Scene, Phrase]]:
    rng = np.random.default_rng(0)
    scenes = [scene(9, i, side=64) for i in range(count)]
    return [(one, phrase(one, rng, {kind: 1.0})) for one in scenes]


@pytest.mark.parametrize(
    ("one", "english", "german"),
    [
        (
            made("blue", thing("dog", 40), thing("cat", 5), thing("dog", 70)),
            "a cat and two dogs on a blue background",
            "eine Katze und zwei Hunde auf blauem Hintergrund",
        ),
        (
            made("orange", thing("elephant", 5)),
            "an elephant on an orange background",
            "ein Elefant auf orangem Hintergrund",
        ),
        (
            made("white", thing("house", 60), thing("apple", 5), thing("strawberry", 30)),
            "an apple, a strawberry and a house on a white background",
            "ein Apfel, eine Erdbeere und ein Haus auf weißem Hintergrund",
        ),
        (
            made("gray", *(thing("key", x) for x in (5, 25, 45, 65))),
            "four keys on a gray background",
            "vier Schlüssel auf grauem Hintergrund",
        ),
        (
            # The kind that appears first at the left comes first, however many follow.
            made("purple", *(thing(k, x) for k, x in (("car", 5), ("star", 25), ("car", 45)))),
            "two cars and a star on a purple background",
            "zwei Autos und ein Stern auf violettem Hintergrund",
        ),
    ],
)
def test_a_caption_tells_counts_from_left_to_right(one: Scene, english: str, german: str):
    assert caption(one, "en") == english
    assert caption(one, "de") == german


def test_questions_have_the_article_and_the_plural():
    assert count_question("butterfly") == "how many butterflies?"
    assert presence_question("umbrella") == "is there an umbrella?"
    assert presence_question("cat") == "is there a cat?"


def test_boxes_come_in_the_order_of_the_prompt_then_from_left_to_right():
    one = made("red", thing("dog", 60), thing("cat", 30), thing("dog", 5))
    rng = np.random.default_rng(1)
    orders = set()
    for _ in range(100):
        said = phrase(one, rng, {"detect": 1.0})
        labels = said.prefix.removeprefix("detect ").split(" ; ")
        lefts = {"dog": [5.0, 60.0], "cat": [30.0]}
        wanted = [(label, x) for label in labels for x in lefts.get(label, [])]
        assert [(region.label, region.box.x1) for region in said.regions] == wanted
        orders.add(tuple(label for label in labels if label in lefts))
    assert orders == {("dog", "cat"), ("cat", "dog"), ("dog",), ("cat",), ()}


def test_the_answer_to_detect_follows_the_grammar():
    one = made("red", thing("dog", 60), thing("cat", 0))
    said = next(
        p
        for p in (phrase(one, np.random.default_rng(i), {"detect": 1.0}) for i in range(99))
        if p.prefix == "detect cat ; dog"
    )
    assert said.suffix_with() == (
        "<loc0102><loc0000><loc0205><loc0102> cat ; <loc0102><loc0614><loc0205><loc0716> dog"
    )


def test_the_answer_to_segment_holds_the_codes_that_it_is_given():
    for _, said in phrases("segment"):
        codes = [[i] * 16 for i in range(len(said.regions))]
        spans, unparsed = parse_spans(said.suffix_with(codes))
        assert unparsed == ""
        assert [span.codes for span in spans] == [tuple(row) for row in codes]
        assert all(region.mask is not None for region in said.regions)


def test_what_is_asked_for_and_absent_is_not_told_and_nothing_is_an_empty_answer():
    empty = some_absent = 0
    for one, said in phrases("detect", 300):
        there = {thing.key for thing in one.objects}
        asked = said.prefix.removeprefix("detect ").split(" ; ")
        assert {region.label for region in said.regions} == there & set(asked)
        assert len(said.regions) == sum(thing.key in asked for thing in one.objects)
        some_absent += bool(set(asked) - there)
        if not said.regions:
            empty += 1
            assert said.suffix_with() == ""
    assert 0 < empty < 30
    assert some_absent > empty


def test_counts_are_right_and_sometimes_nothing():
    counts = set()
    for one, said in phrases("count", 150):
        (key,) = [k for k in KNOWN if said.prefix == f"answer en how many {NAMES[k].plural}?"]
        assert said.suffix == str(sum(thing.key == key for thing in one.objects))
        counts.add(said.suffix)
    assert counts >= {"0", "1", "2", "3"}


def test_presence_is_answered_right_and_yes_half_of_the_time():
    said_yes = 0
    for one, said in phrases("presence", 200):
        (key,) = [k for k in KNOWN if said.prefix == f"answer en {presence_question(k)}"]
        there = any(thing.key == key for thing in one.objects)
        assert said.suffix == ("yes" if there else "no")
        said_yes += there
    assert 75 < said_yes < 125


def test_every_prefix_is_one_that_a_task_spells():
    for kind in KINDS:
        for _, said in phrases(kind, 10):
            words = said.prefix.split(" ", 2)
            task = {
                "detect": lambda p: Detect(p.removeprefix("detect ")),
                "segment": lambda p: Segment(p.removeprefix("segment ")),
                "answer": lambda p: Answer(p.removeprefix("answer en ")),
                "caption": lambda p: Caption(lang=p.removeprefix("caption ")),
            }[words[0]](said.prefix)
            assert task.prefix == said.prefix


def test_the_mixture_weighs_the_kinds():
    one = scene(9, 0, side=64)
    rng = np.random.default_rng(0)
    said = [phrase(one, rng, {"colour": 3.0, "caption de": 1.0}).prefix for _ in range(400)]
    assert set(said) == {f"answer en {COLOUR_QUESTION}", "caption de"}
    assert 60 < said.count("caption de") < 140


@pytest.mark.parametrize("mixture", [{}, {"caption fr": 1.0}, {"detect": 1.0, "ocr": 1.0}])
def test_an_unknown_kind_is_told_in_a_sentence(mixture: dict[str, float]):
    with pytest.raises(UsageError, match="caption de"):
        phrase(scene(9, 0, side=64), np.random.default_rng(0), mixture)


def test_an_unknown_language_is_told_in_a_sentence():
    with pytest.raises(UsageError, match="'en' or 'de'"):
        caption(scene(9, 0, side=64), "fr")
