"""``plan.tiled_trees``: trees as records of tiles, in the plan dialect."""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.dialects.builtin import (
    DictionaryAttr,
    FlatSymbolRefAttrConstr,
    IntegerAttr,
    StringAttr,
    SymbolNameConstraint,
)
from xdsl.irdl import irdl_op_definition, opt_prop_def, prop_def, traits_def
from xdsl.traits import SymbolOpInterface, SymbolTable
from xdsl.utils.exceptions import VerifyException

from treec.treeir.blob import BlobAttr
from treec.treeir.forest_checks import FLOATS, LARGEST_TILE, expect, expect_cover, require
from treec.treeir.plan_trees import BitFieldAttr, TreesOp
from treec.treeir.ranks import RanksOp

_UNSIGNED = (np.uint8, np.uint16, np.uint32, np.uint64)
KINDS = ("array", "sparse")


@irdl_op_definition
class TiledTreesOp(TreesOp):
    """Trees as records, one per tile of up to ``size`` nodes: see `treec.passes.algo.tiled` for the meaning of each table.

    ``kind``: "sparse" has the distance to a tile's first child in the record, "array" computes the child's position.
    ``lane_fields``, ``fields``: name → `BitFieldAttr` of each lane of ``asked``, and of the record's word. With ``ranks``,
    thresholds are the operands of predicates on ranks.
    """

    name = "plan.tiled_trees"
    sym_name = prop_def(SymbolNameConstraint())
    kind = prop_def(StringAttr)
    size = prop_def(IntegerAttr)
    tiles = prop_def(BlobAttr)
    lane_fields = prop_def(DictionaryAttr)
    fields = prop_def(DictionaryAttr)
    base = prop_def(BlobAttr)
    lookup = opt_prop_def(BlobAttr)
    ways = opt_prop_def(BlobAttr)
    leaf_base = prop_def(BlobAttr)
    leaf_row = prop_def(BlobAttr)
    leaf_id = prop_def(BlobAttr)
    kinds = prop_def(BlobAttr)
    set_offset = prop_def(BlobAttr)
    set_words = prop_def(BlobAttr)
    column = opt_prop_def(BlobAttr)
    ranks = opt_prop_def(FlatSymbolRefAttrConstr)
    traits = traits_def(SymbolOpInterface())

    @property
    def n_trees(self) -> int:
        return len(self.base.array) - 1

    @property
    def threshold_dtype(self) -> np.dtype[Any] | None:
        return self.tiles.array.dtype["threshold"].base if self.ranks is None else None

    @property
    def lanes(self) -> int:
        """Numbers in ``threshold`` and ``asked`` of a record."""
        return 1 << (self.size.value.data - 1).bit_length()

    def verify_(self) -> None:
        n, trees = len(self.tiles.array), self.n_trees
        require(self.kind.data in KINDS, f"tiles can't lie as {self.kind.data!r}")
        require(1 <= self.size.value.data <= LARGEST_TILE, f"a tile has 1 to {LARGEST_TILE} nodes")
        expect_cover("base", self.base, n)
        self._verify_records()
        self._verify_exits()
        slots = len(self.leaf_row.array)
        expect("leaf_base", self.leaf_base, _UNSIGNED, n)
        expect("leaf_row", self.leaf_row, _UNSIGNED)
        expect("leaf_id", self.leaf_id, _UNSIGNED, slots)
        expect("column", self.column, _UNSIGNED, trees)
        expect("kinds", self.kinds, [np.int64], ndim=2)
        require(self.kinds.array.shape[1] == 3, "kinds has three columns")
        expect_cover("set_offset", self.set_offset, len(self.set_words.array))
        self._verify_ranks()

    def _verify_records(self) -> None:
        dtype = self.tiles.array.dtype
        shape = () if self.lanes == 1 else (self.lanes,)
        if dtype.names != ("threshold", "asked", "word0"):
            raise VerifyException("a tile's record has threshold, asked and word0")
        threshold, asked, word = (dtype[name] for name in ("threshold", "asked", "word0"))
        require(threshold.shape == asked.shape == shape, f"a tile of this size has {self.lanes} lanes")
        numbers = FLOATS if self.ranks is None else _UNSIGNED
        require(threshold.base in [np.dtype(kind) for kind in numbers], f"thresholds can't be {threshold.base}")
        lane_names = {"feature", "kind", *(["missing_left"] if self.ranks is None else [])}
        _verify_bits("asked", asked.base, self.lane_fields, lane_names)
        names = {"shape", "inner", *(["child"] if self.kind.data == "sparse" else [])}
        _verify_bits("word0", word, self.fields, names)

    def _verify_exits(self) -> None:
        size = self.size.value.data
        given = [table for table in (self.lookup, self.ways) if table is not None]
        require(len(given) == (size > 1), "tiles of several nodes have one table of exits, and single nodes have none")
        if self.lookup is not None:
            expect("lookup", self.lookup, [np.uint8], ndim=2)
            require(self.lookup.array.shape[1] == 1 << size, f"lookup has an exit for each of {1 << size} masks")
            require(bool(np.all(self.lookup.array <= size)), f"a tile of {size} nodes has {size + 1} exits")
        if self.ways is not None:
            dtype = self.ways.array.dtype
            masks = [dtype[name] for name in dtype.names or ()]
            fits = dtype.names == ("care", "want") and all(m.shape == (self.lanes,) for m in masks)
            require(fits and masks[0] == masks[1], f"ways are records of care and want, {self.lanes} masks each")

    def _verify_ranks(self) -> None:
        module = self.parent_op()
        if self.ranks is None or module is None:
            return
        require(isinstance(SymbolTable.lookup_symbol(module, self.ranks), RanksOp), f"there are no ranks {self.ranks}")
        require(not self.kinds.array[:, 1:].any(), "predicates on ranks know nothing of missing or invalid values")


def _verify_bits(what: str, dtype: np.dtype[Any], fields: DictionaryAttr, wanted: set[str]) -> None:
    if set(fields.data) != wanted:
        raise VerifyException(f"{what}: expected the fields {', '.join(sorted(wanted))}, got {', '.join(fields.data)}")
    require(dtype in [np.dtype(kind) for kind in _UNSIGNED], f"{what} can't be {dtype}")
    for name, field in fields.data.items():
        if not isinstance(field, BitFieldAttr) or field.width.data + field.shift.data > 8 * dtype.itemsize:
            raise VerifyException(f"{what}: field {name} does not fit its {8 * dtype.itemsize} bits")
