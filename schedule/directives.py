"""The directives of the language. Each is plain data; whether it applies to a model is its pass's to say."""

from __future__ import annotations

from typing import ClassVar

from treec.schedule.arguments import Choice, LoopName, LoopNames, Neighbours, Number, NumberOrWord, argument
from treec.schedule.base import DIRECTIVES as DIRECTIVES  # filled once this module is imported
from treec.schedule.base import Directive, Stage, directive
from treec.schedule.check import Axis, Scope

CPU_LEVELS = ("native", "x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64")


@directive
class TargetCpu(Directive):
    """Says that the code is for a CPU, of which level, and which rows it takes. Without this line
    both arguments have their defaults.

    Needs: nothing; it is the first directive of a schedule.

    Pays: a higher level lets the compiler use wider vectors, on CPUs that have them only: the artifact refuses others. One
    input dtype instead of both leaves out the entry points for the other.
    """

    keyword: ClassVar[str] = "target cpu"
    pass_name: ClassVar[str] = "set-target"
    stage: ClassVar[Stage] = Stage.TARGET

    level: str = argument(Choice(CPU_LEVELS), "instruction set; `native` is the CPU that compiles", default="native")
    input: str = argument(
        Choice(("f32", "f64", "any")), "dtype of the rows that are accepted; `any` is both", default="any"
    )


@directive
class SharePredicates(Directive):
    """Makes one table of distinct predicates for all trees: nodes that ask the same question hold the same predicate id.

    Needs: nothing; like all directives about the trees it comes before those about loops and layout.

    Pays: for ensembles whose trees repeat thresholds (histogram-based training does), with `layout … predicates=table`:
    nodes shrink to an id, and the table stays in the cache.
    """

    keyword: ClassVar[str] = "share predicates"
    pass_name: ClassVar[str] = "share-predicates"
    stage: ClassVar[Stage] = Stage.FOREST


@directive
class ShareLeaves(Directive):
    """Keeps leaf rows with equal values once, bit for bit equal; leaves refer to them by number.

    Needs: nothing; like all directives about the trees it comes before those about loops and layout.

    Pays: where leaves are vectors (class probabilities of a forest) or repeat few values; the artifact gets smaller.
    """

    keyword: ClassVar[str] = "share leaves"
    pass_name: ClassVar[str] = "share-leaves"
    stage: ClassVar[Stage] = Stage.FOREST


@directive
class PadTrees(Directive):
    """Brings all leaves of a tree to one depth: below a leaf that is not deep enough comes a complete subtree that has this
    leaf everywhere, and asks what the node above the leaf asks. Answers and leaf ids do not change.

    Needs: trees that are nearly full; a tree that would get more than `limit` times its leaves is refused by number.

    Pays: where trees are nearly full anyway: a walk then takes a known number of steps and never tests for a leaf, with
    `unroll=full` as straight code without a branch. Trees grow, so they may leave the cache.
    """

    keyword: ClassVar[str] = "pad trees"
    pass_name: ClassVar[str] = "pad-trees"
    stage: ClassVar[Stage] = Stage.FOREST

    to: str = argument(
        Choice(("tree", "forest")), "the depth of the deepest leaf of each `tree`, or of the whole `forest`", default="tree"
    )
    limit: int = argument(Number(), "how many times its leaves a tree may get", default=8, quiet=True)


@directive
class SwapChildren(Directive):
    """Puts the likelier child of each node on the left, where it is the next record of the packed layout. A node that is
    changed so has its answer inverted. Answers and leaf ids do not change.

    Needs: counts of rows by node: the model's own (XGBoost's cover, LightGBM's and scikit-learn's counts), or those of a
    profile, which replace them (`--profile rows.npy`).

    Pays: for trees much larger than the cache whose rows keep to few paths. The inverted answer costs one more instruction
    a step.
    """

    keyword: ClassVar[str] = "swap children"
    pass_name: ClassVar[str] = "swap-children"
    stage: ClassVar[Stage] = Stage.FOREST


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
class Layout(Directive):
    """Says how nodes lie in memory. `packed`: one record per inner node, all of one size, trees one after the other.
    `pairs`: one per node and leaf, siblings side by side, leaves pointing at themselves.

    Needs: a place before `walk`; `pairs` needs `rank features` before it, and keeps predicates inline.

    Pays: `pairs` with interleaved walks: a step has a third of the instructions, for twice as many
    records. `predicates=inline` has all that a step needs in one record, mostly one cache line; `predicates=table` has
    smaller records and one more load per step. A small `align` saves memory; a larger one lets a record be read with
    aligned loads.
    """

    keyword: ClassVar[str] = "layout"
    pass_name: ClassVar[str] = "layout"
    stage: ClassVar[Stage] = Stage.PLAN

    kind: str = argument(Choice(("packed", "pairs")), "arrangement of the nodes", positional=True)
    predicates: str = argument(
        Choice(("inline", "table")),
        "`inline`: threshold and feature are in the node; `table`: the node holds a predicate id",
        default="inline",
    )
    align: int = argument(
        Number(values=(1, 4, 8)),
        "the size of a node record is rounded up to a multiple of that many bytes",
        default=4,
    )


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
        _check_before_walk(self, scope)
        ranked = scope.find(RankFeatures)
        if ranked is not None and ranked.at == self.loop:
            reason = f"rows are ranked in each step of loop `{self.loop}` ({ranked.where()})"
            raise self.error(reason, "split it first, then rank at one of the new loops", argument="loop")
        parallel = scope.find(ParallelLoop)
        if parallel is not None and parallel.loop == self.loop:
            reason = f"loop `{self.loop}` is already parallel ({parallel.where()})"
            raise self.error(reason, "split it first, then make one of the new loops parallel", argument="loop")
        for item, name in enumerate(self.into):
            self._check_new_name(scope, axis, item, name)
        scope.split(self, self.loop, self.into)

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
        _check_before_walk(self, scope)
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
        ranked = scope.find(RankFeatures)
        if ranked is not None and ranked.at in self.loops:
            reason = f"rows are ranked in each step of loop `{ranked.at}` ({ranked.where()})"
            raise self.error(reason, "fuse it first, then rank at the new loop", argument="loops")
        parallel = scope.find(ParallelLoop)
        if parallel is not None and parallel.loop in self.loops:
            reason = f"loop `{parallel.loop}` is already parallel ({parallel.where()})"
            raise self.error(reason, "fuse it first, then make the new loop parallel", argument="loops")
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
        _check_before_walk(self, scope)
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
        parallel = scope.find(ParallelLoop)
        if parallel is not None and parallel.loop != self.loops[0]:
            reason = f"loop `{parallel.loop}` is parallel ({parallel.where()}) and must stay the outermost"
            raise self.error(reason, f"put `{parallel.loop}` first", argument="loops")


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
        axis = scope.axis(self, "loop", self.loop)
        _check_before_walk(self, scope)
        outermost = next(name for name, of in scope.loops.items() if of is Axis.TREE)
        if axis is not Axis.TREE or self.loop in scope.inside:
            reason = f"loop `{self.loop}` does not run over all trees"
            raise self.error(reason, f"name `{outermost}`", argument="loop")


@directive
class Walk(Directive):
    """Says how a tree is walked, in the innermost loop of the nest. `scalar`: one row, one tree, node by node. `lanes`: a
    vector of `lanes` neighbouring rows goes down a tree together, each in its own lane; nodes, values and leaves are
    gathered, and rows that fill no vector are walked one by one.

    Needs: a `layout` before it, and a finished nest: no `split` or `order` comes after it. `lanes` needs a loop over rows
    as the innermost.

    Pays: `scalar` is the plain strategy that works for every model. `lanes` does one step of all its rows with the
    instructions of one; it pays on CPUs with fast gathers (AVX-512), with a loop over blocks of rows outside of the trees,
    and `interleave=row:N` makes N vectors go down together. `interleave` lets one walk's loads overlap another's
    waiting; its axis is that of the innermost loop, and a walk that has its leaf waits for the others, so it pays most
    where trees are balanced. `peel` and `unroll` save the test for a leaf where all trees are deep. Leaf ids (`apply`) are
    always found one walk at a time.
    """

    keyword: ClassVar[str] = "walk"
    pass_name: ClassVar[str] = "walk"
    stage: ClassVar[Stage] = Stage.PLAN
    required: ClassVar[str | None] = "nothing says how a tree is walked"

    strategy: str = argument(Choice(("scalar", "lanes")), "the strategy", spelled="with")
    lanes: int = argument(
        Number(values=(0, 2, 4, 8, 16, 32, 64)),
        "rows in a vector, for `with=lanes`; 0 is 16 where thresholds are f32 and 8 where they are f64",
        default=0,
        quiet=True,
    )
    interleave: str = argument(
        Neighbours(), "so many walks of neighbouring rows or trees go down together", default="none", quiet=True
    )
    peel: int = argument(Number(minimum=0), "steps that are straight code before the loop", default=0, quiet=True)
    unroll: str = argument(
        Choice(("none", "full")), "`full`: all steps are straight code, no loop", default="none", quiet=True
    )

    def check(self, scope: Scope) -> None:
        if scope.find(Layout) is None:
            reason = f"`walk with={self.strategy}` needs a layout of the nodes, and none is given before it"
            raise self.error(reason, f"add `{Layout.shortest_usage()}` above it")
        ranked = scope.find(RankFeatures)
        if ranked is not None:
            ranked.check_nest(scope)
        if self.strategy == "lanes":
            self._check_lanes(scope)
        elif self.lanes:
            reason = f"`walk with={self.strategy}` has no lanes"
            raise self.error(reason, "leave `lanes` out, or write with=lanes", argument="lanes")

    def _check_lanes(self, scope: Scope) -> None:
        layout = scope.find(Layout)
        if layout is not None and layout.kind != "packed":
            reason = f"lanes walk packed nodes, and these lie as {layout.kind} ({layout.where()})"
            raise self.error(reason, "write `layout packed`, or with=scalar", argument="with")
        innermost, axis = list(scope.loops.items())[-1]
        if axis is not Axis.ROW:
            reason = f"lanes are neighbouring rows, and the innermost loop, `{innermost}`, runs over trees"
            raise self.error(reason, "put a loop over rows last by `order`, above this line", argument="with")


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
    once: ClassVar[bool] = False

    loop: str = argument(LoopName(), "the loop", positional=True)
    by: int | str = argument(NumberOrWord("full"), "how many times; `full`: as many as it has iterations")

    def check(self, scope: Scope) -> None:
        scope.axis(self, "loop", self.loop)
        before = [d for d in scope.done if isinstance(d, UnrollLoop) and d.loop == self.loop]
        if before:
            reason = f"loop `{self.loop}` is already unrolled ({before[0].where()})"
            raise self.error(reason, "keep one of the two", argument="loop")
        if self.by == "full" and self.loop not in scope.inside:
            reason = f"loop `{self.loop}` runs over as many {scope.loops[self.loop].value}s as a call has"
            raise self.error(reason, "split it and unroll the inner loop, or write by=N", argument="by")


@directive
class CacheRows(Directive):
    """Copies each block of rows before it meets the trees: in the dtype of the comparisons, missing values as NaN, and only
    the columns that the model reads. `row`: a row's values side by side; `column`: a column's.

    Needs: a finished nest (no `split`, `fuse` or `order` comes after it); a loop over rows outside of all loops over trees:
    one of its steps is the block, whose copy may take 64 MiB; and a model whose inputs are not looked up in value tables.

    Pays: where rows are of another dtype than the comparisons, or columns first in memory, and each value is read often: a
    row is cast once, not at every node. For rows that already are what the walk reads it saves nothing. `column` has the
    same column of neighbouring rows in one cache line; by rows was mostly as fast or faster.
    """

    keyword: ClassVar[str] = "cache rows"
    pass_name: ClassVar[str] = "cache-rows"
    stage: ClassVar[Stage] = Stage.PLAN

    at: str = argument(LoopName(), "the loop, each step of which is copied as one block")
    layout: str = argument(Choice(("row", "column")), "how the copy lies in memory", default="row")

    def check(self, scope: Scope) -> None:
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
class ParallelLoop(Directive):
    """Lets the iterations of a loop run on several threads. Results have the same bits for every number of threads.

    Needs: the outermost loop, and that it runs over rows: the leaf values of a row are added in tree order, so trees cannot
    be shared out.

    Pays: for large batches. A loop over blocks of rows has enough work in one iteration, a loop over single rows may not.
    """

    keyword: ClassVar[str] = "parallel"
    pass_name: ClassVar[str] = "parallel-loop"
    stage: ClassVar[Stage] = Stage.PLAN

    loop: str = argument(LoopName(), "the outermost loop", positional=True)

    def check(self, scope: Scope) -> None:
        if scope.axis(self, "loop", self.loop) is not Axis.ROW:
            rows = [name for name, axis in scope.loops.items() if axis is Axis.ROW]
            reason = f"loop `{self.loop}` runs over trees, whose leaf values are added in tree order"
            raise self.error(reason, f"choose a loop over rows: {' or '.join(rows)}", argument="loop")
        if self.loop != next(iter(scope.loops)):
            reason = f"loop `{self.loop}` is not the outermost; the nest is {scope}"
            raise self.error(reason, f"put `{self.loop}` first by `order`, above this line", argument="loop")


def _check_before_walk(directive: Directive, scope: Scope) -> None:
    walk = scope.find(Walk) or scope.find(UnrollLoop) or scope.find(CacheRows)
    if walk is not None:
        reason = f"`{directive.keyword}` changes the loop nest, which is finished at {walk.where()}"
        common = scope.inside_kernel and walk in scope.done[: scope.common]
        fix = "move that line below the kernels, unless it is for all of them" if common else f"move it above `{walk.text}`"
        raise directive.error(reason, fix)
