"""What passes over the plan dialect have in common."""

from __future__ import annotations

from difflib import get_close_matches

from xdsl.dialects.builtin import ModuleOp

from treec.errors import ScheduleError
from treec.treeir.plan import ForOp, KernelOp, kernels_of


def planned_kernels(module: ModuleOp, pass_name: str) -> list[KernelOp]:
    """The module's kernels; a plan pass needs at least one."""
    kernels = kernels_of(module)
    if not kernels:
        raise ScheduleError(f"{pass_name} needs a kernel", fix="run plan-kernels before it")
    return kernels


def loop_named(kernel: KernelOp, label: str) -> ForOp:
    """The loop of that name; an error names the ones there are."""
    loops = {loop.label.data: loop for loop in kernel.nest()}
    if label in loops:
        return loops[label]
    near = get_close_matches(label, loops, 1)
    raise ScheduleError(
        f"there is no loop `{label}`; the loops are {', '.join(loops)}",
        fix=f"did you mean `{near[0]}`?" if near else "name one of these",
    )


def rebuild_nest(kernel: KernelOp, loops: list[ForOp]) -> None:
    """Make ``loops`` (outermost first; new or from the old nest) the kernel's nest, around its walk."""
    walk = kernel.innermost_walk()
    walk.detach()
    for loop in loops:
        for op in list(loop.body.block.ops):
            op.detach()
        if loop.parent is not None:
            loop.detach()
    for op in list(kernel.body.block.ops):
        op.detach()
    inner = walk
    for loop in reversed(loops):
        loop.body.block.add_op(inner)
        inner = loop
    kernel.body.block.add_op(inner)
