"""Against the definitions written out plainly, and against recorded values of pycocoevalcap 1.2."""

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palikit.errors import UsageError
from palikit.eval import bleu, cider, ptb_tokenize, rouge_l

word = st.sampled_from("a cat dog red can't runs , mat".split())
caption = st.lists(word, max_size=7).map(" ".join)
corpus = st.lists(
    st.tuples(caption, st.lists(caption, min_size=1, max_size=3)), min_size=1, max_size=5
)

PREDICTIONS = [
    "A man can't ride his T-shirt-clad dog.",
    "Two (red) cups, 5€ each!",
    "1 1/2 cups of sugar",
    "nothing here",
    "",
]
REFERENCES = [
    ["The man's dog cannot be ridden.", "a man rides a dog in a t-shirt"],
    ["two red cups cost 5€", "Two cups (red)."],
    ["one and 1 1/2 cups of sugar"],
    ["a cat", "something here, nothing there"],
    ["an empty street", "..."],
]


def test_cider_equals_recorded_values():
    mean, each = cider(PREDICTIONS, REFERENCES)
    assert mean == pytest.approx(2.3525939021838473, abs=1e-12)
    recorded = [0.9930966018341012, 2.5432281887363306, 7.390526776359305, 0.8361179439894986, 0.0]
    assert each == pytest.approx(recorded, abs=1e-12)


def test_bleu_equals_recorded_values():
    recorded = [0.7391304347183364, 0.5578645127522778, 0.4361896950433993, 0.3429404696511467]
    assert bleu(PREDICTIONS, REFERENCES) == pytest.approx(recorded, abs=1e-12)
    assert bleu(PREDICTIONS, REFERENCES, n=2) == pytest.approx(recorded[:2], abs=1e-12)


def test_rouge_equals_a_recorded_value():
    assert rouge_l(PREDICTIONS, REFERENCES) == pytest.approx(0.6389515930695951, abs=1e-12)


def phrases(text, n):
    """The phrases of n words."""
    words = " ".join(ptb_tokenize(text)).split()
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def plain_cider(told, right):
    def weight(gram):
        seen = sum(any(gram in phrases(text, len(gram)) for text in several) for several in right)
        return math.log(len(right) / max(1, seen))

    def one(text, other, n):
        a = {gram: k * weight(gram) for gram, k in Counter(phrases(text, n)).items()}
        b = {gram: k * weight(gram) for gram, k in Counter(phrases(other, n)).items()}
        product = sum(min(a[gram], b[gram]) * b[gram] for gram in a if gram in b)
        norm = math.hypot(*a.values()) * math.hypot(*b.values())
        apart = len(phrases(text, 2)) - len(phrases(other, 2))
        return (product / norm if norm else 0) * math.exp(-(apart**2) / 72)

    return [
        10 * sum(one(text, other, n) for other in several for n in (1, 2, 3, 4)) / 4 / len(several)
        for text, several in zip(told, right, strict=True)
    ]


def plain_bleu(told, right, n):
    hits = total = length = nearest = 0
    value, length, nearest = 1.0, 0, 0
    for text, several in zip(told, right, strict=True):
        size = len(phrases(text, 1))
        sizes = sorted(len(phrases(other, 1)) for other in several)
        length, nearest = length + size, nearest + min(sizes, key=lambda s: abs(s - size))
    for k in range(1, n + 1):
        hits = total = 0
        for text, several in zip(told, right, strict=True):
            total += len(phrases(text, k))
            for gram, count in Counter(phrases(text, k)).items():
                hits += min(count, max(phrases(other, k).count(gram) for other in several))
        value *= (hits + 1e-15) / (total + 1e-9)
    ratio = (length + 1e-15) / (nearest + 1e-9)
    return value ** (1 / n) * (math.exp(1 - 1 / ratio) if ratio < 1 else 1)


def common(a, b):
    """Length of the longest common subsequence, from its recurrence."""
    if not a or not b:
        return 0
    if a[0] == b[0]:
        return 1 + common(a[1:], b[1:])
    return max(common(a[1:], b), common(a, b[1:]))


def plain_rouge(told, right):
    def one(text, several):
        words = ptb_tokenize(text) or [""]
        others = [ptb_tokenize(other) or [""] for other in several]
        precision = max(common(words, other) / len(words) for other in others)
        recall = max(common(words, other) / len(other) for other in others)
        if not precision or not recall:
            return 0
        return 2.44 * precision * recall / (recall + 1.44 * precision)

    return sum(map(one, told, right)) / len(told)


@settings(max_examples=60, deadline=None)
@given(corpus)
def test_all_three_equal_their_definitions(pairs):
    told, right = [a for a, _ in pairs], [b for _, b in pairs]
    mean, each = cider(told, right)
    expected = plain_cider(told, right)
    assert each == pytest.approx(expected, abs=1e-9)
    assert mean == pytest.approx(sum(expected) / len(expected), abs=1e-9)
    assert bleu(told, right) == pytest.approx(
        [plain_bleu(told, right, n) for n in (1, 2, 3, 4)], abs=1e-9
    )
    assert rouge_l(told, right) == pytest.approx(plain_rouge(told, right), abs=1e-9)
    assert 0 <= each.min() <= each.max() <= 10 + 1e-9
    assert 0 <= rouge_l(told, right) <= 1


def test_a_caption_equal_to_its_only_reference_has_ten():
    told = ["a cat on a mat", "two dogs run in snow"]
    mean, each = cider(told, [[text] for text in told])
    assert mean == pytest.approx(10)
    assert list(each) == pytest.approx([10, 10])
    assert bleu(told, [[text] for text in told])[3] == pytest.approx(1)
    assert rouge_l(told, [[text] for text in told]) == pytest.approx(1)


def test_one_picture_alone_has_a_cider_of_zero():
    mean, each = cider(["a cat"], [["a cat"]])
    assert (mean, list(each)) == (0, [0])


def test_the_nearest_reference_length_is_the_shorter_of_two_as_near():
    told, right = ["a b c"], [["x y", "x y z w"]]
    assert bleu(told, right, n=1)[0] < 1e-9
    assert bleu(["a b c"], [["a b", "a b c d"]], n=1)[0] == pytest.approx(1)


def test_an_empty_caption_scores_nothing_and_does_not_fail():
    assert cider(["", "a cat"], [["a dog"], ["a cat"]])[1][0] == 0
    assert bleu([""], [["a dog"]])[3] == 0
    assert rouge_l([""], [["a dog"]]) == 0
    assert rouge_l(["..."], [["!"]]) == 1


@pytest.mark.parametrize("metric", [bleu, cider, rouge_l])
def test_wrong_input_is_refused_in_one_sentence(metric):
    with pytest.raises(UsageError, match="2 predictions came for 1"):
        metric(["a", "b"], [["a"]])
    with pytest.raises(UsageError, match=r"references\[1\] is empty"):
        metric(["a", "b"], [["a"], []])
    with pytest.raises(UsageError, match="one string"):
        metric(["a"], ["a"])
    with pytest.raises(UsageError, match="nothing to score"):
        metric([], [])
