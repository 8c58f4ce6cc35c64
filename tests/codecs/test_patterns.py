r"""Patterns spelled out: the same texts match, and what cannot be followed is refused."""

import contextlib
import re
import sys
import unicodedata

import pytest
from helpers.patterns import patterns, texts
from hypothesis import given
from hypothesis import strategies as st

from palikit.codecs import patterns as module
from palikit.codecs.patterns import PatternError, read_pattern, spell_out
from palikit.errors import UsageError

EVERY = "".join(map(chr, [*range(0xD800), *range(0xE000, sys.maxunicode + 1)]))


def back(spelled: str) -> re.Pattern[str]:
    """The spelling as Python's `re` reads it, which writes its letters another way."""
    return re.compile(re.sub(r"\\x\{([0-9A-F]+)\}", lambda m: rf"\U{int(m[1], 16):08X}", spelled))


SPELLED = {
    "letters": ("a-1", r"\x{61}\x{2D}\x{31}"),
    "a class": ("[a-cx]", r"[\x{61}-\x{63}\x{78}-\x{78}]"),
    "ranges that touch": ("[a-cd-f]", r"[\x{61}-\x{66}]"),
    "a count": ("a{2,3}", r"(?:\x{61}){2,3}"),
    "lazy counts": ("a+?b*?", r"(?:\x{61}){1,}(?:\x{62}){0,}"),
    "names of groups": ("(?P<one>a)", r"\x{61}"),
    "ways": ("ab|cd", r"(?:\x{61}\x{62}|\x{63}\x{64})"),
    "anchors at the ends": (r"^ab$|\Acd\Z", r"(?:\x{61}\x{62}|\x{63}\x{64})"),
    "case": ("(?i)k", r"[\x{4B}-\x{4B}\x{6B}-\x{6B}\x{212A}-\x{212A}]"),
    "case of a part": ("(?i:a)a", r"[\x{41}-\x{41}\x{61}-\x{61}]\x{61}"),
    "any but a newline": (".", r"[\x{0}-\x{9}\x{B}-\x{D7FF}\x{E000}-\x{10FFFF}]"),
    "any": ("(?s).", r"[\x{0}-\x{D7FF}\x{E000}-\x{10FFFF}]"),
    "ASCII only": (r"(?a)\d", r"[\x{30}-\x{39}]"),
    "free spacing": ("(?x) a b  # two", r"\x{61}\x{62}"),
    "a way that nothing matches": (r"a|[^\s\S]b", r"(?:\x{61})"),
    "nothing, at will": (r"([^\s\S])*b", r"\x{62}"),
}


@pytest.mark.parametrize("name", SPELLED)
def test_the_spelling_of(name: str) -> None:
    pattern, spelled = SPELLED[name]
    assert spell_out(pattern) == spelled


REFUSED = {
    "nothing": ("", "write a regular expression"),
    "a number": (7, "write a regular expression"),
    "bytes": (b"a", "write a regular expression"),
    "an open bracket": ("(a", "is no regular expression"),
    "flags that contradict": ("(?au)a", "is no regular expression"),
    "a count past all bounds": ("a{99999999999}", "is no regular expression"),
    "looking ahead": ("a(?=b)", "look-around, which an answer cannot be held to: write"),
    "looking behind": ("(?<!a)b", "look-around"),
    "the edge of a word": (r"\bcat\b", "look around: write"),
    "a back-reference": (r"(a|b)\1", "a back-reference"),
    "a named one": ("(?P<x>a)(?P=x)", "a back-reference"),
    "a condition": ("(a)?(?(1)b|c)", r"a condition, .* with \|"),
    "a possessive count": ("a*+b", "possessive repetition, .* leave its last"),
    "an atomic group": ("(?>a|ab)c", r"an atomic group, .* write \(\?:"),
    "an anchor in the middle": ("a^b", "an anchor in the middle: leave it out"),
    "an end in the middle": (r"a$\n", "an anchor in the middle"),
    "an anchor that repeats": ("(^a)*", "an anchor in the middle"),
    "what nothing matches": (r"a[^\s\S]", "nothing matches"),
    "half a character": ("\ud800", "nothing matches"),
    "what only nothing matches": ("(?:){3}", "only an empty answer matches"),
    "a book": ("a" * 20_000, "has 20000 characters, where 10000 are the most"),
    "a nest": ("(" * 900 + "a" + ")" * 900, "nested too deeply"),
    "large classes": (r"\w" * 200, r"write \[A-Za-z0-9_\]"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_answer_can_be_held_to_is_refused_in_one_short_sentence(name: str) -> None:
    pattern, said = REFUSED[name]
    with pytest.raises(UsageError, match=said) as caught:
        read_pattern(pattern)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 300


CLASSES = [r"\w", r"\W", r"\d", r"\s", r"[\W\d]", r"[^\w\s]", r"(?a:\w)", r"(?a:[^\w])", "(?s:.)"]
FOLDED = ["(?i:[^k-s])", "(?i:[a-zß])", "(?ia:[a-z])", "(?i:[İıſς])", "(?i:[^Ω])", "(?i:ǆ)"]


@pytest.mark.parametrize("pattern", [*CLASSES, *FOLDED, r"(?i:[\W_])"])
def test_a_class_holds_what_python_takes_of_all_characters(pattern: str) -> None:
    spelled = back(spell_out(pattern)).pattern
    ours, theirs = (re.finditer(f"(?:{one})+", EVERY) for one in (spelled, pattern))
    assert [found.span() for found in ours] == [found.span() for found in theirs]


def test_no_letter_with_a_case_is_missed() -> None:
    cased = set(module._cased())
    rest = "".join(c for c in EVERY if c not in cased)
    # Each of them is what it is: (?i) takes none for another.
    for kind in ("Lu", "Ll", "Lt"):
        letters = [c for c in rest if unicodedata.category(c) == kind]
        for i in range(0, len(letters), 200):
            some = "".join(letters[i : i + 200])
            assert sorted(re.findall(f"(?i)[{some}]", EVERY)) == sorted(some)


@given(patterns, st.lists(texts.map("".join), max_size=8))
def test_the_same_texts_match_the_spelling(pattern: str, tried: list[str]) -> None:
    spelled = spelling(pattern)
    for text in filter(None, tried):
        ours = spelled is not None and spelled.fullmatch(text)
        assert bool(ours) == bool(re.fullmatch(pattern, text)), text


@given(st.data())
def test_every_text_of_a_pattern_matches_its_spelling(data: st.DataObject) -> None:
    pattern = data.draw(patterns)
    text = data.draw(st.from_regex(pattern, fullmatch=True))
    if spelled := spelling(pattern):
        assert spelled.fullmatch(text)
    else:
        assert text == ""


def spelling(pattern: str) -> re.Pattern[str] | None:
    """None of one that nothing, or nothing but an empty text, matches."""
    try:
        return back(spell_out(pattern))
    except PatternError:
        return None


@given(st.text(max_size=40) | st.text("ab(|)[]{}*+?^$\\.,12-:=!<>P", max_size=24))
def test_no_text_makes_the_check_fail_but_in_a_sentence(text: str) -> None:
    with contextlib.suppress(UsageError):
        read_pattern(text)
