"""The nest of a bitslice of the upper levels: codes of many rows by selects, and walks from where these lead to."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import i32, i64
from xdsl.ir import Attribute, SSAValue

from treec.codegen.abi import Task
from treec.errors import CodegenError
from treec.frontends.base import Forest
from treec.passes.algo.packed import narrow
from treec.passes.loop.bitslice_nest import BitsliceNest
from treec.passes.loop.block_nest import State, bounds
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.pair_walk import PairWalk
from treec.passes.loop.predicate_bits import WORD_ROWS
from treec.passes.loop.rank import RANK_ELEMENTS, WalkRanks
from treec.passes.loop.tables import Tables, as_float
from treec.passes.loop.walking import Landing, Visit
from treec.treeir.loop_types import BinaryKind, CastKind
from treec.treeir.plan import KernelOp
from treec.treeir.slices import PredicateBitsOp, SlicedTreesOp


class UpperLevelsNest(BitsliceNest):
    """Rows are ranked by column, for bits, and copied by row, for walks. For each tree, the codes of a word's rows say
    where each walk starts; then ``interleave`` of these rows go down together."""

    def __init__(
        self,
        kernel: KernelOp,
        upper: SlicedTreesOp,
        walk: PairWalk,
        predicates: PredicateBitsOp,
        ranks: WalkRanks,
        forest: Forest,
        tables: Tables,
        task: Task,
        row_type: Attribute,
    ) -> None:
        super().__init__(kernel, upper, predicates, ranks, forest, tables, task, row_type)
        if upper.start is None:
            raise CodegenError("whole trees have no walk below")
        self.walk = walk if task is Task.RAW else walk.plain()
        count = kernel.innermost_walk().interleave
        self.interleave = 1 if count is None or task is not Task.RAW else count.value.data
        self.start = narrow(upper.start.array[upper.leaf.array])
        self.by_row: SSAValue | None = None

    def _answer(self, b: LoopBuilder, ranked: SSAValue, rows: tuple[SSAValue, SSAValue]) -> None:
        super()._answer(b, ranked, rows)
        if self.ranks is None:
            raise CodegenError("a bitslice walk reads ranks")
        element, n_views = RANK_ELEMENTS[self.ranks.op.to.data], self.ranks.op.n_views
        if self.by_row is None:  # one for all copies of an unrolled body, which run one after the other
            self.by_row = b.alloc([self.block, n_views + 1], element)
        copied = self.by_row

        def one_row(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
            def one_view(u: LoopBuilder, view: SSAValue, _: Values) -> Values:
                u.store(u.load(ranked, view, row), copied, row, view)
                return []

            t.for_(t.constant(0), t.constant(n_views), one_view)
            t.store(t.constant(0, element), copied, row, t.constant(n_views))
            return []

        b.for_(b.constant(0), b.sub(rows[1], rows[0]), one_row)

    def _use_words(self, b: LoopBuilder, state: State, tree: SSAValue, words: tuple[SSAValue, SSAValue]) -> None:
        self._kinds(b, tree, lambda t, n_bits, is_full: self._codes_of(t, tree, words[0], n_bits, is_full))
        begin, end = bounds(b, state.rows)
        first = b.add(begin, b.mul(words[0], WORD_ROWS))
        last = b.minimum(b.add(begin, b.mul(words[1], WORD_ROWS)), end)
        rows = b.sub(last, first)
        count = b.constant(self.interleave)
        middle = b.add(first, b.sub(rows, b.binary(BinaryKind.REM, rows, count)))
        first_code = self._entry(b, "code_offset", self.sliced.code_offset, tree)

        def some(n: int, lower: SSAValue, upper: SSAValue) -> None:
            def body(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
                self._visit(t, state, tree, [t.add(row, k) for k in range(n)], (first, first_code))
                return []

            b.for_(lower, upper, body, step=n, label="row")

        some(self.interleave, first, middle)
        if self.interleave > 1:
            some(1, middle, last)

    def _visit(
        self, b: LoopBuilder, state: State, tree: SSAValue, rows: Sequence[SSAValue], codes: tuple[SSAValue, SSAValue]
    ) -> None:
        """Walk some rows on, together. ``codes``: the row of the first code in workspace, and the tree's first code."""
        starts = b.table(self.tables.of("upper_start", self.start))
        places = [b.load_index(starts, b.add(codes[1], self._code(b, b.sub(row, codes[0]), i64))) for row in rows]
        begin = state.rows[0]

        def read(t: LoopBuilder, visit: Visit, column: SSAValue) -> SSAValue:
            if self.by_row is None:
                raise CodegenError("a walk comes before its rows are ranked")
            return t.cast(CastKind.ZEXT, t.load(self.by_row, t.sub(visit.row, begin), column), column.type)

        landings = self.walk.emit_from(b, [Visit(row, tree) for row in rows], places, read)
        for landing, row in zip(landings, rows, strict=True):
            if self.task is Task.LEAF:
                leaf = b.cast(CastKind.TRUNC, self.walk.leaf_id(b, landing), i32)
                b.store(leaf, self.out, row, self._number(b, tree))
            else:
                self._accumulate(b, begin, row, landing)

    def _accumulate(self, b: LoopBuilder, begin: SSAValue, row: SSAValue, landing: Landing) -> None:
        """Add a leaf's values to the row's sums, or hold them."""
        tree, width = landing.tree, self.forest.leaf_width
        values = b.table(self.tables.of("leaf_values", self.forest.leaves.values))
        leaf, first_column = self.walk.leaf_row(b, landing), self.walk.column(b, tree)
        first = leaf if width == 1 else b.mul(leaf, width)

        def one(t: LoopBuilder, offset: SSAValue, _: Values) -> Values:
            loaded = t.load(values, t.add(first, offset))
            value = as_float(t, self.sums_rule.weighted(t, loaded, tree), self.sum_type)
            if self.held is not None:
                self.held.hold(t, value, row, self._number(t, tree), offset)
                return []
            sums, line = self._line(t, t.add(first_column, offset))
            place = t.sub(row, begin)
            t.store(t.add(t.load(sums, line, place), value), sums, line, place)
            return []

        if width == 1:
            one(b, b.constant(0), [])
        else:
            b.for_(b.constant(0), b.constant(width), one)
