import pytest
from hypothesis import given
from hypothesis import strategies as st

import palikit.eval
from palikit.errors import UsageError
from palikit.eval import (
    any_match,
    choice_letter,
    choice_match,
    count_match,
    exact_match,
    number_word,
    object_f1,
    paired_accuracy,
    pope_scores,
    rsvqa_scores,
    soft_match,
    tally_scores,
)


def test_exact_match_keeps_case_and_spaces_unless_asked():
    assert exact_match("cat", "cat") == 1
    assert exact_match("Cat", "cat") == 0
    assert exact_match("Cat", "cAT", ignore_case=True) == 1
    assert exact_match("cat ", "cat", ignore_case=True) == 0


@pytest.mark.parametrize(("times", "score"), [(0, 0), (1, 1 / 3), (2, 2 / 3), (3, 1), (7, 1)])
def test_three_annotators_make_an_answer_right(times, score):
    answers = ["cat"] * times + ["dog"] * 3
    assert soft_match("cat", answers) == pytest.approx(score)
    assert any_match("cat", answers) == float(times > 0)


def test_soft_match_does_not_normalise():
    assert soft_match("Two", ["two", "2", "2."] * 3) == 0
    assert soft_match("Two", ["two"] * 3, ignore_case=True) == 1


LETTERS = {
    "The answer is B.": "b",
    "the ANSWER is c. Because": "c",
    "The answer is B": None,
    "So the answer is B.": None,
    "The answer is  B.": None,
    "The answer is 2.": None,
    "B": None,
    "": None,
}


@pytest.mark.parametrize(("said", "letter"), LETTERS.items())
def test_a_letter_is_read_from_the_one_form(said, letter):
    assert choice_letter(said) == letter


def test_an_unreadable_letter_is_wrong():
    assert choice_match("the answer is b.", "The answer is B.") == 1
    assert choice_match("The answer is A.", "The answer is B.") == 0
    assert choice_match("B", "The answer is B.") == 0
    assert choice_match("?", "?") == 0


WORDS = {
    "none": "0",
    "zero": "0",
    "One": "1",
    "TEN": "10",
    "thirteen": "13",
    "twenty": "20",
    "twenty-one": "twenty-one",
    "Thirty": "Thirty",
    "two cats": "two cats",
    " two": " two",
    "7": "7",
    "": "",
}


@pytest.mark.parametrize(("word", "digits"), WORDS.items())
def test_number_words_to_twenty(word, digits):
    assert number_word(word) == digits


def test_counts_are_equal_as_strings_after_that():
    assert count_match("Two", "2") == 1
    assert count_match("2", "two") == 1
    assert count_match("02", "2") == 0
    assert count_match("Many", "many") == 0


@given(st.text(max_size=6), st.text(max_size=6))
def test_matches_are_symmetric_and_identity_is_one(a, b):
    for metric in (exact_match, count_match):
        assert metric(a, b) == metric(b, a)
        assert metric(a, a) == 1


def test_rsvqa_is_the_mean_of_the_means_per_type():
    told = ["Yes", "no", "no", "rural", "3"]
    right = [["yes"], ["yes"], ["no"] * 3, ["urban"], ["3"]]
    types = ["comp", "comp", "presence", "rural_urban", "count"]
    scores = rsvqa_scores(told, right, types)
    assert scores.by_type == {"comp": 0.5, "presence": 1, "rural_urban": 0, "count": 1}
    assert scores.accuracy_any == pytest.approx(3 / 5)
    assert scores.accuracy == pytest.approx((1 / 3 + 0 + 1 + 0 + 1 / 3) / 5)
    assert scores.mean_of_types == pytest.approx(2.5 / 4)
    assert scores.mean_without_numbers == pytest.approx(0.75)
    assert rsvqa_scores(["yes"], [["yes"]], ["comp"]).mean_without_numbers is None


def test_pope():
    scores = pope_scores(["yes", "Yes", "no", "maybe"], ["yes", "no", "no", "yes"])
    assert (scores.accuracy, scores.precision, scores.recall) == (0.5, 0.5, 0.5)
    assert (scores.f1, scores.yes_share, scores.valid_share) == (0.5, 0.5, 0.75)


def test_pope_without_a_yes_has_no_f1():
    scores = pope_scores(["no"], ["no"])
    assert (scores.accuracy, scores.f1, scores.precision, scores.recall) == (1, 0, 0, 0)


def test_pope_refuses_other_references():
    with pytest.raises(UsageError, match="neither"):
        pope_scores(["yes"], ["Yes"])


def test_mmvp_needs_both_of_a_pair():
    assert paired_accuracy([1, 1, 0, 1, 0, 0, 1, 1]) == 0.5
    for odd in ([], [1], [1, 1, 1]):
        with pytest.raises(UsageError, match="no pairs"):
            paired_accuracy(odd)


def test_tally_counts_past_fifteen_and_by_difficulty():
    scores = tally_scores(
        ["two", "3", "17", "1"], ["2", "4", "17", "one"], [True, False, None, True]
    )
    assert (scores.accuracy, scores.simple, scores.complex) == (0.75, 1, 0)
    assert scores.by_count == {"2": 1, "4": 0, "17": 1, "1": 1}
    assert tally_scores(["1"], ["1"]).simple is None


@pytest.mark.parametrize(
    "call",
    [
        lambda: pope_scores(["yes"], []),
        lambda: rsvqa_scores(["a"], [["a"]], []),
        lambda: tally_scores(["1"], ["1", "2"]),
        lambda: object_f1([], ["a cat on a red background"]),
    ],
)
def test_lists_of_different_length_are_refused(call):
    with pytest.raises(UsageError, match="in the same order"):
        call()


def test_nothing_to_score_is_refused():
    with pytest.raises(UsageError, match="nothing to score"):
        pope_scores([], [])
    with pytest.raises(UsageError, match="a single string"):
        object_f1("a cat", "a cat")


def test_scene_captions_are_read_as_phrases():
    told = "a cat and a dog on a red background"
    right = "a cat and two dogs on a red background"
    scores = object_f1([told], [right])
    assert (scores.f1, scores.precision, scores.recall, scores.exact) == (0.5, 0.5, 0.5, 0)
    assert object_f1([right], [right + " "]).exact == 1
    german = "eine Katze, ein Hund und zwei Autos auf blauem Hintergrund"
    assert object_f1([german], [german], "de").f1 == 1
    assert object_f1([""], [right]).f1 == 0
    with pytest.raises(UsageError, match="use one of en, de"):
        object_f1([told], [right], "fr")


def test_every_name_of_the_front_door_is_there():
    assert palikit.eval.__all__ == sorted(palikit.eval.__all__)
    assert dir(palikit.eval) == palikit.eval.__all__
    for name in palikit.eval.__all__:
        assert callable(getattr(palikit.eval, name))
    with pytest.raises(AttributeError, match="no metric 'nothing'"):
        palikit.eval.nothing  # noqa: B018
