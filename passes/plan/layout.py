"""``layout``: how trees lie in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypedDict

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr, SymbolRefAttr
from xdsl.ir import Attribute

from treec.errors import ScheduleError, UnsupportedModelError
from treec.frontends.base import F64, Forest, Predicates, Trees
from treec.passes.algo.bit_fields import Widths
from treec.passes.algo.packed import PackedTrees, narrow, pack_ranked_trees, pack_trees, walk_columns
from treec.passes.algo.pairs import pair_trees, pair_values
from treec.passes.algo.thresholds import Width as ThresholdWidth
from treec.passes.algo.thresholds import with_thresholds
from treec.passes.plan.rank_features import ranks_of, tables_of
from treec.passes.plan.reorg_layout import reorg_trees_op
from treec.passes.plan.rewrite import PlanPass, add_shared
from treec.passes.plan.tiled_layout import bit_fields, tiled_trees_op
from treec.treeir.blob import BlobAttr
from treec.treeir.forest import only_model
from treec.treeir.forest_convert import forest_of
from treec.treeir.plan import PackedTreesOp, PairedTreesOp, TreesOp, ValuePairsOp, only_f32_rows
from treec.treeir.ranks import RanksOp


class _How(TypedDict):
    align: int
    widths: Widths


Width = Literal["auto", "u8", "u16", "u32"]


@dataclass(frozen=True)
class LayoutPass(PlanPass):
    """Lay the trees out as tables and let the walk use them.

    ``packed``: narrow records in preorder (see `treec.passes.algo.packed`). ``predicates=inline`` puts threshold and
    feature into each node; ``table`` puts a predicate id there, smaller where ``share predicates`` left few of them.
    Records have a multiple of ``align`` bytes. After ``rank-features`` thresholds are ranks, bits among others. ``pairs``
    has records of nodes and leaves, siblings side by side, leaves pointing at themselves (see
    `treec.passes.algo.pairs`). ``reorg`` has complete trees, position by position (see `treec.passes.algo.reorg`).
    ``sparse`` and ``array`` have a record per tile (see `treec.passes.algo.tiled`); without tiles, a node is one. Needs
    trees with nodes and plain leaf values.

    ``threshold``: ``auto`` is the model's; ``f32`` rounds f64 ones so that f32 rows are answered alike, and needs a target
    with no other rows. ``feature`` and ``child``: bits of the fields that say what is asked and how far a child is;
    ``auto`` takes as many as the model needs.
    """

    name = "layout"
    kind: Literal["packed", "pairs", "reorg", "sparse", "array"] = "packed"
    predicates: Literal["inline", "table"] = "inline"
    align: int = 4
    threshold: ThresholdWidth = "auto"
    feature: Width = "auto"
    child: Width = "auto"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.align not in (1, 2, 4, 8, 16, 32, 64):
            raise ScheduleError(f"records can't be aligned to {self.align} bytes", fix="use a power of two up to 64")
        forest = forest_of(only_model(op))
        if not isinstance(forest.trees, Trees):
            raise UnsupportedModelError("oblivious trees are not compiled yet", fix="use another model type")
        if forest.leaves.linear is not None:
            raise UnsupportedModelError("linear leaves are not compiled yet", fix="train with linear_tree=false")
        kernels = self.kernels(op)
        if any(kernel.innermost_walk().trees is not None for kernel in kernels):
            raise ScheduleError("there is a layout already", fix="keep one `layout` line")
        if len({kernel.innermost_walk().ranks for kernel in kernels}) > 1:
            raise ScheduleError("some kernels rank rows and some don't", fix="lay out each by the option kernel=")
        ranks = ranks_of(op, kernels[0])
        self._check_kind(forest.trees, ranks)
        predicates = forest.predicates if ranks is not None else self._predicates(forest, op)
        try:
            made = self._made(replace(forest, predicates=predicates), forest.trees, ranks)
        except UnsupportedModelError as error:
            if (self.feature, self.child) == ("auto", "auto"):
                raise
            raise ScheduleError(error.message, fix="leave `feature` and `child` out: fields as narrow as may be") from None
        trees = add_shared(op, made, "trees")
        for kernel in kernels:
            kernel.innermost_walk().properties["trees"] = trees

    def _made(self, forest: Forest, trees: Trees, ranks: RanksOp | None) -> TreesOp:
        how: _How = {"align": self.align, "widths": Widths(_bits(self.feature), _bits(self.child))}
        if self.kind == "sparse" or self.kind == "array":
            return tiled_trees_op(forest, trees, ranks, self.kind, **how)
        if self.kind == "reorg":
            return reorg_trees_op(forest, trees, ranks, **how)
        if self.kind == "pairs":
            return _value_pairs(forest, trees, **how) if ranks is None else _pairs(trees, ranks, **how)
        with_table = self.predicates == "table"
        if ranks is None:
            packed = pack_trees(forest.predicates, trees, walk_columns(forest.inputs), with_table=with_table, **how)
        else:
            packed = pack_ranked_trees(tables_of(ranks), trees, with_table=with_table, **how)
        return _packed_op("trees", packed, forest, ranks)

    def _check_kind(self, trees: Trees, ranks: RanksOp | None) -> None:
        """Refuse what this arrangement has no place for."""
        tiled = self.kind in ("sparse", "array")
        if self.predicates != "inline" and self.kind != "packed":
            where = "tiles" if tiled else "nodes"
            raise ScheduleError(f"`layout {self.kind}` keeps predicates in the {where}", fix="leave `predicates` out")
        if trees.tile is not None and not tiled:
            raise ScheduleError(
                f"`layout {self.kind}` knows nothing of tiles, and the trees have some",
                fix="use `layout sparse` or `layout array`",
            )
        if self.child != "auto" and self.kind in ("reorg", "array"):
            raise ScheduleError(
                f"`layout {self.kind}` computes where children are, and has no `child`", fix="leave `child` out"
            )
        if self.threshold != "auto" and ranks is not None:
            raise ScheduleError("thresholds are ranks, as wide as the model needs", fix="leave `threshold` out")

    def _predicates(self, forest: Forest, module: ModuleOp) -> Predicates:
        """With thresholds of the width asked for."""
        if self.threshold == "f32" and forest.inputs.dtype == F64 and not only_f32_rows(module):
            raise ScheduleError(
                "the model compares f64; thresholds in f32 decide alike for rows of f32 alone, and rows may be f64",
                fix="write `target cpu input=f32`, or leave `threshold` out",
            )
        return with_thresholds(forest.predicates, self.threshold)


def _bits(width: Width) -> int:
    return 0 if width == "auto" else int(width[1:])


def _pairs(trees: Trees, ranks: RanksOp, *, align: int, widths: Widths) -> PairedTreesOp:
    tables = tables_of(ranks)
    paired = pair_trees(tables, trees, align=align, widths=widths)
    properties: dict[str, Attribute] = {
        "sym_name": StringAttr("trees"),
        "nodes": BlobAttr.of(paired.nodes.table),
        "fields": bit_fields(paired.nodes.fields),
        "base": BlobAttr.of(paired.base),
        "tests": BlobAttr.of(paired.tests),
        "leaf_id": BlobAttr.of(paired.leaf_id),
        "set_offset": BlobAttr.of(narrow(tables.set_offset)),
        "set_words": BlobAttr.of(tables.set_words),
        "ranks": SymbolRefAttr(ranks.sym_name.data),
    }
    if paired.leaf_row is not None:
        properties["leaf_row"] = BlobAttr.of(paired.leaf_row)
    if paired.column is not None:
        properties["column"] = BlobAttr.of(paired.column)
    return PairedTreesOp.create(properties=properties)


def _value_pairs(forest: Forest, trees: Trees, *, align: int, widths: Widths) -> ValuePairsOp:
    paired = pair_values(forest.predicates, walk_columns(forest.inputs), trees, align=align, widths=widths)
    properties: dict[str, Attribute] = {
        "sym_name": StringAttr("trees"),
        "nodes": BlobAttr.of(paired.nodes.table),
        "fields": bit_fields(paired.nodes.fields),
        "set_offset": BlobAttr.of(narrow(forest.predicates.set_offset)),
        "set_words": BlobAttr.of(forest.predicates.set_words),
    }
    for key in ("base", "kinds", "depth", "leaf_row", "leaf_id", "column"):
        table = getattr(paired, key)
        if table is not None:
            properties[key] = BlobAttr.of(table)
    return ValuePairsOp.create(properties=properties)


def _packed_op(name: str, packed: PackedTrees, forest: Forest, ranks: RanksOp | None) -> PackedTreesOp:
    sets = forest.predicates if ranks is None else tables_of(ranks)
    properties: dict[str, Attribute] = {
        "sym_name": StringAttr(name),
        "nodes": BlobAttr.of(packed.nodes.table),
        "fields": bit_fields(packed.nodes.fields),
        "node_base": BlobAttr.of(packed.node_base),
        "kinds": BlobAttr.of(packed.kinds),
        "set_offset": BlobAttr.of(narrow(sets.set_offset)),
        "set_words": BlobAttr.of(sets.set_words),
    }
    if ranks is not None:
        properties["ranks"] = SymbolRefAttr(ranks.sym_name.data)
    if packed.predicates is not None:
        properties["predicates"] = BlobAttr.of(packed.predicates.table)
        properties["predicate_fields"] = bit_fields(packed.predicates.fields)
    for key in ("leaf_row", "leaf_id", "column"):
        table = getattr(packed, key)
        if table is not None:
            properties[key] = BlobAttr.of(table)
    return PackedTreesOp.create(properties=properties)
