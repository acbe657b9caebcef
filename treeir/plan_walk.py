"""``plan.walk``: what happens to one row, or some, in one tree."""

from __future__ import annotations

from xdsl.dialects.builtin import (
    FlatSymbolRefAttrConstr,
    IntegerAttr,
    StringAttr,
    SymbolRefAttr,
)
from xdsl.dialects.utils import EnumAttribute
from xdsl.ir import SpacedOpaqueSyntaxAttribute
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_attr_definition,
    irdl_op_definition,
    opt_prop_def,
)
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.str_enum import StrEnum


class LoopAxis(StrEnum):
    ROW = "row"
    TREE = "tree"


@irdl_attr_definition
class LoopAxisAttr(EnumAttribute[LoopAxis], SpacedOpaqueSyntaxAttribute):
    name = "plan.axis"


STRATEGIES = ("scalar", "lanes", "tile", "branch", "gemm", "bitslice")
"""Ways to walk that have an implementation."""
WORDS = (64, 128, 256, 512, 1024)
"""Rows whose bits may be handled together."""
GPU_WORD = 32
"""Rows whose bits a thread of a GPU handles together."""
LOOKUPS = ("gather", "permute", "bytes")
"""Ways to look leaf values up; see `treec.passes.algo.lookups`."""


@irdl_op_definition
class WalkOp(IRDLOperation):
    """Find the leaf of this row in this tree and use it; `walk` decides ``strategy``, `layout` decides ``trees``.

    ``interleave`` walks go down together, of neighbours along ``interleave_axis``; in a vector loop each is one of a vector
    of rows. The first ``peel`` steps are straight code before the loop; with ``unroll`` "full" all steps are. Rows become
    ``ranks`` in each step of the loop ``ranks_at``, and these the bits of ``predicates`` where they are asked for; of
    ``word`` rows at once is then found where they land, and their leaf values by ``lookup``, one of `LOOKUPS`; those of
    up to ``together`` trees are added at once. The rows of each step of the loop ``rows_at`` are copied before it,
    ``rows_layout`` "row" by row or "column" by column; into workspace, or the memory that the threads of a block share
    where ``rows_in`` is "shared".
    A product with the matrix ``paths`` finds leaves of a ``gemm`` walk. Of a ``bitslice`` of the ``upper`` levels alone,
    walks through ``trees`` go on from there.
    All nodes are copied there in each step of the grid loop ``nodes_at``.
    In each step of the loop ``prefetch_at`` the rows of the step ``prefetch_ahead`` steps further are asked for.
    """

    name = "plan.walk"
    strategy = opt_prop_def(StringAttr)
    trees = opt_prop_def(FlatSymbolRefAttrConstr)
    paths = opt_prop_def(FlatSymbolRefAttrConstr)
    upper = opt_prop_def(FlatSymbolRefAttrConstr)
    interleave = opt_prop_def(IntegerAttr)
    interleave_axis = opt_prop_def(StringAttr)
    peel = opt_prop_def(IntegerAttr)
    unroll = opt_prop_def(StringAttr)
    ranks = opt_prop_def(FlatSymbolRefAttrConstr)
    ranks_at = opt_prop_def(StringAttr)
    predicates = opt_prop_def(FlatSymbolRefAttrConstr)
    word = opt_prop_def(IntegerAttr)
    lookup = opt_prop_def(StringAttr)
    together = opt_prop_def(IntegerAttr)
    rows_at = opt_prop_def(StringAttr)
    rows_layout = opt_prop_def(StringAttr)
    rows_in = opt_prop_def(StringAttr)
    nodes_at = opt_prop_def(StringAttr)
    prefetch_at = opt_prop_def(StringAttr)
    prefetch_ahead = opt_prop_def(IntegerAttr)
    irdl_options = (ParsePropInAttrDict(),)
    assembly_format = "attr-dict"

    def __init__(self, strategy: str | None = None, trees: str | None = None) -> None:
        super().__init__(
            properties={
                "strategy": None if strategy is None else StringAttr(strategy),
                "trees": None if trees is None else SymbolRefAttr(trees),
            }
        )

    def verify_(self) -> None:
        if (self.ranks is None) != (self.ranks_at is None):
            raise VerifyException("ranks and the loop they are made at go together")
        if (self.rows_at is None) != (self.rows_layout is None):
            raise VerifyException("rows_at and rows_layout go together")
        if self.rows_layout is not None and self.rows_layout.data not in ("row", "column"):
            raise VerifyException(f"rows can't lie {self.rows_layout.data!r} by {self.rows_layout.data!r}")
        if (self.prefetch_at is None) != (self.prefetch_ahead is None):
            raise VerifyException("prefetch_at and prefetch_ahead go together")
        if self.prefetch_ahead is not None and self.prefetch_ahead.value.data < 1:
            raise VerifyException("rows are asked for at least one step ahead")
        if self.rows_in is not None and (self.rows_at is None or self.rows_in.data != "shared"):
            raise VerifyException('rows_in is "shared" or absent, and says where rows that are copied lie')
        if self.strategy is None:
            return
        if self.strategy.data not in STRATEGIES:
            raise VerifyException(f"unknown strategy {self.strategy.data!r}")
        if self.strategy.data == "branch":
            self._verify_branch()
        elif self.trees is None:
            raise VerifyException("a walk with a strategy needs trees")
        if (self.strategy.data == "bitslice") != (self.word is not None):
            raise VerifyException("a bitslice walk, and no other, says how many rows a word has")
        if self.word is not None and (self.word.value.data not in (GPU_WORD, *WORDS) or self.predicates is None):
            raise VerifyException(f"a bitslice walk reads bits of predicates, words of {WORDS} rows")
        if self.upper is not None and self.word is None:
            raise VerifyException("a bitslice walk, and no other, has upper levels of its own")
        if (self.strategy.data == "gemm") != (self.paths is not None):
            raise VerifyException("a gemm walk, and no other, has a path matrix")
        if (self.lookup is None) != (self.word is None) or (self.lookup is not None and self.lookup.data not in LOOKUPS):
            raise VerifyException(f"a bitslice walk, and no other, looks leaf values up, by one of {LOOKUPS}")
        if self.together is not None and (self.word is None or self.together.value.data < 2):
            raise VerifyException("a bitslice walk, and no other, takes two trees or more together")
        if (self.interleave is None) != (self.interleave_axis is None):
            raise VerifyException("interleave and interleave_axis go together")
        if self.interleave is not None and self.interleave.value.data < 1:
            raise VerifyException("at least one walk goes down at a time")
        if self.interleave_axis is not None and self.interleave_axis.data not in [axis.value for axis in LoopAxis]:
            raise VerifyException(f"can't interleave along {self.interleave_axis.data!r}")
        if self.peel is not None and self.peel.value.data < 0:
            raise VerifyException("the number of peeled steps is at least 0")
        if self.unroll is not None and self.unroll.data != "full":
            raise VerifyException(f'unroll is "full" or absent, not {self.unroll.data!r}')

    def _verify_branch(self) -> None:
        steps = (self.interleave, self.peel, self.unroll, self.ranks)
        if self.trees is not None or any(value is not None for value in steps):
            raise VerifyException("a walk of branches has no trees in memory, no ranks and no steps")
