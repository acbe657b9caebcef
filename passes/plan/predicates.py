"""``predicates``: one bit per row and predicate, once per block of rows."""

from __future__ import annotations

from dataclasses import dataclass, fields

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, SymbolRefAttr

from treec.errors import ScheduleError
from treec.passes.algo.predicate_bits import PredicateBits, predicate_bits
from treec.passes.plan.rank_features import ranks_of, tables_of
from treec.passes.plan.rewrite import PlanPass, add_shared, loop_named
from treec.treeir.blob import BlobAttr
from treec.treeir.plan import PredicateBitsOp
from treec.treeir.ranks import RanksOp


@dataclass(frozen=True)
class PredicatesPass(PlanPass):
    """Add ``plan.predicate_bits``, the distinct predicates of all trees, and answer them in each step of the loop ``at``,
    where rows are ranked too. What walks then reads bits alone."""

    name = "predicates"
    at: str

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in self.kernels(op):
            loop_named(kernel, self.at)
            walk, ranks = kernel.innermost_walk(), ranks_of(op, kernel)
            if ranks is None or walk.ranks_at is None or walk.ranks_at.data != self.at:
                raise ScheduleError("predicates are asked about ranks", fix=f"put `rank features at={self.at}` above it")
            if walk.trees is not None:
                raise ScheduleError("there is a layout, whose nodes ask their own predicates", fix="leave `layout` out")
            if walk.predicates is not None:
                raise ScheduleError("predicates are answered already", fix="keep one `predicates` line")
            walk.properties["predicates"] = add_predicate_bits(op, ranks, predicate_bits(tables_of(ranks)))


def add_predicate_bits(module: ModuleOp, ranks: RanksOp, found: PredicateBits) -> SymbolRefAttr:
    """Add ``plan.predicate_bits`` on ``ranks``."""
    tables = {f.name: BlobAttr.of(getattr(found, f.name)) for f in fields(PredicateBits)}
    made = PredicateBitsOp.create(properties={**tables, "ranks": SymbolRefAttr(ranks.sym_name.data)})
    return add_shared(module, made, "bits")
