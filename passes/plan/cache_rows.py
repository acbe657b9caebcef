"""``cache-rows``: a copy of each block of rows, as the walks read them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr

from treec.errors import ScheduleError
from treec.frontends.base import Inputs
from treec.passes.algo.shared_rows import shared_shape
from treec.passes.plan.rewrite import PlanPass, loop_named
from treec.schedule.gpus import limits_of
from treec.treeir.forest import only_model
from treec.treeir.forest_convert import forest_of
from treec.treeir.loop_types import LoopKind
from treec.treeir.plan import GpuTargetOp, KernelOp, LoopAxis, target_of

LARGEST = 1 << 26
"""Bytes of workspace that a copy may take, per thread."""


@dataclass(frozen=True)
class CacheRowsPass(PlanPass):
    """Copy the rows of each step of the loop ``at`` into ``memory`` before the trees: in the compare dtype, missing values
    as NaN, ``layout`` by rows or by columns.

    Needs a row loop outside of all tree loops, and inputs that are compared as they are. On a GPU memory is ``shared``, and
    the loop outside of those that threads share.
    """

    name = "cache-rows"
    at: str
    layout: Literal["row", "column"] = "row"
    memory: Literal["workspace", "shared"] = "workspace"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        inputs = forest_of(only_model(op)).inputs
        if inputs.table_offset is not None:
            raise ScheduleError(
                "this model's inputs are looked up in value tables once per block of rows, which copies them already",
                fix="leave out `cache rows`",
            )
        target = target_of(op)
        on_gpu = isinstance(target, GpuTargetOp)
        if on_gpu != (self.memory == "shared"):
            where = "a GPU copies rows to shared memory" if on_gpu else "a CPU has no shared memory"
            raise ScheduleError(where, fix=f"write in={'shared' if on_gpu else 'workspace'}")
        for kernel in self.kernels(op):
            self._cache(kernel, inputs)
            if isinstance(target, GpuTargetOp):
                self._share(kernel, inputs, target.archs)

    def _share(self, kernel: KernelOp, inputs: Inputs, archs: tuple[str, ...]) -> None:
        """In the memory of a block of threads, which is small."""
        loop, nest = loop_named(kernel, self.at), kernel.nest()
        threads = [other.label.data for other in nest[: nest.index(loop) + 1] if other.kind.data is LoopKind.BLOCK]
        if threads:
            raise ScheduleError(
                f"`{self.at}` is inside of `{threads[0]}`, which threads share, and a copy is the work of all of them",
                fix=f"copy at a loop outside of `{threads[0]}`",
            )
        block = loop.step.value.data
        row = prod(shared_shape(1, inputs.n_features, self.layout == "column")) * inputs.dtype.itemsize
        size, most = block * row, limits_of(archs).shared
        if size > most:
            raise ScheduleError(
                f"{block} rows of {row} bytes are {size} bytes, {size - most} more than the {most} bytes of "
                f"shared memory that a block has on {' and '.join(archs)}",
                fix=f"use blocks of at most {most // row} rows" if row <= most else "leave `cache rows` out",
            )
        kernel.innermost_walk().properties["rows_in"] = StringAttr("shared")

    def _cache(self, kernel: KernelOp, inputs: Inputs) -> None:
        loop, nest = loop_named(kernel, self.at), kernel.nest()
        outside = nest[: nest.index(loop) + 1]
        over_trees = [other.label.data for other in outside if other.axis.data is LoopAxis.TREE]
        if over_trees:
            reason = "runs over trees" if loop.axis.data is LoopAxis.TREE else f"is inside of `{over_trees[0]}`"
            raise ScheduleError(
                f"`{self.at}` {reason}, and rows are copied before they meet the first tree",
                fix="choose a row loop outside of all tree loops",
            )
        size = loop.step.value.data * inputs.n_features * inputs.dtype.itemsize
        if size > LARGEST:
            raise ScheduleError(
                f"a step of `{self.at}` has up to {loop.step.value.data} rows, whose copy takes {size >> 20} MiB",
                fix=f"use blocks of at most {LARGEST // (inputs.n_features * inputs.dtype.itemsize)} rows",
            )
        walk = kernel.innermost_walk()
        if walk.ranks is not None:
            raise ScheduleError(
                "rows are ranked, and ranks are a copy already", fix="keep one of `rank features` and `cache rows`"
            )
        if walk.rows_at is not None:
            raise ScheduleError("rows are copied already", fix="keep one `cache rows` line")
        walk.properties["rows_at"] = StringAttr(self.at)
        walk.properties["rows_layout"] = StringAttr(self.layout)
