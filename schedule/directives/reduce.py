"""The directive about sums of groups of trees."""

from __future__ import annotations

from typing import ClassVar

from treec.schedule.arguments import Choice, LoopName, argument
from treec.schedule.base import Directive, LoopUse, Machine, Stage, directive
from treec.schedule.check import Axis, Scope
from treec.schedule.directives.loops import FissionLoop
from treec.schedule.directives.target import FloatPolicy

OF_THREADS = ("shared", "shuffle", "atomic")
"""Ways in which the values of threads that share trees meet."""
WARP = 32
NO_ORDER = "atomic additions have no order, so that the sum of a row may be another one in each call"


@directive
class ReduceLoop(Directive):
    """Gives each step of a loop over trees, a group of trees, a partial sum of its own for every row and column; when all
    groups are done, these are added up, and the base to that. `vector` adds them in the order of the groups; `staged` adds
    each to its neighbour, then pairs to their neighbour, and so on, which rounds less. Both add many rows with one
    instruction.

    On a GPU `shared` is for a loop over single trees that threads share (`bind`): every so-many-th tree is a thread's, and
    its leaf values meet the others' in shared memory. Under `float reassociate` a thread adds its own into a partial sum
    for each row, and these are added as in `staged`. Otherwise the sum is exact: leaf values wait in shared memory until
    one thread for each row adds them in the order of the trees, and then the next trees are walked; `interleave=tree:N`
    takes N for each thread between two such waits.

    `staged` there is for the loop over all trees that blocks share, in groups of trees: what their walks find waits in
    memory, and a second kernel adds. Under `float reassociate` these are partial sums; else leaf values, a number for each
    tree and row, which are added in the order of the trees, so that sums are exact.

    `shuffle` adds the same values in the same order, and hands them from register to register of a warp (`__shfl_sync` in
    CUDA), without shared memory, and without a wait for other rows' threads; OpenCL has shared memory instead of registers.
    `atomic` adds each thread's partial sum to one in shared memory by an atomic addition, under `float reassociate`
    alone: these come in any order, so that a sum may have other bits in each call. They are compared with the proved bound.

    Groups are of places in the stored order of the trees. So the sum of a row depends on the model and the schedule alone:
    not on threads, the batch or the strides. In a call for some of the trees, groups have what lies in them. Treebeard's
    VectorReduce, its multi-stage reduction and its AtomicReduce are this; the last on a GPU alone.

    Needs: on a GPU, for `staged` a loop over all trees in groups that is bound to `grid`, and as many bytes for each row as
    wait, 64 MiB at most; else a loop over trees that is bound to `block`, shared memory for the values, and trees that are
    not reordered, cut into parts or unrolled; for `shuffle` a loop bound to `block.x` of 1, 2, 4, 8, 16 or 32 iterations,
    and one row at a time for each thread. On a CPU, `float reassociate`; the loop over all trees, split so that another one
    runs over the trees of its step; the same groups in all kernels; 64 MiB at most for the partial sums of a block of rows.
    If no loop over rows is outside, they are shared by the threads of a call, in 4 MiB for as many rows as that holds, and
    then for the next ones.

    Pays: seldom. With `parallel` of the same loop, outermost, it is meant for fewer rows than threads can share. Measured
    with 2 threads, 1,000 and 2,600 trees, against blocks of 8 rows shared out: 0.9 to 1.2 times their time from 16 rows
    on; below, handing work over (30 µs and more) costs more than it saves, and one thread is faster. It takes more threads
    than there are blocks of rows. On one thread partial sums cost up to 5 % from 16 rows
    on, 9 to 50 % for a few rows, and add up more precisely. On a GPU, in calls of fewer rows than it has threads.
    """

    keyword: ClassVar[str] = "reduce"
    pass_name: ClassVar[str] = "reduce-loop"
    stage: ClassVar[Stage] = Stage.PLAN

    loop: str = argument(
        LoopName(), "the loop over all trees, in groups; of a GPU, the one that threads share", positional=True
    )
    how: str = argument(
        Choice(("staged", "vector", "shared", "shuffle", "atomic")), "how partial sums are added up", spelled="in"
    )

    def check(self, scope: Scope) -> None:
        on_gpu = scope.machine is Machine.GPU
        if self.how == "atomic" and not on_gpu:
            raise self.error(NO_ORDER, "write in=staged", argument="in")
        if self.how == "atomic" and not _reassociates(scope):
            fix = "allow it by `float reassociate`, above everything about trees and loops, or write in=shared"
            raise self.error(f"{NO_ORDER}, and sums are exact", fix, argument="in")
        if on_gpu and self.how == "staged":
            self._check_bound(scope, "grid")
            return
        if on_gpu != (self.how in OF_THREADS):
            reason = f"`reduce in={self.how}` is for a {'cpu' if on_gpu else 'gpu'}, and the target is a {scope.machine}"
            raise self.error(reason, "write in=shared" if on_gpu else "write in=staged or in=vector", argument="in")
        if on_gpu:
            self._check_bound(scope, "block")
            return
        if not _reassociates(scope):
            reason = "partial sums of groups of trees change the order of additions, and sums are exact"
            raise self.error(reason, "allow it by `float reassociate`, above everything about trees and loops")
        if scope.axis(self, "loop", self.loop) is not Axis.TREE or self.loop in scope.inside:
            outermost = next(name for name, axis in scope.loops.items() if axis is Axis.TREE)
            raise self.error(f"loop `{self.loop}` does not run over all trees", f"name `{outermost}`", argument="loop")
        if self.loop not in scope.inside.values():
            reason = f"each step of loop `{self.loop}` is one tree, and partial sums are of groups"
            fix = f"put `split {self.loop} into=(group, {self.loop}) by=50` above this line, and reduce `group`"
            raise self.error(reason, fix, argument="loop")

    def _check_bound(self, scope: Scope, to: str) -> None:
        bound = [d for d in scope.done if d.keyword == "bind" and d.values()["loop"] == self.loop]
        bound = [d for d in bound if str(d.values()["to"]).startswith(to)]
        if scope.axis(self, "loop", self.loop) is not Axis.TREE or not bound:
            who, split, bind = {
                "block": ("threads share the trees", "(round, lane) by=32", "bind lane block.x"),
                "grid": ("blocks share the groups of trees", "(part, tree) by=50", "bind part grid.y"),
            }[to]
            fix = f"put e.g. `split tree into={split}` and `{bind}` above this line, and reduce `{bind.split()[1]}`"
            if to == "grid":
                fix += "; or write in=shared for a loop over single trees that threads share"
            raise self.error(f"no {who} of loop `{self.loop}`", fix, argument="loop")
        if self.how == "shuffle":
            self._check_warp(scope, str(bound[0].values()["to"]))

    def _check_warp(self, scope: Scope, to: str) -> None:
        if to != "block.x":
            reason = f"threads of loop `{self.loop}` read one another's registers, and those of {to} are no neighbours"
            raise self.error(reason, f"bind `{self.loop}` to block.x, and the rows of a block to block.y")
        n_threads = scope.steps[scope.inside[self.loop]]
        if n_threads > WARP or n_threads.bit_count() != 1:
            reason = f"{n_threads} threads share the trees of a row; a warp has {WARP}, and rows have parts of it"
            raise self.error(reason, f"split the trees by a power of two up to {WARP}, or write in=shared")

    def grouping(self, scope: Scope) -> str | None:
        if self.how in OF_THREADS:
            n_threads = scope.steps[scope.inside[self.loop]]
            order = " in any order" if self.how == "atomic" else ""
            return f"{n_threads} partial sums{order}" if _reassociates(scope) else None
        if scope.machine is Machine.GPU and not _reassociates(scope):
            return None
        cut = "" if scope.find(FissionLoop) is None else ", in parts of equal depth"
        return f"groups of {scope.steps[self.loop]} trees{cut}, added up {self.how}"

    def loop_use(self) -> LoopUse:
        return LoopUse(self.loop, f"loop `{self.loop}` is reduced", "reduce {}")


def _reassociates(scope: Scope) -> bool:
    policy = scope.find(FloatPolicy)
    return policy is not None and policy.policy == "reassociate"
