"""The plan dialect: how a forest is computed. One kernel is a nest of loops over rows and trees around a walk.

A ``plan.for`` covers the range of its ``of`` loop (or the whole axis) in steps; the loop inside it that names it covers one
such step. Nothing here has a trip count: every range may be of any length, remainders included.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import (
    ArrayAttr,
    FlatSymbolRefAttrConstr,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    SymbolNameConstraint,
    SymbolRefAttr,
    f64,
    i64,
)
from xdsl.dialects.utils import EnumAttribute
from xdsl.ir import Block, Dialect, Operation, Region, SpacedOpaqueSyntaxAttribute
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_attr_definition,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    region_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import NoTerminator, SymbolOpInterface, SymbolTable
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.str_enum import StrEnum

from treec.treeir.blob import BlobAttr
from treec.treeir.forest import InputsOp, ModelOp
from treec.treeir.forest_checks import expect, expect_cover, require
from treec.treeir.loop_types import DIMENSIONS, LoopKind, LoopKindAttr
from treec.treeir.pairs import PairedTreesOp, ValuePairsOp
from treec.treeir.paths import PathMatrixOp
from treec.treeir.plan_trees import BitFieldAttr, PackedTreesOp, TreesOp
from treec.treeir.ranks import RanksOp
from treec.treeir.reorg import ReorgTreesOp
from treec.treeir.slices import PredicateBitsOp, SlicedTreesOp
from treec.treeir.tiles import TiledTreesOp

__all__ = [
    "REDUCTIONS",
    "STRATEGIES",
    "THREAD_REDUCTIONS",
    "BitFieldAttr",
    "ForOp",
    "GpuTargetOp",
    "KernelOp",
    "LoopAxis",
    "LoopAxisAttr",
    "PackedTreesOp",
    "PairedTreesOp",
    "PathMatrixOp",
    "Plan",
    "PredicateBitsOp",
    "RanksOp",
    "ReorgTreesOp",
    "SlicedTreesOp",
    "TargetOp",
    "TiledTreesOp",
    "TreesOp",
    "ValuePairsOp",
    "WalkOp",
    "compares_f64",
    "kernels_of",
    "only_f32_rows",
    "target_of",
]


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
class TargetOp(IRDLOperation):
    """What the schedule's ``target`` says: the CPU level, and the dtypes of rows that kernels are made for."""

    name = "plan.target"
    level = prop_def(StringAttr)
    input = prop_def(StringAttr)
    assembly_format = "`level` $level `input` $input attr-dict"

    def __init__(self, level: str, input_dtype: str) -> None:
        super().__init__(properties={"level": StringAttr(level), "input": StringAttr(input_dtype)})

    def verify_(self) -> None:
        if self.input.data not in ("f32", "f64", "any"):
            raise VerifyException(f"rows can't be of {self.input.data!r}")


@irdl_op_definition
class GpuTargetOp(IRDLOperation):
    """What the schedule's ``target gpu`` says: the architecture, others that are compiled for, and the dtypes of rows that
    kernels are made for."""

    name = "plan.gpu_target"
    arch = prop_def(StringAttr)
    also = opt_prop_def(ArrayAttr[StringAttr])
    input = prop_def(StringAttr)
    assembly_format = "`arch` $arch (`also` $also^)? `input` $input attr-dict"

    def __init__(self, arch: str, input_dtype: str, also: Sequence[str] = ()) -> None:
        others = ArrayAttr([StringAttr(other) for other in also]) if also else None
        super().__init__(properties={"arch": StringAttr(arch), "input": StringAttr(input_dtype), "also": others})

    @property
    def archs(self) -> tuple[str, ...]:
        return (self.arch.data, *(other.data for other in self.also or ()))

    def verify_(self) -> None:
        if self.input.data not in ("f32", "f64", "any"):
            raise VerifyException(f"rows can't be of {self.input.data!r}")


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


@irdl_op_definition
class KernelOp(IRDLOperation):
    """A plan of the model; of a module's kernels a call gets the first whose ``rows_max`` is not below its rows. The plan
    itself is right for any number of rows."""

    name = "plan.kernel"
    sym_name = prop_def(SymbolNameConstraint())
    model = prop_def(FlatSymbolRefAttrConstr)
    rows_max = prop_def(IntegerAttr.constr(i64))
    body = region_def("single_block")
    traits = traits_def(SymbolOpInterface(), NoTerminator())
    assembly_format = "$sym_name `of` $model `rows` $rows_max $body attr-dict"

    def __init__(self, name: str, model: str, body: Sequence[Operation], rows_max: int = (1 << 63) - 1) -> None:
        super().__init__(
            properties={
                "sym_name": StringAttr(name),
                "model": SymbolRefAttr(model),
                "rows_max": IntegerAttr(rows_max, i64),
            },
            regions=[Region(Block(body))],
        )

    def reduced_loop(self) -> ForOp | None:
        """The loop over all trees, if its steps have partial sums; or the one over trees that threads share."""
        return next((loop for loop in self.nest() if loop.reduce is not None), None)

    def nest(self) -> list[ForOp]:
        """The loops, outermost first."""
        return list(_nest(self.body.block))

    def innermost_walk(self) -> WalkOp:
        """The walk inside all loops."""
        loops = self.nest()
        block = loops[-1].body.block if loops else self.body.block
        op = block.first_op
        if not isinstance(op, WalkOp):
            raise VerifyException("a kernel has a walk inside its loops")
        return op

    def _trees(self) -> TreesOp | None:
        """What the walk goes through, once it is laid out."""
        module, trees = self.parent_op(), self.innermost_walk().trees
        found = None if module is None or trees is None else SymbolTable.lookup_symbol(module, trees)
        return found if isinstance(found, TreesOp) else None

    def verify_(self) -> None:
        if len(list(self.body.block.ops)) != 1:
            raise VerifyException("a kernel holds one nest")
        if self.rows_max.value.data < 1:
            raise VerifyException("a kernel serves calls of at least one row")
        trees = self.innermost_walk().trees
        _verify_nest(self.nest())
        _verify_bound(self.nest(), self.innermost_walk())
        rows_at = self.innermost_walk().rows_at
        if rows_at is not None:
            _verify_row_block(self.nest(), rows_at.data, "copied")
        nodes_at = self.innermost_walk().nodes_at
        if nodes_at is not None and nodes_at not in [loop.label for loop in node_loops(self.nest())]:
            raise VerifyException(
                f"nodes are copied at {nodes_at.data!r}, neither the only loop that blocks share nor one over trees"
            )
        prefetch_at = self.innermost_walk().prefetch_at
        if prefetch_at is not None:
            _verify_row_block(self.nest(), prefetch_at.data, "prefetched")
        _verify_vectors(self.nest(), self.innermost_walk())
        strategy = self.innermost_walk().strategy
        if strategy is not None and strategy.data == "branch":
            _verify_known_trees(self.nest())
        if self.innermost_walk().word is not None:
            _verify_sliced_nest(self.nest(), self.innermost_walk())
        laid_out = self._trees()
        for loop in self.nest():
            if loop.parts is not None and laid_out is not None:
                expect_cover("parts", loop.parts, laid_out.n_trees)
        module = self.parent_op()
        if module is None:
            return
        model = SymbolTable.lookup_symbol(module, self.model)
        if not isinstance(model, ModelOp):
            raise VerifyException(f"there is no model {self.model}")
        if laid_out is not None and laid_out.threshold_dtype == np.float32 and compares_f64(model):
            require(
                isinstance(module, ModuleOp) and only_f32_rows(module),
                "thresholds in f32 of a model of f64 are for f32 rows",
            )
        if trees is not None and not isinstance(SymbolTable.lookup_symbol(module, trees), TreesOp):
            raise VerifyException(f"there are no trees {trees}")


def _nest(block: Block) -> Iterator[ForOp]:
    op = block.first_op
    while isinstance(op, ForOp):
        yield op
        op = op.body.block.first_op


def _verify_nest(loops: list[ForOp]) -> None:
    seen: dict[str, ForOp] = {}
    covered: set[tuple[LoopAxis, str | None]] = set()
    for loop in loops:
        label, axis = loop.label.data, loop.axis.data
        of = None if loop.of is None else loop.of.data
        if label in seen:
            raise VerifyException(f"two loops are named {label!r}")
        if of is not None and (of not in seen or seen[of].axis.data is not axis):
            raise VerifyException(f"loop {label!r} is not inside the loop {of!r} that it divides")
        if (axis, of) in covered:
            raise VerifyException(f"two loops cover the same range as {label!r}")
        is_apart = axis is LoopAxis.ROW or loop.reduce is not None
        if loop.kind.data is LoopKind.PARALLEL and not (loop is loops[0] and is_apart):
            raise VerifyException(f"the parallel loop {label!r} is not the outermost one, over rows or reduced")
        has_inner = any(inner.of is not None and inner.of.data == label for inner in loops)
        if loop.reduce is not None and of is None and not has_inner:
            raise VerifyException(f"the reduced loop {label!r} has no loop over the trees of one step")
        covered.add((axis, of))
        seen[label] = loop
    for axis in LoopAxis:
        chain = [loop for loop in loops if loop.axis.data is axis]
        parents = [None, *(loop.label.data for loop in chain[:-1])]
        if not chain or [None if c.of is None else c.of.data for c in chain] != parents:
            raise VerifyException(f"the {axis.value} loops do not divide one another down to single steps")
        if chain[-1].step.value.data != 1:
            raise VerifyException(f"the innermost {axis.value} loop steps by more than 1")


def _verify_vectors(loops: list[ForOp], walk: WalkOp) -> None:
    for loop in loops:
        if loop.kind.data is LoopKind.VECTOR and (loop is not loops[-1] or loop.axis.data is not LoopAxis.ROW):
            raise VerifyException(f"the vector loop {loop.label.data!r} is not the innermost one over rows")
    vector = bool(loops) and loops[-1].kind.data is LoopKind.VECTOR
    if walk.strategy is not None and (walk.strategy.data == "lanes") != vector:
        raise VerifyException("a walk of lanes, and no other, stands in a vector loop")


def blocks_share_trees(loops: Sequence[ForOp]) -> bool:
    """Have the blocks of a GPU groups of trees? Then their loop is the outermost."""
    return bool(loops) and loops[0].kind.data is LoopKind.GRID and loops[0].axis.data is LoopAxis.TREE


def node_loops(loops: Sequence[ForOp]) -> list[ForOp]:
    """The loops at which nodes may be copied: the only one that blocks share, or theirs over groups of trees."""
    grid = [loop for loop in loops if loop.kind.data is LoopKind.GRID]
    return grid[:1] if len(grid) == 1 or blocks_share_trees(loops) else []


def _verify_bound(loops: list[ForOp], walk: WalkOp) -> None:
    """Loops that a GPU runs at the same time: over rows, one for each dimension, blocks outside of threads, outside of
    trees but for the innermost one of rows whose predicates are bits; one that threads share over trees; and one over
    groups of trees, outside of all others, that blocks share."""
    taken: dict[tuple[LoopKind, str], str] = {}
    for at, loop in enumerate(loops):
        if loop.dimension is None:
            continue
        label, place = loop.label.data, (loop.kind.data, loop.dimension.data)
        if place in taken:
            raise VerifyException(f"loops {taken[place]!r} and {label!r} are both bound to {'.'.join(place)}")
        taken[place] = label
        shares_bits = walk.predicates is not None and loop is loops[-1] and loop.kind.data is LoopKind.BLOCK
        outside = loops[at : at + 1] if shares_bits else loops[1 if blocks_share_trees(loops) else 0 : at + 1]
        if loop.kind.data is LoopKind.BLOCK and loop.axis.data is LoopAxis.TREE:
            _verify_lane(loops, at)
        elif any(outer.axis.data is LoopAxis.TREE for outer in outside):
            raise VerifyException(f"the bound loop {label!r} is over trees, or inside of a loop over trees")
        if loop.kind.data is LoopKind.BLOCK and loop.of is None:
            raise VerifyException(f"threads share the loop {label!r}, which has no bound")
        if loop.kind.data is LoopKind.GRID and any(not outer.kind.data.on_gpu for outer in loops[:at]):
            raise VerifyException(f"the grid loop {label!r} is inside of a serial one")
        if loop.kind.data is LoopKind.GRID and any(outer.kind.data is LoopKind.BLOCK for outer in loops[:at]):
            raise VerifyException(f"the grid loop {label!r} is inside of a block loop")
        if loop.unroll is not None:
            raise VerifyException(f"the bound loop {label!r} is unrolled")


def _verify_lane(loops: list[ForOp], at: int) -> None:
    """Threads share the single trees of each step of the loop over all trees, with no other loop between the two."""
    lane, around = loops[at], loops[at - 1] if at else None
    if lane.of is None or around is None or around.label != lane.of or around.of is not None or lane.step.value.data != 1:
        reason = "is not over single trees, right inside of the loop over all of them"
        raise VerifyException(f"threads share the trees of {lane.label.data!r}, which {reason}")


def _verify_row_block(loops: list[ForOp], label: str, done: str) -> None:
    for loop in loops:
        if loop.axis.data is LoopAxis.TREE:
            raise VerifyException(f"rows are {done} at {label!r}, which is no row loop outside of all tree loops")
        if loop.label.data == label:
            return


def _verify_known_trees(loops: list[ForOp]) -> None:
    parts = next((loop.parts for loop in loops if loop.parts is not None), None)
    if parts is None or np.any(np.diff(parts.array) > 1):
        raise VerifyException("a walk of branches is for trees that are known: a loop over trees whose parts are one each")


def _verify_sliced_nest(loops: list[ForOp], walk: WalkOp) -> None:
    axes = [loop.axis.data for loop in loops]
    n_above = axes.index(LoopAxis.TREE)
    if n_above == 0 or axes[n_above:].count(LoopAxis.ROW) != 1 or axes[-1] is not LoopAxis.ROW:
        raise VerifyException("a bitslice walk has a loop over blocks of rows, then loops over trees, then one over rows")
    if walk.ranks_at is None or loops[n_above - 1].label.data != walk.ranks_at.data:
        raise VerifyException("a bitslice walk has its rows ranked in the loop right outside of the trees")


def kernels_of(module: ModuleOp) -> list[KernelOp]:
    return [op for op in module.ops if isinstance(op, KernelOp)]


def compares_f64(model: ModelOp) -> bool:
    """Are the model's values and thresholds f64?"""
    return any(isinstance(op, InputsOp) and op.dtype == f64 for op in model.body.ops)


def only_f32_rows(module: ModuleOp) -> bool:
    """Does every target of the module take rows of f32 and no others? Without a target, rows may be of any dtype."""
    inputs = [op.input.data for op in module.ops if isinstance(op, TargetOp | GpuTargetOp)]
    return bool(inputs) and all(taken == "f32" for taken in inputs)


def target_of(module: ModuleOp) -> TargetOp | GpuTargetOp | None:
    targets = [op for op in module.ops if isinstance(op, TargetOp | GpuTargetOp)]
    return targets[0] if targets else None


Plan = Dialect(
    "plan",
    [
        ForOp,
        GpuTargetOp,
        KernelOp,
        PackedTreesOp,
        PairedTreesOp,
        PathMatrixOp,
        PredicateBitsOp,
        RanksOp,
        ReorgTreesOp,
        SlicedTreesOp,
        TargetOp,
        TiledTreesOp,
        ValuePairsOp,
        WalkOp,
    ],
    [BitFieldAttr, LoopAxisAttr],
)
