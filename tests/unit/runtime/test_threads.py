"""Threads: the same answers for any number, errors that surface, forks that go on."""

from __future__ import annotations

import ctypes
import itertools
import os
import subprocess
import sys
import threading
import time
import weakref
from typing import Any

import numpy as np
import pytest

from treec.errors import UsageError
from treec.runtime import threads
from treec.runtime.threads import MIN_WORK, run_sharded, thread_count


@pytest.mark.parametrize("n_threads", [1, 2, 3, 7, 64])
def test_shards_cover_the_axis_once_in_whole_grains(n_threads: int) -> None:
    for begin, end, grain in ((0, 0, 4), (0, 1, 4), (0, 103, 4), (5, 1000, 1), (0, 64, 64), (0, 65, 64)):
        seen: list[tuple[int, int]] = []
        run_sharded(lambda a, b, _, seen=seen: seen.append((a, b)), begin, end, grain, 0, n_threads)
        seen.sort()
        assert [a for a, _ in seen] == [begin, *(b for _, b in seen[:-1])][: len(seen)]
        assert all((a - begin) % grain == 0 and a < b for a, b in seen)
        assert (seen[-1][1] if seen else end) == end


@pytest.mark.parametrize(("n_threads", "most"), [(2, 20), (8, 60)])
def test_shards_begin_long_and_end_with_single_grains(n_threads: int, most: int) -> None:
    lock = threading.Lock()
    seen: list[tuple[int, int]] = []

    def task(begin: int, end: int, _: int) -> None:
        with lock:
            seen.append((begin, end))

    run_sharded(task, 0, 128 * 64, 64, 0, n_threads)
    sizes = [(end - begin) // 64 for begin, end in sorted(seen)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 128 // n_threads // 2
    assert sizes[-n_threads:] == [1] * n_threads
    assert len(sizes) <= most


@pytest.mark.parametrize(("blocks", "least", "sizes"), [(8, 100, [4, 4]), (7, 100, [4, 3]), (16, 3, [4, 3, 3, 3, 3])])
def test_shards_are_no_shorter_than_pays_unless_threads_got_none(blocks: int, least: int, sizes: list[int]) -> None:
    lock = threading.Lock()
    seen: list[tuple[int, int]] = []

    def task(begin: int, end: int, _: int) -> None:
        with lock:
            seen.append((begin, end))

    run_sharded(task, 0, blocks * 64, 64, 0, 2, least)
    assert [(end - begin) // 64 for begin, end in sorted(seen)] == sizes


def _nothing(begin: int, end: int, workspace: int) -> None:
    pass


def test_helpers_are_kept_and_bounded() -> None:
    def names() -> set[str]:
        return {thread.name for thread in threading.enumerate() if thread.name.startswith("treec-")}

    run_sharded(_nothing, 0, 4, 1, 0, 4)
    first = names()
    for _ in range(50):
        run_sharded(_nothing, 0, 4, 1, 0, 4)
    assert names() == first
    run_sharded(_nothing, 0, 1000, 1, 0, 1000)
    assert len(names()) <= 64


def test_a_caller_waits_for_no_helper_that_has_not_begun() -> None:
    held, go, running = threading.Event(), threading.Event(), threading.Barrier(64 + 1, timeout=20)

    def hold(begin: int, end: int, _: int) -> None:
        running.wait()
        go.wait(20)

    def holder() -> None:
        run_sharded(hold, 0, 65, 1, 0, 65)  # all helpers, and this thread
        held.set()

    thread = threading.Thread(target=holder)
    thread.start()
    running_here: list[int] = []
    try:
        while len(threads._idle) or len(threads._helpers) < 64:  # pyright: ignore[reportPrivateUsage]
            time.sleep(0.001)
        run_sharded(lambda a, b, _: running_here.append(threading.get_ident()), 0, 100, 1, 0, 2)
        assert set(running_here) == {threading.get_ident()}
        assert not held.is_set()
    finally:
        go.set()
        thread.join(20)


def test_workspaces_are_aligned_and_apart() -> None:
    lock, gate = threading.Lock(), threading.Barrier(3, timeout=20)
    first: dict[int, int] = {}

    def task(begin: int, end: int, workspace: int) -> None:
        with lock:
            new = threading.get_ident() not in first
            first.setdefault(threading.get_ident(), workspace)
        assert workspace % 64 == 0
        assert first[threading.get_ident()] == workspace
        if new:
            gate.wait()

    run_sharded(task, 0, 120, 1, 1000, 3)
    addresses = sorted(first.values())
    assert len(addresses) == 3
    assert all(b - a >= 1000 for a, b in itertools.pairwise(addresses))


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_an_exception_surfaces_and_stops_the_rest(n_threads: int) -> None:
    running = 0
    lock = threading.Lock()

    def task(begin: int, end: int, workspace: int) -> None:
        nonlocal running
        with lock:
            running += 1
        try:
            if begin == 0:
                raise ValueError("broken")
        finally:
            with lock:
                running -= 1

    with pytest.raises(ValueError, match="broken"):
        run_sharded(task, 0, 1000, 1, 0, n_threads)
    assert running == 0


def test_an_exception_of_a_helper_surfaces() -> None:
    caller, gate = threading.get_ident(), threading.Barrier(2, timeout=20)

    def task(begin: int, end: int, workspace: int) -> None:
        gate.wait()
        if threading.get_ident() != caller:
            raise ValueError("in a helper")

    with pytest.raises(ValueError, match="in a helper"):
        run_sharded(task, 0, 2, 1, 0, 2)


class Watched:
    """A waiter that counts who watches, and looks a few times."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def wait(self, word: int, old: int, pauses: int, more: int) -> int:
        self.threads.append(threading.get_ident())
        for _ in range(min(pauses, 3)):
            if ctypes.c_int64.from_address(word).value != old:
                return 1
        return 0


def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """A waiter on a machine of two CPUs."""
    monkeypatch.setattr(threads, "usable_cpus", lambda: 2)
    monkeypatch.setattr(threads, "_rate", [1e6])
    return Watched()


def test_threads_watch_for_one_another_before_they_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    waiter, gate = watched(monkeypatch), threading.Barrier(2, timeout=20)

    def task(begin: int, end: int, _: int) -> None:
        gate.wait()

    run_sharded(task, 0, 2, 1, 0, 2, waiter=waiter)
    deadline = time.monotonic() + 20
    while set(waiter.threads) <= {threading.get_ident()} and time.monotonic() < deadline:
        time.sleep(0.001)
    assert set(waiter.threads) - {threading.get_ident()}  # the helper, for its next job


def test_no_thread_watches_where_cpus_are_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    waiter = watched(monkeypatch)
    for _ in range(20):
        run_sharded(_nothing, 0, 30, 1, 0, 3, waiter=waiter)
    assert waiter.threads == []


def test_a_thread_that_waits_in_vain_loses_patience_and_gains_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    bell, asked = threads._Bell(), list[int]()  # pyright: ignore[reportPrivateUsage]
    patience = threads._Patience()  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(threads, "_rate", [1e6])

    class Patient(Watched):
        def wait(self, word: int, old: int, pauses: int, more: int) -> int:
            asked.append(pauses)
            return super().wait(word, old, pauses, more)

    for _ in range(8):
        patience.watch(bell, Patient(), bell.count())
    assert asked == [100, 50, 25, 12, 6, 6, 6, 6]
    asked.clear()
    for _ in range(5):
        bell.ring()
        patience.watch(bell, Patient(), bell.count() - 1)
    assert asked == []  # it was rung already
    patience.watch(bell, Patient(), bell.count())
    assert asked == [100]


def test_a_helper_lets_go_of_what_it_watched_with(monkeypatch: pytest.MonkeyPatch) -> None:
    waiter, gate = watched(monkeypatch), threading.Barrier(2, timeout=20)
    gone = weakref.ref(waiter)

    def task(begin: int, end: int, _: int) -> None:
        gate.wait()

    run_sharded(task, 0, 2, 1, 0, 2, waiter=waiter)
    del waiter
    deadline = time.monotonic() + 20
    while gone() is not None and time.monotonic() < deadline:
        time.sleep(0.001)
    assert gone() is None


def test_an_artifact_s_wait_is_a_look_at_a_word(plain: Any) -> None:
    library = plain[1]._library  # pyright: ignore[reportPrivateUsage]
    word = ctypes.c_int64(5)
    assert library.wait(ctypes.addressof(word), 5, 100, 0) == 0
    assert library.wait(ctypes.addressof(word), 4, 100, 10) == 1


@pytest.mark.parametrize("leaf_groups", [0, 6])
@pytest.mark.parametrize("run_rows", ["INT64_MAX", 64])
def test_answers_do_not_depend_on_threads(make: Any, leaf_groups: int, run_rows: str | int) -> None:
    model, compiled = make(n_trees=21, defines={"LEAF_GROUPS": leaf_groups, "GRAIN": 1, "RUN_ROWS": run_rows})
    rows = np.random.default_rng(1).normal(0, 0.3, (503, 3)).astype(np.float32)
    raw, leaves = model.raw(rows)[:, 0], model.leaf_ids(rows)
    for n_threads in (1, 2, 5, None):
        assert np.array_equal(compiled.predict(rows, raw=True, n_threads=n_threads), raw)
        assert np.array_equal(compiled.apply(rows, n_threads=n_threads), leaves)
        assert np.array_equal(compiled.apply(rows, n_threads=n_threads, iterations=(4, 15)), leaves[:, 4:15])


def test_callers_on_many_threads(plain: Any) -> None:
    model, compiled, _ = plain
    rows = np.random.default_rng(2).normal(0, 0.3, (997, 3)).astype(np.float32)
    expected = model.raw(rows)[:, 0]
    wrong: list[int] = []

    def call() -> None:
        for _ in range(20):
            if not np.array_equal(compiled.predict(rows, raw=True, n_threads=3), expected):
                wrong.append(1)

    callers = [threading.Thread(target=call) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def test_small_calls_take_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "usable_cpus", lambda: 12)
    monkeypatch.delenv("TREEC_NUM_THREADS", raising=False)
    assert thread_count(None, MIN_WORK - 1) == 1
    assert thread_count(None, MIN_WORK) == 12
    assert thread_count(5, 1) == 5
    three: Any = np.int64(3)
    assert thread_count(three, 1) == 3
    monkeypatch.setenv("TREEC_NUM_THREADS", "3")
    assert thread_count(None, MIN_WORK) == 3
    assert thread_count(None, 1) == 1
    monkeypatch.setenv("TREEC_NUM_THREADS", "auto")
    assert thread_count(None, MIN_WORK) == 12


@pytest.mark.parametrize("bad", [0, -1, True, 1.5, "2x"])
def test_senseless_numbers_are_refused(bad: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no number of threads"):
        thread_count(bad, 1)
    monkeypatch.setenv("TREEC_NUM_THREADS", "many")
    with pytest.raises(UsageError, match="TREEC_NUM_THREADS"):
        thread_count(None, 1)


def test_a_forked_child_predicts_with_threads(plain: Any) -> None:
    code = """
import os, sys, warnings, numpy as np
warnings.simplefilter("ignore")
from treec.runtime import load
model = load(sys.argv[1])
rows = np.random.default_rng(0).normal(size=(5000, 3))
expected = model.predict(rows, n_threads=2)
for _ in range(3):
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(model.predict(rows, n_threads=2), expected) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    subprocess.run([sys.executable, "-c", code, str(plain[2])], check=True, timeout=60)


def test_no_thread_starts_for_one(plain: Any) -> None:
    code = (
        "import sys, threading, numpy as np\nfrom treec.runtime import load\n"
        "model = load(sys.argv[1])\nmodel.predict(np.zeros((9, 3)))\nprint(threading.active_count())\n"
        "model.predict(np.zeros((9, 3)), n_threads=2)\nprint(threading.active_count())"
    )
    env = {**os.environ, "TREEC_NUM_THREADS": "auto"}
    out = subprocess.run(
        [sys.executable, "-c", code, str(plain[2])], check=True, capture_output=True, text=True, env=env
    ).stdout
    assert out.split() == ["1", "2"]
