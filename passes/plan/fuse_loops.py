"""``fuse-loops``: a loop over blocks and the loop over what is in a block become one."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr

from treec.errors import ScheduleError
from treec.passes.plan.rewrite import PlanPass, loop_named, rebuild_nest
from treec.treeir.loop_types import LoopKind
from treec.treeir.plan import ForOp, KernelOp


@dataclass(frozen=True)
class FuseLoopsPass(PlanPass):
    """Make one loop ``into`` of the two ``loops``: the inverse of ``split-loop``.

    Needs the second right inside the first, dividing it, and both serial. The order of the visits stays as it is.
    """

    name = "fuse-loops"
    loops: tuple[str, ...]
    into: str

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if len(self.loops) != 2:
            raise ScheduleError(f"two loops are fused, not {len(self.loops)}", fix="name the outer and the inner one")
        for kernel in self.kernels(op):
            self._fuse(kernel)

    def _fuse(self, kernel: KernelOp) -> None:
        outer, inner = (loop_named(kernel, label) for label in self.loops)
        nest = kernel.nest()
        at = nest.index(outer)
        _require_pair(nest, outer, inner)
        if any(loop.label.data == self.into for loop in nest if loop not in (outer, inner)):
            raise ScheduleError(f"there would be two loops `{self.into}`", fix="choose another name for the new loop")
        of = None if outer.of is None else outer.of.data
        walk = kernel.innermost_walk()
        if any(at is not None and at.data in self.loops for at in (walk.ranks_at, walk.rows_at)):
            raise ScheduleError("rows are ranked or copied in each step of one of the loops", fix="fuse them before that")
        fused = ForOp(self.into, outer.axis.data, (), step=inner.step.value.data, of=of)
        for loop in nest:
            if loop.of is not None and loop.of.data == inner.label.data:
                loop.properties["of"] = StringAttr(self.into)
        rebuild_nest(kernel, [*nest[:at], fused, *nest[at + 2 :]])


def _require_pair(nest: list[ForOp], outer: ForOp, inner: ForOp) -> None:
    names = outer.label.data, inner.label.data
    if outer.of is not None and outer.of.data == names[1]:
        raise ScheduleError(f"`{names[1]}` is the outer one", fix=f"write `{names[1]}, {names[0]}`")
    if inner.of is None or inner.of.data != names[0]:
        raise ScheduleError(
            f"`{names[1]}` does not run over one step of `{names[0]}`", fix="fuse what a `split` has made of one loop"
        )
    if nest.index(inner) != nest.index(outer) + 1:
        between = nest[nest.index(outer) + 1].label.data
        raise ScheduleError(
            f"`{between}` stands between `{names[0]}` and `{names[1]}`", fix=f"put `{between}` elsewhere by `order`"
        )
    for loop in (outer, inner):
        if loop.kind.data is not LoopKind.SERIAL:
            raise ScheduleError(f"`{loop.label.data}` is already {loop.kind.data.value}", fix="fuse it before that")
        if loop.reduce is not None:
            raise ScheduleError(f"`{loop.label.data}` is already reduced", fix="fuse it before that")
        if loop.unroll is not None:
            raise ScheduleError(f"`{loop.label.data}` is already unrolled", fix="fuse it before that")
