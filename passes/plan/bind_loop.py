"""``bind-loop``: which loops the blocks and the threads of a GPU share."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr

from treec.errors import ScheduleError
from treec.passes.plan.rewrite import PlanPass, loop_named
from treec.schedule.gpus import GpuLimits, limits_of
from treec.treeir.forest import only_model
from treec.treeir.forest_convert import forest_of
from treec.treeir.loop_types import DIMENSIONS, LoopKind, LoopKindAttr
from treec.treeir.plan import ForOp, GpuTargetOp, KernelOp, LoopAxis, target_of
from treec.treeir.plan_nests import blocks_share_trees


@dataclass(frozen=True)
class BindLoopPass(PlanPass):
    """Share the iterations of ``loop`` among blocks (``to`` grid.x, grid.y, grid.z) or the threads of a block (block.x …).

    Needs a GPU target, a loop over rows outside of all loops over trees, blocks outside of threads, and no more threads and
    blocks than the architecture allows. Rows do not depend on one another, so results do not depend on the binding.
    Threads may also share a loop over single trees, right inside of the loop over all of them; and blocks the loop over all
    trees, outside of all others, in groups of trees. `reduce` says how their leaf values meet.
    """

    name = "bind-loop"
    loop: str
    to: str

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        target = target_of(op)
        if not isinstance(target, GpuTargetOp):
            raise ScheduleError("only a GPU has blocks and threads", fix="write `target gpu` at the top")
        kind, _, dimension = self.to.partition(".")
        if kind not in ("grid", "block") or dimension not in DIMENSIONS:
            raise ScheduleError(f"can't bind to {self.to!r}", fix="bind to grid.x, block.x or another dimension of these")
        for kernel in self.kernels(op):
            limits = limits_of(target.archs)
            self._bind(op, kernel, LoopKind(kind), dimension, limits)
            _require_limits(kernel, " and ".join(target.archs), limits)

    def _bind(self, module: ModuleOp, kernel: KernelOp, kind: LoopKind, dimension: str, limits: GpuLimits) -> None:
        loop, nest = loop_named(kernel, self.loop), kernel.nest()
        outside = nest[1 if blocks_share_trees(nest) else 0 : nest.index(loop)]
        trees = [other.label.data for other in (*outside, loop) if other.axis.data is LoopAxis.TREE]
        shares_bits = kernel.innermost_walk().predicates is not None and loop is nest[-1] and kind is LoopKind.BLOCK
        if kind is LoopKind.BLOCK and loop.axis.data is LoopAxis.TREE:
            _require_lane(loop, nest)
        elif kind is LoopKind.GRID and loop.axis.data is LoopAxis.TREE:
            _require_groups(loop, nest, forest_of(only_model(module)).trees.n_trees, dimension, limits)
        elif trees and not shares_bits:
            reason = "runs over trees" if loop.axis.data is LoopAxis.TREE else f"is inside of `{trees[0]}`"
            raise ScheduleError(
                f"`{self.loop}` {reason}, and threads share rows", fix="bind a loop over rows, outside of trees"
            )
        if loop.kind.data is not LoopKind.SERIAL or loop.unroll is not None:
            raise ScheduleError(f"`{self.loop}` is already bound or unrolled", fix="keep one of the two")
        if any((other.kind.data, other.dimension) == (kind, StringAttr(dimension)) for other in nest):
            raise ScheduleError(f"another loop is bound to {self.to}", fix="choose another dimension")
        if kind is LoopKind.BLOCK and loop.of is None:
            raise ScheduleError(f"`{self.loop}` has as many rows as a call", fix="split it and bind the inner loop")
        if kind is LoopKind.GRID and any(other.kind.data is not LoopKind.GRID for other in outside):
            raise ScheduleError(f"`{self.loop}` is inside of loops that are not bound to the grid", fix="put it outside")
        if kind is LoopKind.GRID and loop.axis.data is LoopAxis.ROW and loop.of is None and dimension != "x":
            raise ScheduleError(f"any number of rows fits into grid.x alone, not into {self.to}", fix="bind it to grid.x")
        loop.properties["kind"] = LoopKindAttr(kind)
        loop.properties["dimension"] = StringAttr(dimension)


def _require_groups(loop: ForOp, nest: list[ForOp], n_trees: int, dimension: str, limits: GpuLimits) -> None:
    """Blocks share groups of trees: the steps of the loop over all trees, outside of all other loops."""
    name = loop.label.data
    if loop.of is not None or not any(inner.of is not None and inner.of.data == name for inner in nest):
        raise ScheduleError(
            f"`{name}` does not run over groups of trees, and blocks share such groups",
            fix="write e.g. `split tree into=(part, tree) by=50`, and bind `part`",
        )
    if loop is not nest[0]:
        raise ScheduleError(
            f"blocks share the groups of `{name}`, and it is inside of `{nest[0].label.data}`",
            fix=f"put `{name}` first by `order`",
        )
    if loop.parts is not None:
        raise ScheduleError(f"loop `{name}` is cut into parts, and blocks share its groups", fix="leave `fission` out")
    groups, most = len(loop.step_bounds(n_trees)) - 1, limits.grid[DIMENSIONS.index(dimension)]
    if groups > most:
        raise ScheduleError(
            f"grid.{dimension} would have {groups} blocks, {groups - most} more than the {most} there are",
            fix=f"make groups of at least {-(-n_trees // most)} trees",
        )


def _require_lane(loop: ForOp, nest: list[ForOp]) -> None:
    """Threads share the single trees of each step of the loop over all trees."""
    at = nest.index(loop)
    around, name = nest[at - 1] if at else None, loop.label.data
    if loop.of is None or around is None or around.label != loop.of or around.of is not None or loop.step.value.data != 1:
        raise ScheduleError(
            f"threads share the single trees of each step of the loop over all trees, and `{name}` is not right inside",
            fix="write e.g. `split tree into=(round, lane) by=32`, order them so, and bind `lane`",
        )
    other = next((o for o in nest if o.axis.data is LoopAxis.TREE and o.kind.data is LoopKind.BLOCK), None)
    if other is not None:
        raise ScheduleError(f"threads share the trees of `{other.label.data}` already", fix="bind one loop over trees")


def threads_of(kernel: KernelOp) -> tuple[int, int, int]:
    """Threads of a block, per dimension."""
    nest = kernel.nest()
    found = {
        loop.dimension.data: extent_of(nest, loop) or 1
        for loop in nest
        if loop.kind.data is LoopKind.BLOCK and loop.dimension is not None
    }
    return found.get("x", 1), found.get("y", 1), found.get("z", 1)


def extent_of(nest: list[ForOp], loop: ForOp) -> int | None:
    """The most iterations that a loop has in one step of the loop it divides; None if it divides none."""
    if loop.of is None:
        return None
    around = next(other for other in nest if other.label.data == loop.of.data)
    return -(-around.step.value.data // loop.step.value.data)


def _require_limits(kernel: KernelOp, arch: str, limits: GpuLimits) -> None:
    nest, threads = kernel.nest(), threads_of(kernel)
    for dimension, n, most in zip(DIMENSIONS, threads, limits.block, strict=True):
        if n > most:
            raise ScheduleError(
                f"block.{dimension} would have {n} threads, {n - most} more than the {most} of {arch}",
                fix=f"split the loop by at most {most}",
            )
    if prod(threads) > limits.threads:
        raise ScheduleError(
            f"a block would have {' x '.join(str(n) for n in threads if n > 1)} = {prod(threads)} threads, "
            f"{prod(threads) - limits.threads} more than the {limits.threads} of {arch}",
            fix=f"bind loops of at most {limits.threads} iterations in all",
        )
    for loop in nest:
        extent = extent_of(nest, loop)
        if loop.kind.data is not LoopKind.GRID or loop.dimension is None or extent is None:
            continue
        most = limits.grid[DIMENSIONS.index(loop.dimension.data)]
        if extent > most:
            raise ScheduleError(
                f"grid.{loop.dimension.data} would have {extent} blocks, {extent - most} more than the {most} of {arch}",
                fix=f"split the loop by at most {most}",
            )
