"""The directive that makes a loop one of vectors."""

from __future__ import annotations

from typing import ClassVar

from treec.schedule.arguments import LoopName, Number, argument
from treec.schedule.base import Directive, Machine, Stage, directive
from treec.schedule.check import Axis, Scope


@directive
class VectorizeLoop(Directive):
    """Makes the innermost loop take `by` neighbouring rows at once, each in its own lane of a vector. Rows that fill no
    vector are taken one by one, so any trip count will do.

    Needs: the innermost loop of a finished nest (no `split`, `fuse` or `order` comes after it), over rows, and
    `walk with=lanes` below it, which is the one walk that goes down a tree in lanes.

    Pays: on CPUs with fast gathers (AVX-512), with a loop over blocks of rows outside of the trees. A vector of more lanes
    than a register has is several registers, whose gathers overlap like those of interleaved walks.
    """

    keyword: ClassVar[str] = "vectorize"
    pass_name: ClassVar[str] = "vectorize-loop"
    stage: ClassVar[Stage] = Stage.PLAN
    machine: ClassVar[Machine | None] = Machine.CPU
    finishes_nest: ClassVar[bool] = True

    loop: str = argument(LoopName(), "the innermost loop, over rows", positional=True)
    by: int = argument(
        Number(values=(0, 2, 4, 8, 16, 32, 64)),
        "rows in a vector; 0 is 16 where thresholds are f32 and 8 where they are f64",
        default=0,
    )

    def check(self, scope: Scope) -> None:
        axis = scope.axis(self, "loop", self.loop)
        innermost = next(reversed(scope.loops))
        if axis is not Axis.ROW:
            reason = f"lanes are neighbouring rows, and loop `{self.loop}` runs over trees"
            if scope.loops[innermost] is Axis.ROW:
                fix = f"write `vectorize {innermost}`"
            else:
                fix = "put a loop over rows last by `order`, above this line, and name that one"
            raise self.error(reason, fix, argument="loop")
        if self.loop != innermost:
            reason = f"loop `{self.loop}` is not the innermost; the nest is {scope}"
            raise self.error(reason, f"put `{self.loop}` last by `order`, above this line", argument="loop")
        walk = next((d for d in scope.done if d.pass_name == "walk"), None)
        if walk is not None:
            raise self.error(f"the walk is chosen already ({walk.where()})", f"move it above `{walk.text}`")
