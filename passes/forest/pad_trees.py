"""``pad-trees``: all leaves of a tree at one depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from treec.errors import ScheduleError
from treec.frontends.base import Trees
from treec.passes.algo.depths import leaf_depths
from treec.passes.algo.pad import pad_trees, worst_growth
from treec.passes.forest.rewrite import require_no_plan, trees_to_change
from treec.treeir.forest_convert import tree_properties, trees_of

MOST_NODES = 1 << 26
"""Of a padded forest: some gigabytes of IR."""


@dataclass(frozen=True)
class PadTreesPass(ModulePass):
    """Bring all leaves of a tree to the depth of its deepest one (``to`` ``tree``) or of the forest's (``forest``).

    Exact: what is below a shallow leaf is that leaf everywhere. Refused where a tree would get more than ``limit`` times
    the leaves it has, or the forest more than 64 Mi nodes.
    """

    name = "pad-trees"
    to: Literal["tree", "forest"] = "tree"
    limit: int = 8

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        require_no_plan(op, self.name)
        trees_op = trees_to_change(op, self.name)
        trees = trees_of(trees_op)
        if trees.tile is not None:
            raise ScheduleError("padding makes new nodes, which are in no tile", fix="move `pad trees` above `tile nodes`")
        _, depth = leaf_depths(trees)
        if self.to == "forest":
            depth = np.full_like(depth, depth.max(initial=0))
        self._refuse(trees, depth)
        trees_op.properties = tree_properties(pad_trees(trees, depth))

    def _refuse(self, trees: Trees, depth: NDArray[np.int64]) -> None:
        worst = worst_growth(trees, depth)
        total = float(np.exp2(depth.astype(np.float64)).sum())
        if worst is None or (worst.factor <= self.limit and total <= MOST_NODES):
            return
        leaves = int(np.diff(trees.leaf_offset)[worst.tree])
        what = (
            f"padding tree {worst.tree} ({leaves:,} leaves, depth {int(depth[worst.tree])}) makes it {worst.factor:,.1f} "
        )
        if worst.factor > self.limit:
            limit = f"times as large, and the limit is {self.limit}"
        else:
            limit = f"times as large, and the forest would have {total:,.0f} nodes, more than {MOST_NODES:,}"
        fix = "leave out `pad trees`: walks of ragged trees need none"
        if worst.factor > self.limit and total <= MOST_NODES:
            fix += f"; or allow it by limit={int(np.ceil(worst.factor))}"
        raise ScheduleError(what + limit, fix=fix)
