"""The nest of a GPU's thread: sums that are not in a register are in memory of its own."""

from __future__ import annotations

from xdsl.ir import Attribute, SSAValue

from treec.codegen.abi import Task
from treec.errors import CodegenError, ScheduleError
from treec.frontends.base import Forest
from treec.passes.loop.block_nest import State, bounds
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.nest import WalkNest
from treec.passes.loop.node_cache import emit_node_copy
from treec.passes.loop.rank import WalkRanks
from treec.passes.loop.scalar_walk import ScalarWalk
from treec.passes.loop.tables import Tables
from treec.passes.loop.walking import TreeWalk
from treec.passes.plan.bind_loop import threads_of
from treec.treeir.loop_types import byte_size
from treec.treeir.plan import ForOp, KernelOp

SUMS_MOST = 1024
"""Bytes of sums that a thread holds for its row; more, or those of several rows, are held in the outputs."""


class GpuNest(WalkNest):
    """Lowers the nest of a kernel whose loops are bound to a GPU.

    The sums of a thread's row are local to it: local memory lies so that neighbouring threads' sums are neighbours, while
    their outputs are as far apart as rows are; and a sum in the outputs would go to memory with each tree.
    """

    def __init__(
        self,
        kernel: KernelOp,
        walk: TreeWalk,
        ranks: WalkRanks | None,
        forest: Forest,
        tables: Tables,
        task: Task,
        row_type: Attribute,
    ) -> None:
        super().__init__(kernel, walk, ranks, forest, tables, task, row_type)
        self._sums: SSAValue | None = None
        self._first: SSAValue | None = None

    def _enter(self, b: LoopBuilder, loop: ForOp, state: State) -> State:
        state = super()._enter(b, loop, state)
        at = self.kernel.innermost_walk().nodes_at
        if at is not None and at == loop.label:
            if not isinstance(self.walk, ScalarWalk):
                raise ScheduleError("only packed nodes are copied to shared memory", fix="write `layout packed`")
            if len(self.walk.nodes):  # else all trees are single leaves
                self.walk.copies = emit_node_copy(b, self.walk.node_table(), threads_of(self.kernel))
        return state

    def _summed(self, b: LoopBuilder, state: State) -> None:
        n_rows, n_columns = self._block_rows(), self.forest.n_columns
        if n_rows != 1 or n_columns * byte_size(self.sum_type) > SUMS_MOST:
            super()._summed(b, state)
            return
        if self._sums is None:  # one for all copies of an unrolled body, which run one after the other
            self._sums = b.alloc([n_rows, n_columns], self.sum_type)
        begin, end = bounds(b, state.rows)
        self._first = begin
        rule = self.sums_rule

        def one_row(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
            def one_column(u: LoopBuilder, column: SSAValue, _: Values) -> Values:
                buffer, place = self._sum_place(u, row, column)
                u.store(rule.start(u, column), buffer, *place)
                return []

            return t.for_(t.constant(0), t.constant(n_columns), one_column)

        b.for_(begin, end, one_row)
        self._rest(b, self.rest, state)
        rule.finish_each(b, self.out, state.rows, self._load_sum)
        self._first = None

    def _sum_place(self, b: LoopBuilder, row: SSAValue, column: SSAValue) -> tuple[SSAValue, list[SSAValue]]:
        if self._first is None:
            return super()._sum_place(b, row, column)
        if self._sums is None:
            raise CodegenError("sums have a first row and no memory")
        return self._sums, [b.sub(row, self._first), column]
