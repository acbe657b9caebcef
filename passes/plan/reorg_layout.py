"""Complete trees stored together as an op of the plan dialect: what `layout reorg` makes."""

from __future__ import annotations

from xdsl.dialects.builtin import IntegerAttr, StringAttr, SymbolRefAttr, i64
from xdsl.ir import Attribute

from treec.frontends.base import Forest, Trees
from treec.passes.algo.bit_fields import Widths
from treec.passes.algo.packed import FEWEST, narrow, walk_columns
from treec.passes.algo.reorg import reorganise
from treec.passes.plan.rank_features import tables_of
from treec.passes.plan.tiled_layout import bit_fields
from treec.treeir.blob import BlobAttr
from treec.treeir.plan import ReorgTreesOp
from treec.treeir.ranks import RanksOp


def reorg_trees_op(
    forest: Forest, trees: Trees, ranks: RanksOp | None, align: int, widths: Widths = FEWEST
) -> ReorgTreesOp:
    """``plan.reorg_trees`` of a forest's trees; see `treec.passes.algo.reorg`."""
    tables = None if ranks is None else tables_of(ranks)
    asked = (forest.predicates, walk_columns(forest.inputs)) if tables is None else tables
    made = reorganise(asked, trees, align=align, widths=widths)
    sets = forest.predicates if tables is None else tables
    properties: dict[str, Attribute] = {
        "sym_name": StringAttr("trees"),
        "depth": IntegerAttr(made.depth, i64),
        "asked": BlobAttr.of(made.asked.table),
        "fields": bit_fields(made.asked.fields),
    }
    for key in ("threshold", "kinds", "leaf_row", "leaf_id", "column"):
        table = getattr(made, key)
        if table is not None:
            properties[key] = BlobAttr.of(table)
    properties |= {"set_offset": BlobAttr.of(narrow(sets.set_offset)), "set_words": BlobAttr.of(sets.set_words)}
    if ranks is not None:
        properties["ranks"] = SymbolRefAttr(ranks.sym_name.data)
    return ReorgTreesOp.create(properties=properties)
