"""Nests in which each block of a GPU has a part of the forest: what its walks find waits in scratch, and a second kernel
adds.

Where sums may be reassociated, a row has a partial sum for each part, and the second kernel adds these in stages:
neighbours, then pairs of them, and so on. Where sums are exact, all leaf values wait, by the numbers of their trees, and
the second kernel adds them in that order. A block may first copy the nodes of its part to shared memory.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from xdsl.ir import Attribute, SSAValue

from treec.codegen.abi import Axis, Task
from treec.errors import CodegenError, ScheduleError
from treec.frontends.base import Forest
from treec.passes.algo.shared_nodes import part_nodes
from treec.passes.loop.block_nest import WHOLE, State, bounds, name_arguments
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.encode import emit_encoding
from treec.passes.loop.gpu import emit_row_per_thread
from treec.passes.loop.gpu_nest import SUMS_MOST, GpuNest
from treec.passes.loop.group_nest import Part
from treec.passes.loop.held_sums import column_by_number
from treec.passes.loop.node_cache import Copied, emit_node_copy
from treec.passes.loop.partial_sums import LARGEST, PartialSums, Reduction
from treec.passes.loop.rank import WalkRanks
from treec.passes.loop.routines import Routines
from treec.passes.loop.scalar_walk import ScalarWalk
from treec.passes.loop.tables import Tables
from treec.passes.loop.walking import Landing, TreeWalk, Visit
from treec.passes.plan.bind_loop import threads_of
from treec.treeir.loop import FuncOp, ReturnOp
from treec.treeir.loop_types import LoopKind, Scope, byte_size
from treec.treeir.plan import ForOp, KernelOp, LoopAxis


class ForestPartsNest(GpuNest):
    """Lowers the nest of a kernel whose blocks share groups of trees."""

    def __init__(
        self,
        kernel: KernelOp,
        walk: TreeWalk,
        ranks: WalkRanks | None,
        forest: Forest,
        tables: Tables,
        task: Task,
        row_type: Attribute,
    ) -> None:
        super().__init__(kernel, walk, ranks, forest, tables, task, row_type)
        loop = self.loops[0]
        if self.reduction is None:
            raise ScheduleError(
                f"blocks share the trees of `{loop.label.data}`, and nothing says how their leaf values meet",
                fix=f"add `reduce {loop.label.data} in=staged`",
            )
        self.parts = self.reduction
        self.scratch: SSAValue | None = None

    def stages(self, name: str, routines: Routines | None) -> list[FuncOp]:
        adds = self.task is Task.RAW
        if adds:
            self._require_room()
        scratch = (self._n_lines, self.sum_type) if adds else None
        stage = FuncOp(name, self.row_type, self.out_type, axis=Axis.ROW, grain=WHOLE, scratch=scratch)
        arguments = name_arguments(stage)
        if adds:
            self.scratch = arguments["scratch"]
            if self.forest.sum.reassociate:
                self.partials = PartialSums(self.parts, self.sums_rule, self.scratch)
        self._emit(stage, arguments)
        return [stage, self._add_stage(f"{name}_total")] if adds else [stage]

    @property
    def _n_lines(self) -> int:
        """Numbers of a row that wait: partial sums, or leaf values."""
        if self.forest.sum.reassociate:
            return self.parts.n_lines
        return max(1, self.forest.trees.n_trees * self.forest.leaf_width)

    def _require_room(self) -> None:
        size = self._n_lines * byte_size(self.sum_type)
        if size > LARGEST:
            raise ScheduleError(
                f"{self._n_lines:,} numbers of each row, {size:,} bytes, would wait for the second kernel; the limit is "
                f"{LARGEST >> 20} MiB",
                fix="make groups of more trees, under `float reassociate`",
            )

    def _prefix(self, b: LoopBuilder, loops: list[ForOp], state: State) -> Values:
        """There are no loops outside of the one over parts."""
        return self._rest(b, self.rest, state)

    def _groups(self, b: LoopBuilder, reduction: Reduction, loops: list[ForOp], state: State) -> Values:
        """A block for each part, and as many for its rows as the loops inside say."""
        loop, part = reduction.loop, Part(0, 0, 0, self.forest.trees.n_trees)

        def one(t: LoopBuilder, group: SSAValue, _: Values) -> Values:
            if self.partials is not None:
                self.partials = replace(self.partials, group=group)
            self._copy_nodes(t, loop, group)
            self._partial(t, loops, replace(state, trees=self._trees_of(t, group, state, part)), None)
            return []

        dimension = None if loop.dimension is None else loop.dimension.data
        n_groups = reduction.n_groups
        b.for_(
            b.constant(0),
            b.constant(n_groups),
            one,
            label=loop.label.data,
            kind=LoopKind.GRID,
            dimension=dimension,
            extent=max(1, n_groups),
        )
        return []

    def _copy_nodes(self, b: LoopBuilder, loop: ForOp, group: SSAValue) -> None:
        """The nodes of a part to shared memory, and one more, which walks may look at."""
        if self.kernel.innermost_walk().nodes_at is None:
            return
        if not isinstance(self.walk, ScalarWalk):
            raise ScheduleError("only packed nodes are copied to shared memory", fix="write `layout packed`")
        base, cuts = self.walk.packed.node_base.array, loop.step_bounds(self.forest.trees.n_trees)
        most = int(part_nodes(base, cuts).max(initial=0))
        if most == 0:  # all trees are single leaves
            return
        table = b.table(self.tables.of("part_node", base[cuts].astype(np.int32)))
        first, end = (b.load_index(table, at) for at in (group, b.add(group, 1)))
        part = Copied(first, b.add(b.sub(end, first), 1), most + 1)
        self.walk.copies = emit_node_copy(b, self.walk.node_table(), threads_of(self.kernel), part)
        self.walk.copied_from = first

    def _partial(
        self, b: LoopBuilder, loops: list[ForOp], state: State, asked: SSAValue | None, above: ForOp | None = None
    ) -> None:
        """The loops over rows; rows whose values are looked up in tables are encoded inside of them."""
        if loops[0].axis.data is LoopAxis.ROW:

            def one_step(t: LoopBuilder, inner: State) -> Values:
                self._partial(t, loops[1:], inner, asked, loops[0])
                return []

            self._loop(b, loops[0], state, one_step)
            return
        inputs = self.forest.inputs
        if inputs.table_offset is not None:
            if above is None:
                raise ScheduleError(
                    "this model looks inputs up in value tables, once per block of rows, and no loop over rows is outside "
                    "of those over single trees",
                    fix="put a loop over rows before the one over single trees by `order`",
                )
            rows, block = bounds(b, state.rows), above.step.value.data
            encoded = emit_encoding(b, inputs, self.tables, self.rows, *rows, block, self.value_type)
            state = replace(state, encoded=encoded, first_row=rows[0])
        super()._partial(b, loops, state, asked)

    def _accumulate(self, b: LoopBuilder, visit: Visit, landing: Landing, total: SSAValue | None) -> SSAValue | None:
        if total is not None or self.partials is not None or self.scratch is None:
            return super()._accumulate(b, visit, landing, total)
        scratch, width = self.scratch, self.forest.leaf_width
        value_at, first = self._values(b, visit, landing), b.mul(self._number(b, visit.tree), width)

        def one(t: LoopBuilder, offset: SSAValue, _: Values) -> Values:
            t.store(value_at(t, offset), scratch, t.add(first, offset), visit.row)
            return []

        if width == 1:
            one(b, b.constant(0), [])
        else:
            b.for_(b.constant(0), b.constant(width), one)
        return None

    def _add_stage(self, name: str) -> FuncOp:
        """The second kernel, a thread for each row."""
        stage = FuncOp(
            name, self.row_type, self.sum_type, axis=Axis.ROW, grain=WHOLE, scratch=(self._n_lines, self.sum_type)
        )
        arguments = name_arguments(stage)
        self.scratch, self.out = arguments["scratch"], arguments["out"]
        self.trees = arguments["tree_begin"], arguments["tree_end"]
        b = LoopBuilder(stage.body.block, scratch=Scope.LOCAL)
        partials = PartialSums(self.parts, self.sums_rule, self.scratch)

        def one(t: LoopBuilder, row: SSAValue, _: Values) -> Values:
            if self.forest.sum.reassociate:
                partials.add_row(t, self.out, row)
            else:
                self._add_in_order(t, row)
            return []

        emit_row_per_thread(b, stage, (arguments["row_begin"], arguments["row_end"]), one)
        stage.body.block.add_op(ReturnOp())
        return stage

    def _add_in_order(self, b: LoopBuilder, row: SSAValue) -> None:
        """Leaf values of a row in the order of their trees: in a register where there is one column, else in memory."""
        rule, n_columns, width, scratch = self.sums_rule, self.forest.n_columns, self.forest.leaf_width, self.scratch
        if scratch is None:
            raise CodegenError("leaf values have no memory")
        zero, count = b.constant(0), b.sub(self.trees[1], self.trees[0])
        if n_columns == 1:
            total = b.for_(
                zero,
                count,
                lambda t, tree, totals: [t.add(totals[0], t.load(scratch, tree, row))],
                initial=[rule.start(b, zero)],
                label="tree",
            )
            b.store(rule.finish(b, total[0], zero), self.out, row, zero)
            return
        own = b.alloc([n_columns], self.sum_type) if n_columns * byte_size(self.sum_type) <= SUMS_MOST else None

        def place(column: SSAValue) -> tuple[SSAValue, list[SSAValue]]:
            return (self.out, [row, column]) if own is None else (own, [column])

        def start(t: LoopBuilder, column: SSAValue, _: Values) -> Values:
            buffer, at = place(column)
            t.store(rule.start(t, column), buffer, *at)
            return []

        def one_tree(t: LoopBuilder, tree: SSAValue, _: Values) -> Values:
            first = column_by_number(t, self.forest, self.tables, t.add(self.trees[0], tree))

            def one_value(u: LoopBuilder, offset: SSAValue, _: Values) -> Values:
                buffer, at = place(u.add(first, offset))
                value = u.load(scratch, u.add(u.mul(tree, width), offset), row)
                u.store(u.add(u.load(buffer, *at), value), buffer, *at)
                return []

            return t.for_(t.constant(0), t.constant(width), one_value)

        def finish(t: LoopBuilder, column: SSAValue, _: Values) -> Values:
            buffer, at = place(column)
            t.store(rule.finish(t, t.load(buffer, *at), column), self.out, row, column)
            return []

        b.for_(zero, b.constant(n_columns), start)
        b.for_(zero, count, one_tree, label="tree")
        b.for_(zero, b.constant(n_columns), finish)
