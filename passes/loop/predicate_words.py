"""The answers of all predicates for a block of rows, by all threads of a GPU's block: rows become ranks, ranks become words
of bits, and words become answers.

Ranks of 32 rows are 8 words of bytes; transposed, they are words of one bit of each rank. From the words of 4 such bits
follow, for every number of 4 bits, which rows are below it and which are it, and a predicate ``rank <= threshold`` is one
operation for each 4 bits of the threshold. Equality and sets are asked row by row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import i32, i64
from xdsl.ir import SSAValue

from treec.frontends.base import Forest, Test
from treec.passes.algo.packed import narrow
from treec.passes.algo.shared_bits import MARKS, NIBBLE, PLANE, WORD_ROWS, SharedBits
from treec.passes.loop.bit_matrix import byte_of, transpose_bytes
from treec.passes.loop.builder import ForBody, LoopBuilder, Values
from treec.passes.loop.predicate_bits import compared
from treec.passes.loop.rank import GroupCode, group_codes
from treec.passes.loop.tables import Tables
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind, LoopKind
from treec.treeir.ranks import RanksOp
from treec.treeir.slices import PredicateBitsOp


class PredicateWords:
    """Code that fills the slots of a block, [slot, words], in ``memory`` from word 0 on. ``views``: marks of so many are
    made together. ``dimension``: of the threads."""

    def __init__(
        self,
        op: PredicateBitsOp,
        ranks: RanksOp,
        forest: Forest,
        tables: Tables,
        shape: SharedBits,
        views: int,
        dimension: str,
    ) -> None:
        self.op, self.ranks, self.forest, self.tables = op, ranks, forest, tables
        self.shape, self.views, self.dimension = shape, views, dimension
        self.n_words = shape.n_words
        self.ranks_at = shape.slots * self.n_words
        self.marks_at = self.ranks_at + shape.ranks * self.n_words

    def emit(self, b: LoopBuilder, rows: SSAValue, begin: SSAValue, end: SSAValue, memory: SSAValue) -> None:
        """For rows ``begin`` to ``end``; words of a block that is not full have the last row again."""
        for code in group_codes(self.ranks, self.forest, self.tables, by_halves=True):
            self._rank(b, code, rows, (begin, end), memory)
        self._constants(b, memory)
        b.barrier()
        below = self.op.test.array == Test.LESS_EQUAL
        if below.any():
            self._by_marks(b, np.flatnonzero(below), memory)
        for kind in (Test.EQUAL, Test.IN_SET):
            asked = np.flatnonzero(self.op.test.array == kind)
            if len(asked):
                self._by_rows(b, kind, asked, memory)
        b.barrier()

    def _shared(self, b: LoopBuilder, count: SSAValue, body: ForBody, label: str, extent: int | None = None) -> None:
        """A loop whose iterations the threads share."""
        kind = LoopKind.BLOCK
        b.for_(b.constant(0), count, body, label=label, kind=kind, dimension=self.dimension, extent=extent)

    def _rank(
        self, b: LoopBuilder, code: GroupCode, rows: SSAValue, place: tuple[SSAValue, SSAValue], memory: SSAValue
    ) -> None:
        """Ranks of a group's sources: each thread takes 4 rows of a source, the bytes of one word; neighbours take
        neighbouring columns."""
        begin, last = place[0], b.sub(place[1], 1)
        n_plane = PLANE * self.n_words

        def four(t: LoopBuilder, item: SSAValue, _: Values) -> Values:
            source_at = t.binary(BinaryKind.REM, item, code.n_sources)
            at = t.binary(BinaryKind.DIV, item, code.n_sources)
            source = code.source(t, source_at)
            first = t.add(t.mul(t.binary(BinaryKind.SHR, at, 3), WORD_ROWS), t.both(at, PLANE - 1))
            found: list[list[tuple[SSAValue, SSAValue]]] = []
            for byte in range(4):
                row = t.minimum(t.add(begin, t.add(first, PLANE * byte)), last)
                found.append(list(code.ranks_of(t, source, rows, row)))
            for of_view in zip(*found, strict=True):
                view = of_view[0][0]
                of_rows = [t.cast(CastKind.TRUNC, rank, i32) for _, rank in of_view]
                for byte in range(self.shape.rank_bytes):
                    plane = t.add(t.mul(view, self.shape.rank_bytes), byte)
                    where = t.add(t.add(t.mul(plane, n_plane), at), self.ranks_at)
                    t.store(self._packed(t, of_rows, byte), memory, where)
            return []

        n = code.n_sources * n_plane
        self._shared(b, b.constant(n), four, "rank", n)

    def _packed(self, b: LoopBuilder, ranks: Values, byte: int) -> SSAValue:
        """A byte of four ranks."""
        word: SSAValue | None = None
        for number, rank in enumerate(ranks):
            part = rank if byte == 0 else b.binary(BinaryKind.SHR, rank, 8 * byte)
            part = part if self.shape.rank_bytes == byte + 1 else b.both(part, 255)
            part = part if number == 0 else b.binary(BinaryKind.SHL, part, 8 * number)
            word = part if word is None else b.either(word, part)
        assert word is not None
        return word

    def _constants(self, b: LoopBuilder, memory: SSAValue) -> None:
        """The slots of zeros and of ones."""

        def one(t: LoopBuilder, word: SSAValue, _: Values) -> Values:
            for number, value in enumerate((0, -1)):
                at = t.add(word, (self.shape.n_predicates + number) * self.n_words)
                t.store(t.constant(value, i32), memory, at)
            return []

        self._shared(b, b.constant(self.n_words), one, "constant", self.n_words)

    def _split(self, b: LoopBuilder, item: SSAValue) -> tuple[SSAValue, SSAValue]:
        """(thing, word) of the ``item``-th pair of such; words are neighbours."""
        if self.n_words == 1:
            return item, b.constant(0)
        return b.binary(BinaryKind.DIV, item, self.n_words), b.binary(BinaryKind.REM, item, self.n_words)

    def _by_marks(self, b: LoopBuilder, asked: NDArray[np.int64], memory: SSAValue) -> None:
        views, number, count = np.unique(self.op.view.array[asked], return_inverse=True, return_counts=True)
        first = np.concatenate([[0], np.cumsum(count)]) + asked[0]
        begins = narrow(first)

        def some_views(t: LoopBuilder, begin: SSAValue, _: Values) -> Values:
            end = t.minimum(t.add(begin, self.views), t.constant(len(views)))
            n_views = t.minimum(t.sub(end, begin), t.constant(self.views))

            def marks(u: LoopBuilder, item: SSAValue, _: Values) -> Values:
                at, word = self._split(u, item)
                view = self.tables.number(u, "bit_below_view", narrow(views), u.add(begin, at))
                self._marks(u, view, at, word, memory)
                return []

            self._shared(t, t.mul(n_views, self.n_words), marks, "mark", self.views * self.n_words)
            t.barrier()
            slots = [self.tables.number(t, "bit_below_first", begins, at) for at in (begin, end)]

            def answer(u: LoopBuilder, item: SSAValue, _: Values) -> Values:
                at, word = self._split(u, item)
                slot = u.add(slots[0], at)
                of_view = self.tables.number(u, "bit_below_number", narrow(number.reshape(-1)), u.sub(slot, int(asked[0])))
                found = self._below(u, slot, u.sub(of_view, begin), word, memory)
                u.store(found, memory, u.add(u.mul(slot, self.n_words), word))
                return []

            self._shared(t, t.mul(t.sub(slots[1], slots[0]), self.n_words), answer, "predicate")
            t.barrier()
            return []

        b.for_(b.constant(0), b.constant(len(views)), some_views, step=self.views, label="views")

    def _bytes_at(self, b: LoopBuilder, view: SSAValue, byte: int, word: SSAValue) -> SSAValue:
        """Where the words of a byte of the ranks of 32 rows begin."""
        plane = b.add(b.mul(view, self.shape.rank_bytes), byte)
        return b.add(b.add(b.mul(plane, PLANE * self.n_words), b.mul(word, PLANE)), self.ranks_at)

    def _mark_at(self, b: LoopBuilder, view: SSAValue, nibble: int, number: SSAValue | int, word: SSAValue) -> SSAValue:
        line = b.add(b.mul(view, self.shape.marks), nibble * MARKS)
        line = b.add(line, number)
        return b.add(b.add(b.mul(line, self.n_words), word), self.marks_at)

    def _marks(self, b: LoopBuilder, view: SSAValue, at: SSAValue, word: SSAValue, memory: SSAValue) -> None:
        bits: Values = []
        for byte in range(-(-self.shape.nibbles // 2)):
            first = self._bytes_at(b, view, byte, word)
            bits += transpose_bytes(b, [b.load(memory, b.add(first, number)) for number in range(PLANE)])
        for nibble in range(self.shape.nibbles):
            below, equal = compared(b, bits[NIBBLE * nibble : NIBBLE * (nibble + 1)][::-1], i32)
            for number, mark in enumerate([*below, *equal]):
                b.store(mark, memory, self._mark_at(b, at, nibble, number, word))

    def _below(self, b: LoopBuilder, slot: SSAValue, view: SSAValue, word: SSAValue, memory: SSAValue) -> SSAValue:
        """The rows whose rank is at most the operand, by 4 bits of it after the other, the lowest first."""
        operand = self._operand(b, slot)
        found: SSAValue | None = None
        for nibble in range(self.shape.nibbles):
            number = operand if nibble == 0 else b.binary(BinaryKind.SHR, operand, NIBBLE * nibble)
            number = b.both(number, (1 << NIBBLE) - 1)
            places = number, b.add(number, 1 << NIBBLE)
            below, equal = (b.load(memory, self._mark_at(b, view, nibble, place, word)) for place in places)
            found = b.either(below, equal if found is None else b.both(equal, found))
        assert found is not None
        return found

    def _operand(self, b: LoopBuilder, slot: SSAValue) -> SSAValue:
        return b.load_index(b.table(self.tables.of("bit_operand", narrow(self.op.operand.array))), slot)

    def _by_rows(self, b: LoopBuilder, kind: Test, asked: NDArray[np.int64], memory: SSAValue) -> None:
        """Predicates asked of one rank after the other."""

        def one(t: LoopBuilder, item: SSAValue, _: Values) -> Values:
            at, word = self._split(t, item)
            slot = t.add(at, int(asked[0]))
            view = self.tables.number(t, "bit_view", narrow(self.op.view.array), slot)
            operand = self._operand(t, slot)
            planes = [self._bytes_at(t, view, byte, word) for byte in range(self.shape.rank_bytes)]

            def one_row(u: LoopBuilder, row: SSAValue, carried: Values) -> Values:
                rank = self._rank_of(u, row, planes, memory)
                answer = self._in_set(u, rank, operand) if kind is Test.IN_SET else u.compare(CompareKind.EQ, rank, operand)
                bit = u.binary(BinaryKind.SHL, u.cast(CastKind.ZEXT, answer, i32), u.cast(CastKind.TRUNC, row, i32))
                return [u.either(carried[0], bit)]

            [found] = t.for_(t.constant(0), t.constant(WORD_ROWS), one_row, initial=[t.constant(0, i32)], label="row")
            t.store(found, memory, t.add(t.mul(slot, self.n_words), word))
            return []

        n = len(asked) * self.n_words
        self._shared(b, b.constant(n), one, "predicate", n)

    def _rank_of(self, b: LoopBuilder, row: SSAValue, planes: Values, memory: SSAValue) -> SSAValue:
        """The rank of a row of a word, i64."""
        shift = b.cast(CastKind.TRUNC, b.both(row, WORD_ROWS - PLANE), i32)
        rank: SSAValue | None = None
        for number, plane in enumerate(planes):
            byte = byte_of(b, b.load(memory, b.add(plane, b.both(row, PLANE - 1))), shift)
            byte = byte if number == 0 else b.binary(BinaryKind.SHL, byte, 8 * number)
            rank = byte if rank is None else b.either(rank, byte)
        assert rank is not None
        return b.cast(CastKind.ZEXT, rank, i64)

    def _in_set(self, b: LoopBuilder, rank: SSAValue, first: SSAValue) -> SSAValue:
        """Bit ``rank`` of the words of a set."""
        words = b.table(self.tables.of("bit_set_words", self.op.set_words))
        word = b.load_index(words, b.add(first, b.binary(BinaryKind.SHR, rank, 5)))
        return b.compare(CompareKind.NE, b.both(b.binary(BinaryKind.SHR, word, b.both(rank, 31)), 1), 0)
