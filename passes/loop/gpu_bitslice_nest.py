"""The nest of a bitslice walk on a GPU: the threads of a block share the bits of its rows.

They answer all predicates together; then, for each group of trees, each finds the codes of a tree for 32 rows; then each
adds the group's leaf values to the sum of its own row, in tree order. They wait for one another in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from xdsl.dialects.builtin import i32, i64
from xdsl.ir import Attribute, SSAValue

from treec.codegen.abi import Task
from treec.errors import CodegenError, ScheduleError
from treec.frontends.base import Forest
from treec.passes.algo.shared_bits import PLANE, WORD_ROWS
from treec.passes.loop.bit_matrix import byte_of
from treec.passes.loop.block_nest import BlockNest, State, bounds
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.code_words import CodeWords
from treec.passes.loop.leaf_codes import LeafCodes
from treec.passes.loop.predicate_words import PredicateWords
from treec.passes.loop.rank import WalkRanks
from treec.passes.loop.tables import Tables, as_float
from treec.passes.plan.shared_bits import shared_bits, shared_room
from treec.treeir.loop_types import BinaryKind, CastKind, LoopKind, Scope, byte_size
from treec.treeir.plan import ForOp, KernelOp
from treec.treeir.slices import PredicateBitsOp, SlicedTreesOp

PerTree = Callable[[LoopBuilder, SSAValue, SSAValue], None]
"""Code for the leaf of a row in a tree: its place, and the code's place in tables of codes."""


class GpuBitsliceNest(BlockNest):
    """Lowers the nest for raw outputs or leaf ids. Sums of one column are in the outputs between groups, of several columns
    in shared memory, where that has room."""

    def __init__(
        self,
        kernel: KernelOp,
        sliced: SlicedTreesOp,
        predicates: PredicateBitsOp,
        ranks: WalkRanks,
        forest: Forest,
        tables: Tables,
        task: Task,
        row_type: Attribute,
    ) -> None:
        super().__init__(kernel, ranks, forest, tables, task, row_type)
        if self.order is not None and not forest.sum.reassociate:
            raise ScheduleError(
                "trees are stored in another order, and a GPU's bitslice adds them as they lie",
                fix="leave `reorder trees` out, or write `float reassociate`",
            )
        self.ranks_op, self.sliced = ranks.op, sliced
        self.shape = shared_bits(kernel, sliced, predicates, ranks.op)
        self.most = shared_room(kernel, self.shape)
        *_, tree_loop, row_loop = self.loops
        self.tree_loop = tree_loop
        self.dimension = "x" if row_loop.dimension is None else row_loop.dimension.data
        self.block = self.prefix[-1].step.value.data
        views = self.shape.views_at_once(self.most)
        self.predicates = PredicateWords(predicates, ranks.op, forest, tables, self.shape, views, self.dimension)
        self.codes = CodeWords(sliced, self.shape, tables)
        self.leaves = LeafCodes(sliced, "gather", forest, tables)
        self.codes_at = self.shape.slots * self.shape.n_words
        self._memory: SSAValue | None = None
        self._sums: SSAValue | None = None
        self._first_row: SSAValue | None = None

    @property
    def memory(self) -> SSAValue:
        if self._memory is None:
            raise CodegenError("a bitslice walk comes before its rows are ranked")
        return self._memory

    def _ranked(self, b: LoopBuilder, loop: ForOp, state: State) -> State:
        if self.ranks is None or loop.label.data != self.ranks.at:
            return state
        begin, end = bounds(b, state.rows)
        if self._memory is None:  # one for all copies of an unrolled body, which run one after the other
            words = self.shape.words(self.most)
            self._memory = b.alloc([words], i32, Scope.SHARED)
            size = self.forest.n_columns * self.block * byte_size(self.sum_type)
            if self.task is Task.RAW and self.forest.n_columns > 1 and 4 * words + size <= self.most:
                self._sums = b.alloc([self.forest.n_columns, self.block], self.sum_type, Scope.SHARED)
        self._first_row = begin
        self.predicates.emit(b, self.rows, begin, end, self.memory)
        return replace(state, first_row=begin)

    def _rows(self, b: LoopBuilder, state: State, body: Callable[[LoopBuilder, SSAValue], None]) -> None:
        """A row for each thread."""

        def one(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
            body(t, row)
            return []

        kind, at = LoopKind.BLOCK, self.dimension
        b.for_(*bounds(b, state.rows), one, label="row", kind=kind, dimension=at, extent=self.block)

    def _summed(self, b: LoopBuilder, state: State) -> None:
        rule = self.sums_rule

        def each(t: LoopBuilder, body: Callable[[LoopBuilder, SSAValue], None]) -> None:
            def one(u: LoopBuilder, column: SSAValue, _: Values) -> Values:
                body(u, column)
                return []

            if self.forest.n_columns == 1:
                one(t, t.constant(0), [])
            else:
                t.for_(t.constant(0), t.constant(self.forest.n_columns), one)

        def start(t: LoopBuilder, row: SSAValue) -> None:
            def one(u: LoopBuilder, column: SSAValue) -> None:
                buffer, place = self._sum_place(u, row, column)
                u.store(rule.start(u, column), buffer, *place)

            each(t, one)

        def finish(t: LoopBuilder, row: SSAValue) -> None:
            def one(u: LoopBuilder, column: SSAValue) -> None:
                buffer, place = self._sum_place(u, row, column)
                u.store(rule.finish(u, u.load(buffer, *place), column), self.out, row, column)

            each(t, one)

        self._rows(b, state, start)
        self._rest(b, self.rest, state)
        if rule.finishes or self._sums is not None:
            self._rows(b, state, finish)

    def _sum_place(self, b: LoopBuilder, row: SSAValue, column: SSAValue) -> tuple[SSAValue, list[SSAValue]]:
        if self._sums is None or self._first_row is None:
            return self.out, [row, column]
        return self._sums, [column, b.sub(row, self._first_row)]

    def _rest(self, b: LoopBuilder, loops: list[ForOp], state: State) -> Values:
        if len(loops) > 2:
            return super()._rest(b, loops, state)
        if self.tree_loop.of is not None:
            self._group(b, state)
            return []
        return self._loop(b, loops[0], state, self._one_tree_group)

    def _one_tree_group(self, b: LoopBuilder, state: State) -> Values:
        self._group(b, state)
        return []

    def _last(self, b: LoopBuilder, loop: ForOp, state: State) -> Values:
        raise CodegenError("trees of a group are shared among threads; none is met alone")

    def _tree(self, b: LoopBuilder, first: SSAValue, number: SSAValue) -> SSAValue:
        """The place of the ``number``-th tree of a group."""
        if self.tree_loop.of is None:
            return first  # which is a place already
        return self._place(b, self.tree_loop, b.add(first, number))

    def _group(self, b: LoopBuilder, state: State) -> None:
        """All rows of the block through the trees of a group."""
        first, last = bounds(b, state.trees)
        count = b.minimum(b.sub(last, first), b.constant(self.shape.group))
        n_words = self.shape.n_words

        def find(t: LoopBuilder, item: SSAValue, _: Values) -> Values:
            number = item if n_words == 1 else t.binary(BinaryKind.DIV, item, n_words)
            word = t.constant(0) if n_words == 1 else t.binary(BinaryKind.REM, item, n_words)
            codes = t.add(self._codes_of(t, number), t.mul(word, PLANE))
            self.codes.emit(t, self._tree(t, first, number), word, self.memory, codes)
            return []

        def use(t: LoopBuilder, row: SSAValue) -> None:
            self._use(t, state, row, first, count)

        extent = self.shape.group * n_words
        kind, at = LoopKind.BLOCK, self.dimension
        b.for_(b.constant(0), b.mul(count, n_words), find, label="tree", kind=kind, dimension=at, extent=extent)
        b.barrier()
        self._rows(b, state, use)
        b.barrier()

    def _codes_of(self, b: LoopBuilder, number: SSAValue) -> SSAValue:
        """Where the codes of the ``number``-th tree of a group begin."""
        return b.add(b.mul(number, self.shape.codes * self.shape.n_words), self.codes_at)

    def _use(self, b: LoopBuilder, state: State, row: SSAValue, first: SSAValue, count: SSAValue) -> None:
        """The leaves of one row in the trees of a group."""
        position = b.sub(row, state.rows[0])
        word = b.add(b.mul(b.binary(BinaryKind.SHR, position, 5), PLANE), b.both(position, PLANE - 1))
        shift = b.cast(CastKind.TRUNC, b.both(position, WORD_ROWS - PLANE), i32)
        one_sum = self.task is Task.RAW and self.forest.n_columns == 1

        def one_tree(t: LoopBuilder, number: SSAValue, carried: Values) -> Values:
            tree = self._tree(t, first, number)
            code = self._code(t, t.add(self._codes_of(t, number), word), shift)
            at = t.add(self.tables.number(t, "slice_code_offset", self.sliced.code_offset, tree), code)
            if self.task is Task.LEAF:
                leaf = t.cast(CastKind.TRUNC, self.leaves.leaf_id(t, at), i32)
                t.store(leaf, self.out, row, self._number(t, tree))
            elif one_sum:
                return [t.add(carried[0], self._value(t, at, t.constant(0)))]
            else:
                self._add(t, tree, at, row)
            return []

        zero = b.constant(0)
        if not one_sum:
            b.for_(zero, count, one_tree, label="leaf")
            return
        [total] = b.for_(zero, count, one_tree, initial=[b.load(self.out, row, zero)], label="leaf")
        b.store(total, self.out, row, zero)

    def _code(self, b: LoopBuilder, at: SSAValue, shift: SSAValue) -> SSAValue:
        """The code (i64) of the row whose bytes are in the words from ``at`` on."""
        code = byte_of(b, b.load(self.memory, at), shift)
        if self.shape.code_bytes > 1:
            high = byte_of(b, b.load(self.memory, b.add(at, PLANE * self.shape.n_words)), shift)
            code = b.either(code, b.binary(BinaryKind.SHL, high, 8))
        return b.cast(CastKind.ZEXT, code, i64)

    def _value(self, b: LoopBuilder, at: SSAValue, column: SSAValue) -> SSAValue:
        return as_float(b, self.leaves.value(b, at, column), self.sum_type)

    def _add(self, b: LoopBuilder, tree: SSAValue, at: SSAValue, row: SSAValue) -> None:
        """The values of a leaf to the sums of their columns."""
        column = b.constant(0)
        if self.sliced.column is not None:
            column = self.tables.number(b, "slice_column", self.sliced.column, tree)

        def one(t: LoopBuilder, offset: SSAValue, _: Values) -> Values:
            buffer, place = self._sum_place(t, row, t.add(column, offset))
            t.store(t.add(t.load(buffer, *place), self._value(t, at, offset)), buffer, *place)
            return []

        if self.leaves.width == 1:
            one(b, b.constant(0), [])
        else:
            b.for_(b.constant(0), b.constant(self.leaves.width), one)
