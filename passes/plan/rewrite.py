"""What passes over the plan dialect have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches

from xdsl.dialects.builtin import ModuleOp, StringAttr, SymbolRefAttr
from xdsl.ir import Attribute, Operation
from xdsl.passes import ModulePass

from treec.errors import ScheduleError
from treec.treeir.plan import ForOp, KernelOp, LoopAxis, kernels_of


@dataclass(frozen=True)
class PlanPass(ModulePass):
    """A pass over plans: of the kernel named ``kernel``, or of all kernels of the module."""

    kernel: str | None = field(default=None, kw_only=True)

    def kernels(self, module: ModuleOp) -> list[KernelOp]:
        """The kernels to change; at least one."""
        return planned_kernels(module, self.name, self.kernel)


def planned_kernels(module: ModuleOp, pass_name: str, name: str | None = None) -> list[KernelOp]:
    """The module's kernels, or the one of that name; a plan pass needs at least one."""
    kernels = kernels_of(module)
    if not kernels:
        raise ScheduleError(f"{pass_name} needs a kernel", fix="run plan-kernels before it")
    if name is None:
        return kernels
    known = {kernel.sym_name.data: kernel for kernel in kernels}
    if name not in known:
        raise ScheduleError(f"there is no kernel `{name}`", fix=f"the kernels are {', '.join(known)}")
    return [known[name]]


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


def uncut_loop(kernel: KernelOp, label: str) -> ForOp:
    """The loop of that name, which covers all trees and has no parts yet."""
    loop = loop_named(kernel, label)
    if loop.axis.data is not LoopAxis.TREE:
        trees = [other.label.data for other in kernel.nest() if other.axis.data is LoopAxis.TREE]
        raise ScheduleError(f"`{label}` runs over rows, and parts are of trees", fix=f"name `{trees[0]}`")
    if loop.of is not None:
        fix = f"name the loop that covers them all, around `{loop.of.data}` or that itself"
        raise ScheduleError(f"`{label}` runs over the trees of one step of `{loop.of.data}`", fix=fix)
    if loop.parts is not None:
        raise ScheduleError(f"`{label}` is cut already", fix="keep one line of `fission` or `specialize`")
    return loop


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


def add_shared(module: ModuleOp, op: Operation, wanted: str) -> SymbolRefAttr:
    """Put ``op``, which has a symbol, before all kernels, under a name of its own; or find an equal one that is there."""
    named = {name.data: op for op in module.ops if isinstance(name := op.properties.get("sym_name"), StringAttr)}
    for name, other in named.items():
        if type(other) is type(op) and _unnamed(other) == _unnamed(op):
            return SymbolRefAttr(name)
    name = next(name for name in (wanted, *(f"{wanted}_{n}" for n in range(2, len(named) + 3))) if name not in named)
    op.properties["sym_name"] = StringAttr(name)
    module.body.block.insert_op_before(op, kernels_of(module)[0])
    return SymbolRefAttr(name)


def _unnamed(op: Operation) -> dict[str, Attribute]:
    return {key: value for key, value in op.properties.items() if key != "sym_name"}
