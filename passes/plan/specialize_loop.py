"""``specialize-loop``: one loop over trees becomes a copy of its body for each step, which knows its trees."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from treec.errors import ScheduleError
from treec.frontends.base import Trees
from treec.passes.algo.parts import step_parts
from treec.passes.plan.rewrite import PlanPass, uncut_loop
from treec.treeir.blob import BlobAttr
from treec.treeir.forest import only_model
from treec.treeir.forest_convert import forest_of


@dataclass(frozen=True)
class SpecializeLoopPass(PlanPass):
    """Cut ``loop`` at every step: each is code of its own, with all that is inside, for the trees of that step alone. Its
    walks know how deep they are; where a step is one tree, that tree's numbers are constants.

    Needs the loop that covers all trees. Refused where it has more than ``limit`` steps.
    """

    name = "specialize-loop"
    loop: str
    limit: int = 64

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        trees = forest_of(only_model(op)).trees
        if not isinstance(trees, Trees):
            raise ScheduleError("oblivious trees are not specialised yet", fix="leave out `specialize`")
        for kernel in self.kernels(op):
            loop = uncut_loop(kernel, self.loop)
            parts = step_parts(trees.n_trees, loop.step.value.data)
            n_copies = len(parts) - 1
            if n_copies > self.limit:
                raise ScheduleError(
                    f"`{self.loop}` has {n_copies:,} steps, each of which would be a copy of the code, and the limit is "
                    f"{self.limit:,}",
                    fix=f"allow it by limit={n_copies}, or split the loop and specialise its outer one: a copy is then for "
                    "several trees",
                )
            loop.properties["parts"] = BlobAttr.of(parts)
