"""Batches prepared ahead of the loop by worker processes, in the order of the steps."""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from threading import Thread
from typing import Any

import torch

from palikit.errors import PalikitError

__all__ = ["prefetch"]

_batch: Callable[[int], Any]
"""In a worker: what makes its batches. It is sent once, for it may hold a whole dataset."""


def prefetch(batch: Callable[[int], Any], steps: range, workers: int) -> Iterator[Any]:
    """Yield `batch(step)` for each step; with no workers, in this process.

    Raises:
        PalikitError: a worker was killed.
    """
    if workers == 0:
        yield from map(batch, steps)
        return
    # Fork would copy the trainer's threads' locks; a spawned worker starts clean.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(batch,))
    with pool:
        waiting: deque[Future[Any]] = deque()
        try:
            for step in steps:
                waiting.append(pool.submit(_make, step))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise PalikitError(
                "a process that prepares batches was killed, most likely because memory ran out: "
                "run the same command again to go on from the last saved step, with fewer workers"
            ) from error


def _begin(batch: Callable[[int], Any]) -> None:
    global _batch
    _batch = batch
    torch.set_num_threads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _make(step: int) -> Any:
    return _batch(step)


def _end_with_parent() -> None:
    # A trainer that is killed cannot tell its workers, which would wait for work for ever.
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
