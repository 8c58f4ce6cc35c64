"""Decoding along a grammar: drafts change no token, and what was free and right stays as it was."""

import random

import pytest
import torch
from helpers.tiny import VOCABULARY, pad, random_images, random_prompt, tiny_model

import palikit as pk
from palikit.data.emoji_world import KNOWN, scene
from palikit.decode.generate import Generated, collect, generate
from palikit.decode.grammar import FreeWalk
from palikit.decode.sampling import Greedy, Sampler, TopP

PROMPTS = [random_prompt(9, seed=1), random_prompt(3, seed=2), random_prompt(6, seed=3)]
LIMITS = [12, 5, 9]


class Guessing(FreeWalk):
    """Drafts the right continuation at some steps and any other at the rest."""

    def __init__(self, answer: tuple[int, ...], seed: int) -> None:
        self.answer, self.at, self.numbers = answer, 0, random.Random(seed)

    def advance(self, token: int) -> None:
        self.at += 1

    def draft(self) -> tuple[int, ...]:
        right = self.answer[self.at : self.at + self.numbers.randint(0, 4)]
        return tuple(i if self.numbers.random() < 0.8 else self.numbers.randrange(9) for i in right)


class Only(FreeWalk):
    """Allows a set of ids and drafts nothing."""

    def __init__(self, ids: list[int]) -> None:
        self.ids = torch.tensor(ids)

    def allowed(self):
        return self.ids


def decode(rows: list[int], sampler: Sampler, walks=(), name="paligemma2") -> list[Generated]:
    model = tiny_model(name)
    tokens, real = pad([PROMPTS[row] for row in rows], left=True)
    columns = generate(
        model,
        model.embed_image(random_images(3, 1, seed=4))[rows],
        tokens,
        real,
        eos_id=7,
        max_new_tokens=[LIMITS[row] for row in rows],
        sampler=sampler,
        seed=[50 + row for row in rows],
        walks=walks,
    )
    return collect(columns)


@pytest.mark.parametrize("sampler", [Greedy(), TopP(0.8)], ids=repr)
@pytest.mark.parametrize("seed", range(6))
def test_no_draft_changes_an_answer(sampler: Sampler, seed: int) -> None:
    plain = decode([0, 1, 2], sampler)
    walks = [Guessing(row.ids, seed + i) for i, row in enumerate(plain)]
    drafted = decode([0, 1, 2], sampler, walks)
    assert [row.ids for row in drafted] == [row.ids for row in plain]
    for ours, theirs in zip(drafted, plain, strict=True):
        assert ours.logprobs == pytest.approx(theirs.logprobs, abs=1e-4)
        assert ours.finished == theirs.finished


@pytest.mark.parametrize("name", ["paligemma1", "paligemma2", "paligemma2-27b"])
def test_a_guided_batch_equals_its_rows_one_by_one(name: str) -> None:
    def walks():
        return [Only([3, 5, 7, 90]), None, Only(list(range(40, 300)))]

    together = decode([0, 1, 2], Greedy(), walks(), name)
    for row in (0, 2):
        (alone,) = decode([row], Greedy(), [walks()[row]], name)
        assert alone.ids == together[row].ids
        assert alone.logprobs == pytest.approx(together[row].logprobs, abs=1e-4)
        assert set(alone.ids) <= set(walks()[row].ids.tolist())
    assert together[1].ids == decode([1], Greedy(), name=name)[0].ids


def test_scores_of_some_rows_are_those_columns_of_all_scores() -> None:
    text = tiny_model("paligemma2").text
    hidden = torch.randn(2, 3, text.config.width, generator=torch.Generator().manual_seed(0))
    rows = torch.tensor([0, 5, VOCABULARY - 1])
    assert torch.allclose(text.logits(hidden, rows), text.logits(hidden)[..., rows], atol=1e-6)


@pytest.fixture(scope="module")
def nano() -> pk.Engine:
    return pk.load("nano")


def test_an_answer_that_was_well_formed_stays_with_a_grammar(nano: pk.Engine) -> None:
    scenes = [scene(77, i) for i in range(12)]
    asked = [pk.Detect(sorted({thing.key for thing in one.objects})) for one in scenes]
    asked[6:] = [pk.Segment(task.labels) for task in asked[6:]]
    requests = [(one.image, task) for one, task in zip(scenes, asked, strict=True)]
    free = nano.run(requests, decoding=pk.Decoding(grammar=False))
    held = nano.run(requests)
    same = 0
    for task, a, b in zip(asked, free, held, strict=True):
        boxes = [(region.label, region.box) for region in a]
        if not a.unparsed and {r.label for r in a} <= set(task.labels) and _no_repeats(a):
            assert boxes == [(region.label, region.box) for region in b]
            assert [r.codes for r in a] == [r.codes for r in b]
            same += 1
        assert not b.unparsed
    assert same >= 8


def test_a_grammar_needs_fewer_passes(nano: pk.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    whole = nano.model.extend_ragged
    monkeypatch.setattr(nano.model, "extend_ragged", lambda *args: passes.append(1) or whole(*args))
    one = next(s for s in (scene(78, i) for i in range(99)) if len(s.objects) == 3)
    labels = sorted({thing.key for thing in one.objects})[:2]
    nano.detect(one.image, labels, decoding=pk.Decoding(grammar=False))
    free = len(passes)
    nano.detect(one.image, labels)
    assert 0 < len(passes) - free < 0.8 * free


def test_an_answer_is_one_of_its_choices(nano: pk.Engine) -> None:
    image = scene(77, 0).image
    task = pk.Answer("is there a cat?", choices=["perhaps", "no idea"])
    (said,) = nano.run([(image, task)])
    assert said.text in task.choices
    assert "".join(nano.stream(image, task)) == said.text


def test_a_label_nobody_taught_is_held_to_its_form(nano: pk.Engine) -> None:
    assert "traffic light" not in KNOWN
    found = nano.detect(scene(77, 3).image, ["traffic light"])
    assert not found.unparsed
    assert {region.label for region in found} <= {"traffic light"}


def _no_repeats(regions: pk.Regions) -> bool:
    pairs = [(a, b) for i, a in enumerate(regions) for b in regions.items[:i]]
    return all(a.label != b.label or a.box.iou(b.box) <= 0.9 for a, b in pairs)
