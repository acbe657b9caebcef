"""Threads for large calls: the code releases the GIL, so plain Python threads shard a stage's axis.

Shards are blocks of a stage's grain; every shard computes its own rows (or groups of trees) completely, so that results do
not depend on the number of threads. Helpers are kept, each waiting for its next job. A caller waits for none that has not
begun: on a busy machine a thread may be woken long after the work is done.
"""

from __future__ import annotations

import operator
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from queue import SimpleQueue

from treec.errors import UsageError
from treec.runtime.cpu import usable_cpus
from treec.runtime.memory import workspace

THREADS_VARIABLE = "TREEC_NUM_THREADS"
"""Environment variable: the most threads a call uses that does not say ``n_threads`` itself."""

MIN_WORK = 1 << 17
"""Rows x trees from which a second thread may pay. Measured: handing work over costs some 35 us, a row takes 0.5 ns
(bitsliced) to 100 ns a tree, so that a call of this size lasts from 65 us up."""

_PART = 2
"""A shard is one of so many parts of what each thread has left to do: the first ones are long, and the last ones, for
which others wait, short."""
SHARD_WORK = 1 << 18
"""Rows x trees of a shard, at least, unless threads would get none: for each the interpreter's lock is taken twice, and a
thread that finds it taken sleeps."""
_MOST_HELPERS = 64

Task = Callable[[int, int, int], None]
"""``task(begin, end, workspace)``: one shard; the workspace is an address."""


def thread_count(n_threads: int | None, work: int) -> int:
    """How many threads a call of ``work`` = rows x trees may use. Raises `UsageError` for a senseless number."""
    if n_threads is not None:
        return _positive(n_threads, "n_threads")
    said = os.environ.get(THREADS_VARIABLE, "").strip()
    limit = _positive(said, THREADS_VARIABLE) if said and said != "auto" else 0
    if work < MIN_WORK:
        return 1
    return limit or usable_cpus()


def _positive(value: object, place: str) -> int:
    try:
        number = int(value) if isinstance(value, str) else operator.index(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = 0
    if number < 1 or isinstance(value, bool):
        raise UsageError(
            f"{value!r} is no number of threads",
            place=place,
            fix="give a whole number from 1, or leave it out for as many as pay",
        )
    return number


def run_sharded(task: Task, begin: int, end: int, grain: int, workspace_bytes: int, n_threads: int, least: int = 1) -> None:
    """Run ``task`` over ``[begin, end)`` in shards that are multiples of ``grain``, of at least ``least`` of it where there
    is so much for each thread, on at most ``n_threads`` threads.

    The caller's thread takes part, so helpers that are late only slow a call down. The first exception is raised, after
    every thread has left the task.
    """
    blocks = -(-(end - begin) // grain)
    n_threads = min(n_threads, blocks)
    if n_threads <= 1:
        if end > begin:
            _run_all(task, deque([(begin, end)]), workspace_bytes)
        return
    shards = deque(_shards(begin, end, grain, n_threads, min(least, -(-blocks // n_threads))))
    given: list[tuple[Jobs, _Job]] = []
    try:
        _start(given, n_threads - 1, lambda: _run_all(task, shards, workspace_bytes))
        _run_all(task, shards, workspace_bytes)
    finally:
        shards.clear()  # after an exception nobody starts another shard
        _wait(given)
    for _, job in given:
        if job.error is not None:
            raise job.error


def _shards(begin: int, end: int, grain: int, n_threads: int, least: int) -> Iterator[tuple[int, int]]:
    while begin < end:
        left = -(-(end - begin) // grain)
        last = min(end, begin + max(least, left // (n_threads * _PART)) * grain)
        yield begin, last
        begin = last


def _run_all(task: Task, shards: deque[tuple[int, int]], workspace_bytes: int) -> None:
    """Take shards until none is left, with one workspace for all of them."""
    memory, address = workspace(workspace_bytes)
    try:
        while True:
            try:
                begin, end = shards.popleft()
            except IndexError:
                return
            task(begin, end, address)
    except BaseException:
        shards.clear()
        raise
    finally:
        del memory


class _Job:
    """A part in a call. Whoever gets ``start`` decides: the helper that runs it, or the caller that is done without."""

    __slots__ = ("_task", "done", "error", "start")

    def __init__(self, task: Callable[[], None]) -> None:
        self._task = task
        self.error: BaseException | None = None
        self.start, self.done = threading.Lock(), threading.Lock()
        self.done.acquire()

    def run(self) -> None:
        if not self.start.acquire(blocking=False):
            return
        try:
            self._task()
        except BaseException as error:  # the caller raises it
            self.error = error
        finally:
            self.done.release()


Jobs = SimpleQueue[_Job]
_helpers: list[Jobs] = []
"""The queues that helpers wait at."""
_idle: list[Jobs] = []
"""Of those without a job."""


def _help(jobs: Jobs) -> None:
    while True:
        job = jobs.get()
        job.run()
        del job  # it holds the caller's arrays


def _start(given: list[tuple[Jobs, _Job]], count: int, task: Callable[[], None]) -> None:
    """Give jobs to helpers without one, and to new ones; to fewer where no more threads can be had."""
    for _ in range(count):
        jobs = _idle_or_new()
        if jobs is None:
            return
        given.append((jobs, _Job(task)))
        jobs.put(given[-1][1])


def _idle_or_new() -> Jobs | None:
    try:
        return _idle.pop()
    except IndexError:
        if len(_helpers) >= _MOST_HELPERS:
            return None
    jobs: Jobs = SimpleQueue()
    helper = threading.Thread(target=_help, args=(jobs,), name=f"treec-{len(_helpers)}", daemon=True)
    try:
        helper.start()
    except RuntimeError:
        return None  # the system has no more, or the interpreter is shutting down
    _helpers.append(jobs)
    return jobs


def _wait(given: list[tuple[Jobs, _Job]]) -> None:
    """Return only when no helper uses the caller's arrays any more, even if the caller is interrupted meanwhile."""
    interrupted: KeyboardInterrupt | None = None
    for jobs, job in given:
        waiting = not job.start.acquire(blocking=False)  # else it has not begun, and will not
        while waiting:
            try:
                waiting = not job.done.acquire()
            except KeyboardInterrupt as error:
                interrupted = error
        _idle.append(jobs)
    if interrupted is not None:
        raise interrupted


def _forget_helpers() -> None:
    """A forked child has none of the parent's threads."""
    _idle.clear()
    _helpers.clear()


os.register_at_fork(after_in_child=_forget_helpers)
