"""NES: sentences, shares, and judges that are missing or wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from palikit.data.pictures import FilePicture, Picture, open_picture
from palikit.errors import UsageError
from palikit.eval import nes
from palikit.eval.benchmarks.values import Item
from palikit.eval.entailment import split_sentences
from palikit.eval.predictions import Prediction
from palikit.eval.scoring import SCORERS, judged, judged_by, load_judge


def judge(picture: object, sentence: str) -> str:
    """By the sentence's first word."""
    words = {"Yes": "entailment", "No": "contradiction", "Maybe": "neutral", "So": "nothing"}
    return words[sentence.split()[0].strip(".")]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        ("a dog", ["a dog"]),
        ("A dog sits. It waits.", ["A dog sits.", "It waits."]),
        ('He says "Stop!" Then he runs.', ['He says "Stop!"', "Then he runs."]),
        ("It is 3.5 m wide. 2 birds sit on it.", ["It is 3.5 m wide.", "2 birds sit on it."]),
        ("Mr. Smith of St. Paul waves.", ["Mr. Smith of St. Paul waves."]),
        ("A sign reads J. R. Tolkien.\nIs it old?", ["A sign reads J. R. Tolkien.", "Is it old?"]),
        ("Wait... it moves.", ["Wait... it moves."]),
    ],
)
def test_sentences_end_where_a_reader_sees_them_end(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


@given(st.text(alphabet="aB .!?\n\"'()", max_size=60))
def test_no_letter_is_lost_between_sentences(text: str) -> None:
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())


def test_the_share_is_over_all_sentences_and_in_each_description() -> None:
    told = ["Yes. Maybe so.", "No. No. Yes. So.", ""]
    overall, each = nes(told, [None] * 3, judge)
    assert overall == pytest.approx(100 * 3 / 6)
    assert each == pytest.approx([50.0, 50.0, 0.0])
    assert nes([""], [None], judge) == (0.0, [0.0])


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(UsageError, match="2 descriptions came for 1 pictures"):
        nes(["a", "b"], [None], judge)
    with pytest.raises(UsageError, match="0 descriptions"):
        nes([], [], judge)


@pytest.mark.parametrize("verdict", ["perhaps", None, True, ["neutral"], np.array(["neutral"] * 2)])
def test_a_verdict_that_is_none_is_refused(verdict: object) -> None:
    with pytest.raises(UsageError, match=r"the judge said .*: it must say one of entailm"):
        nes(["A dog."], [None], lambda picture, sentence: verdict)  # type: ignore[arg-type, return-value]


def items(folder: Path) -> list[Item]:
    Image.new("RGB", (8, 6), "red").save(folder / "a.png")
    picture = FilePicture(folder / "a.png")
    return [
        Item(id=name, pictures=(picture,), prefix="describe en", references=("…",))
        for name in ("one", "two")
    ]


def test_a_run_is_scored_by_the_judge_that_was_named(tmp_path: Path) -> None:
    asked = items(tmp_path)
    answers = [Prediction("one", "Yes. Maybe so."), Prediction("two", "No. No.")]
    seen: list[tuple[int, int]] = []

    def looks(picture: Image.Image, sentence: str) -> str:
        seen.append(picture.size)
        return judge(picture, sentence)

    with judged_by(looks):  # type: ignore[arg-type]
        scores = SCORERS["nes"](answers, asked)
    assert scores.headline == pytest.approx(75.0)
    assert scores.per_item == pytest.approx((50.0, 100.0))
    assert scores.others["sentences"] == 2
    assert seen == [(8, 6)] * 4
    (note,) = scores.notes
    assert note.startswith(f"the judge was {__name__}:test_a_run_is_scored")
    assert note.endswith(".looks; the published shares are the majority of five people's")


def test_a_judge_may_be_any_object_that_can_be_called(tmp_path: Path) -> None:
    class Panel:
        def __call__(self, picture: Image.Image, sentence: str) -> str:
            return "nothing"

    with judged_by(Panel()):  # type: ignore[arg-type]
        scores = SCORERS["nes"]([Prediction("one", "Yes.")], items(tmp_path)[:1])
    assert scores.headline == 0
    assert "Panel; " in scores.notes[0]


def test_a_picture_is_opened_only_for_a_sentence_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def spy(picture: Picture) -> Image.Image:
        opened.append(picture.name.rpartition("/")[2])
        return open_picture(picture)

    monkeypatch.setattr(judged, "open_picture", spy)
    asked = [
        Item(id=name, pictures=(FilePicture(tmp_path / f"{name}.png"),), prefix="")
        for name in ("a", "missing", "b")
    ]
    Image.new("RGB", (8, 6)).save(tmp_path / "a.png")
    Image.new("RGB", (8, 6)).save(tmp_path / "b.png")
    answers = [Prediction("a", "Yes. No."), Prediction("missing", ""), Prediction("b", "So. Yes.")]
    with judged_by(judge):  # type: ignore[arg-type]
        scores = SCORERS["nes"](answers, asked)
    assert opened == ["a.png"] * 2 + ["b.png"] * 2
    assert scores.per_item == (50.0, 0.0, 0.0)
    assert scores.headline == 25


def test_without_a_judge_nothing_is_asked_of_the_model(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--judge module:function"):
        SCORERS["nes"].check_needs()
    with judged_by(judge):  # type: ignore[arg-type]
        SCORERS["nes"].check_needs()


REFUSED = {
    "": "names no function of a module",
    "json": "names no function of a module",
    ":dumps": "names no function of a module",
    ".json:dumps": "names no function of a module",
    "json:dumps()": "names no function of a module",
    "no_such_module:judge": "cannot be imported .No module named 'no_such_module'.",
    "json:no_such": "is nothing",
    "math:pi": "is a float, which is no function",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_judge_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"--judge '.*' {REFUSED[name]}: write module:function"):
        load_judge(name)


def test_a_judge_is_found_by_its_name() -> None:
    assert load_judge("json:dumps") is json.dumps
