"""One kernel's nest as one stage, around a walk of single rows down single trees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from xdsl.dialects.builtin import i32
from xdsl.ir import Attribute, SSAValue

from treec.codegen.abi import Task
from treec.frontends.base import Forest
from treec.passes.loop.block_nest import State, bounds
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.encode import emit_missing
from treec.passes.loop.group_nest import GroupNest
from treec.passes.loop.rank import WalkRanks
from treec.passes.loop.tables import Tables, as_float
from treec.passes.loop.unroll import emit_unrolled
from treec.passes.loop.walking import Landing, TreeWalk, Visit
from treec.treeir.loop_types import BinaryKind, CastKind, is_vector
from treec.treeir.plan import ForOp, KernelOp, LoopAxis

ValueAt = Callable[[LoopBuilder, SSAValue], SSAValue]


class WalkNest(GroupNest):
    """Lowers the nest of ``kernel``: in its innermost loop some rows go down some trees together."""

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
        super().__init__(kernel, ranks, forest, tables, task, row_type)
        self.walk = walk.plain() if task is Task.LEAF else walk
        self.interleave = _interleave_of(kernel) if task is Task.RAW else 1
        self.takes_trees_together = self.interleave > 1 and self.loops[-1].axis.data is LoopAxis.TREE

    def _last(self, b: LoopBuilder, loop: ForOp, state: State) -> Values:
        if self.interleave > 1:
            return self._interleaved(b, loop, state)
        return self._one_by_one(b, loop, state)

    def _one_by_one(self, b: LoopBuilder, loop: ForOp, state: State) -> Values:
        return self._loop(b, loop, state, lambda t, inner: self._visit(t, inner, [Visit(inner.rows[0], inner.trees[0])]))

    def _interleaved(self, b: LoopBuilder, loop: ForOp, state: State) -> Values:
        """The innermost loop in steps of several walks, then what is left over one by one."""
        begin, end = bounds(b, state.range_of(loop.axis.data))
        count = b.constant(self.interleave)
        whole = b.sub(b.sub(end, begin), b.binary(BinaryKind.REM, b.sub(end, begin), count))
        middle = b.add(begin, whole)

        def visits(t: LoopBuilder, index: SSAValue, n: int) -> list[Visit]:
            steps = [t.add(index, offset) for offset in range(n)]
            if loop.axis.data is LoopAxis.ROW:
                return [Visit(row, state.trees[0]) for row in steps]
            return [Visit(state.rows[0], self._place(t, loop, tree)) for tree in steps]

        def run(lower: SSAValue, upper: SSAValue, n: int, total: Values) -> Values:
            def body(t: LoopBuilder, index: SSAValue, carried: Values) -> Values:
                inner = replace(state, total=carried[0] if carried else None)
                return self._visit(t, inner, visits(t, index, n))

            return emit_unrolled(b, loop, (lower, upper), n, total, body)

        total = run(begin, middle, self.interleave, [] if state.total is None else [state.total])
        return run(middle, end, 1, total)

    def _visit(self, b: LoopBuilder, state: State, visits: Sequence[Visit]) -> Values:
        """Walk some rows down some trees together; their sums come one after the other, in the nest's order."""
        walk = self.walk if state.depth is None else self.walk.at_depth(state.depth)
        landings = walk.emit(b, visits, lambda t, visit, column: self._read(t, state, visit.row, column))
        total = state.total
        for visit, landing in zip(visits, landings, strict=True):
            if self.task is Task.LEAF:
                leaf = b.cast(CastKind.TRUNC, self.walk.leaf_id(b, landing), i32)
                b.store(leaf, self.out, visit.row, self._number(b, visit.tree))
            else:
                total = self._accumulate(b, visit, landing, total)
        return [] if total is None else [total]

    def _read(self, b: LoopBuilder, state: State, row: SSAValue, column: SSAValue) -> SSAValue:
        if state.ranked is not None and state.first_row is not None:
            rank = self._load_row(b, state.ranked, b.sub(row, state.first_row), column)
            return b.cast(CastKind.ZEXT, rank, column.type)
        if state.encoded is not None and state.first_row is not None:
            position = b.sub(row, state.first_row)
            by_column = self.cache is not None and self.cache.by_column
            return self._load_row(b, state.encoded, position, column, by_column=by_column)
        value = as_float(b, self._load_row(b, self.rows, row, column), self.value_type)
        return emit_missing(b, value, self.forest.inputs)

    def _load_row(
        self, b: LoopBuilder, buffer: SSAValue, row: SSAValue, column: SSAValue, *, by_column: bool = False
    ) -> SSAValue:
        """A column of a row; for a vector of columns, one in each lane."""
        if not is_vector(column.type):
            return b.load(buffer, column, row) if by_column else b.load(buffer, row, column)
        here, same = b.constant(0), b.constant(0, column.type)
        origin, offsets = ([here, row], [column, same]) if by_column else ([row, here], [same, column])
        return b.gather(buffer, origin, offsets)

    def _accumulate(self, b: LoopBuilder, visit: Visit, landing: Landing, total: SSAValue | None) -> SSAValue | None:
        row, tree = visit.row, visit.tree
        width = self.forest.leaf_width
        if total is not None:
            return b.add(total, self._values(b, visit, landing)(b, b.constant(0)))
        value_at, first_column = self._values(b, visit, landing), self.walk.column(b, tree)

        number = None if self.held is None else self._number(b, tree)

        def one(t: LoopBuilder, offset: SSAValue, _: Values) -> Values:
            column = t.add(first_column, offset)
            value = value_at(t, offset)
            if self.held is not None and number is not None:
                self.held.hold(t, value, row, number, offset)
                return []
            buffer, place = self._sum_place(t, row, column)
            t.store(t.add(t.load(buffer, *place), value), buffer, *place)
            return []

        if width == 1:
            one(b, b.constant(0), [])
        else:
            b.for_(b.constant(0), b.constant(width), one)
        return None

    def _values(self, b: LoopBuilder, visit: Visit, landing: Landing) -> ValueAt:
        """A leaf's values by their offset, in the sum's dtype and times the tree's weight."""
        known = landing.value
        if known is not None:
            return lambda t, offset: known
        width = self.forest.leaf_width
        if self.walk.leaf_values is not None:
            values, first = b.table(self.tables.of("values", self.walk.leaf_values)), landing.position
        else:
            values, row = b.table(self.tables.of("leaf_values", self.forest.leaves.values)), self.walk.leaf_row(b, landing)
            first = row if width == 1 else b.mul(row, width)
        return lambda t, offset: self.sums_rule.weighted(t, t.load(values, t.add(first, offset)), visit.tree)

    def _sum_place(self, b: LoopBuilder, row: SSAValue, column: SSAValue) -> tuple[SSAValue, list[SSAValue]]:
        """Where the sum of a row and column is held: buffer and indices."""
        if self.partials is not None:
            return self.partials.buffer, [self.partials.line(b, column), self.partials.row(b, row)]
        return self.out, [row, column]

    def _load_sum(self, b: LoopBuilder, row: SSAValue, column: SSAValue) -> SSAValue:
        buffer, place = self._sum_place(b, row, column)
        return b.load(buffer, *place)


def _interleave_of(kernel: KernelOp) -> int:
    count = kernel.innermost_walk().interleave
    return 1 if count is None else count.value.data
