"""Which lowering a kernel's nest asks for: by the strategy of its walk."""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute, Operation
from xdsl.traits import SymbolTable

from treec.codegen.abi import Task
from treec.errors import ScheduleError
from treec.frontends.base import Forest
from treec.passes.loop.atomic_threads import AtomicThreadsNest
from treec.passes.loop.bitslice_nest import BitsliceNest
from treec.passes.loop.block_nest import BlockNest
from treec.passes.loop.forest_parts import ForestPartsNest
from treec.passes.loop.gpu import is_bound
from treec.passes.loop.gpu_bitslice_nest import GpuBitsliceNest
from treec.passes.loop.gpu_nest import GpuNest
from treec.passes.loop.lane_threads import LaneThreadsNest
from treec.passes.loop.lanes_nest import LanesNest
from treec.passes.loop.lanes_walk import LanesWalk
from treec.passes.loop.nest import WalkNest
from treec.passes.loop.pair_walk import PairWalk
from treec.passes.loop.rank import ranks_of_walk
from treec.passes.loop.tables import Tables
from treec.passes.loop.tree_runs_nest import TreeRunsNest
from treec.passes.loop.tree_threads import TreeThreadsNest, shares_trees
from treec.passes.loop.upper_nest import UpperLevelsNest
from treec.passes.loop.walks import walk_of
from treec.treeir.plan import KernelOp, PredicateBitsOp, SlicedTreesOp
from treec.treeir.plan_nests import blocks_share_trees


def _trees_of(kernel: KernelOp, module: ModuleOp) -> Operation | None:
    """What the kernel's walk goes through, if that has a form of its own."""
    name = kernel.innermost_walk().trees
    return None if name is None else SymbolTable.lookup_symbol(module, name)


def is_sliced(kernel: KernelOp, module: ModuleOp) -> bool:
    """Whether the kernel has no walk, but selects between bits."""
    return isinstance(_trees_of(kernel, module), SlicedTreesOp)


def nest_of(
    kernel: KernelOp, module: ModuleOp, forest: Forest, tables: Tables, task: Task, row_type: Attribute
) -> BlockNest:
    """The lowering of a kernel for one task and dtype of rows; raises `ScheduleError` where its walk is not finished."""
    ranks, trees = ranks_of_walk(kernel, module), _trees_of(kernel, module)
    if isinstance(trees, SlicedTreesOp):
        predicates = SymbolTable.lookup_symbol(module, trees.predicates)
        if ranks is None or not isinstance(predicates, PredicateBitsOp):
            raise ScheduleError("a bitslice walk reads bits of predicates on ranks", fix="add `predicates at=…`")
        if blocks_share_trees(kernel.nest()):
            raise ScheduleError(
                "blocks share groups of trees, and bits are of all trees' predicates", fix="write `walk with=scalar`"
            )
        together = kernel.innermost_walk().together
        if together is not None and task is Task.RAW:
            n = together.value.data
            return TreeRunsNest(kernel, trees, predicates, ranks, forest, tables, row_type, n)
        sliced = GpuBitsliceNest if is_bound(kernel) else BitsliceNest
        return sliced(kernel, trees, predicates, ranks, forest, tables, task, row_type)
    walk = walk_of(kernel, module, forest, tables)
    upper = kernel.innermost_walk().upper
    if upper is not None and isinstance(walk, PairWalk) and ranks is not None:
        sliced = SymbolTable.lookup_symbol(module, upper)
        bits = SymbolTable.lookup_symbol(module, sliced.predicates) if isinstance(sliced, SlicedTreesOp) else None
        if not isinstance(sliced, SlicedTreesOp) or not isinstance(bits, PredicateBitsOp):
            raise ScheduleError("there are no upper levels", fix="use `walk with=bitslice slice=N`")
        return UpperLevelsNest(kernel, sliced, walk, bits, ranks, forest, tables, task, row_type)
    if isinstance(walk, LanesWalk):
        if task is Task.RAW:
            return LanesNest(kernel, walk, ranks, forest, tables, row_type)
        walk = walk.one_row()
    return _walk_nest(kernel)(kernel, walk, ranks, forest, tables, task, row_type)


def _walk_nest(kernel: KernelOp) -> type[WalkNest]:
    if blocks_share_trees(kernel.nest()):
        if shares_trees(kernel):
            raise ScheduleError("blocks share groups of trees, and threads their trees", fix="bind one of the two loops")
        return ForestPartsNest
    if not shares_trees(kernel):
        return GpuNest if is_bound(kernel) else WalkNest
    reduced = kernel.reduced_loop()
    how = None if reduced is None or reduced.reduce is None else reduced.reduce.data
    return {"shuffle": LaneThreadsNest, "atomic": AtomicThreadsNest}.get(how or "", TreeThreadsNest)
