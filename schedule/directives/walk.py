"""The directive about how a tree is walked."""

from __future__ import annotations

from typing import ClassVar

from treec.schedule.arguments import Choice, Neighbours, Number, argument
from treec.schedule.base import Directive, Machine, Stage, directive
from treec.schedule.check import Axis, Scope
from treec.schedule.directives.layout import TILED, Layout
from treec.schedule.directives.loops import SpecializeLoop
from treec.schedule.directives.mapping import UnrollLoop
from treec.schedule.directives.rows import AnswerPredicates, RankFeatures
from treec.schedule.directives.tiles import TileNodes
from treec.schedule.directives.vectorize import VectorizeLoop


@directive
class Walk(Directive):
    """Says how a tree is walked, in the innermost loop of the nest. `scalar`: one row, one tree, node by node. `lanes`: a
    vector of neighbouring rows goes down a tree together, each in its own lane; nodes, values and leaves are
    gathered, and rows that fill no vector are walked one by one. `tile`: one row, one tree, tile by tile: the questions of
    a tile are asked in one vector, and a look-up by all answers says where to go on. `branch`: trees are code, as in
    lleaves and treelite: a node is a compare with a constant and a branch, a leaf a constant. `bitslice`: no walk at all.
    Each bit of the number of a row's leaf is computed from the answers of predicates by selects, for `word` rows with
    one instruction each; then the leaf values of all rows are looked up. A tree that is nearly full is
    padded to a full one, up to 8 levels: a multiplexer, whose bits stay in registers. `gemm`, for shallow trees: no walk
    either. All predicates of a tree are asked, in order. How many conditions of a leaf hold is a sum of products of the
    answers, 0 or 1, with a matrix of 1, -1 and 0, added up exactly, four leaves to a word; the row is at the leaf all of
    whose conditions hold. It is Hummingbird's strategy of that name.

    With `slice=N`, for trees too large for that, a bitslice is of the first N levels alone. Each row's code says where its
    walk through the rest of the tree starts, in pairs on the same ranks.

    On a GPU, there are `scalar`, `gemm` and `bitslice`; `bitslice` has words of 32 rows, and threads share the rows of the
    innermost loop (`bind`), whose bits are in shared memory: 4 bytes for each predicate and 32 rows.

    Needs: a finished nest: no `split` or `order` comes after it. `scalar` and `lanes` need a `layout` before it, `lanes`
    also `vectorize`, which no other walk takes; `tile` needs `layout sparse` or `layout array`, and these need it, unless
    tiles are single nodes. `branch` needs `specialize` of a loop over single trees in place of a layout, at most 8,192
    nodes, and no `unroll`; it has no further arguments. `gemm` needs `layout packed` and trees of at most 128 leaves; its
    `interleave` is of rows, which then share what is loaded, and it has no `peel` and no `unroll`.
    `bitslice` needs `predicates at` the loop right outside of the trees, and trees of at most 4,096 leaves. With `slice` it
    needs `layout pairs` behind that, takes trees of any size, and has `interleave=row:N`, `peel` and `unroll` for the
    walks; not on a GPU.

    Pays: `scalar` is the plain strategy that works for every model. `lanes` does one step of all its rows with the
    instructions of one, and `interleave=row:N` makes N of its vectors go down together. `interleave` lets one walk's loads
    overlap another's waiting; its axis is that of the innermost loop, and a walk that has its leaf waits for the others, so
    it pays most where trees are balanced. `peel` and `unroll` save the test for a leaf where all trees are deep. Leaf ids
    (`apply`) are always found one walk at a time. `bitslice` is the fastest by far for batches, several times a walk, where
    a block has some hundred rows and trees have up to some hundred leaves; blocks that are not full cost the same as full
    ones. `branch` pays for small calls of forests of few nodes whose rows mostly take the same ways, as where few rows are
    positive: single rows mostly took 0.4 to 0.9 of the time of `scalar` there, batches through one tree from 0.2 on. Where
    rows part evenly, a CPU guesses branches wrong, and it took from 0.9 to 1.8 times as long. It compiles about 1,000 nodes
    in 2 s.
    `gemm` takes a number of instructions that is the same for all rows, and no load waits for another, but it asks every
    node: on a GPU, with `interleave=row:4`, it takes fewer than a walk for trees of 1 or 2 levels, a quarter more for 3 and
    several times as many from 5 on.
    `slice` pays where trees are deep and share predicates: steps are saved, and the predicates of the upper levels are to
    be answered, which double with each level where trees have their own.
    `lookup=permute` pays with AVX-512 and `lookup=bytes` where that also permutes bytes (x86-64-v4-vbmi), for leaf values
    and for sets of up to 512 categories; elsewhere both take more instructions than a gather. Codes of more bits than
    registers hold (8, or 7 by 4 bytes) are gathered.
    `trees=2` saves every other load and store of the sums, in the order of the trees as ever: where neighbouring trees have
    codes of as many bits, their values go to one output, and registers have room for the tables of all (two trees of 6 bits
    in f64, or 7 in f32); other trees are taken one by one, and all where fewer than 0.3 begin such a run. It took 0.93 to
    0.98 of the time, `trees=4` 0.95 to 0.99.
    """

    keyword: ClassVar[str] = "walk"
    pass_name: ClassVar[str] = "walk"
    stage: ClassVar[Stage] = Stage.PLAN
    finishes_nest: ClassVar[bool] = True
    required: ClassVar[str | None] = "nothing says how a tree is walked"

    strategy: str = argument(
        Choice(("scalar", "lanes", "tile", "branch", "gemm", "bitslice")), "the strategy", spelled="with"
    )
    interleave: str = argument(
        Neighbours(), "so many walks of neighbouring rows or trees go down together", default="none", quiet=True
    )
    peel: int = argument(Number(minimum=0), "steps that are straight code before the loop", default=0, quiet=True)
    unroll: str = argument(
        Choice(("none", "full")), "`full`: all steps are straight code, no loop", default="none", quiet=True
    )
    leaf: str = argument(
        Choice(("auto", "path", "index")),
        "how `with=bitslice` numbers leaves: by the answers on the way, one by one, or as is cheapest for each tree",
        default="auto",
        quiet=True,
    )
    word: int = argument(
        Number(values=(0, 64, 128, 256, 512, 1024)),
        "rows whose bits `with=bitslice` handles together; 0 is 512, or fewer in a smaller block",
        default=0,
        quiet=True,
    )

    trees: int = argument(
        Number(values=(0, 1, 2, 4, 8)),
        "trees, at most, whose leaf values `with=bitslice` adds before it stores the sums; 0 is 2",
        default=0,
        quiet=True,
    )
    multiplex: str = argument(
        Choice(("auto", "all", "none")),
        "which trees `with=bitslice` pads to full ones, that are straight code: all, none, or where that is cheaper",
        default="auto",
        quiet=True,
    )
    lookup: str = argument(
        Choice(("auto", "gather", "permute", "bytes")),
        "how `with=bitslice` looks leaf values up: from memory, or by permutes of registers with 4 bytes or a byte a lane, "
        "which then also find the thresholds to rank rows by; `auto` is what CPUs of the level do fastest",
        default="auto",
        quiet=True,
    )

    slice: int = argument(
        Number(values=(0, 1, 2, 3, 4, 5, 6, 7, 8)),
        "levels that `with=bitslice` is of, before walks go on; 0: whole trees",
        default=0,
        quiet=True,
    )

    def check(self, scope: Scope) -> None:
        if scope.machine is Machine.GPU and self.strategy not in ("scalar", "gemm", "bitslice"):
            kind = "code for CPUs alone" if self.strategy == "branch" else "vector code"
            reason = f"`walk with={self.strategy}` is {kind}, and each thread of a GPU walks by itself"
            raise self.error(reason, "write with=scalar, with=gemm or with=bitslice", argument="with")
        ranked = scope.find(RankFeatures)
        if scope.machine is Machine.GPU and self.strategy != "bitslice" and ranked is not None:
            reason = f"on a GPU ranks are for a bitslice alone, and rows are ranked ({ranked.where()})"
            raise self.error(reason, "write with=bitslice, or leave `rank features` out", argument="with")
        vector = scope.find(VectorizeLoop)
        if vector is not None and self.strategy != "lanes":
            reason = f"loop `{vector.loop}` takes its rows in vectors ({vector.where()}), and this walk does not"
            raise self.error(reason, "write with=lanes, or leave `vectorize` out", argument="with")
        if self.strategy == "bitslice":
            self._check_bitslice(scope)
            return
        self._check_foreign(("leaf", "auto"), ("word", 0), ("trees", 0))
        self._check_foreign(("multiplex", "auto"), ("lookup", "auto"), ("slice", 0))
        if self.strategy == "branch":
            self._check_branch(scope)
            return
        answered = scope.find(AnswerPredicates)
        if answered is not None:
            reason = f"`walk with={self.strategy}` asks predicates itself, and they are answered ({answered.where()})"
            raise self.error(reason, "write with=bitslice, or leave `predicates` out", argument="with")
        if scope.find(Layout) is None:
            reason = f"`walk with={self.strategy}` needs a layout of the nodes, and none is given before it"
            raise self.error(reason, f"add `{Layout.shortest_usage()}` above it")
        for before in scope.done:
            before.check_nest(scope)
        if self.strategy == "gemm":
            self._check_gemm(scope)
        self._check_tiles(scope)
        self._check_interleave(scope)
        if self.strategy == "lanes":
            self._check_lanes(scope)

    def _check_bitslice(self, scope: Scope) -> None:
        if not self.slice:
            self._check_foreign(("interleave", "none"), ("peel", 0), ("unroll", "none"))
        if scope.find(AnswerPredicates) is None:
            raise self.error(
                "a bitslice reads the answers of predicates, and none are there", "add `predicates at=…` above it"
            )
        tiles = scope.find(TileNodes)
        if tiles is not None:
            raise self.error(
                f"a bitslice knows nothing of tiles ({tiles.where()})", "leave `tile nodes` out, or write with=tile"
            )
        layout = scope.find(Layout)
        if self.slice:
            self._check_slice(scope, layout)
        elif layout is not None:
            raise self.error(
                f"a bitslice lays trees out itself, and there is `{layout.text}` ({layout.where()})", "keep one of the two"
            )
        for before in scope.done:
            before.check_nest(scope)

    def _check_slice(self, scope: Scope, layout: Layout | None) -> None:
        if scope.machine is Machine.GPU:
            raise self.error("on a GPU a bitslice is of whole trees", "leave `slice` out", argument="slice")
        if layout is None or layout.kind != "pairs":
            found = "none are there" if layout is None else f"nodes lie as {layout.kind} ({layout.where()})"
            reason = f"below a slice walks go on through pairs, and {found}"
            raise self.error(reason, "add `layout pairs` below `predicates`", argument="slice")
        if self.interleave.startswith(Axis.TREE.value):
            reason = "below a slice the rows of a block go on through one tree, and these are several trees"
            raise self.error(reason, "write interleave=row:8, or leave it out", argument="interleave")

    def _check_branch(self, scope: Scope) -> None:
        self._check_foreign(("interleave", "none"), ("peel", 0), ("unroll", "none"))
        cut = scope.find(SpecializeLoop)
        if cut is None or not cut.single(scope):
            outermost = next(name for name, axis in scope.loops.items() if axis is Axis.TREE)
            reason = "branches are code for one tree, and " + (
                "no loop is specialised" if cut is None else f"a step of `{cut.loop}` is several trees ({cut.where()})"
            )
            raise self.error(reason, f"add `specialize {outermost}` above it, with steps of one tree", argument="with")
        reasons = {
            Layout: "nodes are code, and have no layout",
            RankFeatures: "branches compare values, not ranks",
            AnswerPredicates: "branches ask predicates themselves",
            TileNodes: "branches go node by node, not by tiles",
            UnrollLoop: "the code of all trees would be there several times",
        }
        for kind, reason in reasons.items():
            other = scope.find(kind)
            if other is not None:
                raise self.error(f"{reason} ({other.where()})", f"leave `{other.keyword}` out", argument="with")
        for before in scope.done:
            before.check_nest(scope)

    def _check_gemm(self, scope: Scope) -> None:
        self._check_foreign(("peel", 0), ("unroll", "none"))
        layout = scope.find(Layout)
        if layout is not None and layout.kind != "packed":
            reason = f"a gemm asks the predicates of packed nodes, and these lie as {layout.kind} ({layout.where()})"
            raise self.error(reason, "write `layout packed`, or with=scalar", argument="with")
        if self.interleave.startswith(Axis.TREE.value):
            reason = "a gemm multiplies rows by the matrix of one tree, and these are several trees"
            raise self.error(
                reason, "write interleave=row:4 with a loop over rows innermost, or leave it out", argument="interleave"
            )

    def _check_interleave(self, scope: Scope) -> None:
        cut = scope.find(SpecializeLoop)
        if cut is not None and cut.single(scope) and self.interleave.startswith(Axis.TREE.value):
            reason = f"each copy of loop `{cut.loop}` is for one tree ({cut.where()}), which has no neighbours"
            fix = f"leave `interleave` out, or `split {cut.loop}` and specialise its outer loop"
            raise self.error(reason, fix, argument="interleave")

    def _check_foreign(self, *defaults: tuple[str, object]) -> None:
        """Refuse arguments of other strategies."""
        for name, default in defaults:
            if getattr(self, name) != default:
                raise self.error(f"`walk with={self.strategy}` has no `{name}`", f"leave `{name}` out", argument=name)

    def _check_tiles(self, scope: Scope) -> None:
        layout, tiles = scope.find(Layout), scope.find(TileNodes)
        if layout is None:
            return
        if self.strategy == "tile" and layout.kind not in TILED:
            reason = f"nodes that lie as {layout.kind} are no tiles ({layout.where()})"
            raise self.error(reason, "write `layout sparse` or `layout array`", argument="with")
        if self.strategy != "tile" and layout.kind in TILED and tiles is not None and tiles.size > 1:
            reason = f"tiles ({tiles.where()}) are not walked node by node"
            raise self.error(reason, "write with=tile", argument="with")

    def _check_lanes(self, scope: Scope) -> None:
        layout = scope.find(Layout)
        if layout is not None and layout.kind != "packed":
            reason = f"lanes walk packed nodes, and these lie as {layout.kind} ({layout.where()})"
            raise self.error(reason, "write `layout packed`, or with=scalar", argument="with")
        innermost, axis = list(scope.loops.items())[-1]
        if axis is not Axis.ROW:
            reason = f"lanes are neighbouring rows, and the innermost loop, `{innermost}`, runs over trees"
            raise self.error(reason, "put a loop over rows last by `order`, above this line", argument="with")
        if scope.find(VectorizeLoop) is None:
            reason = f"lanes are steps of a vector loop, and loop `{innermost}` takes its rows one by one"
            raise self.error(reason, f"add `vectorize {innermost}` above it", argument="with")
