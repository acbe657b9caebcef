"""The nest of a bitslice walk: a block of rows as bits, and the leaves of many rows by a few selects.

For each tree, a list of selects between words of bits, or a multiplexer, makes the bits of every row's leaf code; these
become a byte per row (two where codes are longer); then, for 64 rows at a time, leaf values are looked up by it. Values are
added in tree order, to sums that lie by column.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import VectorType, i8, i32, i64
from xdsl.ir import Attribute, SSAValue

from treec.codegen.abi import Task
from treec.errors import CodegenError
from treec.frontends.base import Forest
from treec.passes.algo.bitslice import BYTE_BITS
from treec.passes.algo.packed import narrow
from treec.passes.loop.block_nest import State, bounds
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.group_nest import GroupNest
from treec.passes.loop.leaf_codes import LeafCodes
from treec.passes.loop.partial_sums import PartialSums
from treec.passes.loop.predicate_bits import WORD_ROWS, PredicateBits
from treec.passes.loop.rank import WalkRanks
from treec.passes.loop.rank_columns import RankedBlock
from treec.passes.loop.rank_search import search_type
from treec.passes.loop.routines import Given
from treec.passes.loop.tables import Tables, as_float
from treec.treeir.blob import BlobAttr
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind, vector_like
from treec.treeir.plan import ForOp, KernelOp
from treec.treeir.slices import PredicateBitsOp, SlicedTreesOp

ROOM = 512
"""Rows that ranks have room for at least: so kernels for small calls have the same code."""

WordsBody = Callable[[LoopBuilder, tuple[SSAValue, SSAValue]], None]
"""Code for the first and the end of some words."""
Use = Callable[[LoopBuilder, SSAValue, SSAValue], None]
"""Code for a word of the block, with codes from a place of the workspace on."""


class BitsliceNest(GroupNest):
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
        lookup = "gather" if walk.lookup is None else walk.lookup.data
        self.bits = PredicateBits(predicates, ranks.op, tables, by_bytes=lookup == "bytes")
        n_bits = np.diff(sliced.bit_offset.array).astype(np.int64)
        self.kinds, self.kind = np.unique(2 * n_bits + sliced.is_full, return_inverse=True)
        self.code_bytes = 1 if n_bits.max(initial=0) <= BYTE_BITS else 2
        self.in_register = False
        self._leaf_codes = None if sliced.leaf_id is None else LeafCodes(sliced, lookup, forest, tables)
        self.search_type = search_type(forest.inputs, row_type) if lookup != "gather" else None
        self._workspace: tuple[SSAValue, list[SSAValue], SSAValue | None] | None = None

    def _ranked(self, b: LoopBuilder, loop: ForOp, state: State) -> State:
        if self.ranks is None or loop.label.data != self.ranks.at:
            return state
        begin, end = bounds(b, state.rows)
        room = max(ROOM, self.block)
        to = RankedBlock(self.ranks.op, self.forest, self.tables, room, self.search_type)
        ranked = b.alloc(to.shape, to.element)
        given = {"rows": self.rows, "ranked": ranked, "begin": begin, "end": end, "length": b.constant(self.block)}
        how = "" if self.search_type is None else "searched_"
        name = f"{self.ranks.op.sym_name.data}_of_{self.row_type}_by_column_{how}{room}"
        self._routine(b, name, given, lambda t, inner: to.emit(t, **inner))
        return replace(state, ranked=ranked, first_row=begin)

    def _prefix(self, b: LoopBuilder, loops: list[ForOp], state: State) -> Values:
        if not loops and state.ranked is not None:
            self._answer(b, state.ranked, bounds(b, state.rows))
        return super()._prefix(b, loops, state)

    def _answer(self, b: LoopBuilder, ranked: SSAValue, rows: tuple[SSAValue, SSAValue]) -> None:
        """The answers of the predicates for the block of rows."""
        if self._workspace is None:  # one for all copies of an unrolled body, which run one after the other
            slots = b.alloc([self.n_predicates + 2 + self.sliced.n_selects, self.n_words], i64)
            sums = (
                b.alloc([self.forest.n_columns, self.block], self.sum_type)
                if self.task is Task.RAW and not self.holds and self.reduction is None
                else None
            )
            codes = [b.alloc([self.step_words * WORD_ROWS], i8) for _ in range(self.code_bytes)]
            self._workspace = slots, codes, sums
        given = {"ranked": ranked, "slots": self._slots}
        if self.n_words != self.step_words:
            given["used"] = self._used_words(b, rows)

        def body(t: LoopBuilder, inner: Given) -> None:
            self.bits.emit(t, inner["ranked"], inner["slots"], self.n_words, self.step_words, inner.get("used"))

        self._routine(b, f"{self.kernel.sym_name.data}_predicates", given, body)

    def _used_words(self, b: LoopBuilder, rows: tuple[SSAValue, SSAValue]) -> SSAValue:
        """Words of the block that have rows, up to a whole step."""
        words = b.binary(BinaryKind.SHR, b.add(b.sub(rows[1], rows[0]), self.step_words * WORD_ROWS - 1), 6)
        return b.both(words, b.constant(-self.step_words))

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

    def _clear(self, b: LoopBuilder, partials: PartialSums, state: State) -> None:
        partials.clear(b, b.constant(0), b.constant(self.block))  # whole words are added to

    def _line(self, b: LoopBuilder, column: SSAValue) -> tuple[SSAValue, SSAValue]:
        """Where the sums of a column are held: buffer and line."""
        if self.partials is None:
            return self._sums, column
        return self.partials.buffer, self.partials.line(b, column)

    @property
    def leaves(self) -> LeafCodes:
        if self._leaf_codes is None:
            raise CodegenError("the upper levels of trees have no leaves of their own")
        return self._leaf_codes

    @property
    def _slots(self) -> SSAValue:
        return self._scratch[0]

    @property
    def _codes(self) -> list[SSAValue]:
        """A buffer for each byte of a code, the lowest first."""
        return self._scratch[1]

    @property
    def _sums(self) -> SSAValue:
        sums = self._scratch[2]
        if sums is None:
            raise CodegenError("leaf ids have no sums")
        return sums

    @property
    def _scratch(self) -> tuple[SSAValue, list[SSAValue], SSAValue | None]:
        if self._workspace is None:
            raise CodegenError("a bitslice walk comes before its rows are ranked")
        return self._workspace

    def _last(self, b: LoopBuilder, loop: ForOp, state: State) -> Values:
        self._tree(b, state, state.trees[0])
        return []

    def _entry(self, b: LoopBuilder, name: str, table: BlobAttr | NDArray[Any], at: SSAValue) -> SSAValue:
        return self.tables.number(b, f"slice_{name}", table, at)

    def _tree(self, b: LoopBuilder, state: State, tree: SSAValue) -> None:
        """All rows of the block through one tree."""
        self._each_words(b, state, lambda t, words: self._use_words(t, state, tree, words))

    def _each_words(self, b: LoopBuilder, state: State, body: WordsBody) -> None:
        """``body`` for the words of the block that have rows, as many at once as a word of the schedule has."""
        begin, end = bounds(b, state.rows)
        n_used = b.binary(BinaryKind.SHR, b.add(b.sub(end, begin), WORD_ROWS - 1), 6)

        def one_word(t: LoopBuilder, first: SSAValue, _: Values) -> Values:
            body(t, (first, t.minimum(t.add(first, self.step_words), n_used)))
            return []

        if self.n_words == self.step_words:
            one_word(b, b.constant(0), [])
        else:
            b.for_(b.constant(0), n_used, one_word, step=self.step_words)

    def _selects(self, b: LoopBuilder, tree: SSAValue, word: SSAValue) -> None:
        offset = self.sliced.select_offset
        begin = self._entry(b, "select_offset", offset, tree)
        count = b.sub(self._entry(b, "select_offset", offset, b.add(tree, 1)), begin)

        def one(t: LoopBuilder, number: SSAValue, _: Values) -> Values:
            slots = self._select_slots(t, t.add(begin, number))
            condition, true, false = (t.load_vector(self._slots, slot, word, type_=self.word) for slot in slots)
            differ = t.both(condition, t.binary(BinaryKind.XOR, true, false))
            made = t.binary(BinaryKind.XOR, differ, false)
            t.store(made, self._slots, t.add(number, self.n_predicates + 2), word)
            return []

        b.for_(b.constant(0), count, one, label="select")

    def _select_slots(self, b: LoopBuilder, number: SSAValue) -> Values:
        """The three slots of a select; one integer where they are narrow, since loads are what selects wait for."""
        slots: NDArray[Any] = self.sliced.select.array.reshape(-1, 3)
        size = slots.dtype.itemsize
        if size > 2:
            table, at = b.table(self.tables.of("slice_select", slots.reshape(-1))), b.mul(number, 3)
            return [b.load_index(table, b.add(at, k)) for k in range(3)]
        packed = np.pad(slots, ((0, 0), (0, 1))).astype(slots.dtype.newbyteorder("<")).view(f"<u{4 * size}").reshape(-1)
        together, mask = b.load_index(b.table(self.tables.of("slice_select", packed)), number), (1 << 8 * size) - 1
        return [
            b.both(b.binary(BinaryKind.SHR, together, 8 * size * k) if k else together, b.constant(mask)) for k in range(3)
        ]

    def _use_words(self, b: LoopBuilder, state: State, tree: SSAValue, words: tuple[SSAValue, SSAValue]) -> None:
        """Use the leaves of the rows of some words."""

        def use(t: LoopBuilder, n_bits: int, is_full: bool) -> None:
            self._codes_of(t, tree, words[0], n_bits, is_full)
            self._land(t, state, tree, words, n_bits)

        self._kinds(b, tree, use)

    def _kinds(self, b: LoopBuilder, tree: SSAValue, use: Callable[[LoopBuilder, int, bool], None]) -> None:
        """Code for each number of bits that codes have, and each way to them."""
        kind = self._entry(b, "kind", narrow(self.kind.reshape(-1)), tree)

        def chain(t: LoopBuilder, at: int) -> Values:
            def this(u: LoopBuilder) -> Values:
                n_bits, is_full = divmod(int(self.kinds[at]), 2)
                use(u, n_bits, bool(is_full))
                return []

            if at == len(self.kinds) - 1:
                return this(t)
            return t.if_(t.compare(CompareKind.EQ, kind, at), [], this, lambda u: chain(u, at + 1))

        if len(self.kinds):
            chain(b, 0)

    def _codes_of(
        self, b: LoopBuilder, tree: SSAValue, word: SSAValue, n_bits: int, is_full: bool, into: Values | None = None
    ) -> None:
        """The codes of the rows of words from ``word`` on, in workspace or ``into`` buffers, one for each byte."""
        low, *high = into or self._codes
        if is_full:
            self._multiplex(b, tree, word, n_bits, low)
            bits: Values = []
        else:
            self._selects(b, tree, word)
            begin = self._entry(b, "bit_offset", self.sliced.bit_offset, tree)
            table = b.table(self.tables.of("slice_bits", self.sliced.bits))
            slots = [b.load_index(table, b.add(begin, bit)) for bit in range(n_bits)]
            bits = [b.load_vector(self._slots, slot, word, type_=self.word) for slot in slots]
            self._number_rows(b, bits[:BYTE_BITS], low)
        for codes in high:
            self._number_rows(b, bits[BYTE_BITS:], codes)

    def _number_rows(self, b: LoopBuilder, bits: Values, codes: SSAValue) -> None:
        """A byte of each row's code from its bits."""
        none = b.constant(0, VectorType(i8, [WORD_ROWS]))
        for at, code in enumerate(b.transpose_bits(bits) if bits else [none] * self.step_words):
            b.store(code, codes, b.constant(at * WORD_ROWS))

    def _multiplex(self, b: LoopBuilder, tree: SSAValue, word: SSAValue, levels: int, codes: SSAValue) -> None:
        node, offset = self.sliced.node, self.sliced.node_offset
        if node is None or offset is None:
            raise CodegenError("these trees are no multiplexers")
        nodes = b.table(self.tables.of("slice_node", node)), self._entry(b, "node_offset", offset, tree)
        b.multiplex(levels, self.step_words, nodes, (self._slots, word), (codes, b.constant(0)))

    def _land(self, b: LoopBuilder, state: State, tree: SSAValue, words: tuple[SSAValue, SSAValue], n_bits: int) -> None:
        first_code = self._entry(b, "code_offset", self.sliced.code_offset, tree)
        use = (
            self._leaf_ids(state, tree, first_code)
            if self.task is Task.LEAF
            else self._add(b, state, tree, first_code, n_bits)
        )

        def one_word(t: LoopBuilder, word: SSAValue, _: Values) -> Values:
            use(t, word, t.mul(t.sub(word, words[0]), WORD_ROWS))
            return []

        b.for_(words[0], words[1], one_word, label="word")

    def _leaf_ids(self, state: State, tree: SSAValue, first_code: SSAValue) -> Use:
        def use(b: LoopBuilder, word: SSAValue, place: SSAValue) -> None:
            begin, end = bounds(b, state.rows)
            first = b.add(begin, b.mul(word, WORD_ROWS))

            def one_row(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
                code = t.add(first_code, self._code(t, t.add(place, t.sub(row, first)), i64))
                leaf = t.cast(CastKind.TRUNC, self.leaves.leaf_id(t, code), i32)
                t.store(leaf, self.out, row, self._number(t, tree))
                return []

            b.for_(first, b.minimum(b.add(first, WORD_ROWS), end), one_row)

        return use

    def _code(self, b: LoopBuilder, place: SSAValue, type_: Attribute) -> SSAValue:
        """The code of a row, or of some from there on where ``type_`` is a vector."""
        low, *high = (
            b.cast(CastKind.ZEXT, b.load_vector(codes, place, type_=vector_like(type_, i8)), type_) for codes in self._codes
        )
        return b.either(low, b.binary(BinaryKind.SHL, high[0], BYTE_BITS)) if high else low

    def _add(self, b: LoopBuilder, state: State, tree: SSAValue, first_code: SSAValue, n_bits: int) -> Use:
        """Add the leaf values of a word's rows to their sums, or hold them."""
        column = b.constant(0)
        if self.sliced.column is not None:
            column = self._entry(b, "column", self.sliced.column, tree)

        def add(t: LoopBuilder, row: SSAValue, found: SSAValue, offset: SSAValue) -> None:
            value = as_float(t, found, self.sum_type)
            if self.held is not None:
                self.held.hold(t, value, t.add(state.rows[0], row), self._number(t, tree), offset)
                return
            sums, place = self._line(t, t.add(column, offset))
            t.store(t.add(t.load_vector(sums, place, row, type_=value.type), value), sums, place, row)

        lanes, leaves = self.leaves.lanes, self.leaves
        if not leaves.is_gathered(n_bits):
            planes = leaves.planes(b, tree, n_bits)

            def permuted(t: LoopBuilder, word: SSAValue, place: SSAValue) -> None:
                first = t.mul(word, WORD_ROWS)
                for at, found in enumerate(leaves.looked_up(t, planes, n_bits, self._codes[0], place)):
                    add(t, t.add(first, at * lanes), found, t.constant(0))

            return permuted

        def gathered(t: LoopBuilder, word: SSAValue, place: SSAValue) -> None:
            first = t.mul(word, WORD_ROWS)
            for at in range(0, WORD_ROWS, lanes):
                code, row = self._code(t, t.add(place, at), VectorType(i32, [lanes])), t.add(first, at)

                def one_column(u: LoopBuilder, offset: SSAValue, row: SSAValue = row, code: SSAValue = code) -> None:
                    add(u, row, leaves.gathered(u, first_code, code, offset), offset)

                self._columns(t, one_column)

        return gathered

    def _columns(self, b: LoopBuilder, body: Callable[[LoopBuilder, SSAValue], None]) -> None:
        """For each column of a leaf."""

        def one(t: LoopBuilder, offset: SSAValue, _: Values) -> Values:
            body(t, offset)
            return []

        if self.leaves.width == 1:
            one(b, b.constant(0), [])
        else:
            b.for_(b.constant(0), b.constant(self.leaves.width), one)
