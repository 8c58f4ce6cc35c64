"""From answers to numbers: each metric key, by hand."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from helpers.benchmarks import item, said

from palikit.coco import encode_rle
from palikit.data.records import Thing
from palikit.errors import UsageError
from palikit.eval.extras import EXTRAS
from palikit.eval.predictions import Prediction
from palikit.eval.scores import value_of
from palikit.eval.scoring import SCORERS
from palikit.results import Box, Region

# Metric, references of each item, answers, headline, share that did not parse.
WORDS = {
    "vqa": ([["2"] * 9 + ["3"], ["a"] * 10], ["two", "b"], 50, 0),
    "soft": ([["a", "a", "b"], ["b"]], ["a", " "], 100 / 3, 0.5),
    "exact": ([["a"], ["b"], ["a"]], ["a", "B", ""], 100 / 3, 1 / 3),
    "exact_by_language": ([["a"], ["b"], ["a"]], ["a", "B", ""], 100 / 3, 1 / 3),
    "exact_lower": ([["a"], ["b"]], ["a", "B"], 100, 0),
    "any_exact": ([["a", "b"], ["c"]], ["b", "d"], 50, 0),
    "anls": ([["paris"], ["x"]], ["Pariss", "y"], 50 * 5 / 6, 0),
    "relaxed": ([["100"], ["10"]], ["104", "12"], 50, 0),
    "tally": ([["2"], ["3"]], ["two", "many"], 50, 0.5),
    "count": ([["2"], ["3"]], ["2", "4"], 50, 0),
    "letter": ([["The answer is B."], ["The answer is A."]], ["The answer is b.", "A"], 50, 0.5),
    "pope": ([["yes"], ["no"]], ["Yes", "maybe"], 50, 0.5),
    "paired": ([["a"], ["b"], ["c"], ["d"]], ["a", "b", "c", "x"], 50, 0),
    "rsvqa": ([["yes"], ["urban"]], ["yes", "rural"], 50, 0),
    "cider": ([["a cat on a mat"], ["two dogs run"]], ["a cat on a mat", ""], 500, 0.5),
    "object_f1": (
        [["a cat and two dogs on a red background"], ["a car on a blue background"]],
        ["a cat and a dog on a red background", "a car on a blue background"],
        200 / 3,
        0,
    ),
    "teds": ([["<table><tr><td>a</td></tr></table>"]] * 2, ["<table><tr><td>a", "no"], 50, 0.5),
    "grits": ([["<table><tr><td>a</td></tr></table>"]] * 2, ["<table><tr><td>a", "no"], 50, 0.5),
    "smiles": ([["CCO"], ["CCO"]], ["OCC", "C1CC"], 50, 0.5),
    "kern": ([["abcd"], ["ab"]], ["abcx", ""], 50, 0.5),
}
REGION_METRICS = {"detection", "detection_ap50", "segmentation", "referring", "box_accuracy"}


@pytest.mark.parametrize("metric", WORDS)
def test_metrics_of_words_by_hand(metric: str) -> None:
    references, texts, headline, unparsed = WORDS[metric]
    items = [item(str(i), *several) for i, several in enumerate(references)]
    scorer = SCORERS[metric]
    answers = [
        Prediction(one.id, text, parsed=scorer.parsed(Prediction(one.id, text)))
        for one, text in zip(items, texts, strict=True)
    ]
    scores = scorer(answers, items)
    assert scores.headline == pytest.approx(headline)
    assert scores.unparsed == pytest.approx(unparsed)
    assert scores.n == len(scores.per_item) == len(items)
    low, high = scores.interval
    assert low <= scores.headline <= high
    assert value_of(scores.rows) == pytest.approx(scores.headline)


def test_every_metric_has_a_case() -> None:
    elsewhere = {"nes", "radiology", "radgraph"}  # test_entailment.py, test_radiology.py
    assert {*WORDS, *REGION_METRICS, *elsewhere, "spotting", "cider_by_language"} == set(SCORERS)


def test_every_package_of_a_metric_is_in_the_extra_that_its_error_names() -> None:
    with (Path(__file__).parents[2] / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    for scorer in SCORERS.values():
        for package in scorer.packages:
            brought = extras[EXTRAS.get(package, "eval")]
            assert any(one.startswith(f"{package.replace('_', '-')}>") for one in brought)


def test_answers_of_other_items_are_refused() -> None:
    items = [item("a", "x"), item("b", "y")]
    with pytest.raises(UsageError, match="in their order"):
        SCORERS["exact"](said(items[::-1], ["x", "y"]), items)
    with pytest.raises(UsageError, match="at least one"):
        SCORERS["exact"]([], [])


@pytest.mark.parametrize("metric", ["relaxed", "pope", "rsvqa", "exact_by_language"])
def test_a_mean_over_groups_weighs_each_the_same(metric: str) -> None:
    right = "yes" if metric == "pope" else "7"
    groups = ["human", "augmented", "augmented", "augmented"]
    items = [item(str(i), right, group=name) for i, name in enumerate(groups)]
    scores = SCORERS[metric](said(items, [right, "no", "no", right]), items)
    assert scores.headline == pytest.approx((100 + 100 / 3) / 2)
    assert scores.groups == pytest.approx({"human": 100, "augmented": 100 / 3})


def test_a_large_language_weighs_no_more_and_the_plain_mean_stands_beside() -> None:
    items = [item(str(i), "True", group=name) for i, name in enumerate(["zh", "zh", "zh", "sw"])]
    scores = SCORERS["exact_by_language"](said(items, ["True"] * 3 + ["False"]), items)
    assert scores.headline == 50
    assert scores.groups == {"sw": 0, "zh": 100}
    assert scores.others == {"mean over all questions": 75, "always saying 'True'": 100}


def test_languages_are_averaged_without_english_each_with_its_own_rarities() -> None:
    captions = {"en": ["a cat on a mat", "two dogs run"], "de": ["eine Katze", "zwei Hunde"]}
    items = [
        item(f"{lang}{i}", text, group=lang)
        for lang, several in captions.items()
        for i, text in enumerate(several)
    ]
    answers = said(items, ["a cat on a mat", "nothing at all", "eine Katze", "zwei Hunde"])
    scores = SCORERS["cider_by_language"](answers, items)
    alone = SCORERS["cider"](answers[2:], items[2:])
    assert scores.headline == pytest.approx(alone.headline)
    assert scores.groups["en"] == pytest.approx(SCORERS["cider"](answers[:2], items[:2]).headline)
    only = SCORERS["cider_by_language"](answers[:2], items[:2])
    assert only.headline == pytest.approx(scores.groups["en"])


def test_pairs_may_be_named() -> None:
    items = [item(str(i), "x", extra={"pair": i % 2}) for i in range(4)]
    scores = SCORERS["paired"](said(items, ["x", "y", "x", "x"]), items)
    assert scores.headline == 50  # 0 and 2 are right, 1 is not
    assert scores.others["single questions"] == 75


def test_what_always_saying_one_thing_would_get() -> None:
    items = [item(str(i), right) for i, right in enumerate(["1", "1", "1", "2"])]
    scores = SCORERS["count"](said(items, ["2"] * 4), items)
    assert scores.headline == 25
    assert scores.others == {"always saying '1'": 75}


def mask_of(box: Box) -> np.ndarray:
    mask = np.zeros((100, 100), bool)
    mask[int(box.y1) : int(box.y2), int(box.x1) : int(box.x2)] = True
    return mask


def square(x: int, side: int = 20) -> Box:
    return Box(float(x), 0.0, float(x + side), float(side))


def thing(label: str, box: Box) -> Thing:
    return Thing(label, box, rle=encode_rle(mask_of(box)))


def told(name: str, *regions: Region, text: str = "…") -> Prediction:
    return Prediction(name, text, regions=tuple(one.to_dict() for one in regions), size=(100, 100))


def region(label: str, box: Box, score: float = 1.0, masked: bool = True) -> Region:
    return Region(label, box, score, mask_of(box) if masked else None)


def test_average_precision_by_hand() -> None:
    # Two cats. The surest box is right, the next is nowhere, the last is right: precision
    # 1, 1/2, 2/3; COCO's 101 recalls see 1 up to recall 0.5 (51 of them) and 2/3 after it (50).
    items = [item("a", things=(thing("cat", square(0)), thing("cat", square(50))))]
    answer = told(
        "a",
        region("cat", square(0), 0.9),
        region("cat", Box(0.0, 60.0, 20.0, 80.0), 0.8),
        region("cat", square(50), 0.7),
    )
    scores = SCORERS["detection_ap50"]([answer], items)
    assert scores.headline == pytest.approx(100 * (51 + 50 * 2 / 3) / 101)
    assert scores.per_item == pytest.approx([100 * 2 * 2 / 5])
    assert scores.others["found at IoU 0.5"] == 100
    assert scores.others["right at IoU 0.5"] == pytest.approx(200 / 3)
    assert scores.groups == pytest.approx({"cat": scores.headline})
    assert SCORERS["detection"]([answer], items).headline == pytest.approx(scores.headline)


def test_a_box_of_iou_0_6_counts_at_50_and_not_at_75() -> None:
    # 15 of 25 columns shared: IoU 0.6, which passes 0.50, 0.55 and 0.60 of COCO's ten thresholds.
    items = [item("a", things=(thing("cat", square(0)),))]
    scores = SCORERS["detection"]([told("a", region("cat", square(5)))], items)
    assert scores.headline == pytest.approx(30)
    assert scores.others["ap50"] == pytest.approx(100)


def test_sizes_are_of_outlines_where_there_are_some() -> None:
    # The box is medium, its outline (a thin triangle) small.
    outline = (0.0, 0.0, 90.0, 0.0, 90.0, 20.0)
    items = [item("a", things=(Thing("cat", Box(0, 0, 90, 20), polygons=(outline,)),))]
    scores = SCORERS["detection"]([told("a", region("cat", Box(0.0, 0.0, 90.0, 20.0)))], items)
    assert scores.others["ap_small"] == pytest.approx(100)
    assert "ap_medium" not in scores.others


def test_segmentation_by_hand() -> None:
    # The cat is exact; the dog's region is 15 of 25 columns right (IoU 0.6); the car is not found;
    # the star is found without a mask; one region too many.
    items = [
        item("a", things=(thing("cat", square(0)), thing("dog", square(40)))),
        item("b", things=(thing("car", square(0)), thing("star", square(40)))),
    ]
    answers = [
        told("a", region("cat", square(0)), region("dog", square(45))),
        told("b", region("star", square(40), masked=False), region("key", square(0))),
    ]
    scores = SCORERS["segmentation"](answers, items)
    assert scores.headline == pytest.approx(100 * (1 + 0.6 + 0) / 3)
    assert scores.others["of all things"] == pytest.approx(100 * (1 + 0.6) / 4)
    assert scores.others["found"] == pytest.approx(75)
    assert scores.others["right"] == pytest.approx(75)
    assert scores.others["of all small things"] == pytest.approx(100 * (1 + 0.6) / 4)
    assert scores.groups["dog"] == pytest.approx(60)
    assert scores.per_item == pytest.approx([80, 0])


def test_referring_masks_and_their_boxes() -> None:
    items = [item(name, things=(thing("", square(0)),)) for name in "abc"]
    answers = [
        told("a", region("", square(0))),
        told("b", region("", square(5)), region("", square(0))),
        told("c", text="no mask"),
    ]
    scores = SCORERS["referring"](answers, items)
    assert scores.headline == pytest.approx(100 * (1 + 0.6) / 3)
    assert scores.others["cIoU"] == pytest.approx(100 * (400 + 300) / (400 + 500 + 400))
    assert scores.others["box accuracy at 0.75"] == pytest.approx(100 / 3)
    assert not SCORERS["referring"].parsed(answers[2])
    boxes = SCORERS["box_accuracy"](answers, items)
    assert boxes.headline == pytest.approx(200 / 3)


def test_words_in_places() -> None:
    unread = Thing("###", square(60), crowd=True)
    items = [item("a", things=(thing("EXIT", square(0)), thing("to", square(30)), unread))]
    answer = told("a", region("EXIT", square(0)), region("TO", square(30)), region("x", square(60)))
    scores = SCORERS["spotting"]([answer], items)
    assert scores.headline == pytest.approx(50)
    assert scores.others["precision"] == pytest.approx(50)


@pytest.mark.parametrize("metric", ["detection", "segmentation", "spotting"])
def test_an_empty_answer_says_that_nothing_is_there(metric: str) -> None:
    parsed = SCORERS[metric].parsed
    assert parsed(Prediction("a", ""))
    assert not parsed(Prediction("a", "a cat"))
    assert parsed(told("a", region("cat", square(0))))
