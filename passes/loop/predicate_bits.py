"""The answers of all predicates for a block of ranked rows, as bits."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import VectorType, i32, i64
from xdsl.ir import SSAValue

from treec.frontends.base import Test
from treec.passes.algo.packed import narrow
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.rank import RANK_ELEMENTS
from treec.passes.loop.tables import Tables
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind, vector_like
from treec.treeir.ranks import RANK_TYPES, RanksOp
from treec.treeir.slices import PredicateBitsOp

WORD_ROWS = 64
"""Rows that one i64 has a bit for."""


class PredicateBits:
    """Code that fills the first slots [slot, words of the block] with the answers of ``op``, from ``ranked`` rows [view,
    block]."""

    def __init__(self, op: PredicateBitsOp, ranks: RanksOp, tables: Tables) -> None:
        self.op, self.tables = op, tables
        self.lanes = VectorType(RANK_ELEMENTS[ranks.to.data], [WORD_ROWS])
        self.rank_dtype = RANK_TYPES[ranks.to.data]

    def emit(self, b: LoopBuilder, ranked: SSAValue, slots: SSAValue, n_words: int) -> None:
        test = self.op.test.array
        for kind in (Test.LESS_EQUAL, Test.EQUAL, Test.IN_SET):
            first, last = np.searchsorted(test, (kind, kind + 1)).tolist()
            if first < last:
                self._predicates(b, kind, (first, last), ranked, slots, n_words)
        for offset, word in ((0, 0), (1, -1)):
            self._constant(b, slots, test.size + offset, word, n_words)

    def _constant(self, b: LoopBuilder, slots: SSAValue, slot: int, word: int, n_words: int) -> None:
        def one_word(t: LoopBuilder, at: SSAValue, _: Values) -> Values:
            t.store(t.constant(word), slots, t.constant(slot), at)
            return []

        b.for_(b.constant(0), b.constant(n_words), one_word)

    def _predicates(
        self, b: LoopBuilder, kind: Test, slots_of: tuple[int, int], ranked: SSAValue, slots: SSAValue, n_words: int
    ) -> None:
        views = b.table(self.tables.of("bit_view", narrow(self.op.view.array)))

        def one_predicate(t: LoopBuilder, slot: SSAValue, _: Values) -> Values:
            view = t.load_index(views, slot)
            operand = self._operand(t, kind, slot)

            def one_word(u: LoopBuilder, word: SSAValue, _: Values) -> Values:
                rank = u.load_vector(ranked, view, u.mul(word, WORD_ROWS), type_=self.lanes)
                answer = self._in_set(u, rank, operand) if kind is Test.IN_SET else self._compare(u, kind, rank, operand)
                u.store(u.cast(CastKind.BITCAST, answer, i64), slots, slot, word)
                return []

            return t.for_(t.constant(0), t.constant(n_words), one_word)

        first, last = slots_of
        b.for_(b.constant(first), b.constant(last), one_predicate, label="predicate")

    def _operand(self, b: LoopBuilder, kind: Test, slot: SSAValue) -> SSAValue:
        """A rank in every lane; of a set, its first word (i64)."""
        in_set = self.op.test.array == Test.IN_SET
        if kind is Test.IN_SET:
            first = np.where(in_set, self.op.operand.array, 0)
            return b.load_index(b.table(self.tables.of("bit_set", narrow(first))), slot)
        ranks = np.where(in_set, 0, self.op.operand.array).astype(self.rank_dtype)
        return b.splat(b.load(b.table(self.tables.of("bit_rank", ranks)), slot), self.lanes)

    def _compare(self, b: LoopBuilder, kind: Test, rank: SSAValue, operand: SSAValue) -> SSAValue:
        return b.compare(CompareKind.EQ if kind is Test.EQUAL else CompareKind.ULE, rank, operand)

    def _in_set(self, b: LoopBuilder, rank: SSAValue, first: SSAValue) -> SSAValue:
        """Bit ``rank`` of a set's words, per lane."""
        wide = b.cast(CastKind.ZEXT, rank, vector_like(rank.type, i32))
        words = b.table(self.tables.of("bit_set_words", self.op.set_words))
        word = b.gather(words, [first], [b.binary(BinaryKind.SHR, wide, 5)])
        bit = b.both(b.binary(BinaryKind.SHR, word, b.both(wide, 31)), 1)
        return b.compare(CompareKind.NE, bit, 0)
