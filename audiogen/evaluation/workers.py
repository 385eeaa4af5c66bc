"""Work that is spread over processes, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def in_processes(
    work: Callable[[Job], Result],
    jobs: Iterable[Job],
    workers: int = 1,
    on_done: Callable[[int], None] = lambda count: None,
) -> list[Result]:
    """What `work` makes of each job, in order.

    Args:
        work: a function of a module, which other processes can import.
        jobs: what it is given, one after the other.
        workers: how many processes; with one, all of it happens here.
        on_done: told how many jobs are done.
    """
    results: list[Result] = []
    if workers <= 1:
        for job in jobs:
            results.append(work(job))
            on_done(len(results))
        return results
    # Spawned: a fork would copy torch's threads in a state that can hang.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for result in pool.map(work, jobs):
            results.append(result)
            on_done(len(results))
    return results
