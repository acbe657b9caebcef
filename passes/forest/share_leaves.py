"""``share-leaves``: leaf rows with equal values are kept once."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from treec.errors import ScheduleError
from treec.passes.algo.share import share_leaf_rows
from treec.passes.forest.rewrite import require_no_plan
from treec.treeir.blob import BlobAttr
from treec.treeir.forest import SumOp, TreesOp, only_model


@dataclass(frozen=True)
class ShareLeavesPass(ModulePass):
    """Keep each distinct row of leaf values once; leaves refer to rows.

    Pays for vector leaves and for forests whose leaves repeat (a pure regression forest). Costs one more load per walk.
    """

    name = "share-leaves"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        require_no_plan(op, self.name)
        for part in only_model(op).body.block.ops:
            if isinstance(part, SumOp):
                trees_op = part.leaves.owner
                if not isinstance(trees_op, TreesOp) or part.linear_offset is not None:
                    raise ScheduleError(
                        "leaves of oblivious trees and linear leaves can't be shared yet", fix="leave `share leaves` out"
                    )
                values, leaf_row = share_leaf_rows(part.values.array, trees_op.leaf_row.array)
                trees_op.properties["leaf_row"] = BlobAttr.of(leaf_row)
                part.properties["values"] = BlobAttr.of(values)
