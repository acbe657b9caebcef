"""Nests in which threads that share the trees of a row add to one sum in shared memory, in any order, by atomic additions.

For sums that may be reassociated. A thread adds its trees in a register where a row has one column and the thread one row,
and that to the row's sum; else each leaf value.
"""

from __future__ import annotations

from dataclasses import replace

from xdsl.ir import SSAValue

from treec.errors import CodegenError
from treec.passes.loop.block_nest import State
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.tree_threads import TreeThreadsNest
from treec.passes.loop.walking import Landing, Visit
from treec.treeir.loop_types import Scope
from treec.treeir.plan import ForOp


class AtomicThreadsNest(TreeThreadsNest):
    """Lowers the nest of a kernel whose threads add to sums together."""

    def _partial_sums(self, b: LoopBuilder, loops: list[ForOp], state: State) -> None:
        n_columns = self.forest.n_columns
        if self.partial is None:  # one for all copies of an unrolled body, which run one after the other
            self.partial = b.alloc([n_columns, self.block], self.sum_type, Scope.SHARED)
        sums = self.partial

        def clear(t: LoopBuilder, row: SSAValue, _: SSAValue) -> None:
            def one_column(u: LoopBuilder, column: SSAValue, _: Values) -> Values:
                u.store(u.constant(0.0, self.sum_type), sums, column, row)
                return []

            t.for_(t.constant(0), t.constant(n_columns), one_column)

        def one(t: LoopBuilder, inner: State, lane: SSAValue) -> None:
            first = self._first_tree(t, lane)
            if inner.rows[1] is not None or n_columns != 1:
                self._strided(t, inner, first)
                return
            total = self._strided(t, replace(inner, total=t.constant(0.0, self.sum_type)), first)[0]
            t.atomic_add(total, sums, t.constant(0), self._position(t, inner.rows[0]))

        self._share_out(b, state, 1, clear)
        b.barrier()
        self._each_lane(b, loops, state, one)
        b.barrier()
        self._finish(b, state, sums)

    def _accumulate(self, b: LoopBuilder, visit: Visit, landing: Landing, total: SSAValue | None) -> SSAValue | None:
        if total is not None:
            return super()._accumulate(b, visit, landing, total)
        if self.partial is None:
            raise CodegenError("sums have no memory")
        sums, row = self.partial, self._position(b, visit.row)
        value_at, first_column = self._values(b, visit, landing), self.walk.column(b, visit.tree)

        def one(t: LoopBuilder, offset: SSAValue, _: Values) -> Values:
            t.atomic_add(value_at(t, offset), sums, t.add(first_column, offset), row)
            return []

        b.for_(b.constant(0), b.constant(self.forest.leaf_width), one)
        return None
