"""The decoding loop: when rows end, what is counted, what the model is asked for."""

import pytest
import torch
from helpers.scripted import Scripted, random_script

from palikit.decode.generate import collect, generate
from palikit.decode.sampling import Temperature
from palikit.errors import UsageError

EOS = 1


def follow(*answers: list[int]) -> Scripted:
    """A model that gives row b, whose prompt is the token 10 + b, its answer token by token."""

    def script(tokens: tuple[int, ...]) -> list[float]:
        said = tokens[1:]
        answer = answers[tokens[0] - 10]
        scores = [0.0] * 20
        scores[answer[len(said)] if len(said) < len(answer) else 19] = 4.0
        return scores

    return Scripted(script, 20)


def prompts(rows: int) -> torch.Tensor:
    return torch.arange(10, 10 + rows)[:, None]


def columns(model, rows, limit, *, eos=EOS, features=None, **sampling):
    return generate(
        model, features, prompts(rows), None, eos_id=eos, max_new_tokens=limit, **sampling
    )


def run(model, rows, limit, **options):
    return collect(columns(model, rows, limit, **options))


def test_each_row_ends_at_its_own_eos_and_keeps_it():
    rows = run(follow([5, EOS], [6, 7, 8, EOS], [EOS]), 3, 10)
    assert [row.ids for row in rows] == [(5, EOS), (6, 7, 8, EOS), (EOS,)]
    assert all(row.finished for row in rows)
    assert [len(row.logprobs) for row in rows] == [2, 4, 1]


def test_a_row_cut_by_its_limit_says_that_it_is_unfinished():
    rows = run(follow([5, EOS], [6, 7, 8, EOS]), 2, 3)
    assert [row.ids for row in rows] == [(5, EOS), (6, 7, 8)]
    assert [row.finished for row in rows] == [True, False]


def test_each_row_has_its_own_limit():
    rows = run(follow([3] * 9, [4] * 9, [5] * 9), 3, [1, 4, 2])
    assert [row.ids for row in rows] == [(3,), (4, 4, 4, 4), (5, 5)]


def test_any_of_several_eos_ids_ends_a_row():
    rows = run(follow([5, EOS, 9], [6, 7, 8], [2, 2, 7]), 3, 3, eos=[EOS, 7])
    assert [row.ids for row in rows] == [(5, EOS), (6, 7), (2, 2, 7)]
    assert all(row.finished for row in rows)


def test_without_an_eos_id_every_row_runs_to_its_limit():
    (row,) = run(follow([EOS, EOS, EOS]), 1, 3, eos=())
    assert row.ids == (EOS, EOS, EOS)
    assert not row.finished


def test_the_model_is_not_called_after_the_last_token():
    finishing = follow([5, EOS], [6, 7, EOS])
    run(finishing, 2, 10)
    assert finishing.extended == 2
    cut = follow([5] * 9)
    run(cut, 1, 4)
    assert cut.extended == 3
    single = follow([5])
    run(single, 1, 1)
    assert single.extended == 0


def test_the_cache_holds_image_tokens_prefix_and_the_longest_answer_while_it_is_needed():
    model = follow([3] * 9, [4] * 9)
    stream = columns(model, 2, [2, 5], features=torch.zeros(2, 6, 48))
    next(stream)
    assert model.cache is not None
    assert model.cache.capacity == 6 + 1 + 5
    assert len(list(stream)) == 4
    assert model.cache.nbytes == 0


def test_a_column_arrives_before_the_next_step_is_computed():
    model = follow([5, 6, EOS], [EOS])
    seen = [(column.ids, model.extended) for column in columns(model, 2, 9)]
    assert seen == [([5, EOS], 0), ([6, None], 1), ([EOS, None], 2)]


def test_an_ended_row_has_no_logprob_either():
    model = follow([5, EOS], [EOS])
    first, second = columns(model, 2, 9)
    assert None not in first.logprobs
    assert first.at_eos == [False, True]
    assert second.logprobs[0] is not None
    assert second.logprobs[1] is None
    assert second.at_eos == [True, True]


def test_a_stream_is_the_batch_read_column_by_column():
    stream = list(columns(follow([5, 6, EOS], [EOS]), 2, 9))
    for row, answer in enumerate(run(follow([5, 6, EOS], [EOS]), 2, 9)):
        assert tuple(c.ids[row] for c in stream if c.ids[row] is not None) == answer.ids
        assert tuple(c.logprobs[row] for c in stream if c.ids[row] is not None) == answer.logprobs


def test_logprobs_are_those_of_the_untempered_scores():
    model = Scripted(random_script(20, seed=4), 20)
    (answer,) = run(model, 1, 12, eos=(), sampler=Temperature(3.0), seed=5)
    for step, (token, logprob) in enumerate(zip(answer.ids, answer.logprobs, strict=True)):
        scores = torch.tensor(model.script((10, *answer.ids[:step])))
        assert logprob == pytest.approx(scores.log_softmax(-1)[token].item(), abs=1e-5)


def test_sampling_repeats_with_its_seed_and_changes_with_it():
    model = Scripted(random_script(20), 20)

    def sample(seed: int) -> tuple[int, ...]:
        return run(model, 1, 16, eos=(), sampler=Temperature(2.0), seed=seed)[0].ids

    assert sample(1) == sample(1)
    assert sample(1) != sample(2)


def test_one_seed_for_all_rows_is_that_seed_for_each():
    model = Scripted(random_script(20), 20)
    options = {"eos": (), "sampler": Temperature(2.0)}
    assert run(model, 3, 8, seed=4, **options) == run(model, 3, 8, seed=[4, 4, 4], **options)
    assert run(model, 3, 8, seed=4, **options) != run(model, 3, 8, seed=[4, 5, 4], **options)


def test_reading_columns_leaves_the_callers_gradient_mode_alone():
    stream = columns(follow([5, 6, EOS]), 1, 9)
    next(stream)
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()
    weight = torch.ones(2, requires_grad=True)
    (weight * 2).sum().backward()
    next(stream)
    stream.close()
    assert not torch.is_inference_mode_enabled()


def test_the_model_runs_in_inference_mode():
    model = follow([5, 6, EOS])
    run(model, 1, 9)
    assert model.ran_for_inference == [True, True, True]


@pytest.mark.parametrize("limit", [0, -3, [4, 0]])
def test_a_limit_below_one_is_refused_at_the_call(limit):
    with pytest.raises(UsageError, match="max_new_tokens=32"):
        columns(follow([5], [5]), 2, limit)
