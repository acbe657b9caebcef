"""The walk as code: every node of a tree that is known is a compare with a constant and a branch."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import i64
from xdsl.ir import Attribute, SSAValue

from treec.errors import ScheduleError
from treec.frontends.base import Forest, Test, Trees
from treec.passes.algo.branches import Branches, BranchKind, branches_of
from treec.passes.loop.builder import Ask, LoopBuilder
from treec.passes.loop.predicate import emit_branch
from treec.passes.loop.tables import Tables
from treec.passes.loop.walking import Depth, Landing, ReadValue, Visit
from treec.treeir.blob import BlobAttr
from treec.treeir.forest_types import dtype_attribute


class BranchWalk:
    """Emits a tree as one ``loop.decide``. Its result is the leaf's value where that is one number, weighted already; else
    the row of its values; or with ``ids`` the library's number of the leaf."""

    leaf_values = None

    def __init__(self, forest: Forest, trees: Trees, tables: Tables) -> None:
        self.forest = forest
        self.trees = trees
        self.tables = tables
        self.ids = False

    @cached_property
    def branches(self) -> Branches:
        return branches_of(self.forest, self.trees)

    def plain(self) -> BranchWalk:
        """The same walk for leaf ids."""
        other = copy(self)
        other.ids = True
        return other

    def at_depth(self, depth: Depth) -> BranchWalk:
        """The same walk: code has the depth of its tree."""
        return self

    def emit(self, b: LoopBuilder, visits: Sequence[Visit], read: ReadValue) -> list[Landing]:
        """Take one row down one known tree."""
        landings: list[Landing] = []
        for visit in visits:
            tree = b.known(visit.tree)
            if tree is None:
                raise ScheduleError("code of branches is for one tree", fix="add `specialize` of the loop over trees")
            result = self._decide(b, visit, tree, read)
            value = result if self._has_values else None
            landings.append(Landing(visit.tree, b.constant(0), result, b.constant(0), value))
        return landings

    @property
    def _has_values(self) -> bool:
        return not self.ids and self.forest.leaf_width == 1

    def _decide(self, b: LoopBuilder, visit: Visit, tree: int, read: ReadValue) -> SSAValue:
        first, last = (int(self.trees.node_offset[at]) for at in (tree, tree + 1))
        leaves = self._leaves(tree)
        type_ = dtype_attribute(self.forest.sum.dtype) if self._has_values else i64
        if first == last:
            return b.constant(leaves[0].item(), type_)
        kind = self.branches.kind[first:last]
        used, asks = np.unique(kind, return_inverse=True)
        nodes = np.empty((last - first, 4), np.int32)
        nodes[:, :2], nodes[:, 2] = self.branches.children[first:last], asks.reshape(-1)
        questions: list[Ask] = []
        for at in map(int, used):
            own = np.flatnonzero(kind == at)
            nodes[own, 3] = np.arange(len(own))
            questions.append(self._question(visit, self.branches.kinds[at], first + own, read))
        return b.named("leaf", b.decide(BlobAttr.of(nodes), BlobAttr.of(leaves), questions, type_))

    def _question(self, visit: Visit, kind: BranchKind, nodes: NDArray[np.int64], read: ReadValue) -> Ask:
        """The code of nodes of one kind, and their numbers."""
        names, numbers = _numbers(self.branches, kind, nodes)
        types: list[Attribute] = [i64 if array.dtype.kind == "i" else dtype_attribute(array.dtype) for array in numbers]

        def body(t: LoopBuilder, constants: Sequence[SSAValue]) -> SSAValue:
            for name, constant in zip(names, constants, strict=True):
                constant.name_hint = name
            value = t.named("value", read(t, visit, constants[0]))
            return t.named("answer", emit_branch(t, kind, value, constants[1:], self._words, self._cast))

        return Ask(types, [BlobAttr.of(array) for array in numbers], body)

    @property
    def _cast(self) -> Any:
        return self.forest.predicates.category_cast

    def _words(self, b: LoopBuilder) -> SSAValue:
        return b.table(self.tables.of("set_words", self.forest.predicates.set_words))

    def _leaves(self, tree: int) -> NDArray[Any]:
        """What each leaf of a tree gives."""
        own = slice(int(self.trees.leaf_offset[tree]), int(self.trees.leaf_offset[tree + 1]))
        if self.ids:
            return self.trees.leaf_id[own].astype(np.int64)
        rows = self.trees.leaf_row[own].astype(np.int64)
        if not self._has_values:
            return rows
        values, weight = self.forest.leaves.values[rows, 0], self.trees.weight
        with np.errstate(all="ignore"):
            if weight is not None:
                values = values.astype(weight.dtype) * weight[tree]
            return values.astype(self.forest.sum.dtype)

    def leaf_row(self, b: LoopBuilder, landing: Landing) -> SSAValue:
        """The row of leaf values, i64."""
        return landing.position

    def leaf_id(self, b: LoopBuilder, landing: Landing) -> SSAValue:
        """The library's number of the leaf, i64."""
        return landing.position

    def column(self, b: LoopBuilder, tree: SSAValue) -> SSAValue:
        """The tree's first output column, i64."""
        return self.tables.number(b, "tree_column", self.trees.column.astype(np.uint32), tree)


def _numbers(branches: Branches, kind: BranchKind, nodes: NDArray[np.int64]) -> tuple[list[str], list[NDArray[Any]]]:
    """The constants of some nodes of one kind, and what they are called in the code."""
    column = branches.column[nodes]
    if kind.test is not Test.IN_SET:
        return ["column", "threshold"], [column, branches.threshold[nodes]]
    if kind.mask:
        return ["column", "set"], [column, branches.mask[nodes].view(np.int64)]
    return ["column", "first_word", "end_word"], [column, branches.first_word[nodes], branches.end_word[nodes]]
