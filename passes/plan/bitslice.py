"""The trees of ``walk with=bitslice``."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from xdsl.dialects.builtin import ModuleOp, SymbolRefAttr
from xdsl.ir import Attribute
from xdsl.traits import SymbolTable

from treec.errors import ScheduleError, UnsupportedModelError
from treec.frontends.base import Trees
from treec.passes.algo import shared_bits
from treec.passes.algo.bitslice import Cost, SlicedTrees, slice_trees
from treec.passes.algo.lookups import cost_of
from treec.passes.algo.packed import narrow
from treec.passes.plan.rewrite import add_shared
from treec.treeir.blob import BlobAttr
from treec.treeir.forest import only_model
from treec.treeir.forest_convert import forest_of
from treec.treeir.plan import KernelOp, PredicateBitsOp, SlicedTreesOp

_KNOWN: WeakKeyDictionary[PredicateBitsOp, dict[tuple[str, str, Cost], SlicedTrees]] = WeakKeyDictionary()
"""The slices over the bits of an op, as long as it is there: the kernels of a module share their bits, and mostly these."""


def _sliced(predicates: PredicateBitsOp, trees: Trees, numbering: str, multiplex: str, cost: Cost) -> SlicedTrees:
    """The model's trees do not change any more once an op has its bits."""
    known, key = _KNOWN.setdefault(predicates, {}), (numbering, multiplex, cost)
    if key not in known:
        slot, n_predicates = predicates.slot.array, predicates.n_predicates
        known[key] = slice_trees(trees, slot, n_predicates, numbering, multiplex, cost)
    return known[key]


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
        "predicates": SymbolRefAttr(predicates.sym_name.data),
        "select": BlobAttr.of(narrow(sliced.select.reshape(-1))),
        "select_offset": BlobAttr.of(sliced.select_offset),
        "bits": BlobAttr.of(narrow(sliced.bits)),
        "bit_offset": BlobAttr.of(sliced.bit_offset),
        "leaf": BlobAttr.of(narrow(sliced.leaf)),
        "code_offset": BlobAttr.of(sliced.code_offset),
        "leaf_id": BlobAttr.of(narrow(trees.leaf_id)),
    }
    if len(sliced.node):
        properties |= {"node": BlobAttr.of(narrow(sliced.node)), "node_offset": BlobAttr.of(sliced.node_offset)}
    if not (trees.leaf_row == range(trees.n_leaves)).all():
        properties["leaf_row"] = BlobAttr.of(narrow(trees.leaf_row))
    if trees.column.any():
        properties["column"] = BlobAttr.of(narrow(trees.column))
    return add_shared(module, SlicedTreesOp.create(properties=properties), "trees")
