"""Reference interpreter of ``plan.tiled_trees``: walks tile by tile, one row and one tree at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import DictionaryAttr

from treec.frontends.base import CategoryCast, Predicates, Test
from treec.treeir.interp.landing import Landing
from treec.treeir.interp.predicates import goes_left
from treec.treeir.interp.ranks import ranked_goes_left
from treec.treeir.plan_trees import BitFieldAttr
from treec.treeir.tiles import TiledTreesOp


class TiledWalk:
    """Walks over the tables of one ``plan.tiled_trees``."""

    def __init__(self, trees: TiledTreesOp, cast: CategoryCast) -> None:
        self.trees = trees
        self.size = trees.size.value.data
        table = trees.tiles.array
        self.threshold = table["threshold"].reshape(-1, trees.lanes)
        asked = decode_bits(table["asked"].reshape(-1, trees.lanes), trees.lane_fields)
        self.feature, self.kind = asked["feature"], trees.kinds.array[asked["kind"]]
        self.word = decode_bits(table["word0"], trees.fields)
        self.predicates = None if trees.ranks is not None else self._predicates(asked["missing_left"], cast)

    def _predicates(self, missing_left: NDArray[np.int64], cast: CategoryCast) -> Predicates:
        """One per lane of each tile."""
        kinds, threshold = self.kind.reshape(-1, 3), self.threshold.reshape(-1).copy()
        number = threshold.view(np.int32 if threshold.dtype == np.float32 else np.int64)
        return Predicates(
            input=self.feature.reshape(-1).astype(np.int32),
            test=kinds[:, 0].astype(np.uint8),
            threshold=threshold,
            missing=kinds[:, 1].astype(np.uint8),
            missing_left=missing_left.reshape(-1).astype(bool),
            category_set=np.where(kinds[:, 0] == Test.IN_SET, number, -1).astype(np.int32),
            invalid_left=kinds[:, 2].astype(bool),
            set_offset=self.trees.set_offset.array.astype(np.int64),
            set_words=self.trees.set_words.array,
            category_cast=cast,
        )

    def walk(self, row: NDArray[Any], tree: int) -> Landing:
        """From the first tile of the tree until an exit leads to a leaf; the leaf's number is its slot."""
        base = int(self.trees.base.array[tree])
        tile = base
        while True:
            way = self._exit(tile, self._mask(row, tile) if len(row) else 0)
            inner = int(self.word["inner"][tile])
            tiles_before = (inner & ((1 << way) - 1)).bit_count()
            if not inner >> way & 1:
                slot = int(self.trees.leaf_base.array[tile]) + way - tiles_before
                return Landing(slot, int(self.trees.leaf_id.array[slot]))
            if self.trees.kind.data == "sparse":
                tile += int(self.word["child"][tile]) + tiles_before
            else:
                tile = base + (tile - base) * (self.size + 1) + 1 + way

    def _mask(self, row: NDArray[Any], tile: int) -> int:
        """The answers of a tile's nodes, one bit each."""
        lanes = range(self.size)
        values = row[self.feature[tile, : self.size]]
        if self.predicates is not None:
            answers = goes_left(self.predicates, tile * self.trees.lanes + np.arange(self.size), values)
        else:
            sets = self.trees.set_offset.array, self.trees.set_words.array
            operands, tests = self.threshold[tile], self.kind[tile, :, 0]
            answers = [ranked_goes_left(int(tests[k]), int(values[k]), int(operands[k]), *sets) for k in lanes]
        return sum(1 << lane for lane in lanes if answers[lane])

    def _exit(self, tile: int, mask: int) -> int:
        shape = int(self.word["shape"][tile])
        if self.trees.lookup is not None:
            return int(self.trees.lookup.array[shape, mask])
        if self.trees.ways is None:
            return 1 - mask
        ways = self.trees.ways.array[shape]
        fits = np.flatnonzero((mask & ways["care"].astype(np.int64)) == ways["want"])
        return int(fits[0]) if len(fits) else self.trees.lanes

    def leaf_row(self, leaf: int) -> int:
        return int(self.trees.leaf_row.array[leaf])

    def column(self, tree: int) -> int:
        return 0 if self.trees.column is None else int(self.trees.column.array[tree])


def decode_bits(words: NDArray[Any], fields: DictionaryAttr) -> dict[str, NDArray[np.int64]]:
    """The bit fields of unsigned numbers of any shape: name → i64 of that shape."""
    wide = words.astype(np.uint64)
    found: dict[str, NDArray[np.int64]] = {}
    for name, field in fields.data.items():
        if isinstance(field, BitFieldAttr):
            mask = np.uint64((1 << field.width.data) - 1)
            shifted = wide >> np.uint64(min(63, field.shift.data))
            found[name] = (shifted & mask).astype(np.int64) + field.base.data
    return found
