"""Addresses are numpy's, and a thread's workspace is its own."""

from __future__ import annotations

import threading

import numpy as np

from treec.runtime.memory import ALIGNMENT, KEPT_BYTES, address_of, aligned_memory, workspace


def test_addresses_are_those_numpy_gives() -> None:
    table = np.zeros((5, 4), np.float32)
    read_only = table.copy()
    read_only.flags.writeable = False
    empty = np.zeros((0, 3), np.float32)
    for array in (table, table[2:], table[:, 1:], table[::-1], table.T, read_only, empty):
        assert address_of(array) == array.ctypes.data


def test_memory_is_aligned_and_as_large_as_asked_for() -> None:
    assert aligned_memory(0) == (None, 0)
    for size in (1, 63, 64, 65, 1000):
        memory, at = aligned_memory(size)
        assert at % ALIGNMENT == 0
        assert at + size <= address_of(memory) + memory.nbytes


def test_a_thread_keeps_its_workspace() -> None:
    found: list[list[int]] = []

    def ask() -> None:
        keep, first = workspace(1000)
        again = workspace(500)[1]
        large, larger = workspace(5000)
        kept = [first, again, larger, workspace(1000)[1]]
        huge, of_huge = workspace(KEPT_BYTES + 1)
        found.append([*kept, workspace(5000)[1], of_huge])
        done.wait()
        del keep, large, huge

    done = threading.Barrier(2, timeout=20)
    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for first, again, larger, later, at_last, of_huge in found:
        assert first == again
        assert larger == later == at_last != of_huge
    assert abs(found[0][2] - found[1][2]) >= 5000
