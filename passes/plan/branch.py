"""What a walk of branches needs: trees that are known where the code is made, and few enough nodes."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from treec.errors import ScheduleError, UnsupportedModelError
from treec.frontends.base import Trees
from treec.treeir.forest import only_model
from treec.treeir.forest_convert import forest_of
from treec.treeir.plan import KernelOp, WalkOp

MOST_NODES = 8192
"""Nodes that a kernel may have as code: each is there for every dtype of rows, and again for leaf ids."""


def require_branches(kernel: KernelOp, walk: WalkOp, module: ModuleOp) -> None:
    """Raise where the trees of a kernel can't be code."""
    forest = forest_of(only_model(module))
    if not isinstance(forest.trees, Trees):
        raise ScheduleError("oblivious trees are not made into branches yet", fix="use another model")
    if forest.leaves.linear is not None:
        raise UnsupportedModelError("linear leaves are not compiled yet", fix="train with linear_tree=false")
    if walk.trees is not None:
        raise ScheduleError("the nodes of a walk of branches are code, and have no layout", fix="leave `layout` out")
    unrolled = next((loop.label.data for loop in kernel.nest() if loop.unroll is not None), None)
    if unrolled is not None:
        reason = f"`{unrolled}` is unrolled, and the code of all trees would be there several times"
        raise ScheduleError(reason, fix=f"leave `unroll {unrolled}` out")
    if walk.ranks is not None:
        raise ScheduleError("a walk of branches compares values, not ranks", fix="leave `rank features` out")
    if forest.trees.tile is not None:
        raise ScheduleError("a walk of branches goes node by node, not by tiles", fix="leave `tile nodes` out")
    parts = next((loop.parts for loop in kernel.nest() if loop.parts is not None), None)
    if parts is None or np.any(np.diff(parts.array) > 1):
        outermost = next(loop.label.data for loop in kernel.nest() if loop.axis.data.value == "tree")
        raise ScheduleError(
            "a walk of branches is code for one tree, and the loops do not say which",
            fix=f"add `specialize {outermost}` above it, with steps of one tree",
        )
    if forest.trees.n_nodes > MOST_NODES:
        raise ScheduleError(
            f"the trees have {forest.trees.n_nodes:,} nodes, each of which would be code, and the limit is {MOST_NODES:,}",
            fix="use a walk over tables: `layout packed` and `walk with=scalar`",
        )
