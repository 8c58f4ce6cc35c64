"""Asking a benchmark: killed runs go on, nothing is dropped, and tasks are what prompts say."""

import json
import random
from pathlib import Path

import pytest
from helpers.benchmarks import FakeEngine, benchmark, item, picture

from palikit.data.pictures import BytesPicture, FilePicture
from palikit.data.records import Thing
from palikit.decode.sampling import Decoding
from palikit.errors import PalikitError, UsageError
from palikit.eval.run import Place, forget, predict
from palikit.results import Box
from palikit.tasks import Ask, Detect, Segment

ITEMS = [item(f"q{i}", str(i)) for i in range(23)]
EXACT = benchmark("exact")


def straight(folder: Path) -> bytes:
    predict(FakeEngine(), EXACT, ITEMS, folder, batch_size=4)
    return (folder / "predictions.jsonl").read_bytes()


@pytest.mark.parametrize("seed", range(12))
def test_a_run_that_was_killed_anywhere_ends_as_a_straight_one(tmp_path: Path, seed: int) -> None:
    whole = straight(tmp_path / "straight")
    folder = tmp_path / "killed"
    predict(FakeEngine(), EXACT, ITEMS, folder, batch_size=4)
    cut = random.Random(seed).randrange(len(whole))
    (folder / "predictions.jsonl").write_bytes(whole[:cut])
    engine = FakeEngine()
    answers = predict(engine, EXACT, ITEMS, folder, batch_size=4)
    assert (folder / "predictions.jsonl").read_bytes() == whole
    assert [one.id for one in answers] == [one.id for one in ITEMS]
    # No whole batch is asked again.
    done = whole[:cut].count(b"\n") // 4 * 4
    assert sum(map(len, engine.asked)) == len(ITEMS) - done


def test_an_interrupt_leaves_whole_batches(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        predict(FakeEngine(stop=8), EXACT, ITEMS, tmp_path, batch_size=4)
    assert (tmp_path / "predictions.jsonl").read_bytes().count(b"\n") == 8
    predict(FakeEngine(), EXACT, ITEMS, tmp_path, batch_size=4)
    assert (tmp_path / "predictions.jsonl").read_bytes() == straight(tmp_path / "straight")


def test_rubbish_behind_whole_lines_is_cut(tmp_path: Path) -> None:
    whole = straight(tmp_path / "straight")
    folder = tmp_path / "again"
    predict(FakeEngine(), EXACT, ITEMS, folder, batch_size=4)
    (folder / "predictions.jsonl").write_bytes(whole + b"\0\0\0\n{")
    engine = FakeEngine()
    predict(engine, EXACT, ITEMS, folder, batch_size=4)
    assert engine.asked == []
    assert (folder / "predictions.jsonl").read_bytes() == whole


def test_more_items_go_on_where_fewer_ended_and_fewer_keep_the_rest(tmp_path: Path) -> None:
    predict(FakeEngine(), EXACT, ITEMS[:10], tmp_path, batch_size=4)
    engine = FakeEngine()
    predict(engine, EXACT, ITEMS, tmp_path, batch_size=4)
    assert sum(map(len, engine.asked)) == len(ITEMS) - 8
    again = FakeEngine()
    assert len(predict(again, EXACT, ITEMS[:5], tmp_path, batch_size=4)) == 5
    assert again.asked == []
    assert (tmp_path / "predictions.jsonl").read_bytes().count(b"\n") == len(ITEMS)


def test_a_run_is_described_as_before_there_was_refining(tmp_path: Path) -> None:
    predict(FakeEngine(), EXACT, ITEMS, tmp_path)
    told = json.loads((tmp_path / "run.json").read_text("utf-8"))["decoding"]
    assert told.endswith("seed=0, grammar=True)")


@pytest.mark.parametrize(
    "change",
    [
        {"batch_size": 5},
        {"decoding": Decoding(beam_size=3)},
        {"decoding": Decoding(refine=True)},
        {"settings": {"model": "other"}},
    ],
)
def test_a_folder_of_another_run_is_refused(tmp_path: Path, change: dict) -> None:
    how = {"batch_size": 4, "settings": {"model": "one"}}
    predict(FakeEngine(), EXACT, ITEMS, tmp_path, **how)
    with pytest.raises(UsageError, match="--fresh"):
        predict(FakeEngine(), EXACT, ITEMS, tmp_path, **(how | change))
    forget(tmp_path)
    predict(FakeEngine(), EXACT, ITEMS, tmp_path, **(how | change))


def test_a_folder_with_other_items_is_refused(tmp_path: Path) -> None:
    predict(FakeEngine(), EXACT, ITEMS, tmp_path, batch_size=4)
    with pytest.raises(UsageError, match="other items"):
        predict(FakeEngine(), EXACT, ITEMS[::-1], tmp_path, batch_size=4)


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_broken_settings_are_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(PalikitError, match=r"run\.json|--fresh"):
        predict(FakeEngine(), EXACT, ITEMS, tmp_path)


def test_a_picture_that_does_not_open_is_an_empty_answer_with_its_reason(tmp_path: Path) -> None:
    items = [
        item("fine", "x"),
        item("missing", "x", pictures=(FilePicture(tmp_path / "none.jpg"),)),
        item("broken", "x", pictures=(BytesPicture("bad.png", b"not a picture"),)),
        item("none", "x", pictures=()),
        item("second missing", "x", pictures=(picture(), FilePicture(tmp_path / "two.jpg"))),
    ]
    engine = FakeEngine()
    answers = predict(engine, EXACT, items, tmp_path / "run")
    assert [one.answer for one in answers[1:]] == [""] * 4
    assert [one.parsed for one in answers] == [True] + [False] * 4
    assert answers[0].error == ""
    assert "none.jpg" in answers[1].error
    assert "bad.png" in answers[2].error
    assert "no picture" in answers[3].error
    assert "two.jpg" in answers[4].error
    assert engine.asked == [["answer en fine?"]]


def test_pictures_of_one_item_go_together_and_the_beam_is_the_benchmarks(tmp_path: Path) -> None:
    class Looking(FakeEngine):
        def run(self, requests, **how):
            self.images = [image for image, _ in requests]
            return super().run(requests, **how)

    engine = Looking()
    predict(engine, benchmark("exact", beam=2), [item("a", pictures=(picture(),) * 2)], tmp_path)
    assert len(engine.images[0]) == 2
    assert engine.decodings[0].beam_size == 2


PROMPTS = {
    "detect cat ; dog": Detect,
    "segment cat": Segment,
    "detect  cat": Place,
    "detect all classes": Place,
    "detect dog": Place,
    "the cat on the left": Place,
    "detect": Place,
    "detect cat ;dog": Place,
    "detect <loc0001>": Place,
    "detect ;": Place,
}


@pytest.mark.parametrize("prefix", PROMPTS)
def test_a_prompt_about_regions_is_asked_exactly_as_it_stands(prefix: str, tmp_path: Path) -> None:
    engine = FakeEngine()
    asked = item("1", things=(Thing("cat", Box(0, 0, 1, 1)),), prefix=prefix)
    predict(engine, benchmark("detection"), [asked], tmp_path)
    (task,) = engine.tasks
    assert type(task) is PROMPTS[prefix]
    assert (task.prefix, task.max_new_tokens) == (prefix, 32)


def test_words_are_asked_as_they_stand_even_where_they_begin_like_a_task(tmp_path: Path) -> None:
    engine = FakeEngine()
    predict(engine, EXACT, [item("1", "x", prefix="detect cat")], tmp_path)
    assert type(engine.tasks[0]) is Ask


def test_regions_of_any_prompt_are_read_with_their_scores(tmp_path: Path) -> None:
    engine = FakeEngine({"the cat": "<loc0000><loc0000><loc1023><loc0511> ; what"})
    asked = item("1", prefix="the cat", things=(Thing("", Box(0, 0, 20, 30)),))
    (one,) = predict(engine, benchmark("box_accuracy"), [asked], tmp_path)
    assert one.regions[0]["box"] == pytest.approx([0, 0, 40 * 511 / 1023, 30])
    assert one.regions[0]["score"] == 0.5
    assert one.parsed
