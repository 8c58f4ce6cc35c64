"""nano's held-out scenes as benchmarks: what is asked, and that who knows all gets full marks."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.benchmarks import FakeEngine

from palikit.coco import encode_rle
from palikit.data.emoji_world import KNOWN, TEST_SEED, scene
from palikit.data.pictures import open_picture
from palikit.errors import UsageError
from palikit.eval.evaluate import How, evaluate
from palikit.eval.nano import codec_scores, held_out_scenes, scene_items, suite
from palikit.results import Region, Regions, Text
from palikit.tasks import Detect, Segment

SCENES, SIDE = 6, 64


def test_a_scene_of_the_suite_is_the_test_sets() -> None:
    one = scene(TEST_SEED, 3, side=SIDE)
    (item,) = (i for i in scene_items(SCENES, SIDE)["nano-colour"] if i.id.startswith("3: "))
    assert np.array_equal(np.asarray(open_picture(item.pictures[0])), one.image)
    assert item.references == (one.background,)


def test_the_first_questions_do_not_depend_on_how_many_follow() -> None:
    few, more = scene_items(2, SIDE), scene_items(SCENES, SIDE)
    for name, items in few.items():
        assert [(i.id, i.references) for i in items] == [
            (i.id, i.references) for i in more[name][: len(items)]
        ]


def test_every_class_and_an_absent_one_are_counted() -> None:
    items = scene_items(SCENES, SIDE)
    for i, one in enumerate(held_out_scenes(SCENES, SIDE)):
        counts = [q.references[0] for q in items["nano-count"] if q.id.startswith(f"{i}: ")]
        assert sum(map(int, counts)) == len(one.objects)
        assert counts.count("0") == 1
        there = [q.references[0] for q in items["nano-presence"] if q.id.startswith(f"{i}: ")]
        assert there == ["yes", "no"]


def test_only_what_is_there_is_asked_for() -> None:
    for one in scene_items(SCENES, SIDE)["nano-detect"]:
        asked = one.prefix.removeprefix("detect ").split(" ; ")
        assert set(asked) == {thing.label for thing in one.things}
        assert set(asked) <= set(KNOWN)


def test_the_scenes_to_choose_by_are_others() -> None:
    test, validation = (
        suite(2, side=SIDE)[2].read(Path(), split=one) for one in (None, "validation")
    )
    assert [item.id.split(":")[0] for item in validation[:1]] == ["0"]
    assert {item.prefix for item in test} != {item.prefix for item in validation}


def test_there_is_no_other_split_and_no_suite_of_nothing() -> None:
    with pytest.raises(UsageError, match="split"):
        suite(1)[0].read(Path(), split="train")
    with pytest.raises(UsageError, match="1 or more"):
        suite(0)


class Oracle(FakeEngine):
    """Answers every question of the suite from its own references."""

    def __init__(self) -> None:
        super().__init__()
        every = [one for items in scene_items(SCENES, SIDE).values() for one in items]
        # Prompts repeat from scene to scene, so the picture's pixels tell which is meant.
        self.right = {(open_picture(i.pictures[0]).tobytes(), i.prefix): i for i in every}

    def _answer(self, image, task):
        item = self.right[image.tobytes(), task.prefix]
        if isinstance(task, Detect | Segment):
            regions = (
                Region(t.label, t.box, 0.9, t.mask(image.size), (0,) * 16) for t in item.things
            )
            return Regions(tuple(regions), size=image.size, text="…", score=0.9)
        return Text(item.references[0], 0.9, (-0.1,))


def test_who_knows_everything_gets_full_marks(tmp_path: Path) -> None:
    engine = Oracle()
    for one in suite(SCENES, side=SIDE):
        result = evaluate(engine, one, one.read(Path()), tmp_path / one.name, How(model="oracle"))
        assert result.scores is not None
        assert result.scores.headline == pytest.approx(100)
        assert result.scores.interval == pytest.approx((100, 100))
        assert list(result.problems) == []


def test_who_says_nothing_gets_nothing(tmp_path: Path) -> None:
    engine = FakeEngine({i.prefix: "" for its in scene_items(SCENES, SIDE).values() for i in its})
    for one in suite(SCENES, side=SIDE):
        result = evaluate(engine, one, one.read(Path()), tmp_path / one.name, How())
        assert result.scores is not None
        assert result.scores.headline == 0


def test_a_codec_is_scored_by_what_comes_back() -> None:
    class Echo:
        """Codes are row numbers; decoding gives back what was encoded."""

        def encode(self, masks):
            self.masks = masks
            return torch.arange(len(masks))

        def decode(self, codes):
            return self.masks[codes] - 0.5

    scores = codec_scores(Echo(), held_out_scenes(3, SIDE))
    assert scores.on_patch == 1.0
    assert 0.85 < scores.in_picture <= 1.0
    assert "1.000 on its own 64 x 64" in scores.sentence()


def test_things_to_segment_have_the_scenes_masks() -> None:
    (item,) = scene_items(1, SIDE)["nano-segment"]
    (one,) = held_out_scenes(1, SIDE)
    assert [t.rle for t in item.things] == [encode_rle(o.mask) for o in one.objects]
