"""Beam search against an exhaustive search, the reference retold with lists, and greedy."""

import itertools
import math

import pytest
import torch
from helpers.scripted import Script, Scripted, random_script

from palikit.decode.beam import beam_search
from palikit.decode.generate import collect, generate
from palikit.errors import UsageError

EOS, VOCABULARY = 0, 5


def search(script, beams, limit, *, rows=((3,),), eos=EOS):
    model = Scripted(script, VOCABULARY)
    tokens = torch.tensor(rows)
    return beam_search(
        model, None, tokens, None, eos_id=eos, beam_size=beams, max_new_tokens=limit
    ), model


def logprobs_of(script: Script, prompt: tuple[int, ...], ids: tuple[int, ...]) -> list[float]:
    return [
        torch.tensor(script(prompt + ids[:i])).log_softmax(-1)[token].item()
        for i, token in enumerate(ids)
    ]


def exhaustive(script: Script, prompt: tuple[int, ...], limit: int) -> tuple[int, ...]:
    """The likeliest of all answers that end within the limit."""
    words = [token for token in range(VOCABULARY) if token != EOS]
    answers = (
        (*head, EOS) for length in range(limit) for head in itertools.product(words, repeat=length)
    )
    return max(answers, key=lambda ids: sum(logprobs_of(script, prompt, ids)))


def retold(script: Script, prompt: tuple[int, ...], beams: int, limit: int) -> tuple[int, ...]:
    """The reference's rules with lists: finish, bar eos, keep k, strict stop."""
    live: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    best: tuple[float, tuple[int, ...]] = (-math.inf, (EOS,))
    for _ in range(limit):
        ranked = []
        for score, ids in live:
            added = torch.tensor(script(prompt + ids)).log_softmax(-1).tolist()
            if score + added[EOS] > best[0]:
                best = (score + added[EOS], (*ids, EOS))
            ranked += [(score + a, (*ids, t)) for t, a in enumerate(added) if t != EOS]
        live = sorted(ranked, reverse=True)[:beams]
        if live[0][0] < best[0]:
            break
    return best[1]


@pytest.mark.parametrize("seed", range(12))
def test_a_beam_as_wide_as_the_tree_finds_the_best_answer_there_is(seed):
    script = random_script(VOCABULARY, seed)
    (found,), _ = search(script, beams=64, limit=4)
    assert found.ids == exhaustive(script, (3,), 4)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("beams", [1, 2, 3, 5])
def test_a_narrow_beam_does_what_the_reference_does(seed, beams):
    script = random_script(VOCABULARY, 100 + seed, spread=1.0)
    (found,), _ = search(script, beams, limit=8)
    assert found.ids == retold(script, (3,), beams, 8)


def test_the_narrow_beams_compared_differ_from_each_other_and_end_at_several_lengths():
    scripts = [random_script(VOCABULARY, 100 + seed, spread=1.0) for seed in range(10)]
    one, five = ([search(s, k, 8)[0][0].ids for s in scripts] for k in (1, 5))
    assert one != five
    assert len({len(ids) for ids in five}) > 2


@pytest.mark.parametrize("seed", range(6))
def test_logprobs_are_those_of_the_answers_own_tokens(seed):
    script = random_script(VOCABULARY, seed)
    (found,), _ = search(script, beams=3, limit=6)
    assert found.ids[-1] == EOS
    assert found.finished
    assert found.logprobs == pytest.approx(logprobs_of(script, (3,), found.ids), abs=1e-5)


@pytest.mark.parametrize("beams", [1, 2, 4])
def test_a_batch_equals_its_rows_one_by_one(beams):
    script = random_script(VOCABULARY, 40, spread=1.0)
    prompts = [(1,), (2,), (3,), (4,)]
    together, _ = search(script, beams, [8, 2, 5, 1], rows=prompts)
    alone = [
        search(script, beams, limit, rows=[prompt])[0][0]
        for prompt, limit in zip(prompts, [8, 2, 5, 1], strict=True)
    ]
    assert [row.ids for row in together] == [row.ids for row in alone]
    assert len({len(row.ids) for row in together}) > 1


def late_end(tokens: tuple[int, ...]) -> list[float]:
    """Eos is unlikely for three words and certain after them."""
    return [-3.0, 6.0, 0.0, 0.0, 0.0] if len(tokens) < 4 else [20.0, 0.0, 0.0, 0.0, 0.0]


def test_a_row_keeps_to_its_own_limit_while_others_go_on():
    (short, long), _ = search(late_end, beams=2, limit=[2, 8], rows=[(3,), (4,)])
    assert short.ids == (EOS,)
    assert long.ids == (1, 1, 1, EOS)


def test_the_search_ends_when_each_row_is_settled_or_at_its_limit():
    def script(tokens: tuple[int, ...]) -> list[float]:
        return [20.0, 0.0, 0.0, 0.0, 0.0] if tokens[0] == 4 else late_end(tokens)

    # Row 0 stops at its limit with live beams that could still win, row 1 at once.
    _, model = search(script, beams=2, limit=[2, 8], rows=[(3,), (4,)])
    assert model.extended == 1


def test_a_beam_that_overtakes_brings_its_own_logprobs():
    # After 1 nothing is likely, after 2 the end is sure: the second beam becomes the first.
    def script(tokens: tuple[int, ...]) -> list[float]:
        if len(tokens) == 1:
            return [-9.0, 1.0, 0.5, -9.0, -9.0]
        if tokens[1] == 1:
            return [0.0, 0.0, 0.0, 0.0, 0.0]
        return [-9.0, 5.0, -9.0, -9.0, -9.0] if len(tokens) == 2 else [9.0, 0.0, 0.0, 0.0, 0.0]

    (found,), _ = search(script, beams=2, limit=5)
    assert found.ids == (2, 1, EOS)
    assert found.logprobs == pytest.approx(logprobs_of(script, (3,), found.ids), abs=1e-5)


def test_padding_anywhere_in_a_prefix_changes_nothing():
    script = random_script(VOCABULARY, 41)
    tokens = torch.tensor([[2, 0, 3], [0, 2, 3], [2, 3, 0]])
    mask = torch.tensor([[True, False, True], [False, True, True], [True, True, False]])
    model = Scripted(script, VOCABULARY)
    rows = beam_search(model, None, tokens, mask, eos_id=EOS, beam_size=3, max_new_tokens=6)
    (plain,), _ = search(script, 3, 6, rows=[(2, 3)])
    assert [row.ids for row in rows] == [plain.ids] * 3


def test_an_unfinished_beam_is_never_returned():
    # Eos is a poor choice at every step; the answer is still one that ends, within the limit.
    def script(tokens: tuple[int, ...]) -> list[float]:
        return [-9.0, 2.0, 0.0, 0.0, 0.0]

    (found,), _ = search(script, beams=2, limit=3)
    assert found.ids[-1] == EOS
    assert len(found.ids) <= 3


def test_an_impossible_eos_still_leaves_an_answer_that_ends():
    def script(tokens: tuple[int, ...]) -> list[float]:
        return [-math.inf, 2.0, 0.0, 0.0, 0.0]

    (found,), _ = search(script, beams=2, limit=3)
    assert found.ids == (EOS,)


def test_the_likeliest_of_several_eos_ids_ends_the_answer():
    def script(tokens: tuple[int, ...]) -> list[float]:
        return [0.0, 1.0, 9.0, 0.5, 0.0] if len(tokens) < 3 else [0.0, 5.0, 1.0, 0.0, 3.0]

    (found,), _ = search(script, beams=2, limit=6, eos=[0, 1, 4])
    assert found.ids == (2, 2, 1)


def test_the_search_stops_when_no_live_beam_can_win():
    def script(tokens: tuple[int, ...]) -> list[float]:
        return [8.0, 0.0, 0.0, 0.0, 0.0]

    (found,), model = search(script, beams=3, limit=50)
    assert found.ids == (EOS,)
    assert model.extended == 0


def test_a_tie_between_live_and_finished_goes_on():
    # The stop is strict: a live beam that is level with the best answer is followed.
    def script(tokens: tuple[int, ...]) -> list[float]:
        return [0.0, 0.0, -math.inf, -math.inf, -math.inf]

    (found,), model = search(script, beams=1, limit=5)
    assert found.ids == (EOS,)
    assert model.extended == 1


def test_the_prefix_is_read_once_a_row_and_the_cache_fits_the_answer():
    _, model = search(random_script(VOCABULARY, 7), beams=3, limit=6)
    assert model.cache is not None
    assert model.cache.valid.shape == (3, 1 + 6)
    assert all(model.ran_for_inference)


@pytest.mark.parametrize("seed", range(20))
def test_a_beam_of_one_returns_the_best_beginning_of_the_greedy_answer(seed):
    script = random_script(VOCABULARY, 200 + seed)
    model = Scripted(script, VOCABULARY)
    tokens = torch.tensor([[3]])
    (greedy,) = collect(generate(model, None, tokens, None, eos_id=EOS, max_new_tokens=12))
    (beam,), _ = search(script, beams=1, limit=12)
    words = greedy.ids[:-1] if greedy.finished else greedy.ids
    assert beam.ids[:-1] == words[: len(beam.ids) - 1]
    assert not greedy.finished or sum(beam.logprobs) >= sum(greedy.logprobs) - 1e-5


def test_a_beam_of_one_is_greedy_where_eos_is_unlikely_until_the_end():
    def script(tokens: tuple[int, ...]) -> list[float]:
        return [-20.0, 6.0, 0.0, 0.0, 0.0] if len(tokens) < 5 else [9.0, 0.0, 0.0, 0.0, 0.0]

    (beam,), _ = search(script, beams=1, limit=12)
    model, tokens = Scripted(script, VOCABULARY), torch.tensor([[3]])
    (greedy,) = collect(generate(model, None, tokens, None, eos_id=EOS, max_new_tokens=12))
    assert beam.ids == greedy.ids == (1, 1, 1, 1, EOS)
    assert beam.logprobs == pytest.approx(greedy.logprobs, abs=1e-5)


def test_a_limit_below_one_is_refused():
    with pytest.raises(UsageError, match="max_new_tokens"):
        search(random_script(VOCABULARY), beams=2, limit=0)
