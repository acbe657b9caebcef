"""Reference interpreter of ``plan.reorg_trees``: walks position by position, one row and one tree at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from treec.frontends.base import CategoryCast, Predicates, Test
from treec.treeir.interp.landing import Landing
from treec.treeir.interp.predicates import goes_left
from treec.treeir.interp.ranks import ranked_goes_left
from treec.treeir.interp.tiles import decode_bits
from treec.treeir.reorg import ReorgTreesOp


class ReorgWalk:
    """Walks over the tables of one ``plan.reorg_trees``."""

    def __init__(self, trees: ReorgTreesOp, cast: CategoryCast) -> None:
        self.trees = trees
        words = trees.asked.array
        parts = [words[name].astype(np.uint64) for name in words.dtype.names or ()]
        sizes = np.cumsum([0, *(8 * words.dtype[name].itemsize for name in words.dtype.names or ())])
        word = sum((part << np.uint64(at) for part, at in zip(parts, sizes, strict=False)), np.zeros(len(words), np.uint64))
        self.asked = decode_bits(word, trees.fields)
        self.kind = trees.kinds.array[self.asked["kind"]].reshape(-1, 3)
        self.predicates = None if trees.threshold is None else self._predicates(trees.threshold.array.copy(), cast)

    def _predicates(self, threshold: NDArray[Any], cast: CategoryCast) -> Predicates:
        """One per element."""
        number = threshold.view(np.int32 if threshold.dtype == np.float32 else np.int64)
        return Predicates(
            input=self.asked["feature"].astype(np.int32),
            test=self.kind[:, 0].astype(np.uint8),
            threshold=threshold,
            missing=self.kind[:, 1].astype(np.uint8),
            missing_left=self.asked["missing_left"].astype(bool),
            category_set=np.where(self.kind[:, 0] == Test.IN_SET, number, -1).astype(np.int32),
            invalid_left=self.kind[:, 2].astype(bool),
            set_offset=self.trees.set_offset.array.astype(np.int64),
            set_words=self.trees.set_words.array,
            category_cast=cast,
        )

    def walk(self, row: NDArray[Any], tree: int) -> Landing:
        """From the root to the last level; the leaf's number is its slot."""
        n_trees, depth = self.trees.n_trees, self.trees.depth.value.data
        position = 0
        for _ in range(depth):
            element = position * n_trees + tree
            position = 2 * position + (1 if self._answer(row[int(self.asked["feature"][element])], element) else 2)
        slot = (position - ((1 << depth) - 1)) * n_trees + tree
        return Landing(slot, int(self.trees.leaf_id.array[slot]))

    def _answer(self, value: Any, element: int) -> bool:
        if self.predicates is not None:
            return bool(goes_left(self.predicates, np.array([element]), np.array([value]))[0])
        sets = self.trees.set_offset.array, self.trees.set_words.array
        return ranked_goes_left(int(self.kind[element, 0]), int(value), int(self.asked["threshold"][element]), *sets)

    def leaf_row(self, leaf: int) -> int:
        return int(self.trees.leaf_row.array[leaf])

    def column(self, tree: int) -> int:
        return 0 if self.trees.column is None else int(self.trees.column.array[tree])
