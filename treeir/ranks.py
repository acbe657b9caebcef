"""``plan.ranks``: how rows become ranks, in the plan dialect."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import StringAttr, SymbolNameConstraint
from xdsl.irdl import irdl_op_definition, prop_def, traits_def
from xdsl.traits import SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from treec.treeir.blob import BlobAttr
from treec.treeir.printing import NamedTablesOp

RANK_TYPES = {"u8": np.dtype(np.uint8), "u16": np.dtype(np.uint16), "u32": np.dtype(np.uint32)}
"""What a ranked row may hold."""


@irdl_op_definition
class RanksOp(NamedTablesOp):
    """Cuts, views and predicates on ranks: see `treec.passes.algo.ranks` for the meaning of each table. A ranked row has a
    number of type ``to`` per view."""

    name = "plan.ranks"
    sym_name = prop_def(SymbolNameConstraint())
    to = prop_def(StringAttr)
    source_input = prop_def(BlobAttr)
    source_limit = prop_def(BlobAttr)
    cut_offset = prop_def(BlobAttr)
    cuts = prop_def(BlobAttr)
    view_offset = prop_def(BlobAttr)
    view_missing = prop_def(BlobAttr)
    view_rank = prop_def(BlobAttr)
    view = prop_def(BlobAttr)
    test = prop_def(BlobAttr)
    operand = prop_def(BlobAttr)
    set_offset = prop_def(BlobAttr)
    set_words = prop_def(BlobAttr)
    traits = traits_def(SymbolOpInterface())

    @property
    def n_views(self) -> int:
        return len(self.view_rank.array)

    def verify_(self) -> None:
        if self.to.data not in RANK_TYPES:
            raise VerifyException(f"ranks can't be of {self.to.data!r}")
        sources = len(self.source_input.array)
        if len(self.source_limit.array) != sources:
            raise VerifyException("every source has a limit")
        for offset, column in ((self.cut_offset, self.cuts), (self.view_offset, self.view_rank)):
            ends = offset.array
            if len(ends) != sources + 1 or ends[0] != 0 or ends[-1] != len(column.array) or np.any(np.diff(ends) < 0):
                raise VerifyException("an offset table does not cover its column")
        views, predicates = self.view.array, (self.view, self.test, self.operand)
        if len({len(column.array) for column in predicates}) != 1:
            raise VerifyException("every predicate has a view, a test and an operand")
        if len(views) and not (views.min() >= 0 and views.max() < self.n_views):
            raise VerifyException("a predicate reads a view that is not there")
        self._verify_cuts()

    def _verify_cuts(self) -> None:
        cuts, offset = self.cuts.array, self.cut_offset.array
        inside = np.ones(max(0, len(cuts) - 1), bool)
        starts = offset[1:-1]
        inside[starts[(starts > 0) & (starts < len(cuts))] - 1] = False
        if not np.all(cuts[1:][inside] > cuts[:-1][inside]):
            raise VerifyException("the cuts of a source ascend")
        columns = np.diff(offset), self.view_rank.array, self.source_limit.array
        highest = max(int(column.max(initial=0)) for column in columns)
        if highest > np.iinfo(RANK_TYPES[self.to.data]).max:
            raise VerifyException(f"rank {highest} does not fit {self.to.data}")
