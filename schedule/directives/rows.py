"""Directives about what is made of a block of rows before it meets the trees."""

from __future__ import annotations

from typing import ClassVar

from treec.schedule.arguments import Choice, LoopName, Number, argument
from treec.schedule.base import Directive, LoopUse, Machine, Stage, directive
from treec.schedule.check import Axis, Scope
from treec.schedule.directives.layout import Layout


@directive
class RankFeatures(Directive):
    """Turns the values of a row into ranks, once per block of rows: the number of thresholds of its feature that a value is
    not below. Walks then compare small integers, and a threshold in a node is as small. Exact: ranks decide as the values
    do, missing values and categories included.

    Needs: a place before `layout`; `at` is a loop over rows that stands outside of all loops over trees, its step is the
    block; and a type that holds all ranks of every feature (255 thresholds are 256 ranks, all of a `u8`).

    Pays: where nodes shrink, f64 thresholds most of all, and where a row meets many nodes: ranking costs each row a search
    per feature, whatever the number of trees.
    """

    keyword: ClassVar[str] = "rank features"
    pass_name: ClassVar[str] = "rank-features"
    stage: ClassVar[Stage] = Stage.PLAN

    at: str = argument(LoopName(), "the loop over rows, each step of which is ranked as one block")
    to: str = argument(Choice(("u8", "u16", "u32")), "type of the ranks")

    def check(self, scope: Scope) -> None:
        cached = scope.find(CacheRows)
        if cached is not None:
            raise self.error(f"rows are copied ({cached.where()}), and ranks are a copy already", "keep one of the two")
        layout = scope.find(Layout)
        if layout is not None:
            reason = f"thresholds lie in the nodes as `{layout.text}` ({layout.where()}) put them, before there are ranks"
            raise self.error(reason, "move `rank features` above `layout`")
        if scope.axis(self, "at", self.at) is not Axis.ROW:
            rows = [name for name, axis in scope.loops.items() if axis is Axis.ROW]
            reason = f"loop `{self.at}` runs over trees, and rows are ranked"
            raise self.error(reason, f"choose a loop over rows: {' or '.join(rows)}", argument="at")

    def loop_use(self) -> LoopUse:
        return LoopUse(self.at, f"rows are ranked in each step of loop `{self.at}`", "rank at {}")

    def check_nest(self, scope: Scope) -> None:
        """The finished nest ranks a block of rows before it meets the first tree."""
        nest = list(scope.loops)
        outer = nest[: nest.index(self.at)]
        tree = next((name for name in outer if scope.loops[name] is Axis.TREE), None)
        if tree is not None:
            reason = (
                f"loop `{self.at}` is inside of `{tree}`: rows would be ranked again for each tree; the nest is {scope}"
            )
            raise self.error(reason, f"put `{self.at}` before `{tree}` by `order`", argument="at")


@directive
class AnswerPredicates(Directive):
    """Answers every distinct predicate for a block of rows, one bit per row, before the block meets the first tree. Leaves
    are then found by `walk with=bitslice`, which reads these bits alone.

    Needs: `rank features` at the same loop, the one right outside of the loops over trees; no `layout` above; and
    `walk with=bitslice`. Where that has `slice`, predicates of the levels below are not answered.

    Pays: histogram-trained models have at most 255 thresholds a feature, so that all trees share a few thousand
    predicates: each is answered for 64 rows by one compare of a vector of ranks.
    """

    keyword: ClassVar[str] = "predicates"
    pass_name: ClassVar[str] = "predicates"
    stage: ClassVar[Stage] = Stage.PLAN

    at: str = argument(LoopName(), "the loop over rows, for each step of which predicates are answered")

    def check(self, scope: Scope) -> None:
        scope.axis(self, "at", self.at)
        layout = scope.find(Layout)
        if layout is not None:
            reason = f"nodes that lie as `{layout.text}` ({layout.where()}) ask their predicates themselves"
            raise self.error(reason, "leave the layout out: `walk with=bitslice` has its own")
        ranked = scope.find(RankFeatures)
        if ranked is None or ranked.at != self.at:
            raise self.error(
                f"predicates at `{self.at}` are asked about ranks that are made there",
                f"put `rank features at={self.at} to=u8` above it",
            )

    def loop_use(self) -> LoopUse:
        return LoopUse(self.at, f"predicates are answered in each step of loop `{self.at}`", "answer them at {}")

    def check_nest(self, scope: Scope) -> None:
        """A block is ranked and answered, then meets the trees, all its rows together."""
        nest, axes = list(scope.loops), list(scope.loops.values())
        first = axes.index(Axis.TREE)
        if nest[:first][-1:] != [self.at]:
            raise self.error(
                f"loop `{self.at}` is not right outside of the trees; the nest is {scope}",
                f"write e.g. `order {self.at}, tree, row`",
                argument="at",
            )
        if axes[first:].count(Axis.ROW) != 1 or axes[-1] is not Axis.ROW:
            reason = f"inside of `{self.at}` are loops over trees, and then one over rows; the nest is {scope}"
            raise self.error(reason, f"write e.g. `order {self.at}, tree, row`")


@directive
class CacheRows(Directive):
    """Copies each block of rows before it meets the trees: in the dtype of the comparisons, missing values as NaN, and only
    the columns that the model reads. `row`: a row's values side by side; `column`: a column's.

    Needs: a finished nest (no `split`, `fuse` or `order` comes after it); a loop over rows outside of all loops over trees:
    one of its steps is the block, whose copy may take 64 MiB; and a model whose inputs are not looked up in value tables.

    Pays: where rows are of another dtype than the comparisons, or columns first in memory, and each value is read often: a
    row is cast once, not at every node. For rows that already are what the walk reads it saves nothing. `column` has the
    same column of neighbouring rows in one cache line; by rows was mostly as fast or faster. On a GPU, `in=shared` reads
    each value from memory once; the copy is the threads' common work, so `at` is a loop outside of those that they share.
    """

    keyword: ClassVar[str] = "cache rows"
    pass_name: ClassVar[str] = "cache-rows"
    stage: ClassVar[Stage] = Stage.PLAN
    finishes_nest: ClassVar[bool] = True

    at: str = argument(LoopName(), "the loop, each step of which is copied as one block")
    layout: str = argument(Choice(("row", "column")), "how the copy lies in memory", default="row")
    memory: str = argument(
        Choice(("workspace", "shared")),
        "`workspace` of the thread of a CPU, or memory that the threads of a GPU's block have in common",
        default="workspace",
        spelled="in",
        quiet=True,
    )

    def check(self, scope: Scope) -> None:
        wanted = "shared" if scope.machine is Machine.GPU else "workspace"
        if self.memory != wanted:
            reason = f"rows are copied to {self.memory}, and the target is a {scope.machine}"
            raise self.error(reason, f"write in={wanted}", argument="in")
        ranked = scope.find(RankFeatures)
        if ranked is not None:
            raise self.error(f"rows are ranked ({ranked.where()}), and ranks are a copy already", "keep one of the two")
        nest = list(scope.loops)
        axis = scope.axis(self, "at", self.at)
        trees = [name for name in nest[: nest.index(self.at) + 1] if scope.loops[name] is Axis.TREE]
        if trees:
            why = "runs over trees" if axis is Axis.TREE else f"is inside of `{trees[0]}`"
            reason = f"loop `{self.at}` {why}, and rows are copied before they meet the first tree; the nest is {scope}"
            raise self.error(reason, "choose a loop over rows outside of all loops over trees", argument="at")


@directive
class CacheNodes(Directive):
    """Copies all nodes into the memory that the threads of a GPU's block share, once for each block; its walks read them
    there: Tahoe's "shared forest". Rows and leaf values stay where they are. At a loop over groups of trees that blocks
    share, each copies the nodes of its group: Tahoe's "split forest".

    Needs: `layout packed`; the only loop that is bound to the grid, or the one over groups of trees; as many bytes of
    shared memory as all nodes, or those of a group, have (227 KiB, a block's on sm_90, are some 29,000 nodes of 8 bytes). A
    block should have many more rows than threads, as its copy is made before the first of them.

    Pays: not measured on a GPU. Nodes that lie apart take one turn for each bank there, instead of one for each cache line;
    SilvanForge's authors found that it slowed their kernels, whose blocks have few rows.
    """

    keyword: ClassVar[str] = "cache nodes"
    pass_name: ClassVar[str] = "cache-nodes"
    stage: ClassVar[Stage] = Stage.PLAN
    machine: ClassVar[Machine | None] = Machine.GPU
    finishes_nest: ClassVar[bool] = True

    at: str = argument(LoopName(), "the loop that blocks share, in each step of which nodes are copied")
    memory: str = argument(Choice(("shared",)), "memory that the threads of a block have in common", spelled="in")

    def check(self, scope: Scope) -> None:
        layout = scope.find(Layout)
        if layout is None or layout.kind != "packed":
            reason = "only packed nodes are copied to shared memory"
            raise self.error(reason, "put `layout packed` above this line")
        scope.axis(self, "at", self.at)
        grid = [str(d.values()["loop"]) for d in scope.done if d.keyword == "bind" and "grid" in str(d.values()["to"])]
        over_parts = scope.loops[self.at] is Axis.TREE and self.at in grid
        if grid != [self.at] and not over_parts:
            names = " and ".join(f"`{name}`" for name in grid) or "none"
            reason = f"nodes are copied once for each block of threads, and the loops that blocks share are {names}"
            raise self.error(reason, "bind one loop to the grid above this line, and copy at that", argument="at")


@directive
class PrefetchRows(Directive):
    """Asks memory for the rows of a later step of a loop while this step's rows are worked on: those cache lines of each
    row that the model's predicates read. Answers do not depend on it.

    Needs: a CPU; a finished nest (no `split`, `fuse` or `order` comes after it); and a loop over rows outside of all loops
    over trees.

    Pays: for wide rows of which the model reads a few columns: hardware foresees neither those nor the next page. Of
    1,024 columns, 24 of them read, rows outside of trees: 10 trees took a sixth of the time with `ahead=4`, 100 trees half.
    Blocks of rows gained nothing that could be told from noise: what is asked for at once is more than a core can wait for.
    Where most columns are read (90 of 90) hardware has them before anyone asks: nothing is gained, and up to a fifth lost.
    """

    keyword: ClassVar[str] = "prefetch rows"
    pass_name: ClassVar[str] = "prefetch-rows"
    stage: ClassVar[Stage] = Stage.PLAN
    finishes_nest: ClassVar[bool] = True

    at: str = argument(LoopName(), "the loop, in each step of which rows are asked for")
    ahead: int = argument(Number(minimum=1), "how many steps further they are", default=1)

    def check(self, scope: Scope) -> None:
        if scope.machine is Machine.GPU:
            raise self.error("a GPU has other threads to run while one waits for memory", "leave `prefetch rows` out")
        nest = list(scope.loops)
        axis = scope.axis(self, "at", self.at)
        trees = [name for name in nest[: nest.index(self.at) + 1] if scope.loops[name] is Axis.TREE]
        if trees:
            why = "runs over trees" if axis is Axis.TREE else f"is inside of `{trees[0]}`"
            reason = f"loop `{self.at}` {why}, and rows are asked for before they meet the first tree; the nest is {scope}"
            raise self.error(reason, "choose a loop over rows outside of all loops over trees", argument="at")
