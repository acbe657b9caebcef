"""The walk over complete trees that are stored together: as many steps for every row, and no test for a leaf.

A walk's state is its *place*, the first element of its position: the children's follow from it by a sum, see
`treec.passes.algo.reorg`. The two numbers that a step chooses from are opaque: as constants, LLVM would make a branch of
the choice. (To keep the position instead takes one instruction less for a step, and a multiplication for the address: it
was slower.)
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

from xdsl.ir import SSAValue

from treec.frontends.base import CategoryCast, Missing, Test
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.predicate import (
    CategorySets,
    PredicateKind,
    Question,
    RankQuestion,
    emit_predicate,
    emit_ranked_predicate,
)
from treec.passes.loop.tables import RecordReader, Tables
from treec.passes.loop.walking import Depth, Landing, ReadValue, Visit
from treec.treeir.loop_types import BinaryKind
from treec.treeir.plan import ReorgTreesOp, WalkOp


class ReorgWalk:
    """Emits walks over one ``plan.reorg_trees``; the counterpart of `ScalarWalk`.

    Straight code takes the first ``peel`` steps, or all with ``unroll``; then a loop takes the others, as many as the
    deepest tree of this part needs. A landing's ``position`` is the leaf's slot.
    """

    leaf_values = None

    def __init__(
        self, walk: WalkOp, trees: ReorgTreesOp, tables: Tables, category_cast: CategoryCast, depth: Depth
    ) -> None:
        self.trees = trees
        self.n_trees = trees.n_trees
        self.tables = tables
        self.depth = depth
        self.category_cast = category_cast
        self.peel = 0 if walk.peel is None else walk.peel.value.data
        self.unroll = walk.unroll is not None
        self.kinds = [PredicateKind(Test(t), Missing(m), bool(invalid)) for t, m, invalid in trees.kinds.array]

    def plain(self) -> ReorgWalk:
        """The same walk without straight code."""
        other = copy(self)
        other.peel, other.unroll = 0, False
        return other

    def at_depth(self, depth: Depth) -> ReorgWalk:
        """The same walk for trees of another depth."""
        other = copy(self)
        other.depth = depth
        return other

    def emit(self, b: LoopBuilder, visits: Sequence[Visit], read: ReadValue) -> list[Landing]:
        """Walk each visit's row down its tree, all of them together, one step after the other."""
        at: Values = [b.constant(0)] * len(visits)
        n = self.depth.deepest
        straight = n if self.unroll else min(self.peel, n)
        for _ in range(straight):
            at = self._steps(b, visits, at, read)
        if straight < n:
            steps = b.constant(0), b.constant(n - straight)
            at = b.for_(*steps, lambda t, _, old: self._steps(t, visits, old, read), initial=at, label="step")
        landed = zip(visits, at, strict=True)
        return [Landing(v.tree, v.tree, self._slot(b, v.tree, place), b.constant(0)) for v, place in landed]

    def _steps(self, b: LoopBuilder, visits: Sequence[Visit], at: Values, read: ReadValue) -> Values:
        return [self._step(b, visit, place, read) for visit, place in zip(visits, at, strict=True)]

    def _step(self, b: LoopBuilder, visit: Visit, place: SSAValue, read: ReadValue) -> SSAValue:
        element = b.named("element", b.add(b.named("place", place), visit.tree))
        goes_left = b.named("goes_left", self._answer(b, visit, element, read))
        further = b.select(goes_left, b.opaque(self.n_trees), b.opaque(2 * self.n_trees))
        return b.add(b.add(place, place), further)

    def _answer(self, b: LoopBuilder, visit: Visit, element: SSAValue, read: ReadValue) -> SSAValue:
        record = RecordReader.at(b, self.tables.of("reorg_asked", self.trees.asked), self.trees.fields, element)
        value, kind = b.named("value", read(b, visit, record.number(b, "feature"))), record.number(b, "kind")
        if self.trees.threshold is None:
            tests = [k.test for k in self.kinds]
            question = RankQuestion(value, record.number(b, "threshold"), kind)
            return emit_ranked_predicate(b, question, tests, self._sets)
        thresholds = b.table(self.tables.of("reorg_threshold", self.trees.threshold))
        threshold = b.named("threshold", b.load(thresholds, element))
        return emit_predicate(b, Question(value, threshold, record.flag(b, "missing_left"), kind), self.kinds, self._sets)

    def _sets(self, b: LoopBuilder) -> CategorySets:
        offset = b.table(self.tables.of("set_offset", self.trees.set_offset))
        words = b.table(self.tables.of("set_words", self.trees.set_words))
        return CategorySets(offset, words, self.category_cast)

    def _slot(self, b: LoopBuilder, tree: SSAValue, place: SSAValue) -> SSAValue:
        """Of a place of the level that walks stop at."""
        here = b.sub(place, ((1 << self.depth.deepest) - 1) * self.n_trees)
        below = self.trees.depth.value.data - self.depth.deepest
        here = b.binary(BinaryKind.SHL, here, below) if below else here
        return b.named("leaf", b.add(here, tree))

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
        return b.load_index(b.table(self.tables.of("tree_column", self.trees.column)), tree)
