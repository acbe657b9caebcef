"""What PoCL does with a barrier in an `if` that all threads take: the reason why blocks are not guarded around barriers.

The kernels are written by hand. Each thread of a block copies values to shared memory, waits, and sums up over a loop with
the same bounds for all threads, in an `if` for threads that have a row. OpenCL allows both forms; PoCL 3.0 lets threads
without a row write in the first.
"""

# pyright: basic

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.gpu.pocl import device

cl = pytest.importorskip("pyopencl")

SOURCE = """
__kernel void sums(__global const float* rows, __global float* out, __global const float* table, long n, long n_trees) {
  __local float copy[64];
  long block = (long)get_group_id(0) * (THREADS * ROWS);
  GUARD {
    long end = block + THREADS * ROWS < n ? block + THREADS * ROWS : n;
    for (long i = get_local_id(0); i < end - block; i += THREADS) copy[i] = rows[block + i];
    barrier(CLK_LOCAL_MEM_FENCE);
    long first = block + (long)get_local_id(0) * ROWS;
    if (first < end) {
      long last = first + ROWS < end ? first + ROWS : end;
      for (long row = first; row < last; row++) {
        float sum = 0;
        for (long tree = 0; tree < n_trees; tree++) sum += table[tree] * copy[row - block];
        out[row] = sum;
      }
    }
  }
}
"""
SPARE = 64


def run(guard: str, threads: int, rows_each: int, n: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(what came, what should have come), both with values behind the last row."""
    context = cl.Context([device()])
    queue = cl.CommandQueue(context)
    text = SOURCE.replace("GUARD", guard).replace("THREADS", str(threads)).replace("ROWS", str(rows_each))
    rows, table = np.arange(1, n + 1, dtype=np.float32), np.array([1, 2, 4], np.float32)
    out = np.full(n + SPARE, -7, np.float32)
    flags = cl.mem_flags.READ_WRITE | cl.mem_flags.COPY_HOST_PTR
    buffers = [cl.Buffer(context, flags, hostbuf=array) for array in (rows, out, table)]
    kernel = cl.Kernel(cl.Program(context, text).build(), "sums")
    blocks = -(-n // (threads * rows_each))
    kernel(queue, (blocks * threads,), (threads,), *buffers, np.int64(n), np.int64(len(table)))
    cl.enqueue_copy(queue, out, buffers[1]).wait()
    return out, np.concatenate([7 * rows, np.full(SPARE, -7, np.float32)])


@pytest.mark.parametrize(("threads", "rows_each"), [(4, 1), (4, 3), (32, 2)])
@pytest.mark.parametrize("n", [1, 7, 63])
def test_a_barrier_that_is_in_no_if_is_right(threads: int, rows_each: int, n: int) -> None:
    found, wanted = run("", threads, rows_each, n)
    np.testing.assert_array_equal(found, wanted)


def test_pocl_3_gets_a_barrier_in_an_if_wrong() -> None:
    """Once this fails, the device is right, and code may be guarded again."""
    if not device().platform.version.startswith("OpenCL 3.0 PoCL 3.0"):
        pytest.skip("it was seen with PoCL 3.0")
    found, wanted = run("if (block < n)", 4, 3, 7)
    np.testing.assert_array_equal(found[:7], wanted[:7])
    assert (found[7:] != wanted[7:]).any()
