"""Nests whose loop over all trees may be reduced: its steps are groups of trees with partial sums of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from xdsl.ir import Attribute, SSAValue

from treec.codegen.abi import Axis, Task
from treec.errors import CodegenError
from treec.frontends.base import Forest
from treec.passes.loop.block_nest import WHOLE, BlockNest, State, bounds, grain_of, name_arguments
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.partial_sums import PartialSums, Reduction
from treec.passes.loop.rank import WalkRanks
from treec.passes.loop.routines import Routines
from treec.passes.loop.tables import Tables
from treec.passes.loop.unroll import emit_unrolled
from treec.passes.loop.walks import depth_of
from treec.treeir.loop import FuncOp, ReturnOp
from treec.treeir.loop_types import LoopKind
from treec.treeir.plan import ForOp, KernelOp, LoopAxis

TOTAL_GRAIN = 64
"""Rows that one shard of a stage that adds up partial sums should be a multiple of."""


@dataclass(frozen=True)
class Part:
    """Groups of a reduced loop from number ``first_group`` on, whose trees lie at places ``begin`` to ``end``."""

    number: int
    first_group: int
    begin: int
    end: int


class GroupNest(BlockNest):
    """Where the loop over all trees is reduced, sums start at 0 in each of its steps, and are added up where the block's
    end would be: after the nest, from workspace, or, if no row loop is outside, in a stage of its own, from scratch. The
    first stage may then be sharded over groups.
    """

    def __init__(
        self,
        kernel: KernelOp,
        ranks: WalkRanks | None,
        forest: Forest,
        tables: Tables,
        task: Task,
        row_type: Attribute,
    ) -> None:
        super().__init__(kernel, ranks, forest, tables, task, row_type)
        self.reduction = Reduction.of(self.rest[0], forest)
        self.partials: PartialSums | None = None
        self.groups: tuple[SSAValue, SSAValue] | None = None

    def stages(self, name: str, routines: Routines | None) -> list[FuncOp]:
        if self.reduction is None or self.prefix:
            return super().stages(name, routines)
        reduction, by_group = self.reduction, self.loops[0].kind.data is LoopKind.PARALLEL
        scratch = (reduction.n_lines, self.sum_type) if self.task is Task.RAW else None
        stage = FuncOp(
            name,
            self.row_type,
            self.out_type,
            axis=Axis.GROUP if by_group else Axis.ROW,
            grain=1 if by_group else grain_of(self.loops),
            groups=reduction.n_groups if by_group else None,
            scratch=scratch,
        )
        arguments = name_arguments(stage)
        if by_group:
            self.groups = arguments["group_begin"], arguments["group_end"]
        if scratch is not None:
            reduction.require_room(1)
            self.partials = PartialSums(reduction, self.sums_rule, arguments["scratch"])
        self._emit(stage, arguments)
        totals = [] if scratch is None else [self._totals(f"{name}_total", reduction, TOTAL_GRAIN if by_group else WHOLE)]
        return [stage, *totals]

    def _totals(self, name: str, reduction: Reduction, grain: int) -> FuncOp:
        """The stage that adds up what the first one has left in scratch."""
        scratch = (reduction.n_lines, self.sum_type)
        stage = FuncOp(name, self.row_type, self.sum_type, axis=Axis.ROW, grain=grain, scratch=scratch)
        arguments = name_arguments(stage)
        b = LoopBuilder(stage.body.block)
        partials = PartialSums(reduction, self.sums_rule, arguments["scratch"])
        partials.add_up(b, arguments["out"], arguments["row_begin"], arguments["row_end"])
        stage.body.block.add_op(ReturnOp())
        return stage

    def _sum_block(self, b: LoopBuilder, state: State) -> None:
        block = self._block_rows()
        if self.reduction is None:
            super()._sum_block(b, state)
        elif block is None:
            self._rest(b, self.rest, state)
        else:
            self._reduced(b, self.reduction, block, state)

    def _reduced(self, b: LoopBuilder, reduction: Reduction, block: int, state: State) -> None:
        """The partial sums of a block of rows, and then their sum."""
        begin, end = bounds(b, state.rows)
        if self.partials is None:  # one for all copies of an unrolled body, which run one after the other
            reduction.require_room(block)
            self.partials = PartialSums(reduction, self.sums_rule, b.alloc([reduction.n_lines, block], self.sum_type))
        self.partials = replace(self.partials, first_row=begin)
        self._rest(b, self.rest, state)
        self.partials.add_up(b, self.out, begin, end)

    def _rest(self, b: LoopBuilder, loops: list[ForOp], state: State) -> Values:
        if self.reduction is not None and loops[0] is self.reduction.loop:
            return self._groups(b, self.reduction, loops[1:], state)
        return super()._rest(b, loops, state)

    def _groups(self, b: LoopBuilder, reduction: Reduction, loops: list[ForOp], state: State) -> Values:
        """The reduced loop, over numbers of groups: of all, whatever trees the call asks for."""
        loop, n_trees = reduction.loop, self.forest.trees.n_trees
        first_group = 0
        for number, (begin, end) in enumerate(pairwise([0, n_trees] if loop.parts is None else loop.parts.array.tolist())):
            part = Part(number, first_group, begin, end)
            first_group += -(-(end - begin) // loop.step.value.data)
            here = replace(state, depth=None if loop.parts is None else depth_of(self.forest, begin, end))
            self._part(b, reduction, loops, here, part, first_group)
        return []

    def _part(
        self, b: LoopBuilder, reduction: Reduction, loops: list[ForOp], state: State, part: Part, end_group: int
    ) -> None:
        def one_group(t: LoopBuilder, group: SSAValue, _: Values) -> Values:
            if self.partials is not None:
                self.partials = replace(self.partials, group=group)
            if part.end - part.begin == 1 and not self.takes_trees_together:
                asked = self._asks_for(t, _asked(state), part.number, part.begin)
                self._partial(t, loops, replace(state, trees=(t.constant(part.begin), None)), asked)
            else:
                self._partial(t, loops, replace(state, trees=self._trees_of(t, group, state, part)), None)
            return []

        begin, end = b.constant(part.first_group), b.constant(end_group)
        if self.groups is not None:
            begin, end = b.maximum(begin, self.groups[0]), b.minimum(end, self.groups[1])
        emit_unrolled(b, reduction.loop, (begin, end), 1, [], one_group)

    def _trees_of(self, b: LoopBuilder, group: SSAValue, state: State, part: Part) -> tuple[SSAValue, SSAValue]:
        """The trees of a group that the call asks for, as the loops inside count them."""
        step = self.rest[0].step.value.data
        lower = b.add(b.mul(b.sub(group, part.first_group), step), part.begin)
        upper = b.minimum(b.add(lower, step), b.constant(part.end))
        if self.chosen is not None and self.chosen.before is not None:
            before = self.chosen.before
            return b.load_index(before, lower), b.load_index(before, upper)
        begin, end = _asked(state)
        lower = b.minimum(b.maximum(begin, lower), end)
        return lower, b.maximum(b.minimum(end, upper), lower)

    def _partial(self, b: LoopBuilder, loops: list[ForOp], state: State, asked: SSAValue | None) -> None:
        """What is inside of a reduced loop: row loops, then the partial sums of the rows they leave."""
        if loops[0].axis.data is LoopAxis.ROW:

            def one_step(t: LoopBuilder, inner: State) -> Values:
                self._partial(t, loops[1:], inner, asked)
                return []

            self._loop(b, loops[0], state, one_step)
            return
        one_row = all(loop.axis.data is LoopAxis.TREE for loop in loops)
        if self.partials is None:
            self._walks(b, loops, state, asked)
        elif one_row and self.forest.n_columns == 1:
            total = self._walks(b, loops, replace(state, total=b.constant(0.0, self.sum_type)), asked)[0]
            row = self.partials.row(b, state.rows[0])
            b.store(total, self.partials.buffer, self.partials.line(b, b.constant(0)), row)
        else:
            self._clear(b, self.partials, state)
            self._walks(b, loops, state, asked)

    def _clear(self, b: LoopBuilder, partials: PartialSums, state: State) -> None:
        begin, end = bounds(b, state.rows)
        partials.clear(b, partials.row(b, begin), partials.row(b, end))

    def _walks(self, b: LoopBuilder, loops: list[ForOp], state: State, asked: SSAValue | None) -> Values:
        return self._rest(b, loops, state) if asked is None else self._if_asked(b, loops, state, asked)


def _asked(state: State) -> tuple[SSAValue, SSAValue]:
    """What the loop over all trees counts."""
    begin, end = state.trees
    if end is None:
        raise CodegenError("a loop over all trees is inside of another one")
    return begin, end
