"""``order-loops``: the order of the whole nest."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from treec.errors import ScheduleError
from treec.passes.plan.rewrite import PlanPass, loop_named, rebuild_nest
from treec.treeir.loop_types import LoopKind
from treec.treeir.plan import ForOp, KernelOp


@dataclass(frozen=True)
class OrderLoopsPass(PlanPass):
    """Permute the nest into ``loops``, outermost first.

    Needs every loop of the nest once, and each loop inside the one that it divides. A row still meets its trees in
    ascending order, so sums keep their bits.
    """

    name = "order-loops"
    loops: tuple[str, ...]

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in self.kernels(op):
            wanted = [loop_named(kernel, label) for label in self.loops]
            _require_all_once(kernel, self.loops)
            _require_nesting(wanted)
            rebuild_nest(kernel, wanted)


def _require_all_once(kernel: KernelOp, labels: tuple[str, ...]) -> None:
    have = [loop.label.data for loop in kernel.nest()]
    if sorted(have) != sorted(labels):
        missing = [label for label in have if label not in labels]
        what = f"`{missing[0]}` is missing" if missing else "a loop is named twice"
        raise ScheduleError(f"the order must name each loop once; {what}", fix=f"the loops are {', '.join(have)}")


def _require_nesting(loops: list[ForOp]) -> None:
    """Each loop is inside the one that it divides, a parallel one is the outermost, a vector one the innermost."""
    seen: set[str] = set()
    for loop in loops:
        label, kind = loop.label.data, loop.kind.data
        if kind is LoopKind.VECTOR and loop is not loops[-1]:
            raise ScheduleError(f"`{label}` is a vector loop and must stay the innermost", fix=f"put `{label}` last")
        if kind is LoopKind.PARALLEL and seen:
            raise ScheduleError(f"`{label}` is parallel and must stay the outermost loop", fix=f"put `{label}` first")
        if loop.of is not None and loop.of.data not in seen:
            raise ScheduleError(
                f"`{label}` runs inside one step of `{loop.of.data}`", fix=f"put `{loop.of.data}` before `{label}`"
            )
        seen.add(label)
