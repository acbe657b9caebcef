"""Reference interpreter of ``plan.sliced_trees``: one row's bits, one select after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import Test
from treec.treeir.interp.landing import Landing
from treec.treeir.plan import PredicateBitsOp, SlicedTreesOp


class SlicedWalk:
    """Finds leaves by their codes."""

    def __init__(self, trees: SlicedTreesOp, predicates: PredicateBitsOp) -> None:
        self.trees, self.predicates = trees, predicates
        self.is_full = trees.is_full
        self.select: NDArray[np.int64] = trees.select.array.reshape(-1, 3).astype(np.int64)

    def walk(self, row: NDArray[Any], tree: int) -> Landing:
        leaf = self.leaf(row, tree)
        if self.trees.leaf_id is None:
            raise ValueError("these trees are the upper levels of others")
        return Landing(leaf, int(self.trees.leaf_id.array[leaf]))

    def start(self, row: NDArray[Any], tree: int) -> int:
        """Where a walk goes on, counted from the tree's root."""
        if self.trees.start is None:
            raise ValueError("these trees are whole ones")
        return int(self.trees.start.array[self.leaf(row, tree)])

    def leaf(self, row: NDArray[Any], tree: int) -> int:
        """Number of the row's leaf among all leaves."""
        slots: list[bool] = [*self._answers(row), False, True]
        code = self._multiplexed(slots, tree) if self.is_full[tree] else self._selected(slots, tree)
        return int(self.trees.leaf.array[int(self.trees.code_offset.array[tree]) + code])

    def _selected(self, slots: list[bool], tree: int) -> int:
        begin, end = self.trees.select_offset.array[tree : tree + 2]
        for at in range(int(begin), int(end)):
            condition, true, false = (int(slot) for slot in self.select[at])
            slots.append(slots[true] if slots[condition] else slots[false])
        begin, end = self.trees.bit_offset.array[tree : tree + 2]
        return sum(int(slots[int(slot)]) << at for at, slot in enumerate(self.trees.bits.array[begin:end]))

    def _multiplexed(self, slots: list[bool], tree: int) -> int:
        """Down a full tree in preorder."""
        if self.trees.node is None or self.trees.node_offset is None:
            raise ValueError("these trees are no multiplexers")
        begin, end = (int(bound) for bound in self.trees.node_offset.array[tree : tree + 2])
        node, code = self.trees.node.array[begin:end], 0
        below, at = len(node) // 2, 0
        while True:
            answer = slots[int(node[at])]
            code = code << 1 | answer
            if below == 0:
                return code
            at, below = at + (1 if answer else 1 + below), below // 2

    def _answers(self, row: NDArray[Any]) -> list[bool]:
        p = self.predicates
        rank, operand, test = row[p.view.array], p.operand.array, p.test.array
        answer = np.where(test == Test.EQUAL, rank == operand, rank <= operand)
        of = np.flatnonzero(test == Test.IN_SET)
        words = p.set_words.array[operand[of] + rank[of] // 32]
        answer[of] = words >> (rank[of] % 32).astype(np.uint32) & 1
        return answer.tolist()

    def leaf_row(self, leaf: int) -> int:
        return leaf if self.trees.leaf_row is None else int(self.trees.leaf_row.array[leaf])

    def column(self, tree: int) -> int:
        return 0 if self.trees.column is None else int(self.trees.column.array[tree])
