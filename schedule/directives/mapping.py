"""Directives about how the loops of a nest run."""

from __future__ import annotations

from typing import ClassVar

from treec.schedule.arguments import LoopName, NumberOrWord, argument
from treec.schedule.base import Directive, LoopUse, Machine, Stage, directive
from treec.schedule.check import Axis, Scope
from treec.schedule.directives.loops import SpecializeLoop
from treec.schedule.directives.reduce import ReduceLoop


@directive
class UnrollLoop(Directive):
    """Emits the body of a loop several times in straight code, and after it a loop for the iterations that are left.

    Needs: a finished nest: no `split`, `fuse` or `order` comes after it. `by=full` needs a loop inside one step of another:
    only its number of iterations is known. The code of a walk may be there 256 times.

    Pays: seldom, since a walk is longer than the test at the end of a loop. It gives the compiler several walks to
    schedule, which `walk … interleave=` does better.
    """

    keyword: ClassVar[str] = "unroll"
    pass_name: ClassVar[str] = "unroll-loop"
    stage: ClassVar[Stage] = Stage.PLAN
    finishes_nest: ClassVar[bool] = True
    once: ClassVar[bool] = False

    loop: str = argument(LoopName(), "the loop", positional=True)
    by: int | str = argument(NumberOrWord("full"), "how many times; `full`: as many as it has iterations")

    def check(self, scope: Scope) -> None:
        scope.axis(self, "loop", self.loop)
        before = [d for d in scope.done if isinstance(d, UnrollLoop) and d.loop == self.loop]
        if before:
            reason = f"loop `{self.loop}` is already unrolled ({before[0].where()})"
            raise self.error(reason, "keep one of the two", argument="loop")
        cut = scope.find(SpecializeLoop)
        if cut is not None and cut.loop == self.loop:
            reason = f"each copy of loop `{self.loop}` is for one step of it ({cut.where()})"
            raise self.error(reason, "leave `unroll` out", argument="loop")
        if self.by == "full" and self.loop not in scope.inside:
            reason = f"loop `{self.loop}` runs over as many {scope.loops[self.loop].value}s as a call has"
            raise self.error(reason, "split it and unroll the inner loop, or write by=N", argument="by")


@directive
class ParallelLoop(Directive):
    """Lets the iterations of a loop run on several threads. Results have the same bits for every number of threads.

    Needs: the outermost loop, and that it runs over rows, or over groups of trees that are reduced (`reduce`): otherwise
    the leaf values of a row are added in tree order, so trees cannot be shared out. There are no atomic additions: their
    order, and with it the sum, would be another one in each call.

    Pays: for large batches. A loop over blocks of rows has enough work in one iteration, a loop over single rows may not. A
    loop over groups of trees is for batches too small to be shared out by rows.
    """

    keyword: ClassVar[str] = "parallel"
    pass_name: ClassVar[str] = "parallel-loop"
    stage: ClassVar[Stage] = Stage.PLAN
    machine: ClassVar[Machine | None] = Machine.CPU

    loop: str = argument(LoopName(), "the outermost loop", positional=True)

    def check(self, scope: Scope) -> None:
        reduced = scope.find(ReduceLoop)
        if scope.axis(self, "loop", self.loop) is not Axis.ROW and (reduced is None or reduced.loop != self.loop):
            rows = [name for name, axis in scope.loops.items() if axis is Axis.ROW]
            reason = f"loop `{self.loop}` runs over trees, whose leaf values are added in tree order"
            fix = f"choose a loop over rows: {' or '.join(rows)}"
            if self.loop in scope.inside.values() and self.loop not in scope.inside:
                fix += f"; or put `reduce {self.loop} in=vector` above this line"
            raise self.error(reason, fix, argument="loop")
        if self.loop != next(iter(scope.loops)):
            reason = f"loop `{self.loop}` is not the outermost; the nest is {scope}"
            raise self.error(reason, f"put `{self.loop}` first by `order`, above this line", argument="loop")

    def loop_use(self) -> LoopUse:
        return LoopUse(self.loop, f"loop `{self.loop}` is parallel", "make {} parallel", outermost=True)
