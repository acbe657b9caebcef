"""The walk over pairs that are asked about values: a position is all its state, and a leaf holds it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import i64
from xdsl.ir import SSAValue

from treec.frontends.base import CategoryCast, Missing, Test
from treec.passes.loop.builder import LoopBuilder
from treec.passes.loop.predicate import CategorySets, PredicateKind, Question, emit_predicate
from treec.passes.loop.still_walk import StillWalk
from treec.passes.loop.tables import RecordReader, Tables
from treec.passes.loop.walking import Depth, Landing, ReadValue, Visit
from treec.treeir.loop_types import CastKind
from treec.treeir.pairs import ValuePairsOp
from treec.treeir.plan import WalkOp

COUNTED = 16
"""Levels of trees that all walks take all steps of: neighbours on a GPU wait for the longest walk anyway, and a step costs
little more than to ask whether all are at their leaves."""


class ValuePairWalk(StillWalk):
    """Emits walks over one ``plan.value_pairs``; the counterpart of `ScalarWalk`.

    Straight code takes the first ``peel`` steps, or all with ``unroll``; then a loop takes as many as the deepest of the
    trees needs, or where trees may be deeper than `COUNTED`, steps until no walk moves. ``values`` [R]: single leaf values.
    """

    def __init__(
        self,
        walk: WalkOp,
        trees: ValuePairsOp,
        tables: Tables,
        category_cast: CategoryCast,
        depth: Depth,
        values: NDArray[Any] | None,
    ) -> None:
        super().__init__(walk, tables, category_cast, depth)
        self.trees = trees
        self.leaf_values = None if values is None else values.reshape(-1)[trees.leaf_row.array]
        self.kinds = [PredicateKind(Test(t), Missing(m), bool(invalid)) for t, m, invalid in trees.kinds.array]

    def emit(self, b: LoopBuilder, visits: Sequence[Visit], read: ReadValue) -> list[Landing]:
        """Walk each visit's row down its tree, all of them together, one step after the other."""
        starts = [self.tables.number(b, "pair_base", self.trees.base, visit.tree) for visit in visits]
        at, deepest, straight = starts, self.depth.deepest, self.straight
        for _ in range(straight):
            at = self._steps(b, visits, at, read)
        if straight < deepest and deepest <= COUNTED:
            steps = b.constant(straight), self._most_steps(b, visits)
            at = b.for_(*steps, lambda t, _, old: self._steps(t, visits, old, read), initial=at, label="step")
        elif straight < deepest:
            at = self._until_still(b, visits, at, read)
        zero = b.constant(0)
        landed = zip(visits, starts, at, strict=True)
        return [Landing(visit.tree, base, position, zero) for visit, base, position in landed]

    def _most_steps(self, b: LoopBuilder, visits: Sequence[Visit]) -> SSAValue:
        """Depth of the deepest of the visits' trees, i64."""
        depths = self.trees.depth.array
        if len(np.unique(depths)) == 1:
            return b.constant(int(depths[0]))
        trees = list({visit.tree: None for visit in visits})
        steps = [self.tables.number(b, "pair_depth", self.trees.depth, tree) for tree in trees]
        most = steps[0]
        for other in steps[1:]:
            most = b.maximum(most, other)
        return most

    def _step(self, b: LoopBuilder, visit: Visit, position: SSAValue, read: ReadValue) -> SSAValue:
        table = self.tables.of("pairs", self.trees.nodes)
        record = RecordReader.at(b, table, self.trees.fields, b.named("position", position))
        value = b.named("value", read(b, visit, record.number(b, "feature")))
        question = Question(value, record.threshold(b), record.flag(b, "missing_left"), record.number(b, "kind"))
        answer = b.named("answer", emit_predicate(b, question, self.kinds, self._sets))
        return b.sub(b.add(position, record.number(b, "right")), b.cast(CastKind.ZEXT, answer, i64))

    def _sets(self, b: LoopBuilder) -> CategorySets:
        offset = b.table(self.tables.of("set_offset", self.trees.set_offset))
        words = b.table(self.tables.of("set_words", self.trees.set_words))
        return CategorySets(offset, words, self.category_cast)

    def leaf_row(self, b: LoopBuilder, landing: Landing) -> SSAValue:
        """The row of leaf values, i64."""
        return b.load_index(b.table(self.tables.of("leaf_row", self.trees.leaf_row)), landing.position)

    def leaf_id(self, b: LoopBuilder, landing: Landing) -> SSAValue:
        """The library's number of the leaf, i64."""
        return b.load_index(b.table(self.tables.of("leaf_id", self.trees.leaf_id)), landing.position)

    def column(self, b: LoopBuilder, tree: SSAValue) -> SSAValue:
        """The tree's first output column, i64."""
        if self.trees.column is None:
            return b.constant(0)
        return self.tables.number(b, "tree_column", self.trees.column, tree)
