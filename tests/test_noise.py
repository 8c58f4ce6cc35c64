"""Boxes of noise: what `Asking(noise=)` writes is what `Detect(noise=)` reads back, with scores."""

from dataclasses import replace
from functools import cache
from io import BytesIO
from itertools import takewhile

import numpy as np
import pytest
import torch
from helpers.scripted import Scripted
from PIL import Image

import palikit as pk
from palikit.codecs.prompts import NOISE_LABEL
from palikit.codecs.text import parse_spans
from palikit.data.asking import Asking
from palikit.data.making import ExampleMaker
from palikit.data.pictures import BytesPicture
from palikit.data.records import Record, Thing
from palikit.decode.generate import collect, generate
from palikit.engine.forms import begin_walk
from palikit.engine.reading import read_answer
from palikit.errors import UsageError
from palikit.inputs.tokenizer import Tokenizer
from palikit.results import Box, Regions
from palikit.tasks import Detect

SIZE = (640, 480)
LABELS = ("cat", "dog")
PREFIX = (2, 9)


@cache
def tokenizer() -> Tokenizer:
    return pk.load("nano").processor.tokenizer


@cache
def taught(noise: int = 5) -> str:
    """What training writes about a cat and a dog."""
    things = (Thing("cat", Box(40, 30, 200, 300)), Thing("dog", Box(300, 10, 620, 470)))
    file = BytesIO()
    Image.new("RGB", SIZE).save(file, "PNG")
    picture = BytesPicture("here", file.getvalue())
    record = Record(origin="here", pictures=(picture,), things=things)
    maker = ExampleMaker(LABELS, Asking(task="detect", noise=noise, labels="all"))
    return maker(record, np.random.default_rng(0)).suffix


def name_ids(name: str) -> tuple[int, ...]:
    """As they stand behind a box."""
    box = "<loc0000>" * 4
    words = tokenizer()
    return tuple(words.encode(f"{box} {name}", codes=True)[len(words.encode(box, codes=True)) :])


def said(task: Detect, sure: float = 4.0) -> Regions:
    """The answer of a model that has learned the text by heart; rather a cat where it is noise."""
    words = tokenizer()
    spans, _ = parse_spans(taught())
    bins = [words.loc_start + b for span in spans for b in span.bins]
    names = [name_ids(span.label) for span in spans]
    separator, space = words.encode(f"{taught().split(' ; ')[0]} ; ", codes=True)[-2:]

    def script(tokens: tuple[int, ...]) -> list[float]:
        scores = [0.0] * words.vocab_size
        scores[words.eos_id if tokens.count(separator) == len(names) - 1 else separator] = 1.0
        said = tokens[len(PREFIX) :]
        locs = sum(words.loc_start <= token < words.loc_start + 1024 for token in said)
        name = tuple(takewhile(lambda token: token < words.loc_start, said[::-1]))[::-1]
        if not locs or locs % 4 or (name and name[-1] == space):
            scores[bins[min(locs, len(bins) - 1)]] = sure
            return scores
        for ids, score in ((name_ids("cat"), 1.0), (names[locs // 4 - 1], sure)):
            if ids[: len(name)] == name and len(ids) > len(name):
                scores[ids[len(name)]] = score
        return scores

    model = Scripted(script, words.vocab_size)
    walk = begin_walk(task.grammar, words)
    columns = generate(
        model,
        None,
        torch.tensor([PREFIX]),
        None,
        eos_id=words.eos_id,
        max_new_tokens=task.max_new_tokens,
        walks=[walk],
    )
    answer = read_answer(task, collect(columns)[0], SIZE, words, None)
    assert isinstance(answer, Regions)
    return answer


def test_every_box_is_read_and_those_of_noise_have_low_scores() -> None:
    spans, _ = parse_spans(taught())
    assert [span.label for span in spans] == ["cat", "dog", *[NOISE_LABEL] * 3]
    found = said(Detect(LABELS, noise=5))
    plain = Detect(LABELS).parse(taught(), SIZE)
    assert [region.box for region in found] == [region.box for region in plain]
    assert list(found.labels) == ["cat", "dog", "cat", "cat", "cat"]
    assert not found.unparsed
    # Among cat, dog and noise: the taught one has 4, the cat 1 where it is another, the rest 0.
    e = np.exp
    assert found[0].score == pytest.approx(e(4) / (e(4) + 2), rel=1e-4)
    assert found[1].score == pytest.approx(e(4) / (e(4) + e(1) + 1), rel=1e-4)
    for region in found.items[2:]:
        assert region.score == pytest.approx(e(1) / (e(4) + e(1) + 1), rel=1e-4)


def test_one_label_is_held_against_noise_too() -> None:
    found = said(Detect(["cat"], noise=5))
    assert found[0].score == pytest.approx(np.exp(4) / (np.exp(4) + 1), rel=1e-4)
    assert found[2].score == pytest.approx(np.exp(1) / (np.exp(4) + np.exp(1)), rel=1e-4)


def test_without_it_every_box_is_called_something_and_surely() -> None:
    found = said(Detect(["cat"]))
    assert len(found) == 5
    assert all(region.score > 0.2 for region in found)


def test_a_score_is_the_probability_of_the_whole_name() -> None:
    sure = {(0, 36): -0.1, (37, 50): -0.5}

    def score(start: int, end: int, /, *, joint: bool = False) -> float:
        return float(np.exp(sure[start, end] * (3 if joint else 1)))

    text = "<loc0001><loc0002><loc0003><loc0004> traffic light"
    (region,) = Detect(["traffic light"], noise=1).parse(text, SIZE, score)
    assert region.score == pytest.approx(np.exp(-1.5))


def test_a_model_that_says_noise_freely_is_taken_at_its_word() -> None:
    text = "<loc0001><loc0002><loc0003><loc0004> noise ; <loc0001><loc0002><loc0003><loc0004> cat"
    assert list(Detect(["cat"], noise=2).parse(text, SIZE).labels) == ["cat"]
    assert list(Detect(["cat"]).parse(text, SIZE).labels) == [NOISE_LABEL, "cat"]


def test_more_or_fewer_boxes_than_were_taught_are_told_on_demand() -> None:
    assert len(said(Detect(LABELS, noise=2))) == 2


@pytest.mark.parametrize("noise", [-1, 2.5, True, "3"])
def test_what_is_no_number_of_boxes_is_refused(noise: object) -> None:
    with pytest.raises(UsageError, match="Asking"):
        Detect(["cat"], noise=noise)


def test_noise_is_not_looked_for_among_noise() -> None:
    with pytest.raises(UsageError, match="leave one"):
        Detect(["cat", "noise"], noise=3)
    assert Detect(["noise"]).prefix == "detect noise"
    assert replace(Detect(["cat"]), noise=3).grammar.noise == 3
