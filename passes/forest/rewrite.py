"""What passes over the forest dialect have in common."""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp

from treec.errors import ScheduleError
from treec.treeir.forest import TreesOp, only_model
from treec.treeir.plan import kernels_of


def require_no_plan(module: ModuleOp, pass_name: str) -> None:
    """A pass that changes the forest must run before any kernel is planned on it."""
    if kernels_of(module):
        raise ScheduleError(
            f"{pass_name} changes the trees, but a directive before it already planned on them",
            fix=f"move `{pass_name.replace('-', ' ')}` before `layout`, `split`, `order`, `walk` and `parallel`",
        )


def trees_to_change(module: ModuleOp, pass_name: str) -> TreesOp:
    """The trees of the module's model; raises `ScheduleError` for oblivious ones."""
    for part in only_model(module).body.block.ops:
        if isinstance(part, TreesOp):
            return part
    raise ScheduleError(
        f"{pass_name} changes nodes, and the model's trees are oblivious: they have levels",
        fix=f"leave out `{pass_name.replace('-', ' ')}`",
    )
