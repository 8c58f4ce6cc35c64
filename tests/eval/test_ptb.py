"""Recorded from Stanford's PTBTokenizer 3.4.1 as pycocoevalcap runs it, on lines of our own."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palikit.eval import ptb_tokenize
from palikit.eval.ptb import DROPPED, ptb_tokenize_all

RECORDED = json.loads((Path(__file__).parent / "ptb_recorded.json").read_text(encoding="utf-8"))

CASES = {
    "lower case, full stop dropped": ("A Man.", "a man"),
    "possessive": ("the man's dogs' bones", "the man 's dogs bones"),
    "contractions": ("can't won't I've you'll", "ca n't wo n't i 've you 'll"),
    "curly apostrophe": ("don’t it’s", "do n't it 's"),
    "pairs": ("cannot gonna Gotta wanna", "can not gon na got ta wan na"),
    "apostrophe at the front": ("'tis 'twas rock 'n' roll", "'t is 't was rock 'n' roll"),
    "hyphens inside words": ("a t-shirt - black-and-white", "a t-shirt black-and-white"),
    "dashes": ("one – two—three -- four", "one two three four"),
    "round brackets stay, in lower case": ("a (red) cup", "a -lrb- red -rrb- cup"),
    "square and curly ones too": ("[a] {b}", "-lsb- a -rsb- -lcb- b -rcb-"),
    "quotes": ("\"stop\" 'go' “hi” ‘yo’ «so»", "stop go hi yo so"),
    "ellipsis": ("wait... what… end", "wait what end"),
    "several marks stay": ("what?! no!! yes!", "what ?! no !! yes"),
    "abbreviations keep their stop": ("Mr. Hill vs. St. Louis etc.", "mr. hill vs. st. louis etc."),
    "letters keep theirs": ("at 5 p.m. in the U.S.", "at 5 p.m. in the u.s."),
    "unless a sentence follows": ("plan B. The end", "plan b the end"),
    "a word and a stop before a comma": ("dog., cat", "dog. cat"),
    "numbers": ("1,000.50 -5 3.14 10:30", "1,000.50 -5 3.14 10:30"),
    "fractions keep a no-break space": ("1 1/2 cups", "1\xa01/2 cups"),
    "fraction signs": ("½ and ¾", "1/2 and 3/4"),
    "currency": ("$5 £5 5€ 5¢", "$ 5 # 5 5 $ 5 cents"),
    "per cent and degrees": ("50% 5°", "50 % 5 °"),
    "addresses": ("see http://a.com/b?c, me@foo.com", "see http://a.com/b?c me@foo.com"),
    "host without www in small letters only": ("foo.com", "foo.com"),
    "twitter": ("#tag @me", "#tag @me"),
    "ampersands": ("R&D a&b &amp; x", "r&d a & b & x"),
    "slashes": ("and/or a / b", "and/or a / b"),
    "emoji vanish": ("a 😀 cat", "a cat"),
    "accents": ("Café naïve ÜBER", "café naïve über"),
    "other scripts": ("привет 日本語", "привет 日本語"),
    "soft hyphen": ("soft\xadly", "softly"),
    "face": ("nice :) ok", "nice :-rrb- ok"),
    "phone": ("(212) 555-1234", "-lrb-212-rrb-\xa0555-1234"),
    "line ends are spaces": ("a\ncat\r\nsat", "a cat sat"),
    "nothing": ("", ""),
    "nothing but marks": (" .,;: ! ? - '\" ", ""),
}


@pytest.mark.parametrize(("text", "tokens"), CASES.values(), ids=CASES)
def test_tokens_of_named_cases(text, tokens):
    assert ptb_tokenize(text) == (tokens.split(" ") if tokens else [])


def test_all_recorded_lines_are_tokenised_alike():
    wrong = [
        (text, got, line["tokens"])
        for line, text, got in zip(
            RECORDED,
            (line["text"] for line in RECORDED),
            ptb_tokenize_all([line["text"] for line in RECORDED]),
            strict=True,
        )
        if got != line["tokens"]
    ]
    assert not wrong


def test_the_next_caption_decides_over_a_letter_with_a_stop():
    assert ptb_tokenize_all(["plan B.", "The end"])[0] == ["plan", "b"]
    assert ptb_tokenize_all(["plan B.", "the end"])[0] == ["plan", "b."]
    assert ptb_tokenize("plan B.") == ["plan", "b."]


@given(st.text())
def test_any_text_has_tokens_in_lower_case_without_spaces(text):
    for token in ptb_tokenize(text):
        assert token == token.lower()
        assert token not in DROPPED
        assert " " not in token
        assert "\n" not in token


@given(st.lists(st.text("ab c,'2-\n", max_size=12), max_size=5))
def test_many_captions_are_as_many_lists_of_tokens(texts):
    # The file's last line has no line end, which '22 minds; the reference writes it so.
    assert ptb_tokenize_all([*texts, "a"])[:-1] == [ptb_tokenize(text) for text in texts]


@given(st.lists(st.sampled_from("a cat sits near two red dogs".split()), max_size=8))
def test_plain_words_are_their_own_tokens(words):
    assert ptb_tokenize(" ".join(words)) == words
