"""Threads for large calls: the code releases the GIL, so plain Python threads shard a stage's axis.

Shards are blocks of a stage's grain; every shard computes its own rows (or groups of trees) completely, so that results do
not depend on the number of threads. Helpers are kept, each waiting for its next job. A caller waits for none that has not
begun: on a busy machine a thread may be woken long after the work is done. Locks and queues alone decide what happens;
bells only save being woken.
"""

from __future__ import annotations

import ctypes
import operator
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Protocol

from treec.errors import UsageError
from treec.runtime.cpu import usable_cpus
from treec.runtime.memory import workspace

THREADS_VARIABLE = "TREEC_NUM_THREADS"
"""Environment variable: the most threads a call uses that does not say ``n_threads`` itself."""

MIN_WORK = 150_000
"""Nanoseconds of one core from which a second thread may pay: handing work over costs some 35 us. By the estimate of
`treec.runtime.library.Kernel.work`, which is within a factor of two or three."""

_PART = 2
"""A shard is one of so many parts of what each thread has left to do: the first ones are long, and the last ones, for
which others wait, short."""
SHARD_WORK = 100_000
"""Nanoseconds of a shard, at least, unless threads would get none: for each the interpreter's lock is taken twice, and a
thread that finds it taken sleeps."""
_MOST_HELPERS = 64
_WATCH, _LINGER = 100e-6, 5e-6
"""Seconds. To be woken by the system takes a thread some 50 us, more in a virtual machine. So one that waits for another
watches a word for a while, without the interpreter's lock, and only then sleeps: a caller for its helpers, a helper for the
next job. When the word changes, whoever changed it holds the lock for some microseconds yet, so it lingers."""
_LEAST_PATIENCE = 1 / 16
"""Of `_WATCH`, what a thread watches that waited in vain each time: on a busy machine it keeps others from their work."""

Task = Callable[[int, int, int], None]
"""``task(begin, end, workspace)``: one shard; the workspace is an address."""


class Waiter(Protocol):
    """Where ``wait`` is, see `treec.codegen.abi.WAIT_PARAMETERS`: a `treec.runtime.library.Library`, whose code stays in
    memory as long as this is held."""

    @property
    def wait(self) -> Callable[[int, int, int, int], int]: ...


def thread_count(n_threads: int | None, work: int) -> int:
    """How many threads a call of ``work`` nanoseconds may use. Raises `UsageError` for a senseless number."""
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


def run_sharded(
    task: Task,
    begin: int,
    end: int,
    grain: int,
    workspace_bytes: int,
    n_threads: int,
    least: int = 1,
    waiter: Waiter | None = None,
) -> None:
    """Run ``task`` over ``[begin, end)`` in shards that are multiples of ``grain``, of at least ``least`` of it where there
    is so much for each thread, on at most ``n_threads`` threads.

    The caller's thread takes part, so helpers that are late only slow a call down. The first exception is raised, after
    every thread has left the task. With a ``waiter``, threads watch for one another a while before they sleep, where there
    is a CPU for each.
    """
    blocks = -(-(end - begin) // grain)
    n_threads = min(n_threads, blocks)
    if n_threads <= 1:
        if end > begin:
            _run_all(task, deque([(begin, end)]), workspace_bytes)
        return
    shards = deque(_shards(begin, end, grain, n_threads, min(least, -(-blocks // n_threads))))
    if n_threads > usable_cpus():
        waiter = None  # a thread that watches would keep others from their work
    given: list[tuple[_Helper, _Job]] = []
    try:
        _start(given, n_threads - 1, lambda: _run_all(task, shards, workspace_bytes), waiter)
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


class _Bell:
    """A number that one thread changes, and another watches."""

    __slots__ = ("_address", "_word")

    def __init__(self) -> None:
        self._word = ctypes.c_int64(0)
        self._address = ctypes.addressof(self._word)

    def count(self) -> int:
        """How often it was rung."""
        return self._word.value

    def ring(self) -> None:
        self._word.value += 1

    def watch(self, waiter: Waiter, heard: int, patience: float) -> bool:
        """Until it is rung more often than was ``heard``, or for a part of `_WATCH`; was it rung?"""
        if self.count() != heard:
            return True
        pauses = _pauses(waiter)
        return waiter.wait(self._address, heard, int(pauses * _WATCH * patience), int(pauses * _LINGER)) != 0


class _Patience:
    """How long a thread watches: half as long after each time in vain, twice as long after each other."""

    __slots__ = ("_share",)

    def __init__(self) -> None:
        self._share = 1.0

    def watch(self, bell: _Bell, waiter: Waiter, heard: int) -> None:
        if bell.watch(waiter, heard, self._share):
            self._share = min(1.0, 2 * self._share)
        else:
            self.lose()

    def lose(self) -> None:
        self._share = max(_LEAST_PATIENCE, self._share / 2)


_callers = _Patience()


_rate: list[float] = []
"""Pauses a second, once they were timed."""
_TIMED = 2000


def _pauses(waiter: Waiter) -> float:
    """How often a thread looks at a word in a second: from 20 to 100 ns on CPUs whose pauses are any."""
    if not _rate:
        word = ctypes.c_int64(0)
        start = time.perf_counter()
        waiter.wait(ctypes.addressof(word), 0, _TIMED, 0)
        _rate.append(_TIMED / max(1e-9, time.perf_counter() - start))
    return _rate[0]


class _Job:
    """A part in a call. Whoever gets ``start`` decides: the helper that runs it, or the caller that is done without.
    ``ended`` is rung after ``done``, for a caller that watches."""

    __slots__ = ("_task", "done", "ended", "error", "start", "waiter")

    def __init__(self, task: Callable[[], None], waiter: Waiter | None) -> None:
        self._task = task
        self.waiter, self.ended = waiter, _Bell()
        self.error: BaseException | None = None
        self.start, self.done = threading.Lock(), threading.Lock()
        self.done.acquire()

    def run(self) -> bool:
        """Was it in time?"""
        if not self.start.acquire(blocking=False):
            return False
        try:
            self._task()
        except BaseException as error:  # the caller raises it
            self.error = error
        finally:
            self.done.release()
            self.ended.ring()
        return True


class _Helper:
    """A thread's side that callers see: the queue it waits at, and the bell it watches before."""

    __slots__ = ("bell", "jobs")

    def __init__(self) -> None:
        self.jobs: SimpleQueue[_Job] = SimpleQueue()
        self.bell = _Bell()


_helpers: list[_Helper] = []
_idle: list[_Helper] = []
"""Those without a job."""


def _help(helper: _Helper) -> None:
    patience = _Patience()
    while True:
        job = helper.jobs.get()
        heard, waiter = helper.bell.count(), job.waiter
        in_time = job.run()
        del job  # it holds the caller's arrays
        if not in_time:
            patience.lose()  # it has no CPU of its own, and would take the caller's
        elif waiter is not None:
            patience.watch(helper.bell, waiter, heard)
        del waiter


def _start(given: list[tuple[_Helper, _Job]], count: int, task: Callable[[], None], waiter: Waiter | None) -> None:
    """Give jobs to helpers without one, and to new ones; to fewer where no more threads can be had."""
    for _ in range(count):
        helper = _idle_or_new()
        if helper is None:
            return
        given.append((helper, _Job(task, waiter)))
        helper.bell.ring()
        helper.jobs.put(given[-1][1])


def _idle_or_new() -> _Helper | None:
    try:
        return _idle.pop()
    except IndexError:
        if len(_helpers) >= _MOST_HELPERS:
            return None
    helper = _Helper()
    thread = threading.Thread(target=_help, args=(helper,), name=f"treec-{len(_helpers)}", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        return None  # the system has no more, or the interpreter is shutting down
    _helpers.append(helper)
    return helper


def _wait(given: list[tuple[_Helper, _Job]]) -> None:
    """Return only when no helper uses the caller's arrays any more, even if the caller is interrupted meanwhile."""
    interrupted: KeyboardInterrupt | None = None
    for helper, job in given:
        waiting = not job.start.acquire(blocking=False)  # else it has not begun, and will not
        while waiting:
            try:
                if job.waiter is not None:
                    _callers.watch(job.ended, job.waiter, 0)
                waiting = not job.done.acquire()
            except KeyboardInterrupt as error:
                interrupted = error
        _idle.append(helper)
    if interrupted is not None:
        raise interrupted


def _forget_helpers() -> None:
    """A forked child has none of the parent's threads."""
    _idle.clear()
    _helpers.clear()


os.register_at_fork(after_in_child=_forget_helpers)
