"""The answers of all predicates for a block of ranked rows, as bits.

A view that many predicates ask is answered by the bits of its ranks: with a threshold's upper bits ``h`` and lower bits
``l``, ``rank <= threshold`` is ``upper < h or upper == h and lower <= l``. The words for each h and l are made once, and a
predicate is one operation on them; where every threshold is asked, those of one h are stored one after the other. Sets of
categories are bytes in a register, where registers are looked up by bytes: the upper bits of a rank say which byte, the
lower ones which bit. Other predicates compare ranks with theirs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import VectorType, i8, i32, i64
from xdsl.ir import Attribute, SSAValue

from treec.frontends.base import Test
from treec.passes.algo.packed import narrow
from treec.passes.algo.predicate_bits import SET_BYTES, SetBytes, in_order, set_bytes
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.rank import RANK_ELEMENTS
from treec.passes.loop.tables import Tables
from treec.treeir.loop import TableOp
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind, vector_like
from treec.treeir.ranks import RANK_TYPES, RanksOp
from treec.treeir.slices import PredicateBitsOp

WORD_ROWS = 64
"""Rows that one i64 has a bit for."""
HALF = 4
"""Bits of a rank that are lower ones, and upper ones."""
MANY = 24
"""Predicates of a view from which on bits of ranks are cheaper."""


UNITS = (1 << np.arange(WORD_ROWS) % 8).astype(np.uint8)


class PredicateBits:
    """Code that fills the first slots [slot, words of the block] with the answers of ``op``, from ``ranked`` rows [view,
    block]."""

    def __init__(self, op: PredicateBitsOp, ranks: RanksOp, tables: Tables, *, by_bytes: bool) -> None:
        """``by_bytes``: bytes are looked up in registers."""
        self.op, self.tables = op, tables
        self.lanes = VectorType(RANK_ELEMENTS[ranks.to.data], [WORD_ROWS])
        self.rank_dtype = RANK_TYPES[ranks.to.data]
        below = op.test.array == Test.LESS_EQUAL
        views, first, count = np.unique(op.view.array[below], return_index=True, return_counts=True)
        many = (count >= MANY) & (ranks.to.data == "u8")
        self.many = views[many], first[many], (first + count)[many]
        """Views with many predicates, and the slots of these."""
        self.whole = self.many[1] + in_order(op.operand.array, *self.many[1:]) // (1 << HALF) * (1 << HALF)
        """The slots up to which predicates ask for all thresholds in their order, groups with one upper half."""
        columns = (op.test, op.view, op.operand, op.set_words)
        self.sets = set_bytes(*(column.array for column in columns)) if by_bytes else None

    def emit(
        self, b: LoopBuilder, ranked: SSAValue, slots: SSAValue, n_words: int, step: int, used: SSAValue | None = None
    ) -> None:
        """``step``: words that are handled together. ``used``: of the ``n_words``, those with rows; by default all."""
        self.used = b.constant(n_words) if used is None else used
        test, views = self.op.test.array, self.op.view.array
        for kind in (Test.LESS_EQUAL, Test.EQUAL, Test.IN_SET):
            asked = test == kind
            if kind is Test.LESS_EQUAL:
                asked = asked & ~np.isin(views, self.many[0])
            if kind is Test.IN_SET and self.sets is not None:
                asked = asked & ~np.isin(views, self.sets.views)
            if asked.any():
                self._predicates(b, kind, np.flatnonzero(asked), ranked, slots)
        if len(self.many[0]):
            self._by_bits(b, ranked, slots, n_words, step)
        if self.sets is not None and len(self.sets.views):
            self._by_bytes(b, self.sets, ranked, slots, n_words)
        for offset, word in ((0, 0), (1, -1)):
            self._constant(b, slots, test.size + offset, word)

    def _constant(self, b: LoopBuilder, slots: SSAValue, slot: int, word: int) -> None:
        def one_word(t: LoopBuilder, at: SSAValue, _: Values) -> Values:
            t.store(t.constant(word), slots, t.constant(slot), at)
            return []

        b.for_(b.constant(0), self.used, one_word)

    def _predicates(
        self,
        b: LoopBuilder,
        kind: Test,
        asked: NDArray[np.int64],
        ranked: SSAValue,
        slots: SSAValue,
    ) -> None:
        """The predicates of a kind in the slots ``asked``."""
        views = b.table(self.tables.of("bit_view", narrow(self.op.view.array)))

        def one_predicate(t: LoopBuilder, number: SSAValue, _: Values) -> Values:
            slot = self.tables.number(t, f"bit_slot_{kind.name.lower()}", narrow(asked), number)
            view = t.load_index(views, slot)
            operand = self._operand(t, kind, slot)

            def one_word(u: LoopBuilder, word: SSAValue, _: Values) -> Values:
                rank = u.load_vector(ranked, view, u.mul(word, WORD_ROWS), type_=self.lanes)
                answer = self._in_set(u, rank, operand) if kind is Test.IN_SET else self._compare(u, kind, rank, operand)
                u.store(u.cast(CastKind.BITCAST, answer, i64), slots, slot, word)
                return []

            return t.for_(t.constant(0), self.used, one_word)

        b.for_(b.constant(0), b.constant(len(asked)), one_predicate, label="predicate")

    def _by_bits(self, b: LoopBuilder, ranked: SSAValue, slots: SSAValue, n_words: int, step: int) -> None:
        planes, marks = b.alloc([2 * HALF, n_words], i64), b.alloc([3 << HALF, step], i64)
        word = VectorType(i64, [step])
        names = ("bit_many_view", "bit_many_first", "bit_many_last", "bit_many_whole")
        columns = (*self.many, self.whole)

        def one_view(t: LoopBuilder, number: SSAValue, _: Values) -> Values:
            view, first, last, whole = (
                self.tables.number(t, name, narrow(column), number) for name, column in zip(names, columns, strict=True)
            )
            self._planes(t, ranked, view, planes)

            def some_words(u: LoopBuilder, at: SSAValue, _: Values) -> Values:
                self._marks(u, planes, at, marks, word)
                self._groups(u, marks, slots, at, (first, whole), word)

                def one_predicate(v: LoopBuilder, slot: SSAValue, _: Values) -> Values:
                    v.store(self._below(v, slot, marks, word), slots, slot, at)
                    return []

                return u.for_(whole, last, one_predicate, label="predicate")

            return t.for_(t.constant(0), self.used, some_words, step=step)

        b.for_(b.constant(0), b.constant(len(self.many[0])), one_view, label="view")

    def _planes(self, b: LoopBuilder, ranked: SSAValue, view: SSAValue, planes: SSAValue) -> None:
        """Words of each bit of the ranks of a view."""

        def one_word(t: LoopBuilder, word: SSAValue, _: Values) -> Values:
            rank = t.load_vector(ranked, view, t.mul(word, WORD_ROWS), type_=self.lanes)
            for bit in range(2 * HALF):
                is_set = t.compare(CompareKind.NE, t.both(rank, t.constant(1 << bit, self.lanes)), 0)
                t.store(t.cast(CastKind.BITCAST, is_set, i64), planes, t.constant(bit), word)
            return []

        b.for_(b.constant(0), self.used, one_word)

    def _marks(self, b: LoopBuilder, planes: SSAValue, at: SSAValue, marks: SSAValue, word: VectorType[Attribute]) -> None:
        """Words that say, for every number of 4 bits: the upper bits are below it; they are it; the lower bits are at most
        it."""
        bits = [b.load_vector(planes, b.constant(bit), at, type_=word) for bit in range(2 * HALF)]
        below, equal = compared(b, bits[HALF:][::-1], word)
        lower, same = compared(b, bits[:HALF][::-1], word)
        at_most = [b.either(less, is_it) for less, is_it in zip(lower, same, strict=True)]
        for number, mark in enumerate([*below, *equal, *at_most]):
            b.store(mark, marks, b.constant(number), b.constant(0))

    def _groups(
        self,
        b: LoopBuilder,
        marks: SSAValue,
        slots: SSAValue,
        at: SSAValue,
        place: tuple[SSAValue, SSAValue],
        word: VectorType[Attribute],
    ) -> None:
        """The answers of whole groups of predicates; the lower halves' words are in registers."""
        if (self.whole == self.many[1]).all():
            return
        first, last = place
        zero = b.constant(0)
        at_most = [b.load_vector(marks, b.constant((2 << HALF) + low), zero, type_=word) for low in range(1 << HALF)]

        def one_group(t: LoopBuilder, slot: SSAValue, _: Values) -> Values:
            upper = t.binary(BinaryKind.SHR, t.sub(slot, first), HALF)
            below = t.load_vector(marks, upper, zero, type_=word)
            equal = t.load_vector(marks, t.add(upper, 1 << HALF), zero, type_=word)
            for low, lower in enumerate(at_most):
                t.store(t.either(below, t.both(equal, lower)), slots, t.add(slot, low), at)
            return []

        b.for_(first, last, one_group, step=1 << HALF, label="group")

    def _below(self, b: LoopBuilder, slot: SSAValue, marks: SSAValue, word: VectorType[Attribute]) -> SSAValue:
        """The answers of a predicate: its rank is at most the operand."""
        operand = b.load_index(b.table(self._operands()), slot)
        upper, lower = b.binary(BinaryKind.SHR, operand, HALF), b.both(operand, (1 << HALF) - 1)
        places = upper, b.add(upper, 1 << HALF), b.add(lower, 2 << HALF)
        below, equal, at_most = (b.load_vector(marks, place, b.constant(0), type_=word) for place in places)
        return b.either(below, b.both(equal, at_most))

    def _by_bytes(self, b: LoopBuilder, sets: SetBytes, ranked: SSAValue, slots: SSAValue, n_words: int) -> None:
        """The predicates whose sets are `SetBytes`."""
        places = b.alloc([2, n_words * WORD_ROWS], i8)
        row_type = VectorType(i8, [SET_BYTES])
        columns = {"view": sets.views, "first": sets.first, "last": sets.last, "row": sets.row}

        def one_view(t: LoopBuilder, number: SSAValue, _: Values) -> Values:
            view, first, last, row = (
                self.tables.number(t, f"bit_set_{name}", narrow(column), number) for name, column in columns.items()
            )
            self._set_places(t, ranked, view, places)

            def one_predicate(u: LoopBuilder, slot: SSAValue, _: Values) -> Values:
                at = u.mul(u.add(u.sub(slot, first), row), SET_BYTES)
                set_ = u.load_vector(u.table(self.tables.of("bit_set_bytes", sets.rows)), at, type_=row_type)

                def one_word(v: LoopBuilder, word: SSAValue, _: Values) -> Values:
                    byte, bit = (
                        v.load_vector(places, v.constant(which), v.mul(word, WORD_ROWS), type_=VectorType(i8, [WORD_ROWS]))
                        for which in range(2)
                    )
                    answer = v.compare(CompareKind.NE, v.both(v.shuffle(set_, byte), bit), 0)
                    v.store(v.cast(CastKind.BITCAST, answer, i64), slots, slot, word)
                    return []

                return u.for_(u.constant(0), self.used, one_word)

            return t.for_(first, last, one_predicate, label="predicate")

        b.for_(b.constant(0), b.constant(len(sets.views)), one_view, label="view")

    def _set_places(self, b: LoopBuilder, ranked: SSAValue, view: SSAValue, places: SSAValue) -> None:
        """Where the ranks of a view are in any set: number of the byte, and the bit in it."""
        bytes_ = VectorType(i8, [WORD_ROWS])
        units = b.load_vector(b.table(self.tables.of("bit_units", UNITS)), b.constant(0), type_=bytes_)

        def one_word(t: LoopBuilder, word: SSAValue, _: Values) -> Values:
            at = t.mul(word, WORD_ROWS)
            rank = t.load_vector(ranked, view, at, type_=self.lanes)
            byte = t.cast(CastKind.TRUNC, t.binary(BinaryKind.SHR, rank, 3), bytes_)
            t.store(byte, places, t.constant(0), at)
            t.store(t.shuffle(units, t.cast(CastKind.TRUNC, rank, bytes_)), places, t.constant(1), at)
            return []

        b.for_(b.constant(0), self.used, one_word)

    def _operands(self) -> TableOp:
        """Ranks to compare with; 0 where a predicate has a set."""
        operand = np.where(self.op.test.array == Test.IN_SET, 0, self.op.operand.array)
        return self.tables.of("bit_rank", operand.astype(self.rank_dtype))

    def _operand(self, b: LoopBuilder, kind: Test, slot: SSAValue) -> SSAValue:
        """A rank in every lane; of a set, its first word (i64)."""
        in_set = self.op.test.array == Test.IN_SET
        if kind is Test.IN_SET:
            first = np.where(in_set, self.op.operand.array, 0)
            return b.load_index(b.table(self.tables.of("bit_set", narrow(first))), slot)
        return b.splat(b.load(b.table(self._operands()), slot), self.lanes)

    def _compare(self, b: LoopBuilder, kind: Test, rank: SSAValue, operand: SSAValue) -> SSAValue:
        return b.compare(CompareKind.EQ if kind is Test.EQUAL else CompareKind.ULE, rank, operand)

    def _in_set(self, b: LoopBuilder, rank: SSAValue, first: SSAValue) -> SSAValue:
        """Bit ``rank`` of a set's words, per lane."""
        wide = b.cast(CastKind.ZEXT, rank, vector_like(rank.type, i32))
        words = b.table(self.tables.of("bit_set_words", self.op.set_words))
        word = b.gather(words, [first], [b.binary(BinaryKind.SHR, wide, 5)])
        bit = b.both(b.binary(BinaryKind.SHR, word, b.both(wide, 31)), 1)
        return b.compare(CompareKind.NE, bit, 0)


def compared(b: LoopBuilder, bits: Values, word: Attribute) -> tuple[Values, Values]:
    """For each number of so many bits, the highest first: which rows are below it, and which are it."""
    below, equal, ones = [b.constant(0, word)], [b.constant(-1, word)], b.constant(-1, word)
    for bit in bits:
        clear = b.binary(BinaryKind.XOR, bit, ones)
        zeros = [b.both(is_it, clear) for is_it in equal]
        below = [part for less, zero in zip(below, zeros, strict=True) for part in (less, b.either(less, zero))]
        equal = [part for is_it, zero in zip(equal, zeros, strict=True) for part in (zero, b.both(is_it, bit))]
    return below, equal
