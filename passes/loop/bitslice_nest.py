"""The nest of a bitslice walk: a block of rows as bits, and the leaves of many rows by a few selects.

For each tree, a list of selects between words of bits makes the bits of every row's leaf code; then, for 64 rows at a time,
the bits become a byte per row (two where codes are longer), and leaf values are looked up by it: by permutes of registers
where a tree has few codes, else by gathers. Values are added in tree order, to sums that lie by column.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from xdsl.dialects.builtin import VectorType, i1, i8, i16, i32, i64
from xdsl.ir import Attribute, SSAValue

from treec.codegen.abi import Task
from treec.errors import CodegenError
from treec.frontends.base import Forest
from treec.passes.algo.bitslice import BYTE_BITS
from treec.passes.loop.block_nest import BlockNest, State, bounds
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.leaf_codes import LeafCodes
from treec.passes.loop.predicate_bits import WORD_ROWS, PredicateBits
from treec.passes.loop.rank import WalkRanks
from treec.passes.loop.rank_columns import emit_rank_columns
from treec.passes.loop.tables import Tables, as_float
from treec.treeir.blob import BlobAttr
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind, vector_like
from treec.treeir.plan import ForOp, KernelOp
from treec.treeir.slices import PredicateBitsOp, SlicedTreesOp


class BitsliceNest(BlockNest):
    """Lowers the nest for raw outputs or leaf ids. The slots, [slot, words of the block], are in workspace."""

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
        self.sliced = sliced
        walk = kernel.innermost_walk()
        word_rows = 512 if walk.word is None else walk.word.value.data
        self.block = -(-self.prefix[-1].step.value.data // word_rows) * word_rows
        self.n_words, self.step_words = self.block // WORD_ROWS, word_rows // WORD_ROWS
        self.word = VectorType(i64, [self.step_words])
        self.n_predicates = predicates.n_predicates
        self.bits = PredicateBits(predicates, ranks.op, tables)
        self.n_bits = np.diff(sliced.bit_offset.array).astype(np.int64)
        self.code = i8 if self.n_bits.max(initial=0) <= BYTE_BITS else i16
        self.in_register = False
        self.leaves = LeafCodes(sliced, forest, tables)
        self._workspace: tuple[SSAValue, SSAValue, SSAValue | None] | None = None

    def _ranked(self, b: LoopBuilder, loop: ForOp, state: State) -> State:
        if self.ranks is None or loop.label.data != self.ranks.at:
            return state
        begin, end = bounds(b, state.rows)
        ranked = emit_rank_columns(b, self.ranks.op, self.forest, self.tables, self.rows, begin, end, self.block)
        if self._workspace is None:  # one for all copies of an unrolled body, which run one after the other
            slots = b.alloc([self.n_predicates + 2 + self.sliced.n_selects, self.n_words], i64)
            sums = (
                b.alloc([self.forest.n_columns, self.block], self.sum_type)
                if self.task is Task.RAW and not self.holds
                else None
            )
            self._workspace = slots, b.alloc([WORD_ROWS], self.code), sums
        self.bits.emit(b, ranked, self._slots, self.n_words)
        return replace(state, first_row=begin)

    def _block_rows(self) -> int:
        return self.block

    def _summed(self, b: LoopBuilder, state: State) -> None:
        begin, _ = bounds(b, state.rows)

        def one_column(t: LoopBuilder, column: SSAValue, _: Values) -> Values:
            base = self.sums_rule.start(t, column)

            def one_row(u: LoopBuilder, row: SSAValue, _: Values) -> Values:
                u.store(base, self._sums, column, row)
                return []

            return t.for_(t.constant(0), t.constant(self.block), one_row)

        b.for_(b.constant(0), b.constant(self.forest.n_columns), one_column)
        self._rest(b, self.rest, state)

        def total(t: LoopBuilder, row: SSAValue, column: SSAValue) -> SSAValue:
            return t.load(self._sums, column, t.sub(row, begin))

        self.sums_rule.finish_each(b, self.out, state.rows, total)

    @property
    def _slots(self) -> SSAValue:
        return self._scratch[0]

    @property
    def _codes(self) -> SSAValue:
        return self._scratch[1]

    @property
    def _sums(self) -> SSAValue:
        sums = self._scratch[2]
        if sums is None:
            raise CodegenError("leaf ids have no sums")
        return sums

    @property
    def _scratch(self) -> tuple[SSAValue, SSAValue, SSAValue | None]:
        if self._workspace is None:
            raise CodegenError("a bitslice walk comes before its rows are ranked")
        return self._workspace

    def _last(self, b: LoopBuilder, loop: ForOp, state: State) -> Values:
        self._tree(b, state, state.trees[0])
        return []

    def _entry(self, b: LoopBuilder, name: str, table: BlobAttr, at: SSAValue) -> SSAValue:
        return self.tables.number(b, f"slice_{name}", table, at)

    def _tree(self, b: LoopBuilder, state: State, tree: SSAValue) -> None:
        """All rows of the block through one tree."""
        begin, end = bounds(b, state.rows)
        n_used = b.binary(BinaryKind.SHR, b.add(b.sub(end, begin), WORD_ROWS - 1), 6)

        def one_word(t: LoopBuilder, first: SSAValue, _: Values) -> Values:
            last = t.minimum(t.add(first, self.step_words), n_used)
            self._selects(t, tree, first)
            self._land(t, state, tree, first, last)
            return []

        if self.n_words == self.step_words:
            one_word(b, b.constant(0), [])
        else:
            b.for_(b.constant(0), n_used, one_word, step=self.step_words)

    def _selects(self, b: LoopBuilder, tree: SSAValue, word: SSAValue) -> None:
        offset, table = self.sliced.select_offset, b.table(self.tables.of("slice_select", self.sliced.select))
        begin = self._entry(b, "select_offset", offset, tree)
        count = b.sub(self._entry(b, "select_offset", offset, b.add(tree, 1)), begin)

        def one(t: LoopBuilder, number: SSAValue, _: Values) -> Values:
            at = t.mul(t.add(begin, number), 3)
            slots = [t.load_index(table, t.add(at, k)) for k in range(3)]
            condition, true, false = (t.load_vector(self._slots, slot, word, type_=self.word) for slot in slots)
            differ = t.both(condition, t.binary(BinaryKind.XOR, true, false))
            made = t.binary(BinaryKind.XOR, differ, false)
            t.store(made, self._slots, t.add(number, self.n_predicates + 2), word)
            return []

        b.for_(b.constant(0), count, one, label="select")

    def _land(self, b: LoopBuilder, state: State, tree: SSAValue, first: SSAValue, last: SSAValue) -> None:
        """Use the leaves of the rows of some words: code for each number of bits that codes have."""
        begin = self._entry(b, "bit_offset", self.sliced.bit_offset, tree)
        count = b.sub(self._entry(b, "bit_offset", self.sliced.bit_offset, b.add(tree, 1)), begin)
        kinds = np.unique(self.n_bits).tolist()

        def chain(t: LoopBuilder, at: int) -> Values:
            if at == len(kinds) - 1:
                self._words(t, state, tree, (first, last), begin, kinds[at])
                return []

            def this(u: LoopBuilder) -> Values:
                self._words(u, state, tree, (first, last), begin, kinds[at])
                return []

            return t.if_(t.compare(CompareKind.EQ, count, kinds[at]), [], this, lambda u: chain(u, at + 1))

        if kinds:
            chain(b, 0)

    def _words(
        self, b: LoopBuilder, state: State, tree: SSAValue, words: tuple[SSAValue, SSAValue], bits: SSAValue, n_bits: int
    ) -> None:
        table = b.table(self.tables.of("slice_bits", self.sliced.bits))
        slots = [b.load_index(table, b.add(bits, bit)) for bit in range(n_bits)]
        first_code = self._entry(b, "code_offset", self.sliced.code_offset, tree)
        use = (
            self._leaf_ids(state, tree, first_code)
            if self.task is Task.LEAF
            else self._add(b, state, tree, first_code, n_bits)
        )

        def one_word(t: LoopBuilder, word: SSAValue, _: Values) -> Values:
            code = t.constant(0, VectorType(self.code, [WORD_ROWS]))
            for bit, slot in enumerate(slots):
                answers = t.cast(CastKind.BITCAST, t.load(self._slots, slot, word), VectorType(i1, [WORD_ROWS]))
                code = t.select(answers, t.add(code, t.constant(1 << bit, code.type)), code)
            t.store(code, self._codes, t.constant(0))
            use(t, word)
            return []

        b.for_(words[0], words[1], one_word, label="word")

    def _leaf_ids(self, state: State, tree: SSAValue, first_code: SSAValue) -> Callable[[LoopBuilder, SSAValue], None]:
        def use(b: LoopBuilder, word: SSAValue) -> None:
            begin, end = bounds(b, state.rows)
            first = b.add(begin, b.mul(word, WORD_ROWS))

            def one_row(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
                code = t.add(first_code, t.load_index(self._codes, t.sub(row, first)))
                leaf = t.cast(CastKind.TRUNC, self.leaves.leaf_id(t, code), i32)
                t.store(leaf, self.out, row, self._number(t, tree))
                return []

            b.for_(first, b.minimum(b.add(first, WORD_ROWS), end), one_row)

        return use

    def _add(
        self, b: LoopBuilder, state: State, tree: SSAValue, first_code: SSAValue, n_bits: int
    ) -> Callable[[LoopBuilder, SSAValue], None]:
        """Add the leaf values of a word's rows to their sums, or hold them."""
        column = b.constant(0)
        if self.sliced.column is not None:
            column = self._entry(b, "column", self.sliced.column, tree)
        registers = self.leaves.registers(b, first_code, n_bits)
        index = VectorType(i32, [self.leaves.lanes])

        def add(t: LoopBuilder, row: SSAValue, code: SSAValue, offset: SSAValue) -> None:
            found = (
                self.leaves.permuted(t, registers, code) if registers else self.leaves.gathered(t, first_code, code, offset)
            )
            value = as_float(t, found, self.sum_type)
            if self.held is not None:
                self.held.hold(t, value, t.add(state.rows[0], row), self._number(t, tree), offset)
                return
            place = t.add(column, offset)
            t.store(t.add(t.load_vector(self._sums, place, row, type_=value.type), value), self._sums, place, row)

        def use(t: LoopBuilder, word: SSAValue) -> None:
            first = t.mul(word, WORD_ROWS)
            for at in range(0, WORD_ROWS, self.leaves.lanes):
                code = t.load_vector(self._codes, t.constant(at), type_=vector_like(index, self.code))
                code, row = t.cast(CastKind.ZEXT, code, index), t.add(first, at)
                self._columns(t, lambda u, offset, row=row, code=code: add(u, row, code, offset))

        return use

    def _columns(self, b: LoopBuilder, body: Callable[[LoopBuilder, SSAValue], None]) -> None:
        """For each column of a leaf."""

        def one(t: LoopBuilder, offset: SSAValue, _: Values) -> Values:
            body(t, offset)
            return []

        if self.leaves.width == 1:
            one(b, b.constant(0), [])
        else:
            b.for_(b.constant(0), b.constant(self.leaves.width), one)
