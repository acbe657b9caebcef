"""The directive about how trees lie in memory."""

from __future__ import annotations

from typing import ClassVar

from treec.schedule.arguments import Choice, Number, argument
from treec.schedule.base import Directive, Machine, Stage, directive
from treec.schedule.check import Scope
from treec.schedule.directives.tiles import TileNodes

TILED = ("sparse", "array")
"""Layouts of tiles."""
ON_GPU = ("packed", "pairs", "reorg")
COMPUTED = ("array", "reorg")
"""Layouts without pointers."""


@directive
class Layout(Directive):
    """Says how nodes lie in memory. `packed`: one record per inner node, all of one size, trees one after the other.
    `pairs`: one per node and leaf, siblings side by side, leaves pointing at themselves. `reorg`: trees padded to complete
    ones of one depth, the same node of all trees side by side, no pointers. `sparse` and `array`: one per tile of nodes
    (`tile nodes`; without it, per node). `sparse` has in it how far the first tile below is, the others lie behind that
    one. `array` has a place for every tile that there could be, so that it follows from the tile's own.

    A record is a threshold and a word of bit fields: the step to a child, the column, the way of missing values, the kind
    of test where there are several. By default each field has the bits of the numbers that occur in this model, none for
    one that never differs, and the word has as many bytes as they need. `threshold=f32` rounds f64 thresholds, `<=` ones
    down and `<` ones up: for f32 rows that changes no answer, so `target cpu input=f32` has to promise them. Given widths
    start at a byte and are refused where the model's numbers are larger.

    Needs: a place before `walk`. Trees with tiles need `sparse` or `array`; an `array` and `reorg` need trees that are
    nearly full, they are refused beyond 256 MiB. All but `packed` keep predicates inline.

    Pays: `pairs` with interleaved walks: a step has a third of the instructions (on ranks; half of them on values), for
    twice as many records. Pairs on values lie level by level and have a count of steps for each tree; for GPUs. `reorg`
    where all trees are nearly full and of one depth: 1.3 to 1.8 times the speed of `packed` for 100 trees of depth 8, as
    every walk has the same number of steps and no test for a leaf. Each leaf above the last level takes the steps and the
    memory of a node there: where trees are ragged it was half as fast as `packed`, on thousands of trees even less; (On a
    GPU, threads that share trees read neighbouring records of it at the first levels.) `reorder trees by=depth` and
    `fission` give each depth its own number of steps, which wins some of that back. `predicates=inline` has all that a
    step needs in one record, mostly one cache line; `predicates=table` has smaller records and one more load per step. A
    small `align` saves memory; a larger one lets a record be read with aligned loads, and keeps the record of a large
    tile in one cache line. `array` has less to load than `sparse`, and more memory to load it from. `threshold=f32` for a
    model of f64: 1.1 times the speed for 500 trees of 31 leaves node by node, 1.6 times in lanes, of which a vector then
    has 16. Given widths were never faster than `auto`: they are for other readers of the tables.
    """

    keyword: ClassVar[str] = "layout"
    pass_name: ClassVar[str] = "layout"
    stage: ClassVar[Stage] = Stage.PLAN

    kind: str = argument(
        Choice(("packed", "pairs", "reorg", "sparse", "array")), "arrangement of the nodes", positional=True
    )
    predicates: str = argument(
        Choice(("inline", "table")),
        "`inline`: threshold and feature are in the node; `table`: the node holds a predicate id",
        default="inline",
    )
    align: int = argument(
        Number(values=(1, 4, 8, 16, 32, 64)),
        "the size of a node record is rounded up to a multiple of that many bytes",
        default=4,
    )
    threshold: str = argument(
        Choice(("auto", "f32", "f64")),
        "type of thresholds in memory; `auto` is the model's, or ranks after `rank features`",
        default="auto",
        quiet=True,
    )
    feature: str = argument(
        Choice(("auto", "u8", "u16", "u32")),
        "bits of the field that says which column is asked; `auto`: as few as the model needs",
        default="auto",
        quiet=True,
    )
    child: str = argument(
        Choice(("auto", "u8", "u16", "u32")),
        "bits of the field that says how far the next child is; `auto`: as few as the model needs",
        default="auto",
        quiet=True,
    )

    def check(self, scope: Scope) -> None:
        if self.child != "auto" and self.kind in COMPUTED:
            reason = f"`layout {self.kind}` computes where children are, and has no `child`"
            raise self.error(reason, "leave `child` out", argument="child")
        if scope.machine is Machine.GPU and self.kind not in ON_GPU:
            reason = f"kernels for GPUs do not walk nodes that lie as {self.kind}"
            raise self.error(reason, "write `layout packed`, `layout pairs` or `layout reorg`", argument="kind")
        tiles = scope.find(TileNodes)
        if tiles is not None and self.kind not in TILED:
            reason = f"`layout {self.kind}` knows nothing of tiles, and the trees have some ({tiles.where()})"
            raise self.error(reason, "write `layout sparse` or `layout array`", argument="kind")
        if self.predicates != "inline" and self.kind != "packed":
            where = "tiles" if self.kind in TILED else "nodes"
            reason = f"`layout {self.kind}` keeps predicates in the {where}"
            raise self.error(reason, "leave `predicates` out", argument="predicates")
