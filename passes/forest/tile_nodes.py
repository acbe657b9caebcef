"""``tile-nodes``: nodes of a tree that are evaluated together."""

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
from treec.passes.algo.tile import hybrid_tiles, leaf_biased, probability_tiles, uniform_tiles
from treec.passes.forest.rewrite import require_no_plan, trees_to_change
from treec.treeir.blob import BlobAttr
from treec.treeir.forest_checks import LARGEST_TILE
from treec.treeir.forest_convert import trees_of


@dataclass(frozen=True)
class TileNodesPass(ModulePass):
    """Give each node the number of its tile, of up to ``size`` nodes; see `treec.passes.algo.tile`.

    ``shape``: ``uniform`` takes nodes in level order; ``probability`` the likeliest next, in trees where a share ``alpha``
    of the leaves has a share ``beta`` of the rows, and is uniform in others; ``hybrid`` the likeliest next below nodes that
    a share ``above`` of the rows meets. Those two need counts: the model's, or those of a profile.
    """

    name = "tile-nodes"
    size: int
    shape: Literal["uniform", "probability", "hybrid"] = "uniform"
    alpha: float = 0.075
    beta: float = 0.9
    above: float = 0.2

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        require_no_plan(op, self.name)
        trees_op = trees_to_change(op, self.name)
        if not 1 <= self.size <= LARGEST_TILE:
            raise ScheduleError(f"a tile can't have {self.size} nodes", fix=f"use 1 to {LARGEST_TILE}")
        if trees_op.tile is not None:
            raise ScheduleError("the trees have tiles already", fix="keep one `tile nodes` line")
        for name in ("alpha", "beta", "above"):
            if not 0 <= getattr(self, name) <= 1:
                raise ScheduleError(f"{name} is a share, not {getattr(self, name)}", fix="use a number from 0 to 1")
        trees_op.properties["tile"] = BlobAttr.of(self._tiles(trees_of(trees_op)))

    def _tiles(self, trees: Trees) -> NDArray[np.int32]:
        if self.shape == "uniform":
            return uniform_tiles(trees, self.size)
        if trees.node_count is None or trees.leaf_count is None:
            raise ScheduleError(
                f"shape={self.shape} asks which nodes are likely, and the model has no counts of its nodes",
                fix="count rows of your own: --profile rows.npy, or profile=rows in Python; or write shape=uniform",
            )
        if self.shape == "hybrid":
            return hybrid_tiles(trees, self.size, trees.node_count, self.above)
        greedy = leaf_biased(trees, trees.leaf_count, self.alpha, self.beta)
        return probability_tiles(trees, self.size, trees.node_count, greedy)
