"""The nest of a kernel whose walk has lanes: vectors of rows, and sums that vectors of rows can be added to."""

from __future__ import annotations

from dataclasses import replace

from xdsl.dialects.builtin import i32
from xdsl.ir import Attribute, SSAValue

from treec.codegen.abi import Task
from treec.errors import ScheduleError
from treec.frontends.base import Forest
from treec.passes.loop.block_nest import State, bounds
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.lanes_walk import INDEX_LIMIT, LanesWalk
from treec.passes.loop.nest import WalkNest
from treec.passes.loop.rank import WalkRanks
from treec.passes.loop.tables import Tables
from treec.passes.loop.unroll import emit_unrolled
from treec.passes.loop.walking import Landing, Visit
from treec.treeir.loop_types import BinaryKind, CastKind, is_vector, vector_like
from treec.treeir.plan import ForOp, KernelOp


class LanesNest(WalkNest):
    """Lowers the nest for raw outputs: the innermost loop, over rows, in steps of several vectors of rows, then of one,
    then of single rows for what is left.

    The sums of a block of rows are kept in workspace, [columns, rows], where a vector of rows is one load. Without a row
    loop outside of the trees a block has no bound: then sums are gathered from, and scattered to, the caller's ``out``.
    """

    def __init__(
        self,
        kernel: KernelOp,
        walk: LanesWalk,
        ranks: WalkRanks | None,
        forest: Forest,
        tables: Tables,
        row_type: Attribute,
    ) -> None:
        super().__init__(kernel, walk.one_row(), ranks, forest, tables, Task.RAW, row_type)
        self.lanes_walk = walk
        self.lanes = walk.lanes
        self.sums: SSAValue | None = None
        self.first_row: SSAValue | None = None
        if forest.leaves.values.size >= INDEX_LIMIT:
            raise ScheduleError("lanes count leaf values in 32 bits, and there are more", fix="use walk with=scalar")

    def _summed(self, b: LoopBuilder, state: State) -> None:
        if not self.prefix:
            super()._summed(b, state)
            return
        begin, end = bounds(b, state.rows)
        block = self.prefix[-1].step.value.data
        self.sums = b.alloc([self.forest.n_columns, block], self.sum_type)
        self.first_row = begin
        self._start_sums(b, b.sub(end, begin), self.sums)
        self._rest(b, self.rest, state)
        self.sums_rule.finish_each(b, self.out, state.rows, self._load_sum)

    def _start_sums(self, b: LoopBuilder, n_rows: SSAValue, sums: SSAValue) -> None:
        def one_column(t: LoopBuilder, column: SSAValue, _: Values) -> Values:
            base = self.sums_rule.start(t, column)

            def one_row(u: LoopBuilder, row: SSAValue, _: Values) -> Values:
                u.store(base, sums, column, row)
                return []

            return t.for_(t.constant(0), n_rows, one_row)

        b.for_(b.constant(0), b.constant(self.forest.n_columns), one_column)

    def _sum_place(self, b: LoopBuilder, row: SSAValue, column: SSAValue) -> tuple[SSAValue, list[SSAValue]]:
        if self.sums is None or self.first_row is None:
            return super()._sum_place(b, row, column)
        return self.sums, [column, b.sub(row, self.first_row)]

    def _last(self, b: LoopBuilder, loop: ForOp, state: State) -> Values:
        begin, end = bounds(b, state.rows)
        for n_vectors in sorted({self.interleave, 1}, reverse=True):
            step = n_vectors * self.lanes
            length = b.sub(end, begin)
            middle = b.add(begin, b.sub(length, b.binary(BinaryKind.REM, length, step)))
            self._vectors(b, loop, state, (begin, middle), n_vectors)
            begin = middle
        return self._one_by_one(b, loop, replace(state, rows=(begin, end)))

    def _vectors(self, b: LoopBuilder, loop: ForOp, state: State, rows: tuple[SSAValue, SSAValue], n_vectors: int) -> None:
        walk = self.lanes_walk if state.depth is None else self.lanes_walk.at_depth(state.depth)

        def body(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
            visits = [Visit(t.add(row, number * self.lanes), state.trees[0]) for number in range(n_vectors)]
            landings = walk.emit(t, visits, lambda u, v, column: self._read(u, state, v.row, column))
            for visit, landing in zip(visits, landings, strict=True):
                self._add_leaves(t, visit, landing)
            return []

        emit_unrolled(b, loop, rows, n_vectors * self.lanes, [], body)

    def _add_leaves(self, b: LoopBuilder, visit: Visit, landing: Landing) -> None:
        """Each lane adds the leaf it has found to its own row's sums."""
        walk, width = self.lanes_walk, self.forest.leaf_width
        values = b.table(self.tables.of("leaf_values", self.forest.leaves.values))
        leaf_row = walk.leaf_row(b, landing)
        first_value = leaf_row if width == 1 else b.mul(leaf_row, width)
        first_column = walk.column(b, visit.tree)

        def one(t: LoopBuilder, offset: SSAValue, _: Values) -> Values:
            at = t.add(first_value, t.splat(t.cast(CastKind.TRUNC, offset, i32), first_value.type))
            value = self.sums_rule.weighted(t, t.load(values, at), visit.tree)
            self._keep(t, visit, first_column, offset, value)
            return []

        if width == 1:
            value = self.sums_rule.weighted(b, b.load(values, first_value), visit.tree)
            self._keep(b, visit, first_column, b.constant(0), value)
        else:
            b.for_(b.constant(0), b.constant(width), one)

    def _keep(self, b: LoopBuilder, visit: Visit, first_column: SSAValue, offset: SSAValue, value: SSAValue) -> None:
        """Add a vector of values to its rows' sums, or hold it."""
        if self.held is None:
            self._add_vector(b, visit.row, b.add(first_column, offset), value)
        else:
            self.held.hold(b, value, visit.row, self._number(b, visit.tree), offset)

    def _add_vector(self, b: LoopBuilder, row: SSAValue, column: SSAValue, value: SSAValue) -> None:
        buffer, place = self._sum_place(b, row, column)
        if self.sums is None and self.partials is None:
            offsets = [b.lane_numbers(vector_like(value.type, i32)), b.constant(0, vector_like(value.type, i32))]
            b.scatter(b.add(b.gather(buffer, place, offsets), value), buffer, place, offsets)
        else:
            b.store(b.add(b.load_vector(buffer, *place, type_=value.type), value), buffer, *place)

    def _load_row(
        self, b: LoopBuilder, buffer: SSAValue, row: SSAValue, column: SSAValue, *, by_column: bool = False
    ) -> SSAValue:
        if not is_vector(column.type):
            return super()._load_row(b, buffer, row, column, by_column=by_column)
        if by_column:
            return b.gather(buffer, [b.constant(0), row], [column, b.lane_numbers(column.type)])
        return b.gather(buffer, [row, b.constant(0)], [b.lane_numbers(column.type), column])
