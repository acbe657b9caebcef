"""What a GPU's stages have beside those of a CPU: loops that blocks and threads share, and rows that a block shares."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from treec.errors import ScheduleError
from treec.frontends.base import Inputs
from treec.passes.algo.shared_rows import copy_shape
from treec.passes.loop.builder import ForBody, LoopBuilder, Values
from treec.passes.loop.row_cache import CopyValue, RowCache
from treec.passes.plan.bind_loop import extent_of, threads_of
from treec.schedule.gpus import LOCAL_MOST, limits_of
from treec.treeir.loop import AllocOp, FuncOp
from treec.treeir.loop_stage import threads_attr
from treec.treeir.loop_types import BinaryKind, LoopKind, Scope, byte_size
from treec.treeir.plan import ForOp, GpuTargetOp, KernelOp, target_of

SHARED_ALIGN = 64
LINK_THREADS = 256
"""Threads of a block that turns raw outputs into responses."""


def is_bound(kernel: KernelOp) -> bool:
    """Do blocks or threads of a GPU share any of its loops?"""
    return any(loop.kind.data.on_gpu for loop in kernel.nest())


def scratch_of(kernel: KernelOp) -> Scope:
    """Where a kernel's scratch memory is."""
    return Scope.LOCAL if is_bound(kernel) else Scope.WORKSPACE


def set_threads(stage: FuncOp, kernel: KernelOp) -> None:
    """Say how many threads a block has, if the kernel has blocks; and refuse what a thread has no room for."""
    if not is_bound(kernel):
        return
    stage.properties["threads"] = threads_attr(threads_of(kernel))
    size = sum(_own_bytes(op) for op in stage.walk() if isinstance(op, AllocOp))
    if size > LOCAL_MOST:
        raise ScheduleError(
            f"each thread would need {size} bytes of memory of its own, {size - LOCAL_MOST} more than the {LOCAL_MOST} it "
            "may have: leaf values that are held until a block's walks are done, or a block of encoded rows",
            fix="bind a loop over single rows to the threads; under `float reassociate` nothing is held",
        )
    _require_shared(stage, kernel)


def _own_bytes(op: AllocOp) -> int:
    """What each thread has of it for itself."""
    scope, extents = op.result.type.scope.data, op.extents
    if scope not in (Scope.LOCAL, Scope.LANES):
        return 0
    return prod(extents if scope is Scope.LOCAL else extents[:-2]) * byte_size(op.result.type.element)


def _require_shared(stage: FuncOp, kernel: KernelOp) -> None:
    """Refuse what the threads of a block have no room for."""
    module = kernel.parent_op()
    target = target_of(module) if isinstance(module, ModuleOp) else None
    if not isinstance(target, GpuTargetOp):
        return
    allocs = [op for op in stage.walk() if isinstance(op, AllocOp) and op.result.type.scope.data is Scope.SHARED]
    sizes = [shared_size(op) for op in allocs]
    arch, most = " and ".join(target.archs), limits_of(target.archs).shared
    if sum(sizes) > most:
        parts = " + ".join(f"{size:,}" for size in sizes)
        raise ScheduleError(
            f"a block would need {parts} = {sum(sizes):,} bytes of shared memory (copied rows, and sums or leaf values of "
            f"trees that threads share), {sum(sizes) - most:,} more than the {most:,} of {arch}",
            fix="use blocks of fewer rows, fewer threads that share trees, or leave `cache rows` out",
        )


def shared_size(op: AllocOp) -> int:
    """Bytes of shared memory, rounded up to what each buffer begins at a multiple of."""
    return -(-prod(op.extents) * byte_size(op.result.type.element) // SHARED_ALIGN) * SHARED_ALIGN


def bound_extent(loop: ForOp, nest: Sequence[ForOp]) -> int | None:
    """The most iterations of a loop that blocks or threads share, where that is known."""
    return extent_of(list(nest), loop) if loop.kind.data.on_gpu else None


def emit_shared_copy(
    b: LoopBuilder,
    cache: RowCache,
    inputs: Inputs,
    bounds: tuple[SSAValue, SSAValue],
    copy: CopyValue,
    threads: tuple[int, int, int],
    *,
    again: bool,
) -> None:
    """Copy a block of rows, all threads of the block together; ``again``: it is not the block's first copy, and threads
    may still read the one before.

    Some neighbouring threads have a row, the next ones the next row, and so on; each then goes from row to row in even
    steps, so that the place of a value follows from the one before by a sum.
    """
    begin, end = bounds
    n_rows = b.minimum(b.sub(end, begin), b.constant(cache.block))
    lanes, together = copy_shape(inputs.n_inputs, prod(threads), by_column=cache.by_column)

    def one_thread(t: LoopBuilder, at: SSAValue, _: Values) -> Values:
        first, lane = t.binary(BinaryKind.DIV, at, lanes), t.binary(BinaryKind.REM, at, lanes)

        def one_column(u: LoopBuilder, number: SSAValue, _: Values) -> Values:
            def one_row(v: LoopBuilder, row: SSAValue, _: Values) -> Values:
                copy(v, v.add(begin, row), row, number)
                return []

            return u.for_(first, n_rows, one_row, step=together)

        return t.for_(lane, t.constant(inputs.n_inputs), one_column, step=lanes)

    if again:
        b.barrier()
    if inputs.n_inputs:
        busy = lanes * together
        emit_shared_out(b, b.constant(busy), busy, threads, one_thread, label="copy")
    b.barrier()


def emit_shared_out(
    b: LoopBuilder, count: SSAValue, most: int, threads: tuple[int, int, int], body: ForBody, *, label: str
) -> None:
    """``body`` for each number below ``count``, of which there are ``most``, shared out to all threads of a block:
    neighbouring numbers to neighbours."""

    def along(t: LoopBuilder, lower: SSAValue, upper: SSAValue, dimensions: list[tuple[str, int]], extent: int) -> Values:
        (dimension, step), *inner = dimensions
        steps = -(-extent // step)

        def one(u: LoopBuilder, first: SSAValue, _: Values) -> Values:
            return along(u, first, u.minimum(u.add(first, step), upper), inner, step) if inner else list(body(u, first, []))

        more: dict[str, Any] = {
            "label": None if inner else label,
            "kind": LoopKind.BLOCK,
            "dimension": dimension,
            "extent": steps,
        }
        return t.for_(lower, upper, one, step=step, **more)

    x, y, _ = threads
    order = [("z", x * y), ("y", x), ("x", 1)]
    along(b, b.constant(0), count, [o for o, n in zip(order, threads[::-1], strict=True) if n > 1 or o[0] == "x"], most)


def emit_row_per_thread(b: LoopBuilder, stage: FuncOp, bounds: tuple[SSAValue, SSAValue], body: ForBody) -> None:
    """``body`` for each row of a range, a thread each."""
    end = bounds[1]

    def block(t: LoopBuilder, first: SSAValue, _: Values) -> Values:
        last = t.minimum(t.add(first, LINK_THREADS), end)
        t.for_(first, last, body, label="row", kind=LoopKind.BLOCK, dimension="x", extent=LINK_THREADS)
        return []

    b.for_(*bounds, block, step=LINK_THREADS, label="block", kind=LoopKind.GRID, dimension="x")
    stage.properties["threads"] = threads_attr((LINK_THREADS, 1, 1))
