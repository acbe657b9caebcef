"""``plan.for``: loops over rows and trees."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import (
    IntegerAttr,
    StringAttr,
    i64,
)
from xdsl.ir import Block, Operation, Region
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    region_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import NoTerminator
from xdsl.utils.exceptions import VerifyException

from treec.treeir.blob import BlobAttr
from treec.treeir.forest_checks import expect, expect_cover
from treec.treeir.loop_types import DIMENSIONS, LoopKind, LoopKindAttr
from treec.treeir.plan_walk import LoopAxis, LoopAxisAttr, WalkOp

REDUCTIONS = ("staged", "vector")
"""Ways to add up partial sums. ``vector``: in their order. ``staged``: each with its neighbour, then pairs with their
neighbour, and so on."""
THREAD_REDUCTIONS = ("shared", "shuffle", "atomic")
"""Of trees that the threads of a GPU's block share: each has a partial sum, and these are added up as ``staged``; where
sums are exact, their leaf values are added in the order of the trees. ``shared``: they meet in shared memory, ``shuffle``:
in registers of a warp. ``atomic``: each thread adds its partial sum to one of all, in any order."""
LANES = (2, 4, 8, 16, 32, 64)
"""Rows that a vector may have."""


@irdl_op_definition
class ForOp(IRDLOperation):
    """One loop of the nest. ``step`` rows (trees) per iteration; ``of``: the loop whose step it covers; ``unroll``: so many
    iterations are straight code; ``lanes``, of a vector loop: so many steps are one vector; ``dimension``: of the grid or
    the block, where blocks or threads share the loop.

    ``parts`` i64, of a loop over all trees: boundaries, from 0 to their number, at which it is several loops in sequence.
    ``reduce``, likewise: each of its steps has a partial sum of its own, and these are added up as one of `REDUCTIONS`
    says; of a loop over trees that threads share, as one of `THREAD_REDUCTIONS`.
    """

    name = "plan.for"
    kind = prop_def(LoopKindAttr)
    label = prop_def(StringAttr)
    dimension = opt_prop_def(StringAttr)
    axis = prop_def(LoopAxisAttr)
    step = prop_def(IntegerAttr)
    of = opt_prop_def(StringAttr)
    lanes = opt_prop_def(IntegerAttr)
    unroll = opt_prop_def(IntegerAttr)
    parts = opt_prop_def(BlobAttr)
    reduce = opt_prop_def(StringAttr)
    body = region_def("single_block")
    traits = traits_def(NoTerminator())

    def __init__(
        self,
        label: str,
        axis: LoopAxis,
        body: Sequence[Operation],
        *,
        step: int = 1,
        of: str | None = None,
        lanes: int | None = None,
        unroll: int | None = None,
        kind: LoopKind = LoopKind.SERIAL,
    ) -> None:
        super().__init__(
            properties={
                "kind": LoopKindAttr(kind),
                "label": StringAttr(label),
                "axis": LoopAxisAttr(axis),
                "step": IntegerAttr(step, i64),
                "of": None if of is None else StringAttr(of),
                "lanes": None if lanes is None else IntegerAttr(lanes, i64),
                "unroll": None if unroll is None else IntegerAttr(unroll, i64),
            },
            regions=[Region(Block(body))],
        )

    def verify_(self) -> None:
        if self.step.value.data < 1:
            raise VerifyException("a loop's step is at least 1")
        if (self.kind.data is LoopKind.VECTOR) != (self.lanes is not None):
            raise VerifyException("a vector loop, and no other, says how many lanes a vector has")
        if self.lanes is not None and self.lanes.value.data not in LANES:
            raise VerifyException(f"a vector can't have {self.lanes.value.data} lanes")
        if self.unroll is not None and self.unroll.value.data < 1:
            raise VerifyException("a loop is unrolled at least once")
        if self.kind.data.on_gpu != (self.dimension is not None):
            raise VerifyException("a loop over blocks or threads, and no other, has a dimension")
        if self.dimension is not None and self.dimension.data not in DIMENSIONS:
            raise VerifyException(f"dimensions are {', '.join(DIMENSIONS)}, not {self.dimension.data!r}")
        if self.parts is not None:
            if self.axis.data is not LoopAxis.TREE or self.of is not None:
                raise VerifyException("only a loop over all trees has parts")
            expect("parts", self.parts, [np.int64])
            expect_cover("parts", self.parts, int(self.parts.array[-1]) if len(self.parts.array) else 0)
        if self.reduce is not None:
            shared = self.kind.data is LoopKind.BLOCK
            if self.axis.data is not LoopAxis.TREE or (self.of is not None and not shared):
                raise VerifyException("only a loop over all trees is reduced")
            if self.reduce.data not in (THREAD_REDUCTIONS if shared else REDUCTIONS):
                raise VerifyException(f"partial sums can't be added up {self.reduce.data!r}")
        ops = list(self.body.block.ops)
        if len(ops) != 1 or not isinstance(ops[0], ForOp | WalkOp):
            raise VerifyException("a loop holds one loop or one walk")

    def print(self, printer: Printer) -> None:
        printer.print_string(f" {self.kind.data.value} ")
        if self.dimension is not None:
            printer.print_string(f"{self.dimension.data} ")
        printer.print_string_literal(self.label.data)
        printer.print_string(f" {self.axis.data.value} step {self.step.value.data}")
        if self.of is not None:
            printer.print_string(" of ")
            printer.print_string_literal(self.of.data)
        if self.lanes is not None:
            printer.print_string(f" lanes {self.lanes.value.data}")
        if self.unroll is not None:
            printer.print_string(f" unroll {self.unroll.value.data}")
        if self.parts is not None:
            printer.print_string(" parts ")
            printer.print_attribute(self.parts)
        if self.reduce is not None:
            printer.print_string(" reduce ")
            printer.print_string_literal(self.reduce.data)
        printer.print_string(" ")
        printer.print_region(self.body)
        printer.print_op_attributes(self.attributes)

    def step_bounds(self, n_trees: int) -> NDArray[np.int64]:
        """Of a loop over all trees: the first place of each of its steps, and the number of trees."""
        cuts = [0, n_trees] if self.parts is None else self.parts.array.tolist()
        steps = [np.arange(first, last, self.step.value.data) for first, last in pairwise(cuts)]
        return np.concatenate([*steps, [n_trees]]).astype(np.int64)

    @classmethod
    def parse(cls, parser: Parser) -> ForOp:
        kind = parser.parse_str_enum(LoopKind)
        dimension = parser.parse_identifier() if kind.on_gpu else None
        label = parser.parse_str_literal()
        axis = parser.parse_str_enum(LoopAxis)
        parser.parse_keyword("step")
        step = parser.parse_integer()
        of = parser.parse_str_literal() if parser.parse_optional_keyword("of") else None
        lanes = parser.parse_integer() if parser.parse_optional_keyword("lanes") else None
        unroll = parser.parse_integer() if parser.parse_optional_keyword("unroll") else None
        op = cls(label, axis, (), step=step, of=of, lanes=lanes, unroll=unroll, kind=kind)
        if dimension is not None:
            op.properties["dimension"] = StringAttr(dimension)
        parts = parser.parse_attribute() if parser.parse_optional_keyword("parts") else None
        if parts is not None:
            op.properties["parts"] = parts
        if parser.parse_optional_keyword("reduce"):
            op.properties["reduce"] = StringAttr(parser.parse_str_literal())
        op.detach_region(op.body)
        op.add_region(parser.parse_region())
        op.attributes |= parser.parse_optional_attr_dict()
        return op
