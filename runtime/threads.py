"""Threads for large calls: the code releases the GIL, so plain Python threads shard a stage's axis.

Shards are blocks of a stage's grain; every shard computes its own rows (or groups of trees) completely, so that results do
not depend on the number of threads.
"""

from __future__ import annotations

import operator
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from treec.errors import UsageError
from treec.runtime.cpu import usable_cpus
from treec.runtime.memory import workspace

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

THREADS_VARIABLE = "TREEC_NUM_THREADS"
"""Environment variable: the most threads a call uses that does not say ``n_threads`` itself."""

MIN_WORK = 1 << 17
"""Rows x trees from which a second thread pays. Measured: handing work over costs 60 to 150 us, a row takes 5 to 100 ns a
tree, so that a call of this size lasts from 0.6 ms up."""

_SHARDS_PER_THREAD = 4  # the slowest thread then holds up the others by a quarter of its share at most
_POOL_SIZE = 64

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


def run_sharded(task: Task, begin: int, end: int, grain: int, workspace_bytes: int, n_threads: int) -> None:
    """Run ``task`` over ``[begin, end)`` in shards that are multiples of ``grain``, on at most ``n_threads`` threads.

    The caller's thread takes part, so a busy pool only slows a call down. The first exception is raised, after every thread
    has left the task.
    """
    blocks = -(-(end - begin) // grain)
    n_threads = min(n_threads, blocks)
    if n_threads <= 1:
        if end > begin:
            _run_all(task, deque([(begin, end)]), workspace_bytes)
        return
    step = -(-blocks // (n_threads * _SHARDS_PER_THREAD)) * grain
    shards = deque((at, min(at + step, end)) for at in range(begin, end, step))
    helpers = _start(min(n_threads, len(shards)) - 1, task, shards, workspace_bytes)
    try:
        _run_all(task, shards, workspace_bytes)
    finally:
        shards.clear()  # after an exception nobody starts another shard
        _wait(helpers)
    for helper in helpers:
        if not helper.cancelled():
            helper.result()


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


_pool: ThreadPoolExecutor | None = None
_pool_lock = threading.Lock()


def _start(count: int, task: Task, shards: deque[tuple[int, int]], workspace_bytes: int) -> list[Future[None]]:
    global _pool
    helpers: list[Future[None]] = []
    with _pool_lock:
        if _pool is None:
            from concurrent.futures import ThreadPoolExecutor  # 13 ms that a call on one thread does not pay

            _pool = ThreadPoolExecutor(_POOL_SIZE, thread_name_prefix="treec")
        try:
            for _ in range(count):
                helpers.append(_pool.submit(_run_all, task, shards, workspace_bytes))
        except RuntimeError:
            pass  # the interpreter is shutting down, or no thread can be had: the caller does the rest
    return helpers


def _wait(helpers: list[Future[None]]) -> None:
    """Return only when no helper uses the caller's arrays any more, even if the caller is interrupted meanwhile."""
    interrupted: KeyboardInterrupt | None = None
    for helper in helpers:
        while not (helper.cancel() or helper.done()):
            try:
                helper.exception()
            except KeyboardInterrupt as error:
                interrupted = error
    if interrupted is not None:
        raise interrupted


def _forget_pool() -> None:
    """A forked child has none of the parent's threads, and a lock may have been held by one of them."""
    global _pool, _pool_lock
    _pool = None
    _pool_lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_pool)
