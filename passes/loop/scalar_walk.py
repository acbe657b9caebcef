"""The scalar walk over packed trees: one row, one tree, one node at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xdsl.dialects.builtin import i64
from xdsl.ir import SSAValue

from treec.frontends.base import CategoryCast, Missing, Test
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.predicate import CategorySets, PredicateKind, Question, emit_predicate
from treec.passes.loop.tables import RecordReader, Tables
from treec.treeir.loop_types import CastKind, CompareKind
from treec.treeir.plan import PackedTreesOp

ReadValue = Callable[[LoopBuilder, SSAValue], SSAValue]
"""Column (i64) → the row's value there, in the dtype of thresholds."""


@dataclass(frozen=True)
class Landing:
    """Where a walk ended: ``position`` in the nodes' numbering (where the next node would be), after ``lefts`` left turns,
    in the tree whose first node is ``base``; all i64."""

    tree: SSAValue
    base: SSAValue
    position: SSAValue
    lefts: SSAValue

    def leaf(self, b: LoopBuilder) -> SSAValue:
        """Number of the leaf among all leaves: every tree before has one leaf more than nodes."""
        return b.named("leaf", b.sub(b.add(self.position, self.tree), self.lefts))


class ScalarWalk:
    """Emits walks over one ``plan.packed_trees``."""

    def __init__(self, packed: PackedTreesOp, tables: Tables, category_cast: CategoryCast) -> None:
        self.packed = packed
        self.tables = tables
        self.category_cast = category_cast
        self.kinds = [
            PredicateKind(Test(test), Missing(missing), bool(invalid)) for test, missing, invalid in packed.kinds.array
        ]

    def emit(self, b: LoopBuilder, tree: SSAValue, read: ReadValue) -> Landing:
        """Walk down ``tree`` (i64)."""
        bases = b.table(self.tables.of("node_base", self.packed.node_base))
        start = b.load_index(bases, tree)
        end = b.load_index(bases, b.add(tree, 1))
        zero = b.constant(0)

        def descend(t: LoopBuilder) -> Values:
            return t.repeat([start, end, zero], lambda s, state: self._step(s, state, read))[::2]

        if len(self.packed.nodes.array) == 0:
            return Landing(tree, start, start, zero)
        has_nodes = b.compare(CompareKind.NE, start, end)
        position, lefts = b.if_(has_nodes, [i64, i64], descend, lambda _: [start, zero])
        return Landing(tree, start, position, lefts)

    def _step(self, b: LoopBuilder, state: Values, read: ReadValue) -> tuple[SSAValue, Values]:
        for value, name in zip(state, ("node", "end", "lefts"), strict=True):
            b.named(name, value)
        node, end, lefts = state
        record = RecordReader.at(b, self.tables.of("nodes", self.packed.nodes), self.packed.fields, node)
        goes_left = b.named("goes_left", emit_predicate(b, self._question(b, record, read), self.kinds, self._sets))
        right = b.add(node, record.number(b, "step"))
        next_node = b.select(goes_left, b.add(node, 1), right)
        next_end = b.select(goes_left, right, end)
        next_lefts = b.add(lefts, b.cast(CastKind.ZEXT, goes_left, i64))
        return b.compare(CompareKind.NE, next_node, next_end), [next_node, next_end, next_lefts]

    def _question(self, b: LoopBuilder, node: RecordReader, read: ReadValue) -> Question:
        asked = node
        if self.packed.predicates is not None and self.packed.predicate_fields is not None:
            table = self.tables.of("predicates", self.packed.predicates)
            asked = RecordReader.at(b, table, self.packed.predicate_fields, node.number(b, "predicate"))
        return Question(
            b.named("value", read(b, asked.number(b, "feature"))),
            asked.threshold(b),
            asked.flag(b, "missing_left"),
            asked.number(b, "kind"),
        )

    def _sets(self, b: LoopBuilder) -> CategorySets:
        offset = b.table(self.tables.of("set_offset", self.packed.set_offset))
        words = b.table(self.tables.of("set_words", self.packed.set_words))
        return CategorySets(offset, words, self.category_cast)

    def leaf_row(self, b: LoopBuilder, landing: Landing) -> SSAValue:
        """The row of leaf values, i64."""
        leaf = landing.leaf(b)
        if self.packed.leaf_row is None:
            return leaf
        return b.load_index(b.table(self.tables.of("leaf_row", self.packed.leaf_row)), leaf)

    def leaf_id(self, b: LoopBuilder, landing: Landing) -> SSAValue:
        """The library's number of the leaf, i64."""
        if self.packed.leaf_id is not None:
            return b.load_index(b.table(self.tables.of("leaf_id", self.packed.leaf_id)), landing.leaf(b))
        local = b.sub(landing.position, landing.base)
        return b.sub(b.add(local, local), landing.lefts)

    def column(self, b: LoopBuilder, tree: SSAValue) -> SSAValue:
        """The tree's first output column, i64."""
        if self.packed.column is None:
            return b.constant(0)
        return b.load_index(b.table(self.tables.of("tree_column", self.packed.column)), tree)
