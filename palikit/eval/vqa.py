"""VQA accuracy with the official normalisation, each annotator left out in turn. VQAv2, TextVQA.

    vqa_accuracy("2", ["two"] * 3 + ["three"] * 7)       # (3 * 2/3 + 7 * 1) / 10 = 0.9
    normalize_answer("The blue-ish U.S. dont")            # "blue ish us don't"

Antol et al. 2015 and the rules of visualqa.org/evaluation, as in big_vision's `transfers/vqav2.py`.
From 0 to 1. Three quirks of the official script are kept:

- nothing is normalised where all annotators agree, so that case and punctuation count there;
- one comma between two digits anywhere makes every punctuation mark vanish instead of becoming a
  space, in the whole text;
- a full stop goes wherever no digit follows, also after a digit: "3." is "3", "a.5" stays.
"""

import re
from collections.abc import Sequence
from statistics import fmean

from palikit.eval.checks import need_answers

__all__ = ["normalize_answer", "vqa_accuracy"]

ENOUGH = 3
MARKS = ';/[]"{}()=+\\_-><@`,?!'
"""Not the full stop, the apostrophe, the colon, $ and %."""

ARTICLES = {"a", "an", "the"}
NUMBERS = "zero one two three four five six seven eight nine ten".split()

# What these become is themselves with the apostrophe that is missing. Not among them, and left as
# they are: well, wed, ill, id, shell, hell, lets, were, its, im, ive.
CONTRACTIONS = (
    "ain't aren't can't could've couldn't didn't doesn't don't hadn't hasn't haven't he'd he's "
    "how'd how'll how's isn't it'd it'll ma'am mightn't might've mustn't must've needn't not've "
    "o'clock oughtn't shan't should've shouldn't somebody'll somebody's someone'd someone'll "
    "someone's something'd something'll that's there'd there're there's they'd they'll they're "
    "they've 'twas wasn't we've weren't what'll what're what's what've when's where'd where's "
    "where've who'd who'll who's who've why'll why're why's won't would've wouldn't y'all you'd "
    "you'll you're you've"
).split()

# One of two apostrophes is missing, on either side.
DOUBLE_CONTRACTIONS = (
    "couldn't've hadn't've he'd've it'd've mightn't've she'd've shouldn't've somebody'd've "
    "someone'd've something'd've there'd've they'd've we'd've who'd've wouldn't've y'all'll "
    "y'all'd've you'd've"
).split()

# "somebody'd" loses its apostrophe: so it stands in the official table.
IRREGULAR = {"somebody'd": "somebodyd", "ow's'at": "'ow's'at", "'ows'at": "'ow's'at"}
IRREGULAR |= {"'ow'sat": "'ow's'at", "y'alld've": "y'all'd've", "none": "0"}


def _replacements() -> dict[str, str]:
    table = {whole.replace("'", ""): whole for whole in CONTRACTIONS}
    for whole in DOUBLE_CONTRACTIONS:
        first, last = whole.index("'"), whole.rindex("'")
        table[whole[:first] + whole[first + 1 :]] = whole
        table[whole[:last] + whole[last + 1 :]] = whole
    return table | IRREGULAR | {word: str(value) for value, word in enumerate(NUMBERS)}


REPLACEMENTS = _replacements()


def vqa_accuracy(prediction: str, answers: Sequence[str]) -> float:
    """The mean, over leaving out each annotator, of min(1, matches among the others / 3).

    VQA has ten answers a question; any number from two on is taken.

    Raises:
        UsageError: fewer than two answers; `soft_match` or `exact_match` take one.
    """
    need_answers(answers, least=2)
    told, right = _strip(prediction), [_strip(answer) for answer in answers]
    if len(set(right)) > 1:
        told, right = normalize_answer(told), [normalize_answer(answer) for answer in right]
    matches = [told == answer for answer in right]
    return fmean(min(1.0, (sum(matches) - left_out) / ENOUGH) for left_out in matches)


def normalize_answer(text: str) -> str:
    """Punctuation, full stops, case, articles, contractions and number words, in this order."""
    cleaned = re.sub(r"\.(?!\d)", "", _without_marks(text))
    words = (word for word in cleaned.lower().split() if word not in ARTICLES)
    return " ".join(REPLACEMENTS.get(word, word) for word in words)


def _without_marks(text: str) -> str:
    """A mark with a space beside it vanishes, a mark within words becomes a space."""
    has_digit_comma = re.search(r"\d,\d", text) is not None
    cleaned = text
    for mark in MARKS:
        vanishes = has_digit_comma or f"{mark} " in text or f" {mark}" in text
        cleaned = cleaned.replace(mark, "" if vanishes else " ")
    return cleaned


def _strip(text: str) -> str:
    return text.replace("\n", " ").replace("\t", " ").strip()
