"""Greedy decoding writes the same tokens as transformers' `generate`, 64 of them."""

import pytest
from helpers.oracle import pair, their_greedy, their_question
from helpers.tiny import TINY, pad, random_images, random_prompt

from palikit.decode.generate import collect, generate

STEPS = 64
PROMPTS = [random_prompt(9, seed=11), random_prompt(4, seed=12), random_prompt(6, seed=13)]


def both(name: str, *, rows: int, frames: int, eos_id: int | None = None):
    """Our rows and theirs."""
    ours, theirs = pair(name)
    images, prompts = random_images(rows, frames, seed=14), PROMPTS[:rows]
    tokens, real = pad(prompts)
    columns = generate(
        ours,
        ours.embed_image(images),
        tokens,
        real,
        eos_id=() if eos_id is None else eos_id,
        max_new_tokens=STEPS,
    )
    expected = their_greedy(theirs, their_question(images, prompts), STEPS, eos_id)
    return [list(row.ids) for row in collect(columns)], expected


@pytest.mark.parametrize("name", TINY)
def test_64_greedy_tokens_equal_transformers(name):
    ours, theirs = both(name, rows=1, frames=1)
    assert len(ours[0]) == STEPS
    assert len(set(ours[0])) > 5  # not one word over and over
    assert ours == theirs


@pytest.mark.parametrize("name", TINY)
def test_64_greedy_tokens_about_two_images_equal_transformers(name):
    ours, theirs = both(name, rows=1, frames=2)
    assert ours == theirs


@pytest.mark.parametrize("name", TINY)
def test_64_greedy_tokens_of_a_padded_batch_equal_transformers(name):
    ours, theirs = both(name, rows=3, frames=1)
    assert len({tuple(row) for row in ours}) == 3
    assert ours == theirs


@pytest.mark.parametrize("name", TINY)
def test_rows_end_at_their_eos_where_transformers_ends_them(name):
    free, _ = both(name, rows=3, frames=1)
    # A word that one answer holds early and another does not serves as the eos.
    eos_id = next(word for word in free[0] if word not in free[1])
    ended, expected = both(name, rows=3, frames=1, eos_id=eos_id)
    assert len(ended[0]) < STEPS == len(ended[1])
    assert ended == expected
