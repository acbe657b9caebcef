"""The codes of the leaves that 32 rows find in a tree, by one thread of a GPU: selects between words of bits, then bytes.

A tree is a list of selects in a table, whose results are in memory of the thread's own, or a multiplexer, whose bits stay
in registers: straight code for each number of levels. So code does not grow with the number of trees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import i32, i64
from xdsl.ir import SSAValue

from treec.passes.algo.bitslice import BYTE_BITS
from treec.passes.algo.packed import narrow
from treec.passes.algo.shared_bits import PLANE, QUAD, SharedBits, quads
from treec.passes.loop.bit_matrix import choose_bits, transpose_bytes
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.tables import Tables
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind, Scope
from treec.treeir.slices import SlicedTreesOp


@dataclass(frozen=True)
class _Item:
    """One thread's work: 32 rows, those of ``word``, through a tree; the slots and the selects made so far."""

    tree: SSAValue
    word: SSAValue
    memory: SSAValue
    made: SSAValue | None


class CodeWords:
    """Code that finds the codes of a tree for one word of rows, from slots in shared memory. Tables have the places of
    slots there, four to a word."""

    def __init__(self, sliced: SlicedTreesOp, shape: SharedBits, tables: Tables) -> None:
        self.shape, self.tables = shape, tables
        self.n_selects, self.width = sliced.n_selects, BYTE_BITS * shape.code_bytes
        n_bits = np.diff(sliced.bit_offset.array).astype(np.int64)
        self.levels = np.where(sliced.is_full, n_bits, 0)
        """Of a multiplexer; 0 of a list of selects."""
        self.select_offset = sliced.select_offset
        n = len(sliced.select.array) // 3
        self.selects, _ = quads(shape.places(sliced.select.array.astype(np.int64)), 3 * np.arange(n + 1))
        bits = self._padded_bits(sliced.bits.array, n_bits)
        self.bits, _ = quads(shape.places(bits), np.arange(0, len(bits) + 1, self.width))
        self.nodes, self.node_offset = np.zeros(0, np.uint64), np.zeros(1, np.int64)
        if sliced.node is not None and sliced.node_offset is not None:
            places = shape.places(sliced.node.array.astype(np.int64))
            self.nodes, self.node_offset = quads(places, sliced.node_offset.array.astype(np.int64))
        self._made: SSAValue | None = None

    def _padded_bits(self, bits: NDArray[Any], n_bits: NDArray[np.int64]) -> NDArray[np.int64]:
        """The slots of each tree's bits, as many as the longest code has; zeros above its own."""
        padded = np.full((len(n_bits), self.width), self.shape.n_predicates, np.int64)
        tree = np.repeat(np.arange(len(n_bits)), n_bits)
        padded[tree, np.arange(len(tree)) - np.repeat(np.cumsum(n_bits) - n_bits, n_bits)] = bits
        return padded.reshape(-1)

    def emit(self, b: LoopBuilder, tree: SSAValue, word: SSAValue, memory: SSAValue, codes: SSAValue) -> None:
        """Store the codes of rows of ``word`` in ``memory`` from ``codes`` on: planes of 8 words, one for each byte."""
        if self._made is None and self.n_selects:
            self._made = b.alloc([self.n_selects + 1], i32, Scope.LOCAL)
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
        bits = bits + [b.constant(0, i32)] * (self.width - len(bits))
        for byte in range(self.shape.code_bytes):
            for number, word in enumerate(transpose_bytes(b, bits[BYTE_BITS * byte : BYTE_BITS * (byte + 1)])):
                b.store(word, item.memory, b.add(codes, byte * PLANE * self.shape.n_words + number))

    def _quad(self, b: LoopBuilder, name: str, table: NDArray[np.uint64], at: SSAValue) -> Values:
        """The four numbers of a word, i64."""
        word = b.load(b.table(self.tables.of(name, table)), at)
        halves = (b.cast(CastKind.TRUNC, half, i32) for half in (word, b.binary(BinaryKind.SHR, word, 32)))
        parts = [part for half in halves for part in (b.both(half, 0xFFFF), b.binary(BinaryKind.SHR, half, 16))]
        return [b.cast(CastKind.ZEXT, part, i64) for part in parts]

    def _answer(self, b: LoopBuilder, item: _Item, place: SSAValue) -> SSAValue:
        """The word of a predicate."""
        return b.load(item.memory, b.add(place, item.word))

    def _operand(self, b: LoopBuilder, item: _Item, place: SSAValue) -> SSAValue:
        """The word of a predicate or of a select: both memories are read, and one of them counts."""
        if item.made is None:
            return self._answer(b, item, place)
        first = b.constant(self.shape.n_words * self.shape.slots)
        is_made = b.compare(CompareKind.SLT, first, place)
        answer = self._answer(b, item, b.select(is_made, b.constant(0), place))
        made = b.load(item.made, b.select(is_made, b.sub(place, first), b.constant(0)))
        return b.select(is_made, made, answer)

    def _selected(self, b: LoopBuilder, item: _Item) -> Values:
        """The bits of codes of a tree that is a list of selects."""
        if item.made is not None:
            b.store(b.constant(0, i32), item.made, b.constant(0))
            self._selects(b, item, item.made)
        first = b.mul(item.tree, self.width // QUAD)
        found = [self._quad(b, "slice_code_bits", self.bits, b.add(first, at)) for at in range(self.width // QUAD)]
        return [self._operand(b, item, place) for places in found for place in places]

    def _selects(self, b: LoopBuilder, item: _Item, made: SSAValue) -> None:
        name, offset = "slice_select_offset", self.select_offset
        begin = self.tables.number(b, name, offset, item.tree)
        count = b.minimum(
            b.sub(self.tables.number(b, name, offset, b.add(item.tree, 1)), begin), b.constant(self.n_selects)
        )

        def one(t: LoopBuilder, number: SSAValue, _: Values) -> Values:
            condition, *sides = self._quad(t, "slice_selects", self.selects, t.add(begin, number))[:3]
            true, false = (self._operand(t, item, side) for side in sides)
            t.store(choose_bits(t, self._answer(t, item, condition), true, false), made, t.add(number, 1))
            return []

        b.for_(b.constant(0), count, one, label="select")

    def _multiplexed(self, b: LoopBuilder, item: _Item, levels: int) -> Values:
        """The bits of codes of a full tree."""
        first = self.tables.number(b, "slice_node_offset", self.node_offset, item.tree)
        words: dict[int, Values] = {}

        def below(at: int, depth: int) -> Values:
            """Bits of the subtree at place ``at`` of the preorder, the lowest first."""
            if at // QUAD not in words:
                words[at // QUAD] = self._quad(b, "slice_nodes", self.nodes, b.add(first, at // QUAD))
            answer = self._answer(b, item, words[at // QUAD][at % QUAD])
            if depth == 1:
                return [answer]
            true = below(at + 1, depth - 1)
            false = below(at + (1 << depth - 1), depth - 1)
            return [*(choose_bits(b, answer, *pair) for pair in zip(true, false, strict=True)), answer]

        return below(0, levels)
