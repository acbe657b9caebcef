"""Tiled trees as an op of the plan dialect: what `layout sparse` and `layout array` make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, StringAttr, SymbolRefAttr, i64
from xdsl.ir import Attribute

from treec.frontends.base import Forest, Trees
from treec.passes.algo.bit_fields import BitField, Widths
from treec.passes.algo.packed import FEWEST, narrow, walk_columns
from treec.passes.algo.tiled import lay_tiles
from treec.passes.plan.rank_features import tables_of
from treec.treeir.blob import BlobAttr
from treec.treeir.plan import BitFieldAttr, TiledTreesOp
from treec.treeir.ranks import RanksOp


def tiled_trees_op(
    forest: Forest,
    trees: Trees,
    ranks: RanksOp | None,
    kind: Literal["array", "sparse"],
    align: int,
    widths: Widths = FEWEST,
) -> TiledTreesOp:
    """``plan.tiled_trees`` of a forest's trees, tiled or not; see `treec.passes.algo.tiled`."""
    asked = (forest.predicates, walk_columns(forest.inputs)) if ranks is None else tables_of(ranks)
    tiled = lay_tiles(asked, trees, kind, align=align, widths=widths)
    sets = forest.predicates if ranks is None else tables_of(ranks)
    properties: dict[str, Attribute] = {
        "sym_name": StringAttr("trees"),
        "kind": StringAttr(kind),
        "size": IntegerAttr(tiled.size, i64),
        "tiles": BlobAttr.of(tiled.tiles),
        "lane_fields": bit_fields(tiled.lane_fields),
        "fields": bit_fields(tiled.fields),
    }
    for key in ("base", "lookup", "ways", "leaf_base", "leaf_row", "leaf_id", "kinds", "column"):
        table = getattr(tiled, key)
        if table is not None:
            properties[key] = BlobAttr.of(table)
    properties |= {"set_offset": BlobAttr.of(narrow(sets.set_offset)), "set_words": BlobAttr.of(sets.set_words)}
    if ranks is not None:
        properties["ranks"] = SymbolRefAttr(ranks.sym_name.data)
    return TiledTreesOp.create(properties=properties)


def bit_fields(fields: Mapping[str, BitField]) -> DictionaryAttr:
    return DictionaryAttr({name: BitFieldAttr.of(f.width, f.shift, f.base) for name, f in fields.items()})
