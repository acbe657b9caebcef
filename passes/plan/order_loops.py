"""``order-loops``: the order of the whole nest."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from treec.errors import ScheduleError
from treec.passes.plan.rewrite import loop_named, planned_kernels, rebuild_nest


@dataclass(frozen=True)
class OrderLoopsPass(ModulePass):
    """Permute the nest into ``loops``, outermost first.

    Needs every loop of the nest once, and each loop inside the one that it divides. A row still meets its trees in
    ascending order, so sums keep their bits.
    """

    name = "order-loops"
    loops: tuple[str, ...]

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in planned_kernels(op, self.name):
            wanted = [loop_named(kernel, label) for label in self.loops]
            have = [loop.label.data for loop in kernel.nest()]
            if sorted(have) != sorted(self.loops):
                missing = [label for label in have if label not in self.loops]
                what = f"`{missing[0]}` is missing" if missing else "a loop is named twice"
                raise ScheduleError(f"the order must name each loop once; {what}", fix=f"the loops are {', '.join(have)}")
            seen: set[str] = set()
            for loop in wanted:
                if loop.of is not None and loop.of.data not in seen:
                    raise ScheduleError(
                        f"`{loop.label.data}` runs inside one step of `{loop.of.data}`",
                        fix=f"put `{loop.of.data}` before `{loop.label.data}`",
                    )
                seen.add(loop.label.data)
            rebuild_nest(kernel, wanted)
