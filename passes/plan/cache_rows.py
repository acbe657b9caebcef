"""``cache-rows``: a copy of each block of rows, as the walks read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr

from treec.errors import ScheduleError
from treec.frontends.base import Inputs
from treec.passes.plan.rewrite import PlanPass, loop_named
from treec.treeir.forest import only_model
from treec.treeir.forest_convert import forest_of
from treec.treeir.plan import KernelOp, LoopAxis

LARGEST = 1 << 26
"""Bytes of workspace that a copy may take, per thread."""


@dataclass(frozen=True)
class CacheRowsPass(PlanPass):
    """Copy the rows of each step of the loop ``at`` into workspace before the trees: in the compare dtype, missing values
    as NaN, ``layout`` by rows or by columns.

    Needs a row loop outside of all tree loops, and inputs that are compared as they are.
    """

    name = "cache-rows"
    at: str
    layout: Literal["row", "column"] = "row"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        inputs = forest_of(only_model(op)).inputs
        if inputs.table_offset is not None:
            raise ScheduleError(
                "this model's inputs are looked up in value tables once per block of rows, which copies them already",
                fix="leave out `cache rows`",
            )
        for kernel in self.kernels(op):
            self._cache(kernel, inputs)

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
