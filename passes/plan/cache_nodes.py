"""``cache-nodes``: a copy of the forest's nodes in the memory that the threads of a GPU's block share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.traits import SymbolTable

from treec.errors import ScheduleError
from treec.passes.algo.shared_nodes import largest_step, part_nodes, shared_node_bytes
from treec.passes.plan.rewrite import PlanPass, loop_named
from treec.schedule.gpus import limits_of
from treec.treeir.loop_types import LoopKind
from treec.treeir.plan import ForOp, GpuTargetOp, KernelOp, LoopAxis, PackedTreesOp, target_of
from treec.treeir.plan_nests import node_loops


@dataclass(frozen=True)
class CacheNodesPass(PlanPass):
    """Copy all nodes into shared memory at the head of each step of the loop ``at``, one of a block of threads.

    Needs a GPU, the only loop that its blocks share, packed trees, and as many bytes as a block has. Walks read the copy.
    Where blocks share groups of trees, ``at`` may be their loop: each block copies the nodes of its group.
    """

    name = "cache-nodes"
    at: str
    memory: Literal["shared"] = "shared"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        if not isinstance(target, GpuTargetOp):
            raise ScheduleError("a CPU has no shared memory; its caches copy nodes", fix="leave `cache nodes` out")
        if self.memory != "shared":
            raise ScheduleError(f"nodes can't be copied to {self.memory}", fix="write in=shared")
        for kernel in self.kernels(op):
            self._cache(kernel, op, target.archs)

    def _cache(self, kernel: KernelOp, module: ModuleOp, archs: tuple[str, ...]) -> None:
        loop, walk = loop_named(kernel, self.at), kernel.innermost_walk()
        grid = [other for other in kernel.nest() if other.kind.data is LoopKind.GRID]
        if loop not in node_loops(kernel.nest()):
            names = " and ".join(f"`{other.label.data}`" for other in grid) or "none"
            raise ScheduleError(
                f"nodes are copied once for each block of threads, and the loops that blocks share are {names}",
                fix="bind one loop to the grid, and copy at that",
            )
        if walk.nodes_at is not None:
            raise ScheduleError("nodes are copied already", fix="keep one `cache nodes` line")
        trees = None if walk.trees is None else SymbolTable.lookup_symbol(module, walk.trees)
        if not isinstance(trees, PackedTreesOp):
            raise ScheduleError("only packed nodes are copied to shared memory", fix="put `layout packed` above it")
        if loop.axis.data is LoopAxis.TREE:
            _require_parts(loop, trees, archs)
            walk.properties["nodes_at"] = StringAttr(self.at)
            return
        size, most = shared_node_bytes(trees.nodes.array), limits_of(archs).shared
        if size > most:
            raise ScheduleError(
                f"{len(trees.nodes.array):,} nodes are {size:,} bytes, {size - most:,} more than the {most:,} bytes of "
                f"shared memory that a block has on {' and '.join(archs)}",
                fix="leave `cache nodes` out, or make nodes smaller: `layout packed align=1`, `predicates=table`; or have "
                "blocks share groups of trees, as in the preset gpu-tahoe-split-forest",
            )
        walk.properties["nodes_at"] = StringAttr(self.at)


def _require_parts(loop: ForOp, trees: PackedTreesOp, archs: tuple[str, ...]) -> None:
    """Refuse groups of trees whose nodes a block has no room for, with how many trees there would be room for."""
    base, bounds, most = trees.node_base.array, loop.step_bounds(trees.n_trees), limits_of(archs).shared
    counts = part_nodes(base, bounds)
    if not len(counts) or (size := shared_node_bytes(trees.nodes.array, int(counts.max()))) <= most:
        return
    part = int(counts.argmax())
    room = most // shared_node_bytes(trees.nodes.array, 0) - 1
    step = largest_step(base, room, loop.step.value.data)
    fewer = f"make groups of at most {step} trees" if step else "walk nodes where they are: leave `cache nodes` out"
    raise ScheduleError(
        f"{counts[part]:,} nodes of the trees {bounds[part]} to {bounds[part + 1] - 1} are {size:,} bytes, {size - most:,} "
        f"more than the {most:,} bytes of shared memory that a block has on {' and '.join(archs)}",
        fix=f"{fewer}, or make nodes smaller: `layout packed align=1`, `predicates=table`",
    )
