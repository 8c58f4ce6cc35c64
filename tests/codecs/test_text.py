import re
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from palikit.codecs.text import check_label, format_region, join_regions, parse_spans
from palikit.errors import UsageError

BOX = "<loc0001><loc0002><loc0103><loc0104>"
BOX2 = "<loc0005><loc0006><loc0107><loc0108>"
BINS, BINS2 = (1, 2, 103, 104), (5, 6, 107, 108)
SEGS = "".join(f"<seg{i:03d}>" for i in range(16))
CODES = tuple(range(16))

spans_1d = st.integers(0, 1022).flatmap(lambda a: st.tuples(st.just(a), st.integers(a + 1, 1023)))
corners = st.tuples(spans_1d, spans_1d).map(lambda yx: (yx[0][0], yx[1][0], yx[0][1], yx[1][1]))
labels = st.text(st.characters(exclude_characters=";<>\r\n", exclude_categories=["Cs"])).map(
    str.strip
)
codes = st.none() | st.tuples(*[st.integers(0, 127)] * 16)
regions = st.lists(st.tuples(corners, labels, codes), max_size=6)

CODE_LIKE = [BOX, BOX2, SEGS, "<loc0001>", "<loc1023>", "<loc1024>", "<seg128>", "<seg000>", "<lo"]
WORDS = [" ", "  ", ";", " ; ", "\n", "cat", "Größe", "猫", "🐈", "<", ">", "<b>", "\x00", "<eos>"]
pieces = st.sampled_from(CODE_LIKE + WORDS)
messy = st.lists(pieces, max_size=30).map("".join) | st.text()


def found(text):
    spans, unparsed = parse_spans(text)
    return [(s.bins, s.label, s.codes) for s in spans], unparsed


CAT, DOG = (BINS, "cat", None), (BINS2, "dog", None)
SHORT, LONG, HIGH = SEGS[:-8], f"{SEGS}<seg000>", f"<seg128>{SEGS[8:]}"
SWAPPED, FLAT = "<loc0103><loc0104><loc0001><loc0002>", "<loc0001><loc0002><loc0103><loc0002>"
APART = "<loc0001> <loc0002> <loc0103> <loc0104> cat"
ARABIC = "<loc\u0660\u0660\u0660\u0661><loc0002><loc0103><loc0104> cat"

# What came, the regions read from it, what stays unparsed.
CASES = {
    "nothing": ("", [], ""),
    "only words": ("no cat here", [], "no cat here"),
    "one box": (f"{BOX} cat", [CAT], ""),
    "two boxes": (f"{BOX} cat ; {BOX2} dog", [CAT, DOG], ""),
    "box with mask": (f"{BOX}{SEGS} cat", [(BINS, "cat", CODES)], ""),
    "space before the codes": (f"{BOX} {SEGS} cat", [(BINS, "cat", CODES)], ""),
    "mask without label, as in RefCOCO": (f"{BOX}{SEGS}", [(BINS, "", CODES)], ""),
    "no space before the label": (f"{BOX}cat;{BOX2}dog", [CAT, DOG], ""),
    "ends in a separator": (f"{BOX} cat ; ", [CAT], ""),
    "empty label": (f"{BOX} ; {BOX2} dog", [(BINS, "", None), DOG], ""),
    "two boxes without separator": (f"{BOX} cat {BOX2} dog", [CAT, DOG], ""),
    "two boxes in one run": (f"{BOX}{BOX2} dog", [(BINS, "", None), DOG], ""),
    "newline for a separator": (f"{BOX} cat\n{BOX2} dog", [CAT, DOG], ""),
    "five locs": (f"<loc0000>{BOX} cat ; {BOX2} dog", [DOG], f"<loc0000>{BOX} cat"),
    "three locs": (f"{BOX[9:]} cat", [], f"{BOX[9:]} cat"),
    "locs apart": (APART, [], APART),
    "loc out of range": (f"<loc1024>{BOX[9:]} cat", [], f"<loc1024>{BOX[9:]} cat"),
    "loc with five digits": (f"{BOX[:27]}<loc01040> cat", [], f"{BOX[:27]}<loc01040> cat"),
    "digits that are not ASCII": (ARABIC, [], ARABIC),
    "fifteen codes": (f"{BOX}{SHORT} cat", [CAT], SHORT),
    "seventeen codes": (f"{BOX}{LONG} cat", [CAT], LONG),
    "code out of range": (f"{BOX}{HIGH} cat", [CAT], HIGH),
    "codes without box": (f"{SEGS} cat ; {BOX2} dog", [DOG], f"{SEGS} cat"),
    "codes after the label": (f"{BOX} cat {SEGS}", [CAT], SEGS),
    "swapped corners": (f"{SWAPPED} cat ; {BOX2} dog", [DOG], f"{SWAPPED} cat"),
    "no width": (f"{FLAT}{SEGS} cat", [], f"{FLAT}{SEGS} cat"),
    "no area in the middle of a run": (f"{FLAT}{BOX} cat", [CAT], FLAT),
    "label before": (f"cat {BOX}", [(BINS, "", None)], "cat"),
    "words before and after": (f"I see {BOX} cat ; and more", [CAT], "I see ; and more"),
    "a second line": (f"{BOX} cat\nthe end", [CAT], "the end"),
    "nested": (f"<lo<loc0001>>{BOX} c<b>at</b>", [(BINS, "c", None)], "<lo<loc0001>> ; <b>at</b>"),
    "cut off in a token": (f"{BOX} cat ; <loc0001><lo", [CAT], "<loc0001><lo"),
    "several separators": (f"; ;{BOX} cat ;;; {BOX2} dog ; ;", [CAT, DOG], ""),
    "unicode": (f"{BOX} 猫 🐈 ñ", [(BINS, "猫 🐈 ñ", None)], ""),
}


@pytest.mark.parametrize("name", CASES)
def test_reading_the_case_of(name):
    text, expected, unparsed = CASES[name]
    assert found(text) == (expected, unparsed)


@given(regions)
def test_what_is_written_reads_back(items):
    text = join_regions([format_region(bins, label, codes) for bins, label, codes in items])
    assert found(text) == (items, "")


@given(messy)
@example("")
@example("<loc0001>" * 7 + "x")
def test_any_text_is_read_without_losing_a_character(text):
    spans, unparsed = parse_spans(text)
    kept = Counter(unparsed)
    position = 0
    for span in spans:
        assert position <= span.start <= span.end <= len(text)
        position = span.end
        box = text[span.start : span.start + 36]
        assert [int(n) for n in re.findall("[0-9]{4}", box)] == list(span.bins)
        assert text[span.label_start : span.label_end] == span.label
        kept += Counter(box + span.label)
        for code in span.codes or ():
            kept += Counter(f"<seg{code:03d}>")
    loose = {c for c in Counter(text) if c.isspace() or c == ";"}
    loose |= {" ", ";"}
    assert {c: n for c, n in kept.items() if c not in loose} == {
        c: n for c, n in Counter(text).items() if c not in loose
    }


@given(messy)
def test_what_is_left_never_holds_a_region(text):
    _, unparsed = parse_spans(text)
    spans, again = parse_spans(unparsed)
    assert spans == ()
    assert again == unparsed


def test_reading_a_very_long_answer_takes_linear_time():
    text = " ; " * 100_000 + "<loc0001>" * 99_999 + "\n" * 100_000
    spans, unparsed = parse_spans(text)
    assert spans == ()
    assert len(unparsed) == 9 * 99_999


@pytest.mark.parametrize("label", ["a;b", "<cat", "cat>", "two\nlines", "two\rlines"])
def test_a_label_that_would_break_the_answer_is_refused(label):
    with pytest.raises(UsageError, match="line break"):
        format_region(BINS, label)


def test_an_empty_name_is_refused_where_a_name_is_asked_for():
    with pytest.raises(UsageError, match="empty"):
        check_label("  ")


@pytest.mark.parametrize("wrong", [CODES[:15], (*CODES[:15], 128), (*CODES, 0)])
def test_codes_that_are_not_sixteen_are_refused(wrong):
    with pytest.raises(UsageError, match="sixteen"):
        format_region(BINS, "cat", wrong)
