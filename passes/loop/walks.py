"""Which walk a kernel asks for: by its strategy and the form of its trees."""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.traits import SymbolTable

from treec.errors import ScheduleError
from treec.frontends.base import Forest, Trees
from treec.passes.algo.depths import leaf_depths
from treec.passes.loop.branch_walk import BranchWalk
from treec.passes.loop.gemm_walk import GemmWalk
from treec.passes.loop.lanes_walk import LanesWalk
from treec.passes.loop.pair_walk import PairWalk
from treec.passes.loop.reorg_walk import ReorgWalk
from treec.passes.loop.scalar_walk import ScalarWalk
from treec.passes.loop.tables import Tables
from treec.passes.loop.tile_walk import TileWalk
from treec.passes.loop.value_pair_walk import ValuePairWalk
from treec.passes.loop.walking import Depth, TreeWalk
from treec.treeir.paths import PathMatrixOp
from treec.treeir.plan import (
    KernelOp,
    PackedTreesOp,
    PairedTreesOp,
    ReorgTreesOp,
    SlicedTreesOp,
    TiledTreesOp,
    ValuePairsOp,
)

FIXES = {
    "scalar": "use `layout packed`",
    "lanes": "use `layout packed`",
    "gemm": "use `layout packed`",
    "tile": "use `layout sparse` or `layout array`",
}
"""What a strategy needs."""


def walk_of(kernel: KernelOp, module: ModuleOp, forest: Forest, tables: Tables) -> TreeWalk:
    """The walk that a kernel asks for; raises `ScheduleError` where it has none."""
    walk = kernel.innermost_walk()
    if walk.strategy is None:
        raise ScheduleError("the kernel has no walk", fix="add `layout packed` and `walk with=scalar`")
    if not isinstance(forest.trees, Trees):
        raise ScheduleError(f"a {walk.strategy.data} walk needs trees with nodes", fix="use another model")
    if walk.strategy.data == "branch":
        return BranchWalk(forest, forest.trees, tables)
    if walk.trees is None:
        raise ScheduleError(f"a {walk.strategy.data} walk needs trees in memory", fix="add `layout packed`")
    trees = SymbolTable.lookup_symbol(module, walk.trees)
    depth = depth_of(forest, 0, forest.trees.n_trees)
    cast = forest.predicates.category_cast
    match walk.strategy.data, trees:
        case "scalar", PackedTreesOp():
            return ScalarWalk(walk, trees, tables, cast, depth)
        case "gemm", PackedTreesOp() if walk.paths is not None:
            paths = SymbolTable.lookup_symbol(module, walk.paths)
            if not isinstance(paths, PathMatrixOp):
                raise ScheduleError(f"there is no path matrix {walk.paths}", fix="use `walk with=gemm`")
            return GemmWalk(walk, trees, paths, tables, cast, depth)
        case "scalar", PairedTreesOp():
            return PairWalk(walk, trees, tables, cast, depth)
        case "bitslice", PairedTreesOp() if walk.upper is not None:
            return PairWalk(walk, trees, tables, cast, _below(depth, SymbolTable.lookup_symbol(module, walk.upper)))
        case "scalar", ValuePairsOp():
            values = forest.leaves.values if forest.leaf_width == 1 else None
            return ValuePairWalk(walk, trees, tables, cast, depth, values)
        case "scalar", ReorgTreesOp():
            return ReorgWalk(walk, trees, tables, cast, depth)
        case "tile", TiledTreesOp():
            return TileWalk(walk, trees, tables, cast, depth)
        case "scalar", TiledTreesOp() if trees.lanes == 1:
            return TileWalk(walk, trees, tables, cast, depth)
        case "lanes", PackedTreesOp() if (lanes := kernel.nest()[-1].lanes) is not None:
            return LanesWalk(lanes.value.data, walk, trees, tables, cast, depth)
        case _:
            fix = "use `walk with=tile`" if isinstance(trees, TiledTreesOp) else FIXES[walk.strategy.data]
            raise ScheduleError(f"a {walk.strategy.data} walk can't use {walk.trees}", fix=fix)


def _below(depth: Depth, upper: Operation | None) -> Depth:
    """Of what is below the upper levels of trees."""
    if not isinstance(upper, SlicedTreesOp) or upper.levels is None:
        raise ScheduleError("there are no upper levels", fix="use `walk with=bitslice slice=N`")
    levels = upper.levels.value.data
    return Depth(max(0, depth.shallowest - levels), max(0, depth.deepest - levels))


def depth_of(forest: Forest, first: int, last: int) -> Depth:
    """Of trees ``first`` to ``last``; of trees with tiles, counted in tiles."""
    if not isinstance(forest.trees, Trees):
        raise ScheduleError("oblivious trees have no scalar walk", fix="use another model")
    shallowest, deepest = leaf_depths(forest.trees)
    return Depth(int(shallowest[first:last].min(initial=1 << 30)), int(deepest[first:last].max(initial=0)))
