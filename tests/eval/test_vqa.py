import pytest
from hypothesis import given
from hypothesis import strategies as st

from palikit.errors import UsageError
from palikit.eval import anls, normalize_answer, relaxed_accuracy, vqa_accuracy

text = st.text(st.sampled_from("ab 1,.!-'%"), max_size=8)
several = st.lists(text, min_size=2, max_size=10)


@pytest.mark.parametrize(
    ("matches", "score"), [(0, 0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1), (10, 1)]
)
def test_each_annotator_is_left_out_in_turn(matches, score):
    answers = ["cat"] * matches + ["dog"] * (10 - matches)
    assert vqa_accuracy("cat", answers) == pytest.approx(score)


def test_nothing_is_normalised_where_all_annotators_agree():
    assert vqa_accuracy("yes.", ["yes"] * 10) == 0
    assert vqa_accuracy("Yes", ["yes"] * 10) == 0
    assert vqa_accuracy("yes.", ["yes"] * 9 + ["no"]) == 1
    assert vqa_accuracy("A Cat", ["A Cat"] * 10) == 1


def test_tabs_line_ends_and_outer_spaces_go_before_that():
    assert vqa_accuracy("\tyes\n", [" yes"] * 5 + ["yes\n"] * 5) == 1
    assert vqa_accuracy("a\tb", ["a b"] * 10) == 1


NORMALISED = {
    "mark within a word becomes a space": ("blue-ish", "blue ish"),
    "mark before a space vanishes": ("yes, sir", "yes sir"),
    "mark after a space vanishes": ("a (cat", "cat"),
    "mark with both vanishes in both places": ("x-y - z", "xy z"),
    "one digit comma makes all marks vanish": ("1,000 blue-ish", "1000 blueish"),
    "a digit comma in another number counts too": ("a-b 2,5", "ab 25"),
    "full stop after a word": ("U.S.", "us"),
    "full stop before a digit stays": (".5 a.5", ".5 a.5"),
    "full stop after a digit goes": ("3. 2.5", "3 2.5"),
    "colon, apostrophe, dollar and per cent stay": ("5:30 it's $5 5%", "5:30 it's $5 5%"),
    "articles": ("The a an cat", "cat"),
    "numbers to ten": ("none zero One ten eleven", "0 0 1 10 eleven"),
    "contractions": ("dont isnt Whats couldntve", "don't isn't what's couldntve"),
    "the first apostrophe may be missing": ("couldnt've", "couldn't've"),
    "the second apostrophe may be missing": ("couldn'tve", "couldn't've"),
    "capital contractions are lower by then": ("Im Ive", "im ive"),
    "words that look like contractions": ("well wed ill id shell lets were its", None),
    "the one that loses its apostrophe": ("somebody'd", "somebodyd"),
    "ow's'at": ("'ow'sat", "'ow's'at"),
    "white space": ("  two \n cats ", "2 cats"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("came", "expected"), NORMALISED.values(), ids=NORMALISED)
def test_answers_are_normalised_as_the_official_script_does(came, expected):
    assert normalize_answer(came) == (came if expected is None else expected)


@given(text, several)
def test_vqa_accuracy_is_a_share(prediction, answers):
    assert 0 <= vqa_accuracy(prediction, answers) <= 1


@given(text)
def test_what_everyone_says_is_right(answer):
    assert vqa_accuracy(answer, [answer] * 10) == 1


@given(text, several)
def test_the_order_of_annotators_changes_nothing(prediction, answers):
    backwards = vqa_accuracy(prediction, answers[::-1])
    assert vqa_accuracy(prediction, answers) == pytest.approx(backwards)


def test_one_answer_leaves_nobody_and_is_refused():
    with pytest.raises(UsageError, match="needs 2 or more"):
        vqa_accuracy("cat", ["cat"])


@pytest.mark.parametrize("metric", [anls, vqa_accuracy])
def test_no_answers_or_one_string_are_refused(metric):
    with pytest.raises(UsageError, match="0 answers"):
        metric("cat", [])
    with pytest.raises(UsageError, match="list of answers"):
        metric("cat", "cat")


ANLS = {
    "equal": ("paris", ["paris"], 1),
    "case does not count": ("Paris", ["pARIS"], 1),
    "one letter of six": ("pariss", ["paris"], 1 - 1 / 6),
    "spaces count": ("new york", ["newyork"], 1 - 1 / 8),
    "the best answer counts": ("cat", ["dog", "cart"], 0.75),
    "just below the threshold": ("abcde", ["abcxy"], 0.6),
    "half is too far": ("ab", ["ax"], 0),
    "nothing said": ("", ["cat"], 0),
    "nothing to say": ("", [""], 1),
    "nothing to say and something said": ("cat", [""], 0),
}


@pytest.mark.parametrize(("told", "answers", "score"), ANLS.values(), ids=ANLS)
def test_anls(told, answers, score):
    assert anls(told, answers) == pytest.approx(score, abs=1e-12)


def test_anls_with_case():
    assert anls("Paris", ["paris"], ignore_case=False) == pytest.approx(0.8)


@given(text, text)
def test_anls_is_symmetric_and_identity_is_one(a, b):
    assert anls(a, [b]) == anls(b, [a])
    assert anls(a, [a]) == 1
    assert 0 <= anls(a, [b]) <= 1


RELAXED = {
    "within five per cent": ("104", "100", 1),
    "exactly five per cent": ("105", "100", 1),
    "beyond": ("105.1", "100", 0),
    "below": ("95", "100", 1),
    "relative to the true one": ("100", "95.1", 0),
    "negative": ("-104", "-100", 1),
    "the wrong sign": ("-100", "100", 0),
    "a percentage is a hundredth": ("0.5", "50%", 1),
    "and is not the bare number": ("50", "50%", 0),
    "two percentages": ("52%", "50%", 1),
    "several percent signs": ("50%%", "50%", 1),
    "zero must be equal as a string": ("0.0", "0", 0),
    "zero": ("0", "0", 1),
    "zero per cent": ("0", "0%", 0),
    "no number": ("blue", "Blue", 1),
    "a number for a word": ("5", "five", 0),
    "a word for a number": ("five", "5", 0),
    "a thousands comma is no number": ("1,040", "1,000", 0),
    "but may be equal": ("1,000", "1,000", 1),
    "spaces around a number": (" 104 ", "100", 1),
    "a space before the percent sign": ("50 %", "0.5", 1),
    "powers": ("1e2", "100", 1),
    "underscores": ("1_00", "100", 1),
    "nan is not itself": ("nan", "nan", 0),
    "inf is not itself": ("inf", "inf", 0),
    "a percent sign alone": ("%", "%", 1),
    "nothing": ("", "", 1),
}


@pytest.mark.parametrize(("told", "right", "score"), RELAXED.values(), ids=RELAXED)
def test_relaxed_accuracy(told, right, score):
    assert relaxed_accuracy(told, right) == score


def test_relaxed_accuracy_with_case():
    assert relaxed_accuracy("Blue", "blue", ignore_case=False) == 0


@given(st.integers(1, 10**6), st.floats(-0.049, 0.049))
def test_any_number_within_five_per_cent_is_right(number, off):
    assert relaxed_accuracy(repr(number * (1 + off)), str(number)) == 1
