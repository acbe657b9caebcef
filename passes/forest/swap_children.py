"""``swap-children``: the likelier child of a node on the left."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from treec.errors import ScheduleError
from treec.passes.algo.swap import colder_left, swap_children
from treec.passes.forest.rewrite import require_no_plan, trees_to_change
from treec.treeir.forest_convert import tree_properties, trees_of


@dataclass(frozen=True)
class SwapChildrenPass(ModulePass):
    """Exchange the children of every node whose right child has the larger count; such a node's answer is inverted.

    Needs counts of nodes and leaves: the model's own, or those of a profile. Leaves keep their ids and values.
    """

    name = "swap-children"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        require_no_plan(op, self.name)
        trees_op = trees_to_change(op, self.name)
        trees = trees_of(trees_op)
        if trees.node_count is None or trees.leaf_count is None:
            raise ScheduleError(
                "nothing says which child is likelier: the model has no counts of its nodes",
                fix="count rows of your own: --profile rows.npy, or profile=rows in Python",
            )
        trees_op.properties = tree_properties(swap_children(trees, colder_left(trees, trees.node_count, trees.leaf_count)))
