"""The mean beside a told mark: exact on made-up distributions, and never out of reach."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from palikit.decode.ruler import Ruler

FIRST, MARKS = 100, 50
RULER = Ruler(FIRST, MARKS, reach=3)


def logits_of(probabilities: dict[int, float], size: int = 200) -> Tensor:
    """Scores of ids 0..size - 1, with these probabilities of some marks and nothing elsewhere."""
    row = torch.zeros(size)
    for mark, probability in probabilities.items():
        row[FIRST + mark] = probability
    return row.log()[None]


def offset(probabilities: dict[int, float], mark: int, ruler: Ruler = RULER) -> float:
    return float(ruler.offsets(logits_of(probabilities), None, torch.tensor([FIRST + mark])))


def test_the_docstring_example_holds():
    assert offset({7: 0.2, 8: 0.5, 9: 0.3}, 8) == pytest.approx(0.1)


def test_the_mean_is_that_of_the_marks_within_reach_alone():
    near = {4: 0.1, 7: 0.3, 8: 0.2}
    expected = (4 * 0.1 + 7 * 0.3 + 8 * 0.2) / 0.6 - 7
    assert offset(near | {3: 0.15, 11: 0.15, 49: 0.1}, 7) == pytest.approx(expected)
    assert offset(near | {3: 0.4}, 7, Ruler(FIRST, MARKS, reach=4)) == pytest.approx(
        (4 * 0.1 + 7 * 0.3 + 8 * 0.2 + 3 * 0.4) - 7
    )


def test_words_weigh_nothing_and_have_no_offset():
    logits = logits_of({0: 0.25, 1: 0.25})
    logits[0, FIRST - 1] = 5.0
    ids = torch.tensor([FIRST])
    assert float(RULER.offsets(logits, None, ids)) == pytest.approx(0.5)
    for word in (0, FIRST - 1, FIRST + MARKS):
        assert float(RULER.offsets(logits, None, torch.tensor([word]))) == 0.0


@given(st.integers(0, MARKS - 1), st.sampled_from([1, 3, 32, 1000]))
def test_a_sure_model_means_the_mark_that_it_told(mark, reach):
    assert offset({mark: 1.0}, mark, Ruler(FIRST, MARKS, reach)) == 0.0


@given(st.integers(0, MARKS - 1), st.integers(0, 60), st.integers(0, 1000))
def test_the_mean_is_a_mark_or_between_two_and_within_reach(mark, reach, seed):
    logits = 5 * torch.randn(1, 200, generator=torch.Generator().manual_seed(seed))
    found = float(Ruler(FIRST, MARKS, reach).offsets(logits, None, torch.tensor([FIRST + mark])))
    assert abs(found) <= reach * (1 + 1e-6)
    assert -1e-4 <= mark + found <= MARKS - 1 + 1e-4


@given(st.integers(0, 1000))
def test_some_columns_say_what_all_of_them_say_with_the_others_barred(seed):
    numbers = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(4, 200, generator=numbers)
    columns = torch.randperm(200, generator=numbers)[:120].sort().values
    barred = torch.full_like(logits, -torch.inf)
    barred[:, columns] = logits[:, columns]
    ids = columns[torch.randint(120, (4,), generator=numbers)]
    some = RULER.offsets(logits[:, columns], columns, ids)
    assert torch.allclose(some, RULER.offsets(barred, None, ids), atol=1e-6)


def test_a_row_does_not_depend_on_its_neighbours_nor_on_half_precision():
    logits = torch.randn(5, 200, generator=torch.Generator().manual_seed(1)).bfloat16()
    ids = torch.tensor([FIRST, FIRST + 7, 3, FIRST + 49, FIRST + 20])
    together = RULER.offsets(logits, None, ids)
    alone = [RULER.offsets(logits[i : i + 1].float(), None, ids[i : i + 1]) for i in range(5)]
    assert together.dtype == torch.float32
    assert torch.allclose(together, torch.cat(alone), atol=1e-6)
