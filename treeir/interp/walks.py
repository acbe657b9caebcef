"""Reference walks over tables of records: one class for each form of trees, one row and one tree at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import CategoryCast, Forest, Predicates, Test
from treec.treeir.blob import BlobAttr
from treec.treeir.interp.landing import Landing
from treec.treeir.interp.predicates import goes_left
from treec.treeir.interp.ranks import ranked_goes_left
from treec.treeir.interp.slices import SlicedWalk
from treec.treeir.pairs import PairedTreesOp, ValuePairsOp
from treec.treeir.plan_trees import PackedTreesOp, decode

Answer = Callable[[int, Any], bool]
"""(predicate, value or rank) → goes left?"""


class ReferenceWalk(Protocol):
    """Walks over the tables of one form of trees."""

    def walk(self, row: NDArray[Any], tree: int) -> Landing: ...

    def leaf_row(self, leaf: int) -> int:
        """Row of the model's leaf values, of a leaf by its number among all leaves."""
        ...

    def column(self, tree: int) -> int:
        """The first output column that a tree adds to."""
        ...


class PackedWalk:
    """Walks over the tables of one ``plan.packed_trees``, record by record."""

    def __init__(self, packed: PackedTreesOp, forest: Forest) -> None:
        self.packed = packed
        self.node_fields = decode(packed.nodes, packed.fields)
        self.base = packed.node_base.array.astype(np.int64)
        table, fields = packed.predicates, packed.predicate_fields
        if table is None or fields is None:
            table, fields = packed.nodes, packed.fields
        asked = decode(table, fields)
        self.feature = asked["feature"]
        self.answer: Answer
        if packed.ranks is None:
            self.answer = _answer_of_values(_predicates(packed, asked, table, forest.predicates.category_cast))
        else:
            self.answer = _answer_of_ranks(packed, asked)

    def walk(self, row: NDArray[Any], tree: int) -> Landing:
        """From the root: left is the next node, right is ``step`` nodes on; a leaf is where the subtree ends."""
        node, end, lefts = int(self.base[tree]), int(self.base[tree + 1]), 0
        while node != end:
            right = node + int(self.node_fields["step"][node])
            if self.goes_left(row, node):
                node, end, lefts = node + 1, right, lefts + 1
            else:
                node = right
        leaf = node + tree - lefts
        if self.packed.leaf_id is not None:
            return Landing(leaf, int(self.packed.leaf_id.array[leaf]))
        return Landing(leaf, 2 * (node - int(self.base[tree])) - lefts)

    def goes_left(self, row: NDArray[Any], node: int) -> bool:
        question = int(self.node_fields["predicate"][node]) if "predicate" in self.node_fields else node
        inverted = "inverted" in self.node_fields and bool(self.node_fields["inverted"][node])
        return bool(self.answer(question, row[int(self.feature[question])])) != inverted

    def leaf_row(self, leaf: int) -> int:
        return leaf if self.packed.leaf_row is None else int(self.packed.leaf_row.array[leaf])

    def column(self, tree: int) -> int:
        return 0 if self.packed.column is None else int(self.packed.column.array[tree])


class PairedWalk:
    """Walks over the tables of one ``plan.paired_trees``: a leaf is where a step does not move. ``upper``: finds where a
    walk starts, which is the root otherwise."""

    def __init__(self, trees: PairedTreesOp, upper: SlicedWalk | None = None) -> None:
        self.trees, self.upper = trees, upper
        self.fields = decode(trees.nodes, trees.fields)
        self.test = trees.tests.array[self.fields["kind"]]
        self.sets = trees.set_offset.array, trees.set_words.array

    def walk(self, row: NDArray[Any], tree: int) -> Landing:
        """From the start until a step stays; there the threshold is the leaf's number in its tree."""
        base = int(self.trees.base.array[tree])
        position, delta = base + (0 if self.upper is None else self.upper.start(row, tree)), 1
        while delta:
            delta = int(self.fields["delta"][position])
            rank = int(row[int(self.fields["feature"][position])])
            operand = int(self.fields["threshold"][position])
            position += delta + (not ranked_goes_left(int(self.test[position]), rank, operand, *self.sets))
        leaf = int(self.fields["threshold"][position]) + (base + tree) // 2
        return Landing(leaf, int(self.trees.leaf_id.array[leaf]))

    def leaf_row(self, leaf: int) -> int:
        return leaf if self.trees.leaf_row is None else int(self.trees.leaf_row.array[leaf])

    def column(self, tree: int) -> int:
        return 0 if self.trees.column is None else int(self.trees.column.array[tree])


class ValuePairsWalk:
    """Walks over the tables of one ``plan.value_pairs``: a leaf's ``right`` is 0. A leaf's number is its position."""

    def __init__(self, trees: ValuePairsOp, cast: CategoryCast) -> None:
        self.trees = trees
        self.fields = decode(trees.nodes, trees.fields)
        self.answer = _answer_of_values(_predicates(trees, self.fields, trees.nodes, cast))

    def walk(self, row: NDArray[Any], tree: int) -> Landing:
        """From the root to where no record leads on."""
        position = int(self.trees.base.array[tree])
        while right := int(self.fields["right"][position]):
            position += right - self.answer(position, row[int(self.fields["feature"][position])])
        return Landing(position, int(self.trees.leaf_id.array[position]))

    def leaf_row(self, leaf: int) -> int:
        return int(self.trees.leaf_row.array[leaf])

    def column(self, tree: int) -> int:
        return 0 if self.trees.column is None else int(self.trees.column.array[tree])


def _answer_of_values(predicates: Predicates) -> Answer:
    return lambda question, value: bool(goes_left(predicates, np.array([question]), np.array([value]))[0])


def _answer_of_ranks(packed: PackedTreesOp, asked: dict[str, NDArray[np.int64]]) -> Answer:
    test = packed.kinds.array[asked["kind"], 0]
    sets = packed.set_offset.array, packed.set_words.array
    return lambda question, rank: ranked_goes_left(test[question], int(rank), int(asked["threshold"][question]), *sets)


def _predicates(
    packed: PackedTreesOp | ValuePairsOp, asked: dict[str, NDArray[np.int64]], table: BlobAttr, cast: CategoryCast
) -> Predicates:
    """One predicate per record of ``table``."""
    kinds = packed.kinds.array[asked["kind"]].reshape(-1, 3)
    threshold = table.array["threshold"].copy()
    number = threshold.view(np.int32 if threshold.dtype == np.float32 else np.int64)
    return Predicates(
        input=asked["feature"].astype(np.int32),
        test=kinds[:, 0].astype(np.uint8),
        threshold=threshold,
        missing=kinds[:, 1].astype(np.uint8),
        missing_left=asked["missing_left"].astype(bool),
        category_set=np.where(kinds[:, 0] == Test.IN_SET, number, -1).astype(np.int32),
        invalid_left=kinds[:, 2].astype(bool),
        set_offset=packed.set_offset.array.astype(np.int64),
        set_words=packed.set_words.array,
        category_cast=cast,
    )
