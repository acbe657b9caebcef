"""The trees of ``walk with=bitslice``, whole or their upper levels."""

from __future__ import annotations

from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, SymbolRefAttr, i64
from xdsl.ir import Attribute
from xdsl.traits import SymbolTable

from treec.errors import ScheduleError, UnsupportedModelError
from treec.frontends.base import Trees
from treec.passes.algo import shared_bits
from treec.passes.algo.bitslice import Cost, SlicedTrees, slice_trees
from treec.passes.algo.lookups import cost_of
from treec.passes.algo.packed import narrow
from treec.passes.algo.predicate_bits import predicate_bits
from treec.passes.algo.upper_levels import upper_levels
from treec.passes.plan.predicates import add_predicate_bits
from treec.passes.plan.rank_features import ranks_of, tables_of
from treec.passes.plan.rewrite import add_shared
from treec.treeir.blob import BlobAttr
from treec.treeir.forest import only_model
from treec.treeir.forest_convert import forest_of
from treec.treeir.plan import KernelOp, PredicateBitsOp, SlicedTreesOp, kernels_of

_KNOWN: WeakKeyDictionary[PredicateBitsOp, dict[tuple[str, str, Cost], SlicedTrees]] = WeakKeyDictionary()
"""The slices over the bits of an op, as long as it is there: the kernels of a module share their bits, and mostly these."""


def _sliced(predicates: PredicateBitsOp, trees: Trees, numbering: str, multiplex: str, cost: Cost) -> SlicedTrees:
    """The model's trees do not change any more once an op has its bits."""
    known, key = _KNOWN.setdefault(predicates, {}), (numbering, multiplex, cost)
    if key not in known:
        slot, n_predicates = predicates.slot.array, predicates.n_predicates
        known[key] = slice_trees(trees, slot, n_predicates, numbering, multiplex, cost)
    return known[key]


def add_upper_levels(
    module: ModuleOp, kernel: KernelOp, levels: int, numbering: str, multiplex: str, lookup: str
) -> tuple[SymbolRefAttr, SymbolRefAttr]:
    """Add ``plan.sliced_trees`` of so many levels of all trees, and the bits that these ask, in place of the kernel's.
    Gives the names of both; raises `ScheduleError` for a model that has none."""
    forest, walk = forest_of(only_model(module)), kernel.innermost_walk()
    old = None if walk.predicates is None else SymbolTable.lookup_symbol(module, walk.predicates)
    ranks = ranks_of(module, kernel)
    if not isinstance(old, PredicateBitsOp) or ranks is None:
        raise ScheduleError("a bitslice walk reads bits of predicates", fix="put `predicates at=…` before it")
    if not isinstance(forest.trees, Trees):
        raise UnsupportedModelError("oblivious trees are not compiled yet", fix="use another model type")
    upper = upper_levels(forest.trees, levels)
    asked = np.zeros(len(forest.predicates.test), np.bool_)
    asked[upper.trees.predicate] = True
    bits = predicate_bits(tables_of(ranks), asked)
    _drop_unused(module, old, kernel)
    predicates = add_predicate_bits(module, ranks, bits)
    # Codes are looked up row by row, whatever their bits; one width is one piece of code.
    cost = replace(cost_of(lookup, 4), lookups=(), gather=0.0, widths=(levels,))
    try:
        sliced = slice_trees(upper.trees, bits.slot, len(bits.test), numbering, multiplex, cost)
    except ValueError as error:
        raise ScheduleError(str(error), fix="write multiplex=auto") from None
    properties: dict[str, Attribute] = {
        **_tables_of(sliced, predicates),
        "start": BlobAttr.of(narrow(upper.start)),
        "levels": IntegerAttr(levels, i64),
    }
    return predicates, add_shared(module, SlicedTreesOp.create(properties=properties), "upper")


def _drop_unused(module: ModuleOp, bits: PredicateBitsOp, kernel: KernelOp) -> None:
    """Erase bits that only this kernel's walk reads."""
    name = bits.sym_name.data
    others = (other.innermost_walk().predicates for other in kernels_of(module) if other is not kernel)
    if all(symbol is None or symbol.root_reference.data != name for symbol in others):
        bits.detach()
        bits.erase()


def add_sliced_trees(
    module: ModuleOp, kernel: KernelOp, numbering: str, multiplex: str, lookup: str, *, on_gpu: bool
) -> SymbolRefAttr:
    """Add ``plan.sliced_trees`` over the kernel's predicate bits, for leaf values that are looked up by ``lookup``; raises
    `ScheduleError` for a model that has none."""
    forest, name = forest_of(only_model(module)), kernel.innermost_walk().predicates
    predicates = None if name is None else SymbolTable.lookup_symbol(module, name)
    if not isinstance(predicates, PredicateBitsOp):
        raise ScheduleError("a bitslice walk reads bits of predicates", fix="put `predicates at=…` before it")
    if not isinstance(forest.trees, Trees):
        raise UnsupportedModelError("oblivious trees are not compiled yet", fix="use another model type")
    if forest.leaves.linear is not None:
        raise UnsupportedModelError("linear leaves are not compiled yet", fix="train with linear_tree=false")
    trees = forest.trees
    cost = shared_bits.COST if on_gpu else cost_of(lookup, forest.leaves.values.dtype.itemsize)
    try:
        sliced = _sliced(predicates, trees, numbering, multiplex, cost)
    except ValueError as error:
        fix = (
            "write multiplex=auto" if multiplex == "all" else "walk with=scalar or with=lanes, which take trees of any size"
        )
        raise ScheduleError(str(error), fix=fix) from None
    properties: dict[str, Attribute] = {
        **_tables_of(sliced, SymbolRefAttr(predicates.sym_name.data)),
        "leaf_id": BlobAttr.of(narrow(trees.leaf_id)),
    }
    if not (trees.leaf_row == range(trees.n_leaves)).all():
        properties["leaf_row"] = BlobAttr.of(narrow(trees.leaf_row))
    if trees.column.any():
        properties["column"] = BlobAttr.of(narrow(trees.column))
    return add_shared(module, SlicedTreesOp.create(properties=properties), "trees")


def _tables_of(sliced: SlicedTrees, predicates: SymbolRefAttr) -> dict[str, Attribute]:
    properties: dict[str, Attribute] = {
        "predicates": predicates,
        "select": BlobAttr.of(narrow(sliced.select.reshape(-1))),
        "select_offset": BlobAttr.of(sliced.select_offset),
        "bits": BlobAttr.of(narrow(sliced.bits)),
        "bit_offset": BlobAttr.of(sliced.bit_offset),
        "leaf": BlobAttr.of(narrow(sliced.leaf)),
        "code_offset": BlobAttr.of(sliced.code_offset),
    }
    if len(sliced.node):
        properties |= {"node": BlobAttr.of(narrow(sliced.node)), "node_offset": BlobAttr.of(sliced.node_offset)}
    return properties
