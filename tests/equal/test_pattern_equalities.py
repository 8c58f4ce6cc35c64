"""Answers held to a pattern: they match, alone as in flight, and stay where they did anyway."""

import json
import re

import pytest

import palikit as pk
from palikit.data.emoji_world import scene
from palikit.errors import UsageError

NUMBER, PLATE, WORDS = r"\d{1,2}", r"[A-Z]{2}-\d{4}", r"[a-z]+( [a-z]+){0,3}"
FORM = r'\{"count": \d, "colour": "[a-z]{3,8}"\}'


@pytest.fixture(scope="module")
def nano() -> pk.Engine:
    return pk.load("nano")


def questions(count: int) -> list[tuple[object, pk.Answer | pk.Ask]]:
    """Numbers, words and forms of all kinds, and some without a pattern in between."""
    asked: list[tuple[object, pk.Answer | pk.Ask]] = []
    for i in range(count):
        image = scene(93, i).image
        asked.append(
            [
                (image, pk.Answer("how many cats are there?", pattern=NUMBER)),
                (image, pk.Answer("what is the background?", pattern=WORDS)),
                (image, pk.Answer("is there a dog?", choices=["yes", "no"])),
                (image, pk.Answer("what is the plate number?", pattern=PLATE)),
                (image, pk.Ask("caption en")),
                (image, pk.Ask("caption en", pattern=FORM)),
                (image, pk.Ask("caption en", pattern=r"(?s).{5,}")),
            ][i % 7]
        )
    return asked


@pytest.mark.parametrize("sampler", [pk.Greedy(), pk.TopP(0.9), pk.Temperature(1.5)], ids=repr)
def test_an_answer_matches_its_pattern(nano: pk.Engine, sampler: object) -> None:
    asked = questions(14)
    answers = nano.run(asked, decoding=pk.Decoding(sampler, seed=3))
    for (_, task), answer in zip(asked, answers, strict=True):
        if task.pattern is not None and answer.finished:
            assert re.fullmatch(task.pattern, answer.text), answer.text
    assert sum(answer.finished for answer in answers) >= 11


def test_in_flight_answers_are_those_given_alone(nano: pk.Engine) -> None:
    asked = questions(14)
    together = nano.run(asked, batch_size=5)
    for one, answer in zip(asked, together, strict=True):
        (alone,) = nano.run([one])
        assert answer.text == alone.text
        assert answer.logprobs == pytest.approx(alone.logprobs, abs=1e-4)
        assert "".join(nano.stream(*one)) == answer.text


def test_an_answer_that_matched_anyway_stays(nano: pk.Engine) -> None:
    asked = [
        (scene(94, i).image, task)
        for i in range(6)
        for task in (
            pk.Answer("how many cats?", pattern=NUMBER),
            pk.Answer("what colour is the background?", pattern=r"\w+"),
            pk.Ask("caption en", pattern=r"[^\n]+"),
        )
    ]
    free = nano.run(asked, decoding=pk.Decoding(grammar=False))
    held = nano.run(asked)
    same = 0
    for (_, task), a, b in zip(asked, free, held, strict=True):
        if re.fullmatch(task.pattern, a.text):
            assert a.text == b.text
            same += 1
    assert same >= 15


def test_forced_text_needs_fewer_passes(nano: pk.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    image = scene(93, 0).image
    free = nano.caption(image)
    passes: list[int] = []
    whole = nano.model.extend_ragged
    monkeypatch.setattr(nano.model, "extend_ragged", lambda *args: passes.append(1) or whole(*args))
    # What it would say anyway, and so in the pieces that it would say it in.
    (answer,) = nano.run([(image, pk.Ask("caption en", pattern=re.escape(free.text)))])
    assert answer.text == free.text
    assert len(passes) <= 2 < len(answer.logprobs) / 2


def test_an_answer_that_the_limit_cut_off_says_so(nano: pk.Engine) -> None:
    task = pk.Answer("how many cats are there?", pattern="[a-z]{90}", max_new_tokens=10)
    (answer,) = nano.run([(scene(93, 0).image, task)])
    assert not answer.finished
    assert not re.fullmatch(task.pattern, answer.text)
    assert json.loads(json.dumps(answer.to_dict()))["finished"] is False
    (whole,) = nano.run([(scene(93, 0).image, pk.Answer("is there a cat?", pattern="yes|no"))])
    assert whole.finished


def test_a_pattern_that_is_given_up_fails_alone(nano: pk.Engine) -> None:
    image = scene(93, 0).image
    flight = nano.in_flight(2)
    lost = flight.join(image, pk.Ask("caption en", pattern=r"a((b{1000}){1000}){1000}"))
    good = flight.join(image, pk.Answer("how many cats are there?", pattern=NUMBER))
    ended = {}
    while flight.busy:
        ended.update({s.ticket: s for s in flight.step() if s.answer or s.error})
    assert re.fullmatch(NUMBER, ended[good].answer.text)
    assert ended[lost].answer is None
    assert re.search("too much time or memory .* write it shorter", str(ended[lost].error))


def test_a_beam_search_and_a_free_decoding_are_held_to_no_pattern(nano: pk.Engine) -> None:
    image = scene(93, 0).image
    task, free = (pk.Answer("is there a dog?", pattern=p) for p in (PLATE, None))
    for decoding in (pk.Decoding(beam_size=2), pk.Decoding(grammar=False)):
        told, untold = (nano.run([(image, t)], decoding=decoding)[0] for t in (task, free))
        assert told.text == untold.text


def test_what_cannot_be_followed_is_told_before_a_picture_is_read() -> None:
    with pytest.raises(UsageError, match="look-around"):
        pk.Answer("what?", pattern="(?=a)b")
    with pytest.raises(UsageError, match="give one of them"):
        pk.Answer("what?", choices=["a"], pattern="b")
    with pytest.raises(UsageError, match="no regular expression"):
        pk.Ask("what?", pattern="(")
