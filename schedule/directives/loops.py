"""Directives that make the loop nest."""

from __future__ import annotations

from typing import ClassVar

from treec.schedule.arguments import Choice, LoopName, LoopNames, Number, argument
from treec.schedule.base import Directive, LoopUse, Stage, directive
from treec.schedule.check import Axis, Scope


@directive
class SplitLoop(Directive):
    """Replaces a loop by two: the outer one steps by `by`, the inner one runs over the up to `by` iterations of a step.

    Any trip count will do: the last step has the remainder. The inner loop may take the name of the old one. In the nest
    the two stand where the old one stood.

    Needs: a loop that is not parallel yet, new names that no other loop has, and a place before `walk`.

    Pays: blocks of rows let a tree stay in the cache for many rows, once `order` puts the tree loop between the two; they
    are also the unit of work for `parallel`.
    """

    keyword: ClassVar[str] = "split"
    pass_name: ClassVar[str] = "split-loop"
    stage: ClassVar[Stage] = Stage.PLAN
    once: ClassVar[bool] = False

    loop: str = argument(LoopName(), "the loop to replace", positional=True)
    into: tuple[str, str] = argument(LoopNames(("OUTER", "INNER")), "names of the two new loops")
    by: int = argument(Number(), "iterations of the inner loop in one step of the outer one")

    def check(self, scope: Scope) -> None:
        axis = scope.axis(self, "loop", self.loop)
        scope.check_open(self)
        scope.check_free(self, "loop", [self.loop], "split it first, then {}", "one of the new loops")
        for item, name in enumerate(self.into):
            self._check_new_name(scope, axis, item, name)
        scope.split(self, self.loop, self.into, self.by)

    def _check_new_name(self, scope: Scope, axis: Axis, item: int, name: str) -> None:
        if name in self.into[:item]:
            reason, fix = f"both new loops are called `{name}`", "give them different names"
        elif name in scope.loops and name != self.loop:
            reason, fix = f"there is already a loop `{name}`", "choose another name"
        elif name in {a.value for a in Axis} and name != axis.value:
            reason = f"`{name}` is the name of the loop over {name}s, and this one is over {axis.value}s"
            fix = "choose another name"
        else:
            return
        raise self.error(reason, fix, argument="into", item=item)


@directive
class FuseLoops(Directive):
    """Makes one loop of two: the inverse of `split`. The order in which rows meet trees does not change.

    Needs: the outer loop and then the inner one, which runs over one step of it and stands right inside it in the nest;
    neither is parallel; and a place before `walk`.

    Pays: by itself not; it takes back a split of a plan that goes on from another one.
    """

    keyword: ClassVar[str] = "fuse"
    pass_name: ClassVar[str] = "fuse-loops"
    stage: ClassVar[Stage] = Stage.PLAN
    once: ClassVar[bool] = False

    loops: tuple[str, ...] = argument(LoopNames(), "the outer and the inner loop", positional=True)
    into: str = argument(LoopName("NAME"), "name of the new loop")

    def check(self, scope: Scope) -> None:
        axes = [scope.axis(self, "loops", name, item) for item, name in enumerate(self.loops)]
        scope.check_open(self)
        if len(self.loops) != 2:
            raise self.error(f"two loops are fused, not {len(self.loops)}", "name the outer and the inner one")
        outer, inner = self.loops
        nest = list(scope.loops)
        if scope.inside.get(outer) == inner:
            raise self.error(f"loop `{inner}` is the outer one", f"write `{inner}, {outer}`", argument="loops")
        if scope.inside.get(inner) != outer:
            reason = f"loop `{inner}` does not run over one step of `{outer}`"
            raise self.error(reason, "fuse what a `split` has made of one loop", argument="loops", item=1)
        between = nest[nest.index(outer) + 1]
        if between != inner:
            fix = f"put `{between}` elsewhere by `order`"
            raise self.error(f"loop `{between}` stands between `{outer}` and `{inner}`", fix, argument="loops", item=1)
        scope.check_free(self, "loops", self.loops, "fuse it first, then {}", "the new loop")
        self._check_new_name(scope, axes[0])
        scope.fuse(self, outer, inner, self.into)

    def _check_new_name(self, scope: Scope, axis: Axis) -> None:
        if self.into in scope.loops and self.into not in self.loops:
            reason = f"there is already a loop `{self.into}`"
        elif self.into in {a.value for a in Axis} and self.into != axis.value:
            reason = f"`{self.into}` is the name of the loop over {self.into}s, and this one is over {axis.value}s"
        else:
            return
        raise self.error(reason, "choose another name", argument="into")


@directive
class OrderLoops(Directive):
    """Names the whole loop nest, outermost loop first. Without it the nest is `row, tree`, with splits in their places.

    Needs: every loop that exists, each once, the outer loop of a split before its inner one, a parallel loop first, and a
    place before `walk`.

    Pays: trees outside of rows reuse a tree while it is in the cache, rows outside of trees reuse a row and write each
    result once; `block, tree, row` after a split of the rows has both.
    """

    keyword: ClassVar[str] = "order"
    pass_name: ClassVar[str] = "order-loops"
    stage: ClassVar[Stage] = Stage.PLAN
    once: ClassVar[bool] = False

    loops: tuple[str, ...] = argument(LoopNames(), "the loops, outermost first", positional=True)

    def check(self, scope: Scope) -> None:
        scope.check_open(self)
        for item, name in enumerate(self.loops):
            scope.axis(self, "loops", name, item)
            if name in self.loops[:item]:
                raise self.error(f"loop `{name}` is named twice", "name each loop once", argument="loops", item=item)
        missing = [f"`{name}`" for name in scope.loops if name not in self.loops]
        if missing:
            fix = f"name every loop, in the order you want: {scope}"
            raise self.error(f"the order leaves out {', '.join(missing)}", fix, argument="loops")
        self._check_nesting(scope)
        scope.order(self.loops)

    def _check_nesting(self, scope: Scope) -> None:
        for item, name in enumerate(self.loops):
            outer = scope.inside.get(name)
            if outer is not None and outer not in self.loops[:item]:
                reason = f"loop `{name}` runs inside one step of `{outer}`"
                raise self.error(reason, f"put `{outer}` before `{name}`", argument="loops", item=item)
        for before in scope.done:
            use = before.loop_use()
            if use is not None and use.outermost and use.loop != self.loops[0]:
                reason = f"{use.how} ({before.where()}) and must stay the outermost"
                raise self.error(reason, f"put `{use.loop}` first", argument="loops")


@directive
class FissionLoop(Directive):
    """Cuts the loop over all trees where the depth of neighbouring trees differs: several loops, one after the other, each
    with all that is inside. Trees stay in order, so sums keep their bits.

    Needs: the outermost loop over trees, few runs of equal depth (at most `limit`, each is code of its own), and a place
    before `walk`.

    Pays: for trees of few depths, padded ones (`pad trees`) above all: each loop's walks take just the steps of its trees.
    """

    keyword: ClassVar[str] = "fission"
    pass_name: ClassVar[str] = "fission-loop"
    stage: ClassVar[Stage] = Stage.PLAN

    loop: str = argument(LoopName(), "the loop over all trees", positional=True)
    by: str = argument(Choice(("depth",)), "what the trees of one part have in common", default="depth")
    limit: int = argument(Number(), "how many loops there may be", default=8, quiet=True)

    def check(self, scope: Scope) -> None:
        _check_uncut(self, self.loop, scope)
        cut = scope.find(SpecializeLoop)
        if cut is not None:
            reason = f"loop `{self.loop}` is cut at every step already ({cut.where()})"
            raise self.error(reason, "keep one of the two: `specialize` cuts wherever `fission` does")


@directive
class SpecializeLoop(Directive):
    """Makes a copy of all that is inside a loop over trees for each of its steps, one after the other: Treebeard's
    SpecializeIterations. Each copy knows its trees. Walks take just the steps of these trees; where a step is one tree, its
    place in the tables, its weight and its columns are constants in the code, and `walk with=branch` makes it code
    altogether. Trees stay in order, so sums keep their bits, and a call for a range of trees skips the copies of others.

    Needs: the outermost loop over trees, in at most `limit` steps, and a place after the `split` of that loop and before
    `walk`. A step of one tree has no neighbours to `interleave`, and nothing to `unroll`.

    Pays: with `walk with=branch`. Other walks gain little: nodes stay data, of which no compiler makes constants.
    `split tree into=(few, tree) by=N` and `specialize few` has a copy for N trees, with their depth, and keeps code small.
    """

    keyword: ClassVar[str] = "specialize"
    pass_name: ClassVar[str] = "specialize-loop"
    stage: ClassVar[Stage] = Stage.PLAN

    loop: str = argument(LoopName(), "the loop over all trees", positional=True)
    limit: int = argument(Number(), "how many copies there may be", default=64, quiet=True)

    def check(self, scope: Scope) -> None:
        _check_uncut(self, self.loop, scope)
        cut = scope.find(FissionLoop)
        if cut is not None:
            reason = f"loop `{self.loop}` is cut into parts already ({cut.where()})"
            raise self.error(reason, "keep one of the two: `specialize` cuts wherever `fission` does")

    def single(self, scope: Scope) -> bool:
        """Is each copy for one tree?"""
        return self.loop not in scope.inside.values()

    def loop_use(self) -> LoopUse:
        return LoopUse(self.loop, f"loop `{self.loop}` is specialised", "specialize {}")


def _check_uncut(directive: Directive, loop: str, scope: Scope) -> None:
    """It runs over all trees, and the nest is open."""
    axis = scope.axis(directive, "loop", loop)
    scope.check_open(directive)
    outermost = next(name for name, of in scope.loops.items() if of is Axis.TREE)
    if axis is not Axis.TREE or loop in scope.inside:
        reason = f"loop `{loop}` does not run over all trees"
        raise directive.error(reason, f"name `{outermost}`", argument="loop")
