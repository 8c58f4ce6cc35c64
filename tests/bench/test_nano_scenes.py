"""The numbers of `bench/nano_scenes.py`, against answers worked out by hand."""

import numpy as np
import pytest
import torch

from bench import nano_scenes as bench
from palikit.data.emoji_words import caption
from palikit.data.emoji_world import Scene, SceneObject, scene
from palikit.results import Box, Region, Regions, Text
from palikit.tasks import Answer, Caption, Detect, Segment


def mask_of(box: Box) -> np.ndarray:
    mask = np.zeros((100, 100), bool)
    mask[int(box.y1) : int(box.y2), int(box.x1) : int(box.x2)] = True
    return mask


def picture(*things: tuple[str, Box]) -> Scene:
    objects = tuple(SceneObject(key, box, mask_of(box)) for key, box in things)
    return Scene(np.zeros((100, 100, 3), np.uint8), objects, "blue")


def square(x: int, side: int = 20) -> Box:
    return Box(float(x), 0.0, float(x + side), float(side))


def region(label: str, box: Box, score: float = 1.0, masked: bool = True) -> Region:
    return Region(label, box, score, mask_of(box) if masked else None)


def test_average_precision_of_one_class_by_hand():
    # Two cats. The surest box is right, the next is nowhere, the last is right: precision
    # 1, 1/2, 2/3; COCO's 101 recalls see 1 up to recall 0.5 (51 of them) and 2/3 after it (50).
    truth = [picture(("cat", square(0)), ("cat", square(50)))]
    told = [
        region("cat", square(0), 0.9),
        region("cat", Box(0.0, 60.0, 20.0, 80.0), 0.8),
        region("cat", square(50), 0.7),
    ]
    scores = bench.average_precision(truth, [Regions(tuple(told))])
    assert scores["ap50"] == pytest.approx((51 * 1 + 50 * 2 / 3) / 101, abs=1e-6)


def test_average_precision_averages_classes_and_forgives_no_missing_one():
    truth = [picture(("cat", square(0)), ("dog", square(50)))]
    found = [Regions((region("cat", square(0)),))]
    assert bench.average_precision(truth, found)["ap50"] == pytest.approx(0.5)
    assert bench.average_precision(truth, [Regions(())]) == {"ap": 0.0, "ap50": 0.0}


def test_a_box_of_iou_0_6_counts_at_50_and_not_at_75():
    # 15 of 25 columns shared: IoU 0.6, which passes 0.50, 0.55 and 0.60 of COCO's ten thresholds.
    truth = [picture(("cat", square(0)))]
    scores = bench.average_precision(truth, [Regions((region("cat", square(5)),))])
    assert scores["ap50"] == pytest.approx(1.0)
    assert scores["ap"] == pytest.approx(0.3)


def test_a_label_that_is_no_class_is_left_out():
    truth = [picture(("cat", square(0)))]
    found = [Regions((region("unicorn", square(0)), region("cat", square(0), 0.5)))]
    assert bench.average_precision(truth, found)["ap50"] == pytest.approx(1.0)


def test_matching_takes_the_best_pair_first_and_each_thing_once():
    things = picture(("cat", square(0)), ("cat", square(10)), ("dog", square(50))).objects
    regions = [
        region("cat", square(1)),  # IoU 0.90 with object 0, 0.38 with object 1
        region("cat", square(3)),  # IoU 0.74 with object 0, which is taken; 0.48 with object 1
        region("cat", square(50)),  # the dog's place, but the wrong label
    ]
    assert bench.match(things, regions) == [(0, 0)]
    assert bench.match(things, [*regions, region("cat", square(9))]) == [(0, 0), (1, 3)]


def test_segmentation_by_hand():
    # The cat is exact; the dog's region is 15 of 25 columns right (IoU 0.6); the car is not found;
    # the star is found without a mask; one region too many.
    truth = [
        picture(("cat", square(0)), ("dog", square(40))),
        picture(("car", square(0)), ("star", square(40))),
    ]
    found = [
        Regions((region("cat", square(0)), region("dog", square(45)))),
        Regions((region("star", square(40), masked=False), region("key", square(0)))),
    ]
    scores = bench.segmentation(truth, found)
    assert scores["miou_found"] == pytest.approx((1 + 0.6 + 0) / 3)
    assert scores["miou_all"] == pytest.approx((1 + 0.6) / 4)
    assert scores["found"] == pytest.approx(3 / 4)
    assert scores["right"] == pytest.approx(3 / 4)


def test_mask_iou_by_hand():
    assert bench.mask_iou(mask_of(square(0)), mask_of(square(10))) == pytest.approx(1 / 3)
    assert bench.mask_iou(np.zeros((4, 4), bool), np.zeros((4, 4), bool)) == 0.0


def test_accuracy_by_answer_and_what_one_answer_would_get():
    right = ["1", "1", "1", "2", "0"]
    scores = bench.accuracy(right, ["1", " 1 ", "2", "2", ""])
    assert scores["accuracy"] == pytest.approx(3 / 5)
    assert scores["one_answer"] == pytest.approx(3 / 5)
    assert scores["by 0"] == 0.0
    assert scores["by 1"] == pytest.approx(2 / 3)
    assert scores["by 2"] == 1.0


@pytest.mark.parametrize(
    ("text", "lang", "things"),
    [
        ("a cat and two dogs on a blue background", "en", ["a cat", "two dogs"]),
        ("a cat, a key and a car on a red background", "en", ["a cat", "a key", "a car"]),
        ("eine Katze und zwei Hunde auf blauem Hintergrund", "de", ["eine Katze", "zwei Hunde"]),
        ("a cat", "en", ["a cat"]),
        ("", "en", []),
        ("a cat and a cat on", "en", ["a cat", "a cat on"]),
    ],
)
def test_a_caption_is_read_as_phrases(text: str, lang: str, things: list[str]):
    assert sorted(bench.things_told(text, lang).elements()) == sorted(things)


def test_caption_scores_by_hand():
    right = ["a cat and two dogs on a blue background", "a car on a red background"]
    said = ["a cat and a dog on a blue background", "a car on a red background"]
    # Three phrases wanted, three told, two of them right; one caption of two without a slip.
    scores = bench.caption_scores(right, said, "en")
    assert scores == pytest.approx({"f1": 2 / 3, "precision": 2 / 3, "recall": 2 / 3, "exact": 0.5})


def test_a_phrase_told_twice_is_right_once():
    scores = bench.caption_scores(["a cat on a red background"], ["a cat and a cat"], "en")
    assert scores["precision"] == pytest.approx(1 / 2)
    assert scores["recall"] == pytest.approx(1.0)


class Oracle:
    """Answers from the truth, or nothing at all; pictures are known by their pixels."""

    mask_codec = None

    def __init__(self, scenes: list[Scene], silent: bool = False) -> None:
        self.scenes = {one.image.tobytes(): one for one in scenes}
        self.silent = silent

    def look(self, image: np.ndarray) -> bytes:
        return image.tobytes()

    def run(self, requests: list, batch_size: int = 8) -> list:
        return [self._answer(self.scenes[seen], task) for seen, task in requests]

    def _answer(self, one: Scene, task: object) -> Text | Regions:
        if isinstance(task, (Detect, Segment)):
            told = () if self.silent else one.objects
            masked = isinstance(task, Segment)
            return Regions(
                tuple(
                    Region(thing.key, thing.box, 1.0, thing.mask if masked else None)
                    for thing in told
                    if thing.key in task.labels
                )
            )
        if self.silent:
            return Text("")
        if isinstance(task, Caption):
            return Text(caption(one, task.lang))
        assert isinstance(task, Answer)
        rng = np.random.default_rng(0)
        return Text({q.words: q.right for q in bench.questions_of(one, rng)}.get(task.question, ""))


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [scene(bench.TEST_SEED, i, side=64) for i in range(8)]


def test_one_who_knows_everything_gets_full_marks(scenes: list[Scene], monkeypatch):
    # The oracle must be asked about the same absent classes, whatever scene comes before.
    plain = bench.questions_of
    monkeypatch.setattr(bench, "questions_of", lambda one, _: plain(one, np.random.default_rng(0)))
    scores = bench.measure(Oracle(scenes), scenes)
    assert scores["detect"] == pytest.approx({"ap": 1.0, "ap50": 1.0, "found": 1.0, "right": 1.0})
    assert set(scores["segment"].values()) == {1.0}
    for group in ("count", "background", "presence"):
        assert scores[group]["accuracy"] == 1.0
    for lang in ("en", "de"):
        assert set(scores[f"caption {lang}"].values()) == {1.0}
    assert "ap50          1.000" in bench.table(scores)


def test_one_who_says_nothing_gets_nothing(scenes: list[Scene]):
    scores = bench.measure(Oracle(scenes, silent=True), scenes)
    assert scores["detect"]["ap50"] == 0.0
    assert scores["segment"]["miou_all"] == 0.0
    assert scores["count"]["accuracy"] == 0.0
    assert scores["caption en"]["f1"] == 0.0
    assert scores["scenes"] == 8


def test_every_class_and_an_absent_one_are_counted(scenes: list[Scene]):
    for one in scenes:
        asked = bench.questions_of(one, np.random.default_rng(0))
        counts = [q for q in asked if q.group == "count"]
        assert sum(int(q.right) for q in counts) == len(one.objects)
        assert [q.right for q in counts].count("0") == 1
        assert sorted(q.right for q in asked if q.group == "presence") == ["no", "yes"]


def test_a_codec_is_scored_by_what_comes_back():
    class Echo:
        """Codes are row numbers; decoding gives back what was encoded."""

        def encode(self, masks):
            self.masks = masks
            return torch.arange(len(masks))

        def decode(self, codes):
            return self.masks[codes] - 0.5

    scores = bench.codec_scores(Echo(), [scene(5, i, side=64) for i in range(3)])
    assert scores["iou_64"] == 1.0
    assert 0.85 < scores["iou_picture"] <= 1.0
