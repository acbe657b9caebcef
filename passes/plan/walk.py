"""``walk``: the strategy that finds a row's leaf in a tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.passes import ModulePass

from treec.errors import ScheduleError
from treec.passes.plan.rewrite import planned_kernels


@dataclass(frozen=True)
class WalkPass(ModulePass):
    """Choose how each kernel walks. ``scalar``: one row down one tree, a node at a time; needs a layout."""

    name = "walk"
    strategy: Literal["scalar"] = "scalar"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in planned_kernels(op, self.name):
            walk = kernel.innermost_walk()
            if walk.strategy is not None:
                raise ScheduleError("the kernel already has a walk", fix="keep one `walk` line")
            if walk.trees is None:
                raise ScheduleError("a scalar walk needs trees in memory", fix="put `layout packed` before it")
            walk.properties["strategy"] = StringAttr(self.strategy)
