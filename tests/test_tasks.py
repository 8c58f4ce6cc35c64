import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palikit import tasks
from palikit.codecs.prompts import ChoiceForm, PatternForm
from palikit.errors import UsageError
from palikit.results import Box, Region, Regions, Text
from palikit.tasks import Answer, Ask, Caption, Describe, Detect, Ocr, Question, Segment

SIZE = (640, 480)
SEGS = "".join(f"<seg{i:03d}>" for i in range(16))
BOX = "<loc0051><loc0102><loc0512><loc0512>"


@pytest.mark.parametrize(
    ("task", "prefix"),
    [
        (Caption(), "caption en"),
        (Caption("de"), "caption de"),
        (Caption(style="cap"), "cap en"),
        (Caption(lang="zh-Hant"), "caption zh-Hant"),
        (Caption(region=Box(64, 24, 320, 240), size=SIZE), f"caption {BOX}"),
        (Describe("fr"), "describe fr"),
        (Ocr(), "ocr"),
        (Answer("how many cups?"), "answer en how many cups?"),
        (Answer("wie viele?", lang="de"), "answer de wie viele?"),
        (Question("two"), "question en two"),
        (Question("two", "pl"), "question pl two"),
        (Detect(["cat"]), "detect cat"),
        (Detect(["cat", " big dog "]), "detect cat ; big dog"),
        (Detect("cat;dog"), "detect cat ; dog"),
        (Segment("cat ; dog"), "segment cat ; dog"),
        (Ask("  What's here?\nSay it. "), "  What's here?\nSay it. "),
    ],
)
def test_the_prompt_of(task, prefix):
    assert task.prefix == prefix


def test_every_task_is_listed_under_its_name():
    assert list(tasks.TASKS) == [
        "caption", "describe", "ocr", "answer", "question", "detect", "segment", "ask",
    ]  # fmt: skip
    assert all(task.name == name for name, task in tasks.TASKS.items())


def test_words_are_held_to_choices_or_a_pattern_or_nothing():
    assert Answer("how many?").grammar is None
    assert Answer("how many?", choices=["one", "two"]).grammar == ChoiceForm(("one", "two"))
    assert Answer("how many?", pattern=r"\d").grammar == PatternForm(r"\d")
    assert Ask("how many?").grammar is None
    assert Ask("how many?", pattern=r"\d").grammar == PatternForm(r"\d")


def test_only_a_caption_of_a_region_brings_codes_into_its_prompt():
    assert Caption(region=Box(0, 0, 9, 9), size=SIZE).has_codes
    smuggled = f"{BOX}"
    for task in (Caption(), Answer(smuggled), Ask(smuggled), Question(smuggled), Ocr(), Describe()):
        assert not task.has_codes
    assert not Detect("cat").has_codes


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Detect([]), "list of labels is empty"),
        (lambda: Detect(""), "empty"),
        (lambda: Detect(["cat", " "]), "empty"),
        (lambda: Detect("cat ; ; dog"), "empty"),
        (lambda: Segment(["a;b"]), "line break"),
        (lambda: Detect([BOX]), "line break"),
        (lambda: Detect([3]), "not a string"),
        (lambda: Answer(" "), "question"),
        (lambda: Question(""), "answer"),
        (lambda: Ask("\n"), "prompt"),
        (lambda: Ask(None), "prompt"),
        (lambda: Caption("English"), "'en'"),
        (lambda: Describe(""), "'en'"),
        (lambda: Caption(style="long"), "'cap'"),
        (lambda: Caption(region=Box(0, 0, 1, 1)).prefix, "size"),
        (lambda: Ocr(max_new_tokens=0), "1 or more"),
        (lambda: Answer("is it?", choices="yes"), "several texts"),
        (lambda: Answer("is it?", choices=["yes"], pattern="no"), "give one of them"),
        (lambda: Answer("is it?", choices=["yes"], pattern=7), "write a regular expression"),
        (lambda: Answer("is it?", pattern=""), "write a regular expression"),
        (lambda: Ask("is it?", pattern="(?=a)"), "look-around"),
    ],
)
def test_a_wrong_request_is_refused_in_one_sentence(make, said):
    with pytest.raises(UsageError, match=said) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_a_task_is_a_value():
    assert Detect("cat ; dog") == Detect(["cat", "dog"])
    assert hash(Detect("cat")) == hash(Detect(("cat",)))
    assert Detect("cat", max_new_tokens=7).max_new_tokens == 7


def test_words_are_read_as_they_are_with_the_mean_of_all_tokens_as_score():
    answer = Answer("how many?").parse(" two ", SIZE, logprobs=[-0.25, -0.75])
    assert answer == Text(" two ", math.exp(-0.5), (-0.25, -0.75))
    assert Ocr().parse("", SIZE) == Text("")


def test_an_answer_becomes_boxes_in_pixels_of_the_picture():
    found = Detect("cat").parse(f"{BOX} cat ; oh", SIZE, logprobs=[-1.0])
    assert found.labels == ("cat",)
    assert found[0].box.xyxy == pytest.approx((64, 24, 320, 240), abs=0.5)
    assert (found.unparsed, found.size, found.text) == ("oh", SIZE, f"{BOX} cat ; oh")
    assert found.score == math.exp(-1)
    assert found[0].score is None


def test_a_segment_answer_keeps_its_codes_for_the_mask_codec():
    found = Segment("cat").parse(f"{BOX}{SEGS} cat", SIZE)
    assert found[0].codes == tuple(range(16))
    assert found[0].mask is None


@pytest.mark.parametrize(
    ("text", "asked", "expected"),
    [
        (f"{BOX} cat", [BOX, "cat"], 0.6),
        (f"{BOX}{SEGS}  cat", [BOX, "cat"], 0.6),
        (f"{BOX}{SEGS}", [BOX], 0.36),
    ],
)
def test_a_region_is_scored_by_its_locs_and_its_label(text, asked, expected):
    seen = []

    def score(start, end):
        seen.append(text[start:end])
        return 0.36 if text[start:end] == BOX else 1.0

    assert Segment("cat").parse(text, SIZE, score)[0].score == pytest.approx(expected)
    assert seen == asked


fractions = st.lists(st.integers(0, 1023), min_size=2, max_size=2, unique=True).map(sorted)
names = st.sampled_from(["cat", "big dog", "größe", "猫"])
codes = st.tuples(*[st.integers(0, 127)] * 16)
regions = st.lists(st.tuples(fractions, fractions, names, codes), max_size=5)


@given(regions)
def test_a_suffix_reads_back_as_its_regions(rows):
    width, height = SIZE
    items = tuple(
        Region(
            label,
            Box(x1 / 1023 * width, y1 / 1023 * height, x2 / 1023 * width, y2 / 1023 * height),
            codes=seg,
        )
        for (x1, x2), (y1, y2), label, seg in rows
    )
    written = Regions(items, size=SIZE)
    for task in (Detect, Segment):
        back = task("cat").parse(task.suffix(written), SIZE)
        assert back.unparsed == ""
        assert back.labels == written.labels
        assert abs(back.boxes - written.boxes).max(initial=0) < 1e-9
    assert [region.codes for region in back] == [region.codes for region in written]


def test_a_segment_suffix_needs_codes():
    with pytest.raises(UsageError, match="MaskCodec"):
        Segment.suffix(Regions((Region("cat", Box(0, 0, 9, 9)),), size=SIZE))


@given(st.text())
def test_no_answer_makes_a_task_fail(text):
    for task in (Caption(), Answer("x"), Detect("cat"), Segment("cat"), Ask("x")):
        assert task.parse(text, SIZE, lambda start, end: 0.5).text == text
