"""The nest of a GPU's thread: sums that are not in a register are in memory of its own."""

from __future__ import annotations

from xdsl.ir import Attribute, SSAValue

from treec.codegen.abi import Task
from treec.errors import CodegenError
from treec.frontends.base import Forest
from treec.passes.loop.block_nest import State, bounds
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.nest import WalkNest
from treec.passes.loop.rank import WalkRanks
from treec.passes.loop.tables import Tables
from treec.passes.loop.walking import TreeWalk
from treec.treeir.loop_types import byte_size
from treec.treeir.plan import KernelOp

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
