"""``walk``: the strategy that finds a row's leaf in a tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr, i64
from xdsl.traits import SymbolTable

from treec.codegen.cpu_levels import LEVELS, host_level
from treec.errors import ScheduleError
from treec.passes.algo.upper_levels import MOST_LEVELS
from treec.passes.plan.bitslice import add_sliced_trees, add_upper_levels
from treec.passes.plan.branch import require_branches
from treec.passes.plan.paths import add_path_matrix
from treec.passes.plan.rewrite import PlanPass
from treec.passes.plan.shared_bits import require_shared_nest
from treec.treeir.loop_types import LoopKind
from treec.treeir.plan import GpuTargetOp, KernelOp, LoopAxis, PairedTreesOp, TargetOp, TiledTreesOp, WalkOp, target_of
from treec.treeir.plan_walk import GPU_WORD, WORDS

TOGETHER = 2
"""Trees whose leaf values are added at once. Two take 0.93 to 0.98 of the time of one, four 0.95 to 0.99 (Zen 4)."""


def best_lookup(level: str) -> str:
    """How CPUs of a level look leaf values up fastest; ``native`` is this host's level."""
    found = LEVELS.get((host_level() or "") if level == "native" else level)
    if found is None or not found.has("avx512f"):
        return "gather"
    return "bytes" if found.has("avx512vbmi") else "permute"


@dataclass(frozen=True)
class WalkPass(PlanPass):
    """Choose how each kernel walks. ``scalar``: one row down one tree, a node at a time; needs a layout. ``lanes``: a
    vector of neighbouring rows down one tree, a row per lane; needs a vector loop. ``tile``: one row down one tree, a tile
    at a time; needs the layout ``sparse`` or ``array``. ``branch``: known trees as code (see `treec.passes.plan.branch`);
    needs a specialised loop. ``gemm``: answers of all nodes times a path matrix (`treec.passes.algo.path_matrix`); needs
    the layout ``packed``. ``bitslice``: selects between bits of ``predicates`` give the leaves of ``word`` rows at once
    (0: as many as a block has, up to 512), numbered as ``leaf`` says; ``multiplex`` says which trees are padded (see
    `treec.passes.algo.bitslice`), ``lookup`` how leaf values are found (`treec.passes.algo.lookups`), by the CPU level
    where ``auto``; leaf values of up to ``trees`` trees (0: `TOGETHER`) are added at once; this strategy lays the trees out
    itself. With ``slice`` it is of so many levels from the roots down (`treec.passes.algo.upper_levels`), and scalar walks
    go on from there; that needs the layout ``pairs``.

    ``interleave``: ``row:k`` or ``tree:k``, the innermost loop's axis: k walks go down together, each stopping at its own
    leaf, so trees may be ragged. ``peel``: that many steps are straight code before the loop. ``unroll`` ``full``: all are,
    as many as the deepest tree has.
    """

    name = "walk"
    strategy: Literal["scalar", "lanes", "tile", "branch", "gemm", "bitslice"] = "scalar"
    leaf: Literal["auto", "path", "index"] = "auto"
    word: int = 0
    multiplex: Literal["auto", "all", "none"] = "auto"
    lookup: Literal["auto", "gather", "permute", "bytes"] = "auto"
    trees: int = 0
    slice: int = 0
    interleave: str = "none"
    peel: int = 0
    unroll: Literal["none", "full"] = "none"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in self.kernels(op):
            walk = kernel.innermost_walk()
            if walk.strategy is not None:
                raise ScheduleError("the kernel already has a walk", fix="keep one `walk` line")
            self._require_kind(kernel)
            self._require_bound(kernel)
            if self.strategy == "bitslice":
                self._bitslice(kernel, walk, op)
                continue
            if self.strategy == "branch":
                require_branches(kernel, walk, op)
                walk.properties["strategy"] = StringAttr(self.strategy)
                continue
            if walk.trees is None:
                raise ScheduleError(f"a {self.strategy} walk needs trees in memory", fix="put `layout packed` before it")
            self._require_form(walk, op)
            walk.properties["strategy"] = StringAttr(self.strategy)
            if self.strategy == "gemm":
                self._gemm(walk, op)
            self._together(kernel, walk)

    def _gemm(self, walk: WalkOp, module: ModuleOp) -> None:
        if self.peel or self.unroll == "full" or self.interleave.startswith(LoopAxis.TREE.value):
            raise ScheduleError(
                "a gemm walk asks all nodes of one tree, and has no steps",
                fix="leave `peel`, `unroll` and interleave=tree out",
            )
        walk.properties["paths"] = add_path_matrix(module, walk)

    def _bitslice(self, kernel: KernelOp, walk: WalkOp, module: ModuleOp) -> None:
        *above, innermost = kernel.nest()
        if innermost.unroll is not None:
            reason = f"the rows of loop `{innermost.label.data}` are bits of words, and it is unrolled"
            raise ScheduleError(reason, fix=f"leave `unroll {innermost.label.data}` out")
        lookup, on_gpu = self._lookup(module), isinstance(target_of(module), GpuTargetOp)
        if self.slice:
            self._upper_levels(kernel, walk, module, lookup, on_gpu=on_gpu)
        elif walk.trees is not None:
            raise ScheduleError("a bitslice walk lays trees out itself", fix="leave `layout` out")
        else:
            walk.properties["trees"] = add_sliced_trees(module, kernel, self.leaf, self.multiplex, lookup, on_gpu=on_gpu)
        walk.properties["lookup"] = StringAttr(lookup)
        walk.properties["strategy"] = StringAttr(self.strategy)
        block = next((loop.step.value.data for loop in above[::-1] if loop.axis.data is LoopAxis.ROW), 1)
        word = self.word or next((rows for rows in WORDS if rows >= min(block, 512)), WORDS[-1])
        if on_gpu:
            if self.word:
                raise ScheduleError(f"a word of a GPU has {GPU_WORD} rows, not {self.word}", fix="leave `word` out")
            if self.trees:
                raise ScheduleError("a GPU's thread looks the leaves of one tree up at a time", fix="leave `trees` out")
            require_shared_nest(kernel, module)
        elif (self.trees or TOGETHER) > 1 and lookup != "gather" and not self.slice:
            walk.properties["together"] = IntegerAttr(self.trees or TOGETHER, i64)
        walk.properties["word"] = IntegerAttr(GPU_WORD if on_gpu else word, i64)

    def _upper_levels(self, kernel: KernelOp, walk: WalkOp, module: ModuleOp, lookup: str, *, on_gpu: bool) -> None:
        """Bits of the upper levels, and how walks go on."""
        if on_gpu:
            raise ScheduleError("on a GPU a bitslice is of whole trees", fix="leave `slice` out")
        if self.trees:
            raise ScheduleError("below a slice walks find the leaves, one by one", fix="leave `trees` out")
        if self.slice > MOST_LEVELS:
            raise ScheduleError(
                f"a code is a byte: at most {MOST_LEVELS} levels, not {self.slice}", fix=f"write slice={MOST_LEVELS}"
            )
        trees = None if walk.trees is None else SymbolTable.lookup_symbol(module, walk.trees)
        if not isinstance(trees, PairedTreesOp):
            raise ScheduleError("below a slice walks go on through pairs", fix="put `layout pairs` before it")
        predicates, upper = add_upper_levels(module, kernel, self.slice, self.leaf, self.multiplex, lookup)
        walk.properties |= {"predicates": predicates, "upper": upper}
        self._together(kernel, walk)

    def _together(self, kernel: KernelOp, walk: WalkOp) -> None:
        """How walks go down, several at once and step by step."""
        self._interleave(kernel, walk)
        if self.peel:
            walk.properties["peel"] = IntegerAttr(self.peel, i64)
        if self.unroll == "full":
            walk.properties["unroll"] = StringAttr(self.unroll)

    def _lookup(self, module: ModuleOp) -> str:
        target = target_of(module)
        if isinstance(target, GpuTargetOp):
            if self.lookup not in ("auto", "gather"):
                raise ScheduleError("registers of a GPU's thread are no tables", fix="write lookup=gather, or leave it out")
            return "gather"
        level = target.level.data if isinstance(target, TargetOp) else "native"
        return best_lookup(level) if self.lookup == "auto" else self.lookup

    def _require_form(self, walk: WalkOp, module: ModuleOp) -> None:
        """Tiles are walked as tiles, and nothing else is."""
        trees = None if walk.trees is None else SymbolTable.lookup_symbol(module, walk.trees)
        tiled = isinstance(trees, TiledTreesOp)
        if self.strategy == "tile" and not tiled:
            raise ScheduleError("the layout has no tiles", fix="use `layout sparse` or `layout array`")
        if tiled and (self.strategy == "lanes" or (self.strategy == "scalar" and trees.lanes > 1)):
            raise ScheduleError(f"a {self.strategy} walk can't use tiles", fix="write with=tile, or use `layout packed`")

    def _require_kind(self, kernel: KernelOp) -> None:
        """Lanes go into a vector loop, and nothing else does."""
        innermost = kernel.nest()[-1]
        name, vector = innermost.label.data, innermost.kind.data is LoopKind.VECTOR
        if self.strategy == "lanes" and not vector:
            raise ScheduleError(f"lanes are steps of a vector loop, and `{name}` is none", fix="put `vectorize` before it")
        if self.strategy != "lanes" and vector:
            raise ScheduleError(f"a {self.strategy} walk can't go into the vector loop `{name}`", fix="write with=lanes")

    def _require_bound(self, kernel: KernelOp) -> None:
        """Threads that share rows inside of a loop over trees share their bits."""
        *above, innermost = kernel.nest()
        trees = [loop.label.data for loop in above if loop.axis.data is LoopAxis.TREE]
        shared = innermost.kind.data is LoopKind.BLOCK and innermost.axis.data is LoopAxis.ROW
        if self.strategy != "bitslice" and trees and shared:
            raise ScheduleError(
                f"threads share `{innermost.label.data}` inside of `{trees[0]}`, and each walks all trees by itself",
                fix="write with=bitslice, or put the loop over rows first by `order`",
            )

    def _interleave(self, kernel: KernelOp, walk: WalkOp) -> None:
        if self.interleave == "none":
            return
        axis, _, count = self.interleave.partition(":")
        innermost = kernel.nest()[-1]
        if axis not in [a.value for a in LoopAxis] or not count.isdecimal() or int(count) < 1:
            raise ScheduleError(f"can't interleave {self.interleave!r}", fix="write interleave=row:8 or interleave=tree:4")
        if innermost.axis.data.value != axis:
            raise ScheduleError(
                f"walks of {axis}s go together in a loop over {axis}s; the innermost, `{innermost.label.data}`, is none",
                fix=f"write interleave={innermost.axis.data.value}:{count}, or order the loops otherwise",
            )
        walk.properties["interleave"] = IntegerAttr(int(count), i64)
        walk.properties["interleave_axis"] = StringAttr(axis)
