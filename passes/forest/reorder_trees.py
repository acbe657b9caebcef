"""``reorder-trees``: trees that are alike become neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from treec.errors import ScheduleError
from treec.passes.algo.order_trees import order_by_depth, order_by_similarity, order_by_size, reorder_trees
from treec.passes.forest.rewrite import require_no_plan, trees_to_change
from treec.treeir.forest import PredicatesOp
from treec.treeir.forest_convert import predicates_of, tree_properties, trees_of


@dataclass(frozen=True)
class ReorderTreesPass(ModulePass):
    """Store the trees by depth, by size (number of nodes) or by similarity (the inputs that they ask first); equal ones
    stay in order. Trees keep their numbers: ``order`` says them.

    Exact: sums are still added by number, and so are ranges of trees and leaf ids.
    """

    name = "reorder-trees"
    by: Literal["depth", "size", "similarity"]

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        require_no_plan(op, self.name)
        trees_op = trees_to_change(op, self.name)
        trees = trees_of(trees_op)
        match self.by:
            case "depth":
                places = order_by_depth(trees)
            case "size":
                places = order_by_size(trees)
            case "similarity":
                questions = trees_op.answers.owner
                if not isinstance(questions, PredicatesOp):
                    raise TypeError("answers come from forest.predicates")
                places = order_by_similarity(trees, predicates_of(questions))
            case _:
                raise ScheduleError(f"trees have no order by {self.by}", fix="use by=depth, by=size or by=similarity")
        trees_op.properties = tree_properties(reorder_trees(trees, places))
