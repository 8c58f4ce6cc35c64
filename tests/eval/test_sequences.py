import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palikit.errors import MissingExtraError, UsageError
from palikit.eval import (
    character_error_rate,
    line_error_rate,
    smiles_match,
    symbol_error_rate,
    word_error_rate,
)
from palikit.eval.sequences import clean_kern, music_symbols
from palikit.eval.smiles import canonical_smiles

RATES = [character_error_rate, word_error_rate, symbol_error_rate, line_error_rate]
text = st.text(st.sampled_from("ab \t\n"), max_size=12)


def distance(a, b):
    """Levenshtein from its recurrence."""
    if not a or not b:
        return len(a) + len(b)
    rest = distance(a[1:], b[1:]) + (a[0] != b[0])
    return min(rest, distance(a[1:], b) + 1, distance(a, b[1:]) + 1)


def test_errors_are_summed_before_they_are_divided():
    assert character_error_rate(["helo", "x"], ["hello", "x"]) == pytest.approx(100 / 6)
    assert word_error_rate(["a cat", "dog"], ["a  dog", "dog"]) == pytest.approx(100 / 3)


def test_music_is_split_at_spaces_with_tabs_and_line_ends_as_symbols():
    assert music_symbols("4c\t4e 8f\n*-") == ["4c", "<t>", "4e", "8f", "<b>", "*-"]
    assert symbol_error_rate(["4c\t4e"], ["4c\n4e"]) == pytest.approx(100 / 3)
    assert line_error_rate(["4c\t4e\n=\n*-"], ["4c\t4f\n=\n*-"]) == pytest.approx(100 / 3)


def test_a_missing_line_is_one_line_error():
    assert line_error_rate(["a\nc"], ["a\nb\nc"]) == pytest.approx(100 / 3)
    assert line_error_rate([""], ["a\nb"]) == 100


def test_more_than_a_hundred_per_cent_is_possible():
    assert character_error_rate(["abcd"], ["x"]) == 400


def test_kern_is_cleaned_of_dots_and_bar_numbers():
    assert clean_kern("4·c\t8d\n=12-\t=12-\n12\t=") == "4c\t8d\n=-\t=-\n12\t="


@pytest.mark.parametrize("rate", RATES)
def test_empty_references_are_refused(rate):
    with pytest.raises(UsageError, match="all references are empty"):
        rate(["a"], [""])
    with pytest.raises(UsageError, match="in the same order"):
        rate(["a"], [])


@pytest.mark.parametrize("rate", RATES)
@given(text=text.filter(str.strip))
def test_what_is_read_rightly_has_no_errors(rate, text):
    assert rate([text], [text]) == 0


@given(st.text("ab", max_size=5), st.text("ab", min_size=1, max_size=5))
def test_characters_equal_the_recurrence(told, right):
    expected = 100 * distance(told, right) / len(right)
    assert character_error_rate([told], [right]) == pytest.approx(expected)


def test_molecules():
    pytest.importorskip("rdkit")
    assert smiles_match("OCC", "CCO") == 1
    assert smiles_match("CCO", "CCN") == 0
    assert canonical_smiles("C1=CC=CC=C1") == "c1ccccc1"
    assert canonical_smiles("C1CC") is None
    assert canonical_smiles("") is None
    assert smiles_match("[R1]CC", "CC[1*]") == 1
    assert smiles_match("[R1]CC", "CC[R2]") == 0
    assert smiles_match("C1CC", "C1CC") == 1
    assert smiles_match("", "C") == 0
    assert smiles_match("C[C@H](O)F", "C[C@@H](O)F") == 0


def test_without_rdkit_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdkit.Chem", None)
    with pytest.raises(MissingExtraError, match=r"palikit\[rdkit\]"):
        smiles_match("C", "C")
