"""``rank-features``: a row's values become small integers, once per block of rows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Attribute
from xdsl.traits import SymbolTable

from treec.errors import ScheduleError
from treec.frontends.base import Forest
from treec.passes.algo.ranks import RankTables, rank_tables
from treec.passes.plan.rewrite import PlanPass, add_shared, loop_named
from treec.treeir.blob import BlobAttr
from treec.treeir.forest import only_model
from treec.treeir.forest_convert import forest_of
from treec.treeir.plan import KernelOp, LoopAxis
from treec.treeir.ranks import RANK_TYPES, RanksOp


@dataclass(frozen=True)
class RankFeaturesPass(PlanPass):
    """Add ``plan.ranks`` and let the walk read ranks of type ``to``, made in each step of the row loop ``at``.

    Exact for every value (see `treec.passes.algo.ranks`). Needs no layout yet, and a ``to`` that all ranks fit.
    """

    name = "rank-features"
    at: str
    to: Literal["u8", "u16", "u32"]

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        kernels = self.kernels(op)
        if self.to not in RANK_TYPES:
            raise ScheduleError(f"there are no ranks of type {self.to}", fix=f"use to={'|'.join(RANK_TYPES)}")
        if any(kernel.innermost_walk().trees is not None for kernel in kernels):
            raise ScheduleError(
                "the layout already has thresholds that are no ranks", fix="move `rank features` before `layout`"
            )
        for kernel in kernels:
            if loop_named(kernel, self.at).axis.data is not LoopAxis.ROW:
                raise ScheduleError(f"`{self.at}` runs over trees; rows are ranked", fix="name a loop over rows")
            if kernel.innermost_walk().ranks is not None:
                raise ScheduleError("rows are ranked already", fix="keep one `rank features` line")
            if kernel.innermost_walk().rows_at is not None:
                raise ScheduleError(
                    "rows are copied, and ranks are a copy already", fix="keep one of `rank features` and `cache rows`"
                )
        forest = forest_of(only_model(op))
        tables = rank_tables(forest.predicates)
        _check_fit(forest, tables, self.to)
        ranks = add_shared(op, _ranks_op("ranks", tables, self.to), "ranks")
        for kernel in kernels:
            walk = kernel.innermost_walk()
            walk.properties |= {"ranks": ranks, "ranks_at": StringAttr(self.at)}


def _check_fit(forest: Forest, tables: RankTables, to: str) -> None:
    highest = tables.highest()
    if len(highest) == 0:
        return
    worst = int(highest.argmax())
    needed = int(highest[worst])
    if needed <= np.iinfo(RANK_TYPES[to]).max:
        return
    column = int(forest.inputs.column[tables.source_input[worst]])
    what = "thresholds" if tables.source_limit[worst] < 0 else "category codes"
    wide = [name for name, dtype in RANK_TYPES.items() if needed <= np.iinfo(dtype).max]
    raise ScheduleError(
        f"the {what} of feature {column} need {needed + 1:,} ranks, {to} has {int(np.iinfo(RANK_TYPES[to]).max) + 1:,}",
        fix=f"use to={wide[0]}" if wide else "leave `rank features` out",
    )


def _ranks_op(name: str, tables: RankTables, to: str) -> RanksOp:
    properties: dict[str, Attribute] = {f.name: BlobAttr.of(getattr(tables, f.name)) for f in fields(tables)}
    return RanksOp.create(properties={"sym_name": StringAttr(name), "to": StringAttr(to), **properties})


def tables_of(op: RanksOp) -> RankTables:
    """The tables that an op holds."""
    return RankTables(**{f.name: getattr(op, f.name).array for f in fields(RankTables)})


def ranks_of(module: ModuleOp, kernel: KernelOp) -> RanksOp | None:
    """The ranks that the kernel's walk reads, if it reads ranks."""
    symbol = kernel.innermost_walk().ranks
    if symbol is None:
        return None
    ranks = SymbolTable.lookup_symbol(module, symbol)
    if not isinstance(ranks, RanksOp):
        raise ScheduleError(f"there are no ranks {symbol}", fix="run rank-features before it")
    return ranks
