"""Batches from a worker process equal those made here, in the order of the steps."""

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from palikit.data.emoji_world import scene
from palikit.train.batches import prefetch

# A worker imports what makes its batches by name, so that must stand in a package, not in a test.
SMALL_SCENE = partial(scene, 5, side=32)


def test_a_worker_yields_the_same_batches_in_order() -> None:
    steps = range(3, 9)
    here = list(prefetch(SMALL_SCENE, steps, workers=0))
    there = list(prefetch(SMALL_SCENE, steps, workers=1))
    assert len(here) == len(there) == 6
    for one, other in zip(here, there, strict=True):
        assert np.array_equal(one.image, other.image)
        assert [thing.key for thing in one.objects] == [thing.key for thing in other.objects]
    assert not np.array_equal(here[0].image, here[1].image)


def test_without_workers_batches_are_made_when_they_are_asked_for() -> None:
    made: list[int] = []

    def note(step: int) -> int:
        made.append(step)
        return step

    batches = prefetch(note, range(4), workers=0)
    assert next(batches) == 0
    assert made == [0]


@pytest.mark.parametrize("workers", [0, 1])
def test_no_steps_are_no_batches(workers: int) -> None:
    assert list(prefetch(SMALL_SCENE, range(4, 4), workers)) == []


def test_an_error_in_a_worker_reaches_the_loop() -> None:
    with pytest.raises(ValueError, match="side"):
        list(prefetch(partial(scene, 5, side=1), range(2), workers=1))


TRAINER = """
import os, sys, time
from palikit.train.batches import prefetch

def batch(step):
    return os.getpid()

if __name__ == "__main__":
    batches = prefetch(batch, range(100), workers=1)
    print(next(batches), flush=True)
    time.sleep(600)
"""


def test_a_worker_ends_with_a_trainer_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "trainer.py"
    script.write_text(TRAINER)
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE) as trainer:
        assert trainer.stdout is not None
        worker = int(trainer.stdout.readline())
        trainer.kill()
    for _ in range(600):
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("the worker outlived its trainer")
