"""The directive about which loops the blocks and threads of a GPU share."""

from __future__ import annotations

from typing import ClassVar

from treec.schedule.arguments import Choice, LoopName, argument
from treec.schedule.base import Directive, LoopUse, Machine, Stage, directive
from treec.schedule.check import Axis, Scope
from treec.schedule.directives.reduce import ReduceLoop
from treec.schedule.directives.rows import AnswerPredicates

PLACES = tuple(f"{kind}.{dimension}" for kind in ("grid", "block") for dimension in "xyz")


@directive
class BindLoop(Directive):
    """Shares the iterations of a loop among the blocks of threads (`grid.x`) or the threads of a block (`block.x`), in one
    of three dimensions. A thread runs all loops inside by itself.

    Needs: `target gpu`; a loop over rows that stands outside of all loops over trees, or, for `walk with=bitslice`, the
    innermost one, whose rows have their bits in common; a place of its own, blocks outside of threads. Threads share a loop
    inside one step of another (`split`): as many iterations as it has are threads, of which a block has up to 1,024.
    Threads may also share one loop over single trees: right inside of the loop over all trees, after `order`, and with
    `reduce`, which says how leaf values meet. And blocks may share the loop over all trees, in groups of trees: outside of
    all other loops, after `order`, and with `reduce … in=staged`: Tahoe's "split forest".

    Pays: a block of 128 to 256 threads, each with a row, suits most models. Rows of neighbouring threads should be
    neighbours.
    """

    keyword: ClassVar[str] = "bind"
    pass_name: ClassVar[str] = "bind-loop"
    stage: ClassVar[Stage] = Stage.PLAN
    machine: ClassVar[Machine | None] = Machine.GPU
    once: ClassVar[bool] = False

    loop: str = argument(LoopName(), "the loop", positional=True)
    to: str = argument(Choice(PLACES), "blocks or threads, and the dimension", positional=True)

    def check(self, scope: Scope) -> None:
        if scope.axis(self, "loop", self.loop) is Axis.TREE and self.to.startswith("block"):
            self._check_lane(scope)
        elif scope.axis(self, "loop", self.loop) is Axis.TREE and self.loop in scope.inside.values():
            self._check_groups(scope)
        elif scope.axis(self, "loop", self.loop) is not Axis.ROW:
            rows = [name for name, axis in scope.loops.items() if axis is Axis.ROW]
            reason = f"loop `{self.loop}` runs over trees, whose leaf values are added in tree order"
            fix = f"choose a loop over rows: {' or '.join(rows)}; or split the trees and bind the loop over groups of them"
            raise self.error(reason, fix, argument="loop")
        for before in scope.done:
            if isinstance(before, BindLoop) and (before.loop == self.loop or before.to == self.to):
                what = f"loop `{self.loop}`" if before.loop == self.loop else f"`{self.to}`"
                raise self.error(f"{what} is bound already ({before.where()})", "keep one of the two")
        if self.to.startswith("block") and self.loop not in scope.inside:
            reason = f"loop `{self.loop}` runs over as many rows as a call has, and a block has up to 1,024 threads"
            raise self.error(reason, "split it and bind the inner loop", argument="loop")

    def _check_lane(self, scope: Scope) -> None:
        """Threads share single trees."""
        if self.loop not in scope.inside or scope.inside[self.loop] in scope.inside or scope.steps[self.loop] != 1:
            reason = f"loop `{self.loop}` is not over the single trees of each step of the loop over all of them"
            fix = "write e.g. `split tree into=(round, lane) by=32` above this line, and bind `lane`"
            raise self.error(reason, fix, argument="loop")

    def _check_groups(self, scope: Scope) -> None:
        """Blocks share groups of trees."""
        if self.loop in scope.inside:
            reason = f"loop `{self.loop}` is inside of one step of `{scope.inside[self.loop]}`, and blocks share all groups"
            raise self.error(reason, f"bind `{scope.inside[self.loop]}`", argument="loop")

    def loop_use(self) -> LoopUse:
        return LoopUse(self.loop, f"loop `{self.loop}` is bound to {self.to}", f"bind {{}} to {self.to}")

    def check_nest(self, scope: Scope) -> None:
        nest = list(scope.loops)
        outer = nest[: nest.index(self.loop)]
        if scope.loops[self.loop] is Axis.TREE:
            self._check_shared_trees(scope, outer) if self.to.startswith("block") else self._check_first(scope, outer)
            return
        if outer and _is_grouped(outer[0], scope):
            outer = outer[1:]
        tree = next((name for name in outer if scope.loops[name] is Axis.TREE), None)
        shares_bits = scope.find(AnswerPredicates) is not None and self.loop == nest[-1] and self.to.startswith("block")
        if tree is not None and not shares_bits:
            reason = f"loop `{self.loop}` is inside of `{tree}`, which each thread runs by itself; the nest is {scope}"
            raise self.error(reason, f"put `{self.loop}` before `{tree}` by `order`", argument="loop")
        if not self.to.startswith("grid"):
            return
        bound = {d.loop: d for d in scope.done if isinstance(d, BindLoop)}
        wrong = next((name for name in outer if name not in bound or bound[name].to.startswith("block")), None)
        if wrong is not None:
            reason = (
                f"blocks share loop `{self.loop}`, and it is inside of `{wrong}`, which they do not; the nest is {scope}"
            )
            raise self.error(reason, f"put `{self.loop}` before `{wrong}` by `order`", argument="loop")

    def _check_first(self, scope: Scope, outer: list[str]) -> None:
        if outer:
            reason = f"blocks share the groups of trees of loop `{self.loop}`, and it is inside of `{outer[0]}`"
            raise self.error(reason, f"put `{self.loop}` first by `order`", argument="loop")
        if scope.find(ReduceLoop) is None:
            reason = f"blocks share the groups of trees of loop `{self.loop}`, and nothing says how their leaf values meet"
            raise self.error(reason, f"add `reduce {self.loop} in=staged` below this line", argument="loop")

    def _check_shared_trees(self, scope: Scope, outer: list[str]) -> None:
        around = scope.inside[self.loop]
        if outer[-1] != around:
            reason = f"loop `{self.loop}` is not right inside of `{around}`; the nest is {scope}"
            raise self.error(reason, f"put `{self.loop}` behind `{around}` by `order`", argument="loop")
        reduced = scope.find(ReduceLoop)
        if reduced is None:
            reason = f"threads share the trees of loop `{self.loop}`, and nothing says how their leaf values meet"
            raise self.error(reason, f"add `reduce {self.loop} in=shared` below this line", argument="loop")


def _is_grouped(loop: str, scope: Scope) -> bool:
    """Do blocks share it, over groups of trees?"""
    bound = [d for d in scope.done if isinstance(d, BindLoop) and d.loop == loop]
    return scope.loops[loop] is Axis.TREE and bool(bound) and bound[0].to.startswith("grid")
