"""Walks along a pattern: all that can still match may come, and the end where it does."""

import random
import re
from functools import cache

import pytest
from helpers.patterns import patterns
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import palikit as pk
from palikit.codecs.patterns import PatternError, spell_out
from palikit.decode.pattern import PatternWalk, Vocabulary
from palikit.errors import MissingExtraError, UsageError
from palikit.inputs.tokenizer import Tokenizer

MOST = 40


@cache
def nano() -> Tokenizer:
    return pk.load("nano").processor.tokenizer


@pytest.fixture(scope="session", params=["nano", "gemma"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    """nano's own vocabulary of 2 thousand pieces, and Gemma's of 256 thousand."""
    return nano() if request.param == "nano" else request.getfixturevalue("gemma")


@cache
def vocabulary_of(tokenizer: Tokenizer) -> Vocabulary:
    return Vocabulary(tokenizer.written(), tokenizer.eos_id)


def begin(tokenizer: Tokenizer, pattern: str) -> PatternWalk:
    return PatternWalk(vocabulary_of(tokenizer), spell_out(pattern), tokenizer.encode)


def told(walk: PatternWalk, ids: list[int]) -> PatternWalk:
    for i, token in enumerate(ids):
        assert token in walk.allowed(), ids[:i]
        walk.advance(token)
    return walk


def wander(walk: PatternWalk, eos_id: int, seed: int, *, drafts: bool) -> tuple[list[int], bool]:
    """Some tokens that a walk allows, and whether they came to an end."""
    numbers = random.Random(seed)
    ids: list[int] = []
    while len(ids) < MOST:
        if drafts and (draft := walk.draft()):
            assert draft[0] in walk.allowed()
        allowed = walk.allowed()
        if eos_id in allowed and numbers.random() < 0.3:
            return ids, True
        token = int(allowed[numbers.randrange(len(allowed))])
        if token == eos_id:
            return ids, True
        walk.advance(token)
        ids.append(token)
    return ids, False


slow = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@slow
@given(pattern=patterns, seed=st.integers(0, 10**6), drafts=st.booleans())
def test_whatever_is_picked_matches_when_it_ends(
    tokenizer: Tokenizer, pattern: str, seed: int, drafts: bool
) -> None:
    try:
        walk = begin(tokenizer, pattern)
    except PatternError:
        return
    ids, ended = wander(walk, tokenizer.eos_id, seed, drafts=drafts)
    assert walk.error is None
    if ended:
        assert re.fullmatch(pattern, tokenizer.decode(ids))


@slow
@given(data=st.data())
def test_every_text_that_matches_may_be_told_as_the_vocabulary_cuts_it(
    tokenizer: Tokenizer, data: st.DataObject
) -> None:
    pattern = data.draw(patterns)
    text = data.draw(st.from_regex(pattern, fullmatch=True))[:MOST]
    ids = tokenizer.encode(text) if text.isprintable() or "\n" in text else []
    if not re.fullmatch(pattern, text) or tokenizer.decode(ids) != text:
        return
    if text:
        walk = told(begin(tokenizer, pattern), ids)
        assert tokenizer.eos_id in walk.allowed()


@slow
@given(
    words=st.lists(st.text("abé 猫-/\n", min_size=1, max_size=6), min_size=1, max_size=5),
    seed=st.integers(0, 10**6),
)
def test_of_some_words_exactly_their_beginnings_are_allowed(
    tokenizer: Tokenizer, words: list[str], seed: int
) -> None:
    writers, numbers = writers_of(tokenizer), random.Random(seed)
    walk = begin(tokenizer, "|".join(map(re.escape, words)))
    rests = [word.encode() for word in words]
    while True:
        beginnings = {rest[:n] for rest in rests for n in range(1, len(rest) + 1)}
        expected = {i: some for some in beginnings for i in writers.get(some, ())}
        expected |= {tokenizer.eos_id: b""} if b"" in rests else {}
        assert set(walk.allowed().tolist()) == set(expected)
        token = numbers.choice(sorted(expected))
        if token == tokenizer.eos_id:
            return
        walk.advance(token)
        rests = [rest.removeprefix(b) for rest in rests if rest.startswith(b := expected[token])]


@cache
def writers_of(tokenizer: Tokenizer) -> dict[bytes, list[int]]:
    """Of some bytes, the ids that write them."""
    writers: dict[bytes, list[int]] = {}
    for i, some in enumerate(tokenizer.written()):
        writers.setdefault(some, []).append(i)
    return writers


@slow
@given(pattern=patterns, seed=st.integers(0, 10**6))
def test_drafts_change_nothing_and_may_be_told_whole(
    tokenizer: Tokenizer, pattern: str, seed: int
) -> None:
    try:
        plain, drafting = begin(tokenizer, pattern), begin(tokenizer, pattern)
    except PatternError:
        return
    numbers = random.Random(seed)
    for _ in range(8):
        draft = drafting.draft()
        assert drafting.allowed().tolist() == plain.allowed().tolist()
        ids = list(draft) or [int(plain.allowed()[numbers.randrange(len(plain.allowed()))])]
        told(plain, ids[:-1] if ids[-1] == tokenizer.eos_id else ids)
        if ids[-1] == tokenizer.eos_id:
            assert tokenizer.eos_id in plain.allowed()
            return
        for token in ids:
            drafting.advance(token)


@pytest.mark.parametrize("pattern", [".", r"(?s).*", r"<.*>", r"[^a]+", r"<loc\d{4}>|<eos>|<pad>"])
def test_control_tokens_and_codes_never_come(tokenizer: Tokenizer, pattern: str) -> None:
    allowed = begin(tokenizer, pattern).allowed()
    codes = {*range(tokenizer.loc_start, tokenizer.loc_start + 1024)}
    codes |= {*range(tokenizer.seg_start, tokenizer.seg_start + 128)}
    names = [tokenizer.piece(i) for i in allowed.tolist() if i != tokenizer.eos_id]
    assert codes.isdisjoint(allowed.tolist())
    assert not {"<pad>", "<bos>", "<unk>", "<image>", "<mask>", "<start_of_turn>"} & set(names)
    assert not [name for name in names if re.fullmatch(r"<unused\d+>", name)]


def test_a_text_is_forced_up_to_where_it_could_go_on_in_several_ways() -> None:
    tokenizer = nano()
    walk = begin(tokenizer, "background: (red|blue) cat")
    draft = walk.draft()
    assert "background".startswith(tokenizer.decode(draft)[:10])
    assert tokenizer.encode("background: ")[: len(draft)] == list(draft)
    told(walk, tokenizer.encode("background: r"))
    assert walk.draft() == (*tokenizer.encode("ed cat"), tokenizer.eos_id)
    assert begin(tokenizer, "[a-z]+").draft() == ()


def test_the_end_is_all_that_follows_a_text_that_nothing_goes_on() -> None:
    tokenizer = nano()
    walk = told(begin(tokenizer, r"\d{2}"), tokenizer.encode("12"))
    assert walk.draft() == (tokenizer.eos_id,)
    assert walk.allowed().tolist() == [tokenizer.eos_id]
    walk.advance(tokenizer.eos_id)


def test_a_character_may_come_in_its_bytes() -> None:
    tokenizer = nano()
    written = tokenizer.written()
    walk = begin(tokenizer, "[猫犬]")
    for byte in "猫".encode():
        assert tokenizer.eos_id not in walk.allowed()
        walk.advance(written.index(bytes([byte])))
        walk.draft()
    assert walk.allowed().tolist() == [tokenizer.eos_id]


HOSTILE = [
    r"((a{1000}){1000}){1000}",
    r"((a{0,1000}b?){0,1000}c?){0,1000}",
    r"(\w{1,100}\s{0,100}){1,100}",
    r"([\s\S]{0,500}[a-f]){0,500}",
    r"(.*[a-m].{30}|.*[n-z].{29}|.*[0-9].{28})",
    r"(a|b)*a(a|b){500}",
    r"(x+x+)+y",
    r"((a*)*)*b",
    "(" * 200 + "a" + ")*" * 200,
    "|".join(f".*{i}.*" for i in range(900)),
]


@pytest.mark.parametrize("pattern", HOSTILE, ids=lambda pattern: pattern[:20])
@pytest.mark.timeout(60)
def test_a_hostile_pattern_is_followed_or_given_up_but_never_hangs(
    tokenizer: Tokenizer, pattern: str
) -> None:
    try:
        walk = begin(tokenizer, pattern)
    except (PatternError, UsageError):
        return
    wander(walk, tokenizer.eos_id, 1, drafts=True)
    if walk.error is not None:
        assert re.search("too much time or memory .*: write it shorter", str(walk.error))
        assert walk.allowed().tolist() == [tokenizer.eos_id]
        assert walk.draft() == (tokenizer.eos_id,)


def test_a_text_that_a_vocabulary_cannot_write_is_refused_or_let_go() -> None:
    some = Vocabulary([b"", b"a", b"b", b"bc"], 0)
    assert PatternWalk(some, "ab*", lambda text: []).allowed().tolist() == [1]
    with pytest.raises(UsageError, match="this vocabulary cannot write"):
        PatternWalk(some, "[0-9]", lambda text: [])
    walk = told(PatternWalk(some, "a[0-9]", lambda text: []), [1])
    assert walk.allowed().tolist() == [0]
    assert "cannot write" in str(walk.error)


def test_a_missing_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "llguidance", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'palikit\[pattern\]'"):
        Vocabulary([b"", b"a"], 0)
