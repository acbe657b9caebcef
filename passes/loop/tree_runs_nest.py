"""Bitslices whose sums stay in registers over several trees.

Where neighbouring trees have the same kind of code, add to one column, and look their leaves up in registers that have room
for all of them, the codes of each are made first; then a vector of sums is loaded once, gets their leaf values in the order
of the trees, and is stored once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import i8, i64
from xdsl.ir import Attribute, SSAValue

from treec.codegen.abi import Task
from treec.frontends.base import Forest
from treec.passes.algo.packed import narrow
from treec.passes.algo.tree_runs import tree_runs
from treec.passes.loop.bitslice_nest import BitsliceNest
from treec.passes.loop.block_nest import State, bounds
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.predicate_bits import WORD_ROWS
from treec.passes.loop.rank import WalkRanks
from treec.passes.loop.tables import Tables, as_float
from treec.treeir.loop_types import CompareKind, vector_like
from treec.treeir.plan import ForOp, KernelOp
from treec.treeir.slices import PredicateBitsOp, SlicedTreesOp

MOST_REGISTERS = 24
"""Of the 32 that AVX-512 has: what tables of leaf values may take."""
LEAST_SHARE = 0.3
"""Of the trees that begin a run: fewer do not pay for the choice that each tree then is, and for its code."""


class TreeRunsNest(BitsliceNest):
    """Lowers the nest for raw outputs: up to so many trees ``together``."""

    def __init__(
        self,
        kernel: KernelOp,
        sliced: SlicedTreesOp,
        predicates: PredicateBitsOp,
        ranks: WalkRanks,
        forest: Forest,
        tables: Tables,
        row_type: Attribute,
        together: int,
    ) -> None:
        super().__init__(kernel, sliced, predicates, ranks, forest, tables, Task.RAW, row_type)
        self.together = together
        registers = [together * self.leaves.registers(int(kind) // 2) for kind in self.kinds]
        number = np.where(np.array(registers) <= MOST_REGISTERS, np.arange(len(registers)), -1)
        column = None if sliced.column is None else sliced.column.array
        self.runs: NDArray[np.bool_] = tree_runs(together, number[self.kind.reshape(-1)], column)
        self.pays = len(self.runs) > 0 and float(self.runs.mean()) >= LEAST_SHARE
        self._run_codes: list[list[SSAValue]] | None = None

    def _rest(self, b: LoopBuilder, loops: list[ForOp], state: State) -> Values:
        trees = loops[0]
        is_last = len(loops) == 2 and state.trees[1] is not None and (trees.parts is None or state.depth is not None)
        is_reduced = self.reduction is not None and trees is self.reduction.loop
        if not is_last or is_reduced or trees.unroll is not None or self.order is not None or not self.pays:
            return super()._rest(b, loops, state)
        begin, end = bounds(b, state.trees)

        def body(t: LoopBuilder) -> Values:
            t.repeat([begin], lambda u, values: self._next(u, state, values[0], end))
            return []

        b.if_(b.compare(CompareKind.SLT, begin, end), [], body, lambda _: [])
        return []

    def _next(self, b: LoopBuilder, state: State, tree: SSAValue, end: SSAValue) -> tuple[SSAValue, Values]:
        """Some trees, or one; whether there are more, and the next."""
        behind = b.add(tree, self.together)
        alike = b.compare(CompareKind.NE, self._entry(b, "run", self.runs.astype(np.uint8), tree), 0)
        together = b.both(b.compare(CompareKind.SLE, behind, end), alike)

        def several(t: LoopBuilder) -> Values:
            self._each_words(t, state, lambda u, words: self._run(u, tree, words))
            return [behind]

        def one(t: LoopBuilder) -> Values:
            self._tree(t, state, tree)
            return [t.add(tree, 1)]

        following = b.if_(together, [i64], several, one)[0]
        return b.compare(CompareKind.SLT, following, end), [following]

    def _run(self, b: LoopBuilder, first: SSAValue, words: tuple[SSAValue, SSAValue]) -> None:
        """Rows of some words through the trees from ``first`` on: code for each kind of those that are taken together."""
        kind = self._entry(b, "kind", narrow(self.kind.reshape(-1)), first)
        kinds = np.unique(self.kind.reshape(-1)[self.runs]).tolist()

        def chain(t: LoopBuilder, at: int) -> Values:
            def this(u: LoopBuilder) -> Values:
                self._run_of(u, first, words, *divmod(int(self.kinds[kinds[at]]), 2))
                return []

            if at == len(kinds) - 1:
                return this(t)
            return t.if_(t.compare(CompareKind.EQ, kind, kinds[at]), [], this, lambda u: chain(u, at + 1))

        chain(b, 0)

    def _run_of(self, b: LoopBuilder, first: SSAValue, words: tuple[SSAValue, SSAValue], n_bits: int, is_full: int) -> None:
        trees, codes = [b.add(first, number) for number in range(self.together)], self._codes_of_run(b)
        for tree, own in zip(trees, codes, strict=True):
            self._codes_of(b, tree, words[0], n_bits, bool(is_full), own)
        column = b.constant(0)
        if self.sliced.column is not None:
            column = self._entry(b, "column", self.sliced.column, first)
        planes = [self.leaves.planes(b, tree, n_bits) for tree in trees]
        sums, line = self._line(b, column)

        def one_word(t: LoopBuilder, word: SSAValue, _: Values) -> Values:
            row, place = t.mul(word, WORD_ROWS), t.mul(t.sub(word, words[0]), WORD_ROWS)
            found = [
                self.leaves.looked_up(t, own, n_bits, low, place) for own, (low, *_) in zip(planes, codes, strict=True)
            ]
            for number, values in enumerate(zip(*found, strict=True)):
                at = t.add(row, number * self.leaves.lanes)
                total = t.load_vector(sums, line, at, type_=vector_like(values[0].type, self.sum_type))
                for value in values:
                    total = t.add(total, as_float(t, value, self.sum_type))
                t.store(total, sums, line, at)
            return []

        b.for_(words[0], words[1], one_word, label="word")

    def _codes_of_run(self, b: LoopBuilder) -> list[list[SSAValue]]:
        """Memory for the codes of each tree; that of a single tree is one of them."""
        if self._run_codes is None:
            size = [self.step_words * WORD_ROWS]
            more = [[b.alloc(size, i8) for _ in self._codes] for _ in range(1, self.together)]
            self._run_codes = [self._codes, *more]
        return self._run_codes
