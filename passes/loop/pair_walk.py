"""The walk over paired trees: a position is all its state, and a leaf holds it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.dialects.builtin import i1, i64
from xdsl.ir import SSAValue

from treec.frontends.base import CategoryCast, Test
from treec.passes.loop.builder import LoopBuilder
from treec.passes.loop.predicate import CategorySets, RankQuestion, emit_ranked_predicate
from treec.passes.loop.still_walk import StillWalk
from treec.passes.loop.tables import RecordReader, Tables
from treec.passes.loop.walking import Depth, Landing, ReadValue, Visit
from treec.treeir.loop_types import BinaryKind, CastKind
from treec.treeir.pairs import PairedTreesOp
from treec.treeir.plan import WalkOp

SetTables = Callable[[LoopBuilder], CategorySets]


class PairWalk(StillWalk):
    """Emits walks over one ``plan.paired_trees``; the counterpart of `ScalarWalk`.

    Straight code takes the first ``peel`` steps, or all with ``unroll``; then a loop steps until no walk moves.
    """

    leaf_values = None

    def __init__(
        self, walk: WalkOp, trees: PairedTreesOp, tables: Tables, category_cast: CategoryCast, depth: Depth
    ) -> None:
        super().__init__(walk, tables, category_cast, depth)
        self.trees = trees
        self.tests = [Test(test) for test in trees.tests.array]

    def emit(self, b: LoopBuilder, visits: Sequence[Visit], read: ReadValue) -> list[Landing]:
        """Walk each visit's row down its tree, all of them together, one step after the other."""
        return self.emit_from(b, visits, [b.constant(0)] * len(visits), read)

    def emit_from(
        self, b: LoopBuilder, visits: Sequence[Visit], places: Sequence[SSAValue], read: ReadValue
    ) -> list[Landing]:
        """The same from places (i64) in the tree on, counted from its root."""
        starts = [self.tables.number(b, "pair_base", self.trees.base, visit.tree) for visit in visits]
        at = [b.add(start, place) for start, place in zip(starts, places, strict=True)]
        for _ in range(self.straight):
            at = self._steps(b, visits, at, read)
        if self.straight < self.depth.deepest:
            at = self._until_still(b, visits, at, read)
        zero = b.constant(0)
        landed = zip(visits, starts, at, strict=True)
        return [Landing(visit.tree, base, position, zero) for visit, base, position in landed]

    def _step(self, b: LoopBuilder, visit: Visit, position: SSAValue, read: ReadValue) -> SSAValue:
        table = self.tables.of("pairs", self.trees.nodes)
        record = RecordReader.at(b, table, self.trees.fields, b.named("position", position))
        rank = b.named("rank", read(b, visit, record.number(b, "feature")))
        question = RankQuestion(rank, record.number(b, "threshold"), record.number(b, "kind"))
        goes_left = b.named("goes_left", emit_ranked_predicate(b, question, self.tests, self._sets))
        goes_right = b.select(goes_left, b.constant(0, i1), b.true())
        return b.add(b.add(position, record.number(b, "delta")), b.cast(CastKind.ZEXT, goes_right, i64))

    def _sets(self, b: LoopBuilder) -> CategorySets:
        offset = b.table(self.tables.of("pair_set_offset", self.trees.set_offset))
        words = b.table(self.tables.of("pair_set_words", self.trees.set_words))
        return CategorySets(offset, words, self.category_cast)

    def _leaf(self, b: LoopBuilder, landing: Landing) -> SSAValue:
        """Number of the leaf among all leaves."""
        record = RecordReader.at(b, self.tables.of("pairs", self.trees.nodes), self.trees.fields, landing.position)
        before = b.binary(BinaryKind.SHR, b.add(landing.base, landing.tree), 1)
        return b.named("leaf", b.add(record.number(b, "threshold"), before))

    def leaf_row(self, b: LoopBuilder, landing: Landing) -> SSAValue:
        """The row of leaf values, i64."""
        leaf = self._leaf(b, landing)
        if self.trees.leaf_row is None:
            return leaf
        return b.load_index(b.table(self.tables.of("pair_leaf_row", self.trees.leaf_row)), leaf)

    def leaf_id(self, b: LoopBuilder, landing: Landing) -> SSAValue:
        """The library's number of the leaf, i64."""
        return b.load_index(b.table(self.tables.of("pair_leaf_id", self.trees.leaf_id)), self._leaf(b, landing))

    def column(self, b: LoopBuilder, tree: SSAValue) -> SSAValue:
        """The tree's first output column, i64."""
        if self.trees.column is None:
            return b.constant(0)
        return self.tables.number(b, "pair_column", self.trees.column, tree)
