"""The codes of the leaves that 32 rows find in a tree, by one thread of a GPU: selects between words of bits, then bytes.

A tree is a list of selects in a table, whose results are in memory of the thread's own, or a multiplexer, whose bits stay
in registers: straight code for each number of levels. So code does not grow with the number of trees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from treec.errors import CodegenError
from treec.passes.algo.bitslice import BYTE_BITS
from treec.passes.algo.packed import narrow
from treec.passes.algo.shared_bits import PLANE, SharedBits
from treec.passes.loop.bit_matrix import choose_bits, transpose_bytes
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.tables import Tables
from treec.treeir.loop_types import CompareKind, Scope
from treec.treeir.slices import SlicedTreesOp


@dataclass(frozen=True)
class _Item:
    """One thread's work: 32 rows, those of ``word``, through a tree; the slots and the selects made so far."""

    tree: SSAValue
    word: SSAValue
    memory: SSAValue
    made: SSAValue | None


class CodeWords:
    """Code that finds the codes of a tree for one word of rows, from slots in shared memory."""

    def __init__(self, sliced: SlicedTreesOp, shape: SharedBits, tables: Tables) -> None:
        self.sliced, self.shape, self.tables = sliced, shape, tables
        n_bits = np.diff(sliced.bit_offset.array).astype(np.int64)
        self.levels = np.where(sliced.is_full, n_bits, 0)
        """Of a multiplexer; 0 of a list of selects."""
        self.bits = self._padded_bits(n_bits)
        self._made: SSAValue | None = None

    def _padded_bits(self, n_bits: NDArray[np.int64]) -> NDArray[np.int64]:
        """The slots of each tree's bits, as many as the longest code has; zeros above its own."""
        width = BYTE_BITS * self.shape.code_bytes
        padded = np.full((len(n_bits), width), self.shape.n_predicates, np.int64)
        tree = np.repeat(np.arange(len(n_bits)), n_bits)
        bit = np.arange(len(tree)) - np.repeat(np.cumsum(n_bits) - n_bits, n_bits)
        padded[tree, bit] = self.sliced.bits.array
        return padded.reshape(-1)

    def emit(self, b: LoopBuilder, tree: SSAValue, word: SSAValue, memory: SSAValue, codes: SSAValue) -> None:
        """Store the codes of rows of ``word`` in ``memory`` from ``codes`` on: planes of 8 words, one for each byte."""
        if self._made is None and self.sliced.n_selects:
            self._made = b.alloc([self.sliced.n_selects + 1], i32, Scope.LOCAL)
        item = _Item(tree, word, memory, self._made)
        kinds = np.unique(self.levels).tolist()
        levels = self.tables.number(b, "slice_levels", narrow(self.levels), tree)

        def chain(t: LoopBuilder, at: int) -> Values:
            def this(u: LoopBuilder) -> Values:
                self._store(u, self._multiplexed(u, item, kinds[at]) if kinds[at] else self._selected(u, item), item, codes)
                return []

            if at == len(kinds) - 1:
                return this(t)
            return t.if_(t.compare(CompareKind.EQ, levels, kinds[at]), [], this, lambda u: chain(u, at + 1))

        if kinds:
            chain(b, 0)

    def _store(self, b: LoopBuilder, bits: Values, item: _Item, codes: SSAValue) -> None:
        bits = bits + [b.constant(0, i32)] * (BYTE_BITS * self.shape.code_bytes - len(bits))
        for byte in range(self.shape.code_bytes):
            for number, word in enumerate(transpose_bytes(b, bits[BYTE_BITS * byte : BYTE_BITS * (byte + 1)])):
                b.store(word, item.memory, b.add(codes, byte * PLANE * self.shape.n_words + number))

    def _slot(self, b: LoopBuilder, item: _Item, slot: SSAValue) -> SSAValue:
        """The word of a predicate."""
        at = b.mul(slot, self.shape.n_words) if self.shape.n_words > 1 else slot
        return b.load(item.memory, b.add(at, item.word))

    def _operand(self, b: LoopBuilder, item: _Item, slot: SSAValue) -> SSAValue:
        """The word of any slot: both memories are read, and one of them counts. What selects made begins at 1."""
        if item.made is None:
            return self._slot(b, item, slot)
        last = b.constant(self.shape.n_predicates + 1)
        is_made = b.compare(CompareKind.SLT, last, slot)
        answer = self._slot(b, item, b.select(is_made, last, slot))
        place = b.select(is_made, b.sub(slot, last), b.constant(0))
        return b.select(is_made, b.load(item.made, place), answer)

    def _selected(self, b: LoopBuilder, item: _Item) -> Values:
        """The bits of codes of a tree that is a list of selects."""
        if item.made is not None:
            b.store(b.constant(0, i32), item.made, b.constant(0))
            self._selects(b, item, item.made)
        table, width = b.table(self.tables.of("slice_code_bits", narrow(self.bits))), BYTE_BITS * self.shape.code_bytes
        first = b.mul(item.tree, width)
        return [self._operand(b, item, b.load_index(table, b.add(first, bit))) for bit in range(width)]

    def _selects(self, b: LoopBuilder, item: _Item, made: SSAValue) -> None:
        offset, table = self.sliced.select_offset, b.table(self.tables.of("slice_select", self.sliced.select))
        begin = self.tables.number(b, "slice_select_offset", offset, item.tree)
        count = b.sub(self.tables.number(b, "slice_select_offset", offset, b.add(item.tree, 1)), begin)
        count = b.minimum(count, b.constant(self.sliced.n_selects))

        def one(t: LoopBuilder, number: SSAValue, _: Values) -> Values:
            at = t.mul(t.add(begin, number), 3)
            condition, true, false = (t.load_index(table, t.add(at, k)) for k in range(3))
            answer = self._slot(t, item, condition)  # a node's predicate
            chosen = choose_bits(t, answer, self._operand(t, item, true), self._operand(t, item, false))
            t.store(chosen, made, t.add(number, 1))
            return []

        b.for_(b.constant(0), count, one, label="select")

    def _multiplexed(self, b: LoopBuilder, item: _Item, levels: int) -> Values:
        """The bits of codes of a full tree."""
        node, offset = self.sliced.node, self.sliced.node_offset
        if node is None or offset is None:
            raise CodegenError("these trees are no multiplexers")
        table, first = (
            b.table(self.tables.of("slice_node", node)),
            self.tables.number(b, "slice_node_offset", offset, item.tree),
        )

        def below(at: int, depth: int) -> Values:
            """Bits of the subtree at place ``at`` of the preorder, the lowest first."""
            answer = self._slot(b, item, b.load_index(table, b.add(first, at)))
            if depth == 1:
                return [answer]
            true = below(at + 1, depth - 1)
            false = below(at + (1 << depth - 1), depth - 1)
            return [*(choose_bits(b, answer, *pair) for pair in zip(true, false, strict=True)), answer]

        return below(0, levels)
