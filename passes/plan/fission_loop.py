"""``fission-loop``: one loop over trees becomes several in sequence, each over trees of one depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from treec.errors import ScheduleError
from treec.frontends.base import Trees
from treec.passes.algo.depths import leaf_depths
from treec.passes.algo.parts import depth_parts
from treec.passes.plan.rewrite import PlanPass, uncut_loop
from treec.treeir.blob import BlobAttr
from treec.treeir.forest import only_model
from treec.treeir.forest_convert import forest_of


@dataclass(frozen=True)
class FissionLoopPass(PlanPass):
    """Cut ``loop`` where the depth (``by``) of neighbouring trees differs: each part is a loop of its own, with all that is
    inside, and its walks know the depth of their trees.

    Needs the loop that covers all trees. Refused where there are more than ``limit`` parts: each is code of its own.
    """

    name = "fission-loop"
    loop: str
    by: Literal["depth"] = "depth"
    limit: int = 8

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        forest = forest_of(only_model(op))
        if not isinstance(forest.trees, Trees):
            raise ScheduleError("oblivious trees are not cut by depth yet", fix="leave out `fission`")
        _, deepest = leaf_depths(forest.trees)
        parts = depth_parts(deepest)
        for kernel in self.kernels(op):
            loop = uncut_loop(kernel, self.loop)
            n_parts = len(parts) - 1
            if n_parts > self.limit:
                raise ScheduleError(
                    f"the depth of neighbouring trees changes {n_parts - 1:,} times: that is {n_parts:,} loops, and the "
                    f"limit is {self.limit}",
                    fix="put equal depths together by `reorder trees by=depth`, make trees equal by `pad trees to=forest`, "
                    f"or allow it by limit={n_parts}",
                )
            loop.properties["parts"] = BlobAttr.of(parts)
