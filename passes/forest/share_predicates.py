"""``share-predicates``: one table of distinct predicates for all trees."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from treec.errors import ScheduleError
from treec.passes.algo.share import share_predicates
from treec.passes.forest.rewrite import require_no_plan
from treec.treeir.blob import BlobAttr
from treec.treeir.forest import PredicatesOp, TreesOp, only_model
from treec.treeir.forest_convert import predicate_properties, predicates_of


@dataclass(frozen=True)
class SharePredicatesPass(ModulePass):
    """Ask every distinct question once: equal predicates become one, sorted by input and threshold.

    Needs trees with nodes. Answers do not change; nodes get new predicate ids.
    """

    name = "share-predicates"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        require_no_plan(op, self.name)
        for part in only_model(op).body.block.ops:
            if isinstance(part, TreesOp):
                questions = part.answers.owner
                if not isinstance(questions, PredicatesOp):
                    raise TypeError("answers come from forest.predicates")
                shared, new_id = share_predicates(predicates_of(questions))
                questions.properties = predicate_properties(shared)
                part.properties["predicate"] = BlobAttr.of(new_id[part.predicate.array])
                return
        raise ScheduleError(
            "the model's trees are oblivious; sharing their predicates is not supported yet",
            fix="leave `share predicates` out",
        )
