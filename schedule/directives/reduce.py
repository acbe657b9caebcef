"""The directive about sums of groups of trees."""

from __future__ import annotations

from typing import ClassVar

from treec.schedule.arguments import Choice, LoopName, argument
from treec.schedule.base import Directive, LoopUse, Machine, Stage, directive
from treec.schedule.check import Axis, Scope
from treec.schedule.directives.loops import FissionLoop
from treec.schedule.directives.target import FloatPolicy


@directive
class ReduceLoop(Directive):
    """Gives each step of a loop over trees, a group of trees, a partial sum of its own for every row and column; when all
    groups are done, these are added up, and the base to that. `vector` adds them in the order of the groups; `staged` adds
    each to its neighbour, then pairs to their neighbour, and so on, which rounds less. Both add many rows with one
    instruction.

    Groups are of places in the stored order of the trees. So the sum of a row depends on the model and the schedule alone:
    not on threads, the batch or the strides. In a call for some of the trees, groups have what lies in them. Treebeard's
    VectorReduce, its multi-stage reduction and, since atomic additions have no order, its AtomicReduce are this.

    Needs: `float reassociate`; the loop over all trees, split so that another one runs over the trees of its step; the same
    groups in all kernels; 64 MiB at most for the partial sums of a block of rows. If no loop over rows is outside, they are
    shared by the threads of a call, in 4 MiB for as many rows as that holds, and then for the next ones.

    Pays: seldom. With `parallel` of the same loop, outermost, it is meant for fewer rows than threads can share. Measured
    with 2 threads, 1,000 and 2,600 trees, against blocks of 8 rows shared out: 0.9 to 1.2 times their time from 16 rows
    on; below, handing work over (30 µs and more) costs more than it saves, and one thread is faster. It takes more threads
    than there are blocks of rows. On one thread partial sums cost up to 5 % from 16 rows
    on, 9 to 50 % for a few rows, and add up more precisely.
    """

    keyword: ClassVar[str] = "reduce"
    pass_name: ClassVar[str] = "reduce-loop"
    stage: ClassVar[Stage] = Stage.PLAN
    machine: ClassVar[Machine | None] = Machine.CPU

    loop: str = argument(LoopName(), "the loop over all trees, in groups", positional=True)
    how: str = argument(Choice(("staged", "vector")), "how partial sums are added up", spelled="in")

    def check(self, scope: Scope) -> None:
        policy = scope.find(FloatPolicy)
        if policy is None or policy.policy != "reassociate":
            reason = "partial sums of groups of trees change the order of additions, and sums are exact"
            raise self.error(reason, "allow it by `float reassociate`, above everything about trees and loops")
        if scope.axis(self, "loop", self.loop) is not Axis.TREE or self.loop in scope.inside:
            outermost = next(name for name, axis in scope.loops.items() if axis is Axis.TREE)
            raise self.error(f"loop `{self.loop}` does not run over all trees", f"name `{outermost}`", argument="loop")
        if self.loop not in scope.inside.values():
            reason = f"each step of loop `{self.loop}` is one tree, and partial sums are of groups"
            fix = f"put `split {self.loop} into=(group, {self.loop}) by=50` above this line, and reduce `group`"
            raise self.error(reason, fix, argument="loop")

    def grouping(self, scope: Scope) -> str:
        cut = "" if scope.find(FissionLoop) is None else ", in parts of equal depth"
        return f"groups of {scope.steps[self.loop]} trees{cut}, added up {self.how}"

    def loop_use(self) -> LoopUse:
        return LoopUse(self.loop, f"loop `{self.loop}` is reduced", "reduce {}")
