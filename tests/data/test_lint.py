"""Lint: every seeded defect is told of at its place, and nothing else is."""

from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from helpers.lint_corpus import BOX, Corpus, clean, person
from helpers.lint_defects import DEFECTS
from hypothesis import given
from hypothesis import strategies as st

from palikit.codecs.masks import MaskCodec
from palikit.data.lint import RULES, Finding, lint
from palikit.data.lint.checks_splits import near_copies
from palikit.data.lint.checks_words import TokenLimit
from palikit.data.pictures import FilePicture
from palikit.data.records import Dataset, Thing
from palikit.results import Box

WORDS = TokenLimit(128, lambda text: text.count(" ") + text.count("<") + 1)


@pytest.fixture(scope="module")
def codec() -> MaskCodec:
    return MaskCodec.load(str(files("palikit.assets") / "nano" / "mask_codec.safetensors"))


@pytest.fixture(scope="module")
def found(tmp_path_factory, codec) -> list[Finding]:
    """What lint says of the clean corpus with all defects added."""
    corpus = clean(tmp_path_factory.mktemp("seeded"))
    for name, (_, seed) in DEFECTS.items():
        seed(corpus, name)
    corpus.classes.append("unicorn")
    return lint(corpus.datasets(), limit=WORDS, codec=codec)


def test_a_clean_corpus_has_no_error_and_no_warning(tmp_path, codec):
    found = lint(clean(tmp_path).datasets(), limit=WORDS, codec=codec)
    assert [one for one in found if one.severity != "note"] == []
    assert {one.code for one in found} <= {"masks-ceiling"}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_seeded_defect_is_found_by_code_and_place(name, found):
    code = DEFECTS[name][0]
    told = [one for one in found if (one.code, one.place) == (code, name)]
    assert len(told) == 1, [one for one in found if one.place.startswith(name)]
    assert told[0].severity == RULES[code].severity
    assert told[0].message
    assert told[0].remedy == RULES[code].remedy


def test_nothing_but_the_seeded_defects_is_found(found):
    seeded = {(code, name) for name, (code, _) in DEFECTS.items()}
    seeded.add(("class-unused", "train"))
    told = {(one.code, one.place) for one in found if one.severity != "note"}
    assert told == seeded


def test_every_rule_is_told_of_by_a_seeded_defect(found):
    notes = {code for code, rule in RULES.items() if rule.severity == "note"}
    assert set(RULES) - {one.code for one in found} <= notes


def test_notes_tell_facts_of_a_source(tmp_path):
    corpus = Corpus(tmp_path)
    for i in range(60):
        corpus.words(f"q {i}", question="is it?", answers=(("yes", "no")[i % 2],))
    corpus.thing("many", *(person(Box(i, 1, i + 9, 60)) for i in range(60)))
    corpus.thing("one", Thing("cat", BOX), Thing("dog", BOX))
    found = lint(corpus.datasets())
    notes = {one.code: one for one in found if one.severity == "note"}
    assert set(notes) == {"answers-majority", "class-imbalance", "box-two-labels"}
    assert "'person' comes 60 times" in notes["class-imbalance"].message
    assert "always says 'yes' is right in 50% of 60" in notes["answers-majority"].message
    assert notes["box-two-labels"].place == "one"


def test_labels_can_be_checked_with_pictures_closed(tmp_path):
    corpus = Corpus(tmp_path)
    gone = FilePicture(tmp_path / "gone.png")
    corpus.seed("outside", pictures=(gone,), things=(person(Box(200, 10, 220, 20)),))
    corpus.val.append(replace(corpus.train[0], origin="val", things=None, captions=("a",)))
    found = lint(corpus.datasets(), look=False)
    told = {(one.code, one.place) for one in found if one.severity == "error"}
    assert told == {("box-outside", "outside"), ("split-leak", "val")}


def test_progress_counts_each_picture_once(tmp_path):
    corpus = Corpus(tmp_path)
    first = corpus.seed("a")
    corpus.words("b", pictures=first.pictures, captions=("a",))
    corpus.seed("c")
    told = []
    lint(corpus.datasets(), advance=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_nothing_to_look_at_is_nothing_found():
    assert lint([]) == []
    assert lint([Dataset("empty", ())]) == []


@given(st.data())
def test_near_copies_are_the_pairs_that_differ_in_few_bits(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    table = rng.integers(0, 256, (8, 32), dtype=np.uint8)
    copies = table.copy()
    flipped = data.draw(st.integers(0, 15))
    for row in copies:
        bits = np.unpackbits(row)
        bits[rng.choice(256, flipped, replace=False)] ^= 1
        row[:] = np.packbits(bits)
    hashes = [row.tobytes() for row in np.concatenate([table, copies])]
    assert near_copies(hashes) == [(i, i + 8, flipped) for i in range(8)]
