"""The scalar walk over packed trees: one row, one tree, one node at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy

import numpy as np
from xdsl.dialects.builtin import DictionaryAttr
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
from treec.passes.loop.walking import Depth, Landing, ReadColumn, ReadValue, Visit
from treec.treeir.loop import TableOp
from treec.treeir.loop_types import BinaryKind, CastKind, CompareKind
from treec.treeir.plan import PackedTreesOp, WalkOp

State = tuple[SSAValue, SSAValue, SSAValue]
"""Node, end of the subtree, left turns so far; i64 each, or vectors in a walk of lanes."""


class ScalarWalk:
    """Emits walks over one ``plan.packed_trees``, as the ``plan.walk`` says, through trees of known ``depth``.

    ``lanes``: rows that one visit stands for. ``copies``: where each field of the nodes lies, if they are copied, from the
    node ``copied_from`` on, or all.
    """

    lanes = 1
    copies: Mapping[str, SSAValue] | None = None
    copied_from: SSAValue | None = None

    leaf_values = None

    def __init__(
        self, walk: WalkOp, packed: PackedTreesOp, tables: Tables, category_cast: CategoryCast, depth: Depth
    ) -> None:
        self.packed = packed
        # One record more than nodes: a walk that has the last leaf of all looks there while it waits for others.
        self.nodes = np.concatenate([packed.nodes.array, packed.nodes.array[-1:]])
        self.depth = depth
        self.peel = 0 if walk.peel is None else walk.peel.value.data
        self.unroll = walk.unroll is not None
        self.tables = tables
        self.category_cast = category_cast
        self.kinds = [
            PredicateKind(Test(test), Missing(missing), bool(invalid)) for test, missing, invalid in packed.kinds.array
        ]

    def plain(self) -> ScalarWalk:
        """The same walk without straight code: a fraction of the machine code, for leaf ids, which are rarely asked for in
        bulk."""
        other = copy(self)
        other.peel, other.unroll = 0, False
        return other

    def at_depth(self, depth: Depth) -> ScalarWalk:
        """The same walk for trees of another depth."""
        other = copy(self)
        other.depth = depth
        return other

    def emit(self, b: LoopBuilder, visits: Sequence[Visit], read: ReadValue) -> list[Landing]:
        """Walk each visit's row down its tree, all of them together, one step after the other."""
        zero = b.constant(0)
        bases = [self._base(b, visit.tree) for visit in visits]
        ends = [self._copied(b, self._base(b, b.add(visit.tree, 1))) for visit in visits]
        states = [(self._copied(b, base), end, zero) for base, end in zip(bases, ends, strict=True)]
        states = self._descend(b, visits, states, read)
        landed = zip(visits, bases, states, strict=True)
        return [Landing(visit.tree, base, self._number(b, node), lefts) for visit, base, (node, _, lefts) in landed]

    def _copied(self, b: LoopBuilder, node: SSAValue) -> SSAValue:
        """Where a node is among those that are copied."""
        return node if self.copied_from is None else b.sub(node, self.copied_from)

    def _number(self, b: LoopBuilder, copied: SSAValue) -> SSAValue:
        """Which node is there."""
        return copied if self.copied_from is None else b.add(copied, self.copied_from)

    def _base(self, b: LoopBuilder, tree: SSAValue) -> SSAValue:
        """The tree's first node."""
        return self.tables.number(b, "node_base", self.packed.node_base, tree)

    def _descend(self, b: LoopBuilder, visits: Sequence[Visit], states: list[State], read: ReadValue) -> list[State]:
        if self.depth.deepest == 0:
            return states
        straight = self.depth.deepest if self.unroll else min(self.peel, self.depth.deepest)
        exact = self.depth.exact and self.lanes == 1  # lanes read their steps: vectors have no cheaper way
        for step in range(straight):
            half = b.constant(1 << (self.depth.deepest - step - 1)) if exact else None
            states = self._steps(b, visits, states, read, sure=step < self.depth.shallowest, half=half)
        if straight == self.depth.deepest:
            return states
        if exact:
            return self._counted(b, visits, states, read, self.depth.deepest - straight)
        sure = straight < self.depth.shallowest  # then the loop's first step needs no test
        return self._loop(b, visits, states, read, sure)

    def _counted(
        self, b: LoopBuilder, visits: Sequence[Visit], states: list[State], read: ReadValue, n: int
    ) -> list[State]:
        """The last ``n`` steps through full trees: no walk needs a test."""
        ends = [end for _, end, _ in states]

        def body(t: LoopBuilder, _: SSAValue, carried: Values) -> Values:
            half, *rest = carried
            old = [(rest[2 * at], end, rest[2 * at + 1]) for at, end in enumerate(ends)]
            new = self._steps(t, visits, old, read, sure=True, half=half)
            return [t.binary(BinaryKind.SHR, half, 1), *(value for node, _, lefts in new for value in (node, lefts))]

        initial = [b.constant(1 << (n - 1)), *(value for node, _, lefts in states for value in (node, lefts))]
        _, *last = b.for_(b.constant(0), b.constant(n), body, initial=initial, label="step")
        return [(last[2 * at], end, last[2 * at + 1]) for at, end in enumerate(ends)]

    def _loop(
        self, b: LoopBuilder, visits: Sequence[Visit], states: list[State], read: ReadValue, sure: bool
    ) -> list[State]:
        """Step until every walk has its leaf. One walk alone tests for its leaf; of several, those that have one stay."""
        alone = len(visits) == 1 and self.lanes == 1

        def body(t: LoopBuilder, values: Values) -> tuple[SSAValue, Values]:
            new = self._steps(t, visits, _grouped(values), read, sure=alone)
            return _any_walking(t, new), _flat(new)

        if sure:
            return _grouped(b.repeat(_flat(states), body))
        flat = _flat(states)
        walking = _any_walking(b, states)
        return _grouped(b.if_(walking, [value.type for value in flat], lambda t: t.repeat(flat, body), lambda _: flat))

    def _steps(
        self,
        b: LoopBuilder,
        visits: Sequence[Visit],
        states: list[State],
        read: ReadValue,
        *,
        sure: bool,
        half: SSAValue | None = None,
    ) -> list[State]:
        return [self._step(b, visit, state, read, sure, half) for visit, state in zip(visits, states, strict=True)]

    def _step(
        self, b: LoopBuilder, visit: Visit, state: State, read: ReadValue, sure: bool, half: SSAValue | None
    ) -> State:
        """One step down; ``sure``: this walk is at a node. Otherwise a walk that has its leaf takes no step to the right
        and none to the left, and so stays where it is. ``half``: the step to the right, where the tree is full."""
        for value, name in zip(state, ("node", "end", "lefts"), strict=True):
            b.named(name, value)
        node, end, lefts = state
        record = self._record(b, self.node_table(), self.packed.fields, node, self.copies)
        goes_left = self._goes_left(b, record, visit, read)
        if half is not None:
            one = b.cast(CastKind.ZEXT, goes_left, lefts.type)
            further = b.select(goes_left, b.constant(0), half)  # a shift; as select(1, half) LLVM makes it a branch
            return b.add(b.add(node, further), one), end, b.add(lefts, one)
        step = record.number(b, "step")
        if not sure:
            walking = b.compare(CompareKind.NE, node, end)
            goes_left = b.both(goes_left, walking)
            step = b.select(walking, step, b.constant(0, step.type))
        right = b.add(node, step)
        next_node = b.select(goes_left, b.add(node, 1), right)
        next_end = b.select(goes_left, right, end)
        return next_node, next_end, b.add(lefts, b.cast(CastKind.ZEXT, goes_left, lefts.type))

    def _goes_left(self, b: LoopBuilder, record: RecordReader, visit: Visit, read: ReadValue) -> SSAValue:
        goes_left = self._answer(b, record, lambda t, column: read(t, visit, column))
        if "inverted" in record.fields:
            goes_left = b.binary(BinaryKind.XOR, goes_left, record.flag(b, "inverted"))
        return b.named("goes_left", goes_left)

    def node_table(self) -> TableOp:
        """All nodes, and one record more."""
        return self.tables.of("nodes", self.nodes)

    def _record(
        self,
        b: LoopBuilder,
        table: TableOp,
        fields: DictionaryAttr,
        index: SSAValue,
        copies: Mapping[str, SSAValue] | None = None,
    ) -> RecordReader:
        return RecordReader.at(b, table, fields, index, copies)

    def _answer(self, b: LoopBuilder, node: RecordReader, read: ReadColumn) -> SSAValue:
        asked = node
        if self.packed.predicates is not None and self.packed.predicate_fields is not None:
            table = self.tables.of("predicates", self.packed.predicates)
            asked = self._record(b, table, self.packed.predicate_fields, node.number(b, "predicate"))
        value, kind = b.named("value", read(b, asked.number(b, "feature"))), asked.number(b, "kind")
        if self.packed.ranks is not None:
            tests = [k.test for k in self.kinds]
            return emit_ranked_predicate(b, RankQuestion(value, asked.number(b, "threshold"), kind), tests, self._sets)
        question = Question(value, asked.threshold(b), asked.flag(b, "missing_left"), kind)
        return emit_predicate(b, question, self.kinds, self._sets)

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
        return self.tables.number(b, "tree_column", self.packed.column, tree)


def _flat(states: Sequence[State]) -> Values:
    return [value for state in states for value in state]


def _grouped(values: Values) -> list[State]:
    return [(values[at], values[at + 1], values[at + 2]) for at in range(0, len(values), 3)]


def _any_walking(b: LoopBuilder, states: Sequence[State]) -> SSAValue:
    walking = [b.compare(CompareKind.NE, node, end) for node, end, _ in states]
    result = walking[0]
    for other in walking[1:]:
        result = b.either(result, other)
    return b.any_lane(result)
