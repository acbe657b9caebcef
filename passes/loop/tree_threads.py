"""Nests in which the threads of a GPU's block share the trees: each walks every so-many-th, and their results meet in
shared memory.

Where sums may be reassociated each thread has a partial sum for each of its rows, in a register where that is one number;
neighbouring threads' sums are then added, pairs of these, and so on, always in the same order. Where sums are exact the
threads walk some trees, as many as they are or so many times as walks are interleaved, leave the leaf values in shared
memory, and one thread for each row adds these in the order of the trees before the next ones are walked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from xdsl.ir import Attribute, SSAValue

from treec.codegen.abi import Task
from treec.errors import CodegenError, ScheduleError
from treec.frontends.base import Forest
from treec.passes.loop.block_nest import State, bounds
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.gpu_nest import GpuNest
from treec.passes.loop.rank import WalkRanks
from treec.passes.loop.tables import Tables
from treec.passes.loop.walking import Landing, TreeWalk, Visit
from treec.passes.plan.bind_loop import threads_of
from treec.treeir.loop_types import DIMENSIONS, BinaryKind, CompareKind, LoopKind, Scope
from treec.treeir.plan import ForOp, KernelOp, LoopAxis

Thread = Callable[[LoopBuilder, State], None]
"""What a thread does with its rows."""
Item = Callable[[LoopBuilder, SSAValue, SSAValue], None]
"""What a thread does with a row (its position in the block) and a number."""


def shares_trees(kernel: KernelOp) -> bool:
    """Do the threads of a block share its trees?"""
    return any(loop.kind.data is LoopKind.BLOCK and loop.axis.data is LoopAxis.TREE for loop in kernel.nest())


@dataclass(frozen=True)
class _Slots:
    """Leaf values [slots * leaf width, rows] in shared memory, of the trees from ``first`` on."""

    values: SSAValue
    first: SSAValue


class TreeThreadsNest(GpuNest):
    """Lowers the nest of a kernel whose trees the threads of a block share."""

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
        at, self.lane = next((n, loop) for n, loop in enumerate(self.loops) if _is_lane(loop))
        self.inner = self.loops[at + 1 :]
        _check(self.loops, self.lane, reordered=self.order is not None)
        self.n_lanes = self.rest[0].step.value.data
        self.together = self.interleave if self.takes_trees_together else 1
        outside = takewhile(lambda loop: loop.kind.data is not LoopKind.BLOCK, self.prefix)
        *_, self.base_loop = outside
        self.block = self.base_loop.step.value.data
        self.reassociates = forest.sum.reassociate
        self.partial: SSAValue | None = None
        self.slots: _Slots | None = None
        self._memory: tuple[SSAValue, SSAValue | None] | None = None
        self._thread: SSAValue | None = None
        self._row: SSAValue | None = None

    def _prefix(self, b: LoopBuilder, loops: list[ForOp], state: State) -> Values:
        if loops and loops[0].kind.data is not LoopKind.BLOCK:
            return super()._prefix(b, loops, state)
        self._row = state.rows[0]
        if self.task is Task.LEAF:
            self._each_lane(b, loops, state, lambda t, inner, lane: self._strided(t, inner, self._first_tree(t, lane)))
            return []
        if self.base_loop.kind.data is not LoopKind.GRID:
            self._wait(b)  # threads may still read what the step before left
        if self.reassociates:
            self._partial_sums(b, loops, state)
        else:
            self._in_order(b, loops, state)
        return []

    def _wait(self, b: LoopBuilder) -> None:
        """For what other threads leave."""
        b.barrier()

    def _partial_sums(self, b: LoopBuilder, loops: list[ForOp], state: State) -> None:
        """A sum for each thread and row, and then their sum."""
        n_columns = self.forest.n_columns
        if self._memory is None:  # one for all copies of an unrolled body, which run one after the other
            self._memory = b.alloc([self.n_lanes * n_columns, self.block], self.sum_type, Scope.SHARED), None
        self.partial = self._memory[0]

        def one(t: LoopBuilder, inner: State, lane: SSAValue) -> None:
            self._thread, first = lane, self._first_tree(t, lane)
            if inner.rows[1] is None and n_columns == 1:
                total = self._strided(t, replace(inner, total=t.constant(0.0, self.sum_type)), first)[0]
                buffer, place = self._sum_place(t, inner.rows[0], t.constant(0))
                t.store(total, buffer, *place)
                return
            rule = self.sums_rule

            def clear(u: LoopBuilder, row: SSAValue, _: Values) -> Values:
                def one_column(v: LoopBuilder, column: SSAValue, _: Values) -> Values:
                    buffer, place = self._sum_place(v, row, column)
                    v.store(v.constant(0.0, rule.type_), buffer, *place)
                    return []

                return u.for_(u.constant(0), u.constant(n_columns), one_column)

            t.for_(*bounds(t, inner.rows), clear)
            self._strided(t, inner, first)

        self._each_lane(b, loops, state, one)
        b.barrier()
        distance = 1
        while distance < self.n_lanes:
            self._add_neighbours(b, state, self.partial, distance)
            b.barrier()
            distance *= 2
        self._finish(b, state, self.partial)

    def _add_neighbours(self, b: LoopBuilder, state: State, partial: SSAValue, distance: int) -> None:
        """To the sums of every other thread of those that still count, those of the next."""
        n_columns = self.forest.n_columns

        def one(t: LoopBuilder, row: SSAValue, number: SSAValue) -> None:
            left = t.mul(number, 2 * distance * n_columns)

            def one_column(u: LoopBuilder, column: SSAValue, _: Values) -> Values:
                at = u.add(left, column)
                other = u.load(partial, u.add(at, distance * n_columns), row)
                u.store(u.add(u.load(partial, at, row), other), partial, at, row)
                return []

            t.for_(t.constant(0), t.constant(n_columns), one_column)

        self._share_out(b, state, (self.n_lanes - 1 + distance) // (2 * distance), one)

    def _in_order(self, b: LoopBuilder, loops: list[ForOp], state: State) -> None:
        """Some trees after the other, their values added in the order of the trees."""
        n_columns, n = self.forest.n_columns, self.together
        if self._memory is None:
            values = b.alloc([self.n_lanes * n * self.forest.leaf_width, self.block], self.sum_type, Scope.SHARED)
            self._memory = values, b.alloc([n_columns, self.block], self.sum_type, Scope.SHARED)
        values, sums = self._memory
        assert sums is not None
        rule = self.sums_rule

        def start(t: LoopBuilder, row: SSAValue, _: SSAValue) -> None:
            def one_column(u: LoopBuilder, column: SSAValue, _: Values) -> Values:
                u.store(rule.start(u, column), sums, column, row)
                return []

            t.for_(t.constant(0), t.constant(n_columns), one_column)

        self._share_out(b, state, 1, start)
        begin, end = self.trees
        count = b.sub(end, begin)
        whole = b.minimum(b.add(begin, b.sub(count, b.binary(BinaryKind.REM, count, self.n_lanes * n))), end)
        self._rounds(b, loops, state, (begin, whole if n > 1 else end), n, (values, sums))
        if n > 1:
            self._rounds(b, loops, state, (whole, end), 1, (values, sums))
        self._finish(b, state, sums)

    def _rounds(
        self,
        b: LoopBuilder,
        loops: list[ForOp],
        state: State,
        trees: tuple[SSAValue, SSAValue],
        n: int,
        memory: tuple[SSAValue, SSAValue],
    ) -> None:
        """``n`` trees for each thread, then their values, until all trees are done; if ``n`` is 1, the last threads may
        have none."""
        values, _ = memory

        def one(t: LoopBuilder, first: SSAValue, _: Values) -> Values:
            last = t.minimum(t.add(first, self.n_lanes * n), trees[1])
            self.slots = _Slots(values, first)
            upper = last if n == 1 else t.add(first, self.n_lanes)

            def thread(u: LoopBuilder, inner: State) -> None:
                def visits(v: LoopBuilder, tree: SSAValue, _: Values) -> Values:
                    return self._trees(v, inner, tree, n)

                self._lanes(u, (first, upper), visits)

            self._threads(t, loops, state, thread)
            self.slots = None
            t.barrier()
            self._share_out(t, state, 1, lambda u, row, _: self._add(u, row, (first, t.sub(last, first)), memory))
            t.barrier()
            return []

        b.for_(*trees, one, step=self.n_lanes * n, label=self.rest[0].label.data)

    def _add(
        self, b: LoopBuilder, row: SSAValue, trees: tuple[SSAValue, SSAValue], memory: tuple[SSAValue, SSAValue]
    ) -> None:
        """To a row's sums, the values of so many trees from the first."""
        (first, count), (values, sums) = trees, memory
        width = self.forest.leaf_width
        if self.forest.n_columns == 1:
            total = b.for_(
                b.constant(0),
                count,
                lambda t, slot, totals: [t.add(totals[0], t.load(values, slot, row))],
                initial=[b.load(sums, b.constant(0), row)],
                label="slot",
            )
            b.store(total[0], sums, b.constant(0), row)
            return

        def one_tree(t: LoopBuilder, slot: SSAValue, _: Values) -> Values:
            first_column = self.walk.column(t, t.add(first, slot))

            def one_value(u: LoopBuilder, offset: SSAValue, _: Values) -> Values:
                column, at = u.add(first_column, offset), u.add(u.mul(slot, width), offset)
                u.store(u.add(u.load(sums, column, row), u.load(values, at, row)), sums, column, row)
                return []

            return t.for_(t.constant(0), t.constant(width), one_value)

        b.for_(b.constant(0), count, one_tree, label="slot")

    def _finish(self, b: LoopBuilder, state: State, sums: SSAValue) -> None:
        """The outputs of all rows from the first lines of ``sums``, which have the base already where sums are exact."""
        rule, block_begin = self.sums_rule, state.rows[0]

        def one(t: LoopBuilder, row: SSAValue, _: SSAValue) -> None:
            def one_column(u: LoopBuilder, column: SSAValue, _: Values) -> Values:
                total = u.load(sums, column, row)
                if self.reassociates and self.forest.sum.base_first:
                    total = u.add(rule.start(u, column), total)
                u.store(rule.finish(u, total, column), self.out, u.add(block_begin, row), column)
                return []

            t.for_(t.constant(0), t.constant(self.forest.n_columns), one_column)

        self._share_out(b, state, 1, one)

    def _each_lane(
        self, b: LoopBuilder, loops: list[ForOp], state: State, body: Callable[[LoopBuilder, State, SSAValue], object]
    ) -> None:
        """``body`` for each thread: its rows, and its number among those that share the trees."""

        def thread(t: LoopBuilder, inner: State) -> None:
            def one(u: LoopBuilder, lane: SSAValue, _: Values) -> Values:
                body(u, inner, lane)
                return []

            self._lanes(t, (t.constant(0), t.constant(self.n_lanes)), one)

        self._threads(b, loops, state, thread)

    def _threads(self, b: LoopBuilder, loops: list[ForOp], state: State, body: Thread) -> Values:
        """The loops over rows that threads share, and what each does with the rows that it gets."""
        if loops:
            return self._loop(b, loops[0], state, lambda t, inner: self._threads(t, loops[1:], inner, body))
        if self.forest.inputs.table_offset is not None and self.ranks is None:
            state = replace(state, encoded=self._encode(b, state), first_row=state.rows[0])
        body(b, state)
        return []

    def _lanes(
        self, b: LoopBuilder, range_: tuple[SSAValue, SSAValue], body: Callable[[LoopBuilder, SSAValue, Values], Values]
    ) -> None:
        b.for_(
            *range_, body, **_shared(self.lane.dimension and self.lane.dimension.data, self.n_lanes, self.lane.label.data)
        )

    def _share_out(self, b: LoopBuilder, state: State, n: int, body: Item) -> None:
        """``body`` for each row of the block and each number below ``n``, shared out to all threads; the same row is always
        the same thread's if ``n`` is 1. Threads that get nothing wait at the next barrier."""
        begin, end = bounds(b, state.rows)
        assert self.lane.dimension is not None
        lane = self.lane.dimension.data
        along = [loop.dimension.data for loop in self.prefix if loop.kind.data is LoopKind.BLOCK and loop.dimension]
        threads = dict(zip(DIMENSIONS, threads_of(self.kernel), strict=True))
        idle = [d for d, count in threads.items() if count > 1 and d != lane and d not in along[:1]]

        def numbers(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
            def one(u: LoopBuilder, number: SSAValue, _: Values) -> Values:
                body(u, row, number)
                return []

            return t.for_(t.constant(0), t.constant(n), one, **_shared(lane, n))

        def rows(t: LoopBuilder) -> Values:
            kind: dict[str, Any] = _shared(along[0], self.block, "row") if along else {}
            return t.for_(t.constant(0), t.sub(end, begin), numbers, **kind)

        def alone(t: LoopBuilder, dimensions: list[str]) -> Values:
            if not dimensions:
                return rows(t)
            first, *others = dimensions
            return t.for_(t.constant(0), t.constant(1), lambda u, _, __: alone(u, others), **_shared(first, 1))

        alone(b, idle)

    def _first_tree(self, b: LoopBuilder, lane: SSAValue) -> SSAValue:
        """The first tree of the call that is a thread's: every so-many-th of all trees is, whatever a call asks for."""
        begin, _ = self.trees
        first = b.add(b.sub(begin, b.binary(BinaryKind.REM, begin, self.n_lanes)), lane)
        return b.select(b.compare(CompareKind.SLT, first, begin), b.add(first, self.n_lanes), first)

    def _strided(self, b: LoopBuilder, state: State, first: SSAValue) -> Values:
        """The trees of a thread from its first on; returns the sum, where it is in a register."""
        total = [] if state.total is None else [state.total]
        end, n = self.trees[1], self.together

        def run(lower: SSAValue, upper: SSAValue, n: int, total: Values) -> Values:
            def body(t: LoopBuilder, tree: SSAValue, carried: Values) -> Values:
                return self._trees(t, replace(state, total=carried[0] if carried else None), tree, n)

            return b.for_(lower, upper, body, step=self.n_lanes * n, initial=total, label=self.rest[0].label.data)

        if n > 1:
            step = self.n_lanes * n
            room = b.sub(b.sub(end, (n - 1) * self.n_lanes), first)
            count = b.binary(BinaryKind.DIV, b.maximum(b.add(room, step - 1), b.constant(0)), step)
            middle = b.add(first, b.mul(count, step))
            total = run(first, b.minimum(middle, end), n, total)
            first = middle
        return run(first, end, 1, total)

    def _trees(self, b: LoopBuilder, state: State, tree: SSAValue, n: int) -> Values:
        """The rows of a thread down ``n`` of its trees, the first of which is given."""
        if self.inner:
            return self._rest(b, self.inner, replace(state, trees=(tree, None)))
        trees = [b.add(tree, number * self.n_lanes) for number in range(n)]
        return self._visit(b, state, [Visit(state.rows[0], one) for one in trees])

    def _accumulate(self, b: LoopBuilder, visit: Visit, landing: Landing, total: SSAValue | None) -> SSAValue | None:
        if self.slots is None:
            return super()._accumulate(b, visit, landing, total)
        slots, width = self.slots, self.forest.leaf_width
        value_at, slot = self._values(b, visit, landing), b.sub(visit.tree, self.slots.first)
        row = self._position(b, visit.row)

        def one(t: LoopBuilder, offset: SSAValue, _: Values) -> Values:
            t.store(value_at(t, offset), slots.values, t.add(t.mul(slot, width), offset), row)
            return []

        if width == 1:
            b.store(value_at(b, b.constant(0)), slots.values, slot, row)
        else:
            b.for_(b.constant(0), b.constant(width), one)
        return None

    def _position(self, b: LoopBuilder, row: SSAValue) -> SSAValue:
        """Of a row in the block."""
        if self._row is None:
            raise CodegenError("a row stands outside of all blocks")
        return b.sub(row, self._row)

    def _sum_place(self, b: LoopBuilder, row: SSAValue, column: SSAValue) -> tuple[SSAValue, list[SSAValue]]:
        if self.partial is None or self._thread is None:
            raise CodegenError("partial sums have no memory")
        line = b.add(b.mul(self._thread, self.forest.n_columns), column)
        return self.partial, [line, self._position(b, row)]


def _is_lane(loop: ForOp) -> bool:
    return loop.kind.data is LoopKind.BLOCK and loop.axis.data is LoopAxis.TREE


def _shared(dimension: str | None, extent: int, label: str | None = None) -> dict[str, Any]:
    """How a loop says that threads share it."""
    return {"kind": LoopKind.BLOCK, "dimension": dimension, "extent": extent, "label": label}


def _check(loops: list[ForOp], lane: ForOp, *, reordered: bool) -> None:
    """Refuse what threads that share trees can't do."""
    name, rounds = lane.label.data, next(loop for loop in loops if lane.of is not None and loop.label == lane.of)
    if lane.reduce is None:
        raise ScheduleError(
            f"threads share the trees of `{name}`, and nothing says how their leaf values meet",
            fix=f"add `reduce {name} in=shared`",
        )
    if reordered:
        raise ScheduleError(
            f"threads share the trees of `{name}` by their numbers, and trees are stored in another order",
            fix="leave `reorder trees` out",
        )
    if rounds.parts is not None:
        raise ScheduleError(
            f"loop `{rounds.label.data}` is cut into parts, and threads share its trees", fix="leave `fission` out"
        )
    unrolled = next((loop for loop in loops if loop.unroll is not None and loop.axis.data is LoopAxis.TREE), None)
    if unrolled is not None:
        raise ScheduleError(
            f"loop `{unrolled.label.data}` is unrolled, and threads share its trees",
            fix="leave `unroll` out: `walk … interleave=tree:N` takes several trees at a time",
        )
