"""Batches prepared ahead of the loop by worker processes, in the order of the steps."""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from threading import Thread
from typing import Any

import torch

__all__ = ["prefetch"]


def prefetch(batch: Callable[[int], Any], steps: range, workers: int) -> Iterator[Any]:
    """Yield `batch(step)` for each step; with no workers, in this process."""
    if workers == 0:
        yield from map(batch, steps)
        return
    # Fork would copy the trainer's threads' locks; a spawned worker starts clean.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin) as pool:
        waiting: deque[Future[Any]] = deque()
        for step in steps:
            waiting.append(pool.submit(batch, step))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _begin() -> None:
    torch.set_num_threads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A trainer that is killed cannot tell its workers, which would wait for work for ever.
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
