"""Reference interpreter of ``plan.path_matrix``: one row's answers times a tree's matrix."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from treec.errors import UsageError
from treec.treeir.interp.landing import Landing
from treec.treeir.paths import PathMatrixOp
from treec.treeir.plan_trees import PackedTreesOp


class Answers(Protocol):
    """What is asked of packed trees."""

    packed: PackedTreesOp

    def goes_left(self, row: NDArray[Any], node: int) -> bool: ...

    def leaf_row(self, leaf: int) -> int: ...

    def column(self, tree: int) -> int: ...


class PathWalk:
    """Finds the one leaf whose conditions all hold."""

    def __init__(self, paths: PathMatrixOp, answers: Answers) -> None:
        self.paths, self.answers = paths, answers

    def walk(self, row: NDArray[Any], tree: int) -> Landing:
        first, last = (int(bound) for bound in self.answers.packed.node_base.array[tree : tree + 2])
        left = np.array([self.answers.goes_left(row, node) for node in range(first, last)], np.uint32)
        words = self.paths.start.array[tree] + left @ self.paths.path.array[first:last]
        hits = np.flatnonzero(words.astype("<u4").view(np.uint8) & 0x80)
        if len(hits) != 1:
            raise UsageError(
                f"a row is at {len(hits)} leaves of tree {tree}", fix="make the path matrix anew: `walk with=gemm`"
            )
        leaf = first + tree + int(hits[0])
        return Landing(leaf, int(self.paths.leaf_id.array[leaf]))

    def leaf_row(self, leaf: int) -> int:
        return self.answers.leaf_row(leaf)

    def column(self, tree: int) -> int:
        return self.answers.column(tree)
