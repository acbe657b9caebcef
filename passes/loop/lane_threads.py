"""Nests in which the lanes of a warp share the trees of a row: their results meet in registers, by `loop.read_lane`.

As in `treec.passes.loop.tree_threads`, but nothing of it is in shared memory, and no thread waits for those of other rows.
Where sums may be reassociated, each lane adds the partial sum of the lane whose number has another last bit, then another
bit before that, and so on: the order of additions is that of ``reduce … in=shared``. Where sums are exact, lanes hand over
leaf values in the order of the trees; each has the sums of every so-many-th column, and adds what is for these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from xdsl.ir import Attribute, SSAValue

from treec.codegen.abi import Task
from treec.errors import CodegenError, ScheduleError
from treec.frontends.base import Forest
from treec.passes.loop.block_nest import State
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.rank import WalkRanks
from treec.passes.loop.tables import Tables
from treec.passes.loop.tree_threads import TreeThreadsNest
from treec.passes.loop.walking import Landing, TreeWalk, Visit
from treec.treeir.loop_types import BinaryKind, CompareKind, Scope
from treec.treeir.plan import ForOp, KernelOp

UNROLLED = 8
"""Columns, or values of a leaf, whose code is repeated: so many are in registers."""


class LaneThreadsNest(TreeThreadsNest):
    """Lowers the nest of a kernel whose trees the lanes of a row share."""

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
        _require_single_rows(self.prefix, self.inner, self.base_loop, self.lane.label.data)
        self.n_own = -(-forest.n_columns // self.n_lanes)
        self._sums_of_lanes: SSAValue | None = None
        self._numbers: dict[SSAValue, int] = {}
        self._first_line = 0

    def _wait(self, b: LoopBuilder) -> None:
        b.barrier(lanes=True)

    def _partial_sums(self, b: LoopBuilder, loops: list[ForOp], state: State) -> None:
        """A sum for each lane, and then their sum: lines of both forms take turns, so that no lane writes what another
        reads."""
        n_columns = self.forest.n_columns
        if self._sums_of_lanes is None:  # one for all copies of an unrolled body, which run one after the other
            self._sums_of_lanes = b.alloc([2 * n_columns, self.n_lanes, self.block], self.sum_type, Scope.LANES)
        parts = self._sums_of_lanes
        self._first_line = 0

        def one(t: LoopBuilder, inner: State, lane: SSAValue) -> None:
            self._thread, first = lane, self._first_tree(t, lane)
            if n_columns == 1:
                total = self._strided(t, replace(inner, total=t.constant(0.0, self.sum_type)), first)[0]
                buffer, place = self._sum_place(t, inner.rows[0], t.constant(0))
                t.store(total, buffer, *place)
                return

            def clear(u: LoopBuilder, column: SSAValue) -> None:
                buffer, place = self._sum_place(u, inner.rows[0], column)
                u.store(u.constant(0.0, self.sum_type), buffer, *place)

            _each(t, n_columns, clear)
            self._strided(t, inner, first)

        self._each_lane(b, loops, state, one)
        distance = 1
        while distance < self.n_lanes:
            self._wait(b)
            self._add_other(b, state, parts, distance)
            distance *= 2
        self._write(b, state, parts, 1)

    def _add_other(self, b: LoopBuilder, state: State, parts: SSAValue, distance: int) -> None:
        """To each lane's sums those of the lane that is ``distance`` away, in the half where the other lines are."""
        n_columns, source = self.forest.n_columns, self._first_line
        target = n_columns - source

        def one(t: LoopBuilder, row: SSAValue, lane: SSAValue) -> None:
            other = t.binary(BinaryKind.XOR, lane, distance)

            def one_column(u: LoopBuilder, column: SSAValue) -> None:
                line = u.add(column, source)
                total = u.add(u.load(parts, line, lane, row), u.read_lane(parts, line, other, row))
                u.store(total, parts, u.add(column, target), lane, row)

            _each(t, n_columns, one_column)

        self._share_out(b, state, self.n_lanes, one)
        self._first_line = target

    def _in_order(self, b: LoopBuilder, loops: list[ForOp], state: State) -> None:
        """Some trees after the other, their values handed over in the order of the trees."""
        n = self.together
        if self._memory is None:
            n_values = n * self.forest.leaf_width
            values, sums = (
                b.alloc([size, self.n_lanes, self.block], self.sum_type, Scope.LANES) for size in (n_values, self.n_own)
            )
            self._memory = values, sums
        values, sums = self._memory
        if sums is None:
            raise CodegenError("sums have no memory")
        rule, last = self.sums_rule, self.forest.n_columns - 1

        def start(t: LoopBuilder, row: SSAValue, lane: SSAValue) -> None:
            def one(u: LoopBuilder, number: SSAValue) -> None:
                column = u.minimum(self._own_column(u, number, lane), u.constant(last))
                u.store(rule.start(u, column), sums, number, lane, row)

            _each(t, self.n_own, one)

        self._share_out(b, state, self.n_lanes, start)
        begin, end = self.trees
        count = b.sub(end, begin)
        whole = b.minimum(b.add(begin, b.sub(count, b.binary(BinaryKind.REM, count, self.n_lanes * n))), end)
        self._rounds(b, loops, state, (begin, whole if n > 1 else end), n, (values, sums))
        if n > 1:
            self._rounds(b, loops, state, (whole, end), 1, (values, sums))
        self._write(b, state, sums, self.n_own)

    def _own_column(self, b: LoopBuilder, number: SSAValue, lane: SSAValue) -> SSAValue:
        """Of a lane's sums, where each has every so-many-th column."""
        return lane if self.n_own == 1 else b.add(b.mul(number, self.n_lanes), lane)

    def _rounds(
        self,
        b: LoopBuilder,
        loops: list[ForOp],
        state: State,
        trees: tuple[SSAValue, SSAValue],
        n: int,
        memory: tuple[SSAValue, SSAValue],
    ) -> None:
        """``n`` trees for each lane, then their values, until all trees are done; if ``n`` is 1, the last lanes may have
        none."""

        def one(t: LoopBuilder, first: SSAValue, _: Values) -> Values:
            last = t.minimum(t.add(first, self.n_lanes * n), trees[1])
            upper = last if n == 1 else t.add(first, self.n_lanes)

            def thread(u: LoopBuilder, inner: State) -> None:
                def visits(v: LoopBuilder, tree: SSAValue, _: Values) -> Values:
                    self._thread = v.sub(tree, first)
                    return self._trees(v, inner, tree, n)

                self._lanes(u, (first, upper), visits)

            self._threads(t, loops, state, thread)
            self._wait(t)
            count = t.sub(last, first) if n == 1 else t.constant(self.n_lanes)

            def add(u: LoopBuilder, row: SSAValue, lane: SSAValue) -> None:
                for number in range(n):
                    self._add_values(u, (row, lane), u.add(first, number * self.n_lanes), count, number, memory)

            self._share_out(t, state, self.n_lanes, add)
            self._wait(t)
            return []

        b.for_(*trees, one, step=self.n_lanes * n, label=self.rest[0].label.data)

    def _add_values(
        self,
        b: LoopBuilder,
        own: tuple[SSAValue, SSAValue],
        first: SSAValue,
        count: SSAValue,
        number: int,
        memory: tuple[SSAValue, SSAValue],
    ) -> None:
        """To a lane's sums (``own``: its row and number), value ``number`` of the first ``count`` lanes, whose trees are
        those from ``first`` on."""
        (values, sums), (row, lane), width = memory, own, self.forest.leaf_width

        def value_of(t: LoopBuilder, slot: SSAValue, offset: SSAValue) -> SSAValue:
            return t.read_lane(values, t.add(offset, number * width), slot, row)

        def run(totals: Sequence[SSAValue], body: Callable[[LoopBuilder, SSAValue, Values], Values]) -> Values:
            return b.for_(b.constant(0), count, body, initial=totals, label="slot")

        zero = b.constant(0)
        if self.forest.n_columns == 1:
            start = [b.load(sums, zero, lane, row)]
            total = run(start, lambda t, slot, totals: [t.add(totals[0], value_of(t, slot, zero))])
            b.store(total[0], sums, zero, lane, row)
            return

        def one_tree(t: LoopBuilder, slot: SSAValue, _: Values) -> Values:
            first_column = self.walk.column(t, t.add(first, slot))

            def one_value(u: LoopBuilder, offset: SSAValue) -> None:
                column, value = u.add(first_column, offset), value_of(u, slot, offset)
                at = zero if self.n_own == 1 else u.binary(BinaryKind.DIV, column, self.n_lanes)
                mine = u.compare(CompareKind.EQ, u.binary(BinaryKind.REM, column, self.n_lanes), lane)
                old = u.load(sums, at, lane, row)
                u.store(u.select(mine, u.add(old, value), old), sums, at, lane, row)

            _each(t, width, one_value)
            return []

        run([], one_tree)

    def _write(self, b: LoopBuilder, state: State, sums: SSAValue, n_own: int) -> None:
        """The outputs of all rows: of lane 0, or of each lane those of its columns."""
        n_columns, block_begin = self.forest.n_columns, state.rows[0]
        exact = not self.reassociates

        def put(t: LoopBuilder, row: SSAValue, column: SSAValue, total: SSAValue) -> None:
            if self.reassociates and self.forest.sum.base_first:
                total = t.add(self.sums_rule.start(t, column), total)
            t.store(self.sums_rule.finish(t, total, column), self.out, t.add(block_begin, row), column)

        def one(t: LoopBuilder, row: SSAValue, lane: SSAValue) -> None:
            if not exact:
                _each(
                    t,
                    n_columns,
                    lambda u, column: put(u, row, column, u.load(sums, u.add(column, self._first_line), lane, row)),
                )
                return

            def own(u: LoopBuilder, number: SSAValue) -> None:
                column = self._own_column(u, number, lane)
                if n_own == 1:
                    put(u, row, column, u.load(sums, number, lane, row))
                    return

                def write(v: LoopBuilder) -> Values:
                    put(v, row, column, v.load(sums, number, lane, row))
                    return []

                u.if_(u.compare(CompareKind.SLT, column, u.constant(n_columns)), [], write, lambda _: [])

            _each(t, n_own, own)

        self._share_out(b, state, min(self.n_lanes, n_columns) if exact else 1, one)

    def _trees(self, b: LoopBuilder, state: State, tree: SSAValue, n: int) -> Values:
        trees = [b.add(tree, number * self.n_lanes) for number in range(n)]
        self._numbers = {one: number for number, one in enumerate(trees)}
        return self._visit(b, state, [Visit(state.rows[0], one) for one in trees])

    def _accumulate(self, b: LoopBuilder, visit: Visit, landing: Landing, total: SSAValue | None) -> SSAValue | None:
        if self.reassociates or self._memory is None:
            return super()._accumulate(b, visit, landing, total)
        values, lane, row = self._memory[0], self._thread, self._position(b, visit.row)
        value_at, width = self._values(b, visit, landing), self.forest.leaf_width
        number = self._numbers[visit.tree]
        if lane is None:
            raise CodegenError("a tree is walked outside of all lanes")

        def one(t: LoopBuilder, offset: SSAValue) -> None:
            t.store(value_at(t, offset), values, t.add(offset, number * width), lane, row)

        _each(b, width, one)
        return None

    def _sum_place(self, b: LoopBuilder, row: SSAValue, column: SSAValue) -> tuple[SSAValue, list[SSAValue]]:
        if self._sums_of_lanes is None or self._thread is None:
            raise CodegenError("partial sums have no memory")
        return self._sums_of_lanes, [b.add(column, self._first_line), self._thread, self._position(b, row)]


def _each(b: LoopBuilder, n: int, body: Callable[[LoopBuilder, SSAValue], None]) -> None:
    """``body`` for each number below ``n``: straight code for few of them, so that what they index may be registers."""
    if n <= UNROLLED:
        for number in range(n):
            body(b, b.constant(number))
        return

    def one(t: LoopBuilder, number: SSAValue, _: Values) -> Values:
        body(t, number)
        return []

    b.for_(b.constant(0), b.constant(n), one)


def _require_single_rows(prefix: list[ForOp], inner: list[ForOp], base: ForOp, lane: str) -> None:
    """A thread has one row at a time, and the next thread along the loop over rows the next one."""
    below = prefix[prefix.index(base) + 1 :]
    if (
        inner
        or any(loop.step.value.data != 1 for loop in below)
        or len(below) > 1
        or (not below and base.step.value.data != 1)
    ):
        raise ScheduleError(
            f"the lanes of `{lane}` read one another's registers, and have one row together",
            fix="bind a loop over single rows to the threads, e.g. `split row into=(block, thread) by=8`, `bind thread "
            "block.y`, outside of the trees; or write in=shared",
        )
