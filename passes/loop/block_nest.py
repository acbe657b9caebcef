"""What all nests have in common: loops over rows around blocks, what is done with a block before it meets the trees, sums
from start to end, and loops over trees down to the last loop of the nest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from xdsl.dialects.builtin import f32, f64, i32
from xdsl.ir import Attribute, SSAValue

from treec.codegen.abi import Axis, DType, Task
from treec.errors import ScheduleError
from treec.frontends.base import Forest
from treec.passes.loop.builder import LoopBuilder, Values
from treec.passes.loop.encode import emit_encoding
from treec.passes.loop.gpu import bound_extent, emit_shared_copy, scratch_of, set_threads
from treec.passes.loop.held_sums import HeldSums
from treec.passes.loop.prefetch import RowPrefetch
from treec.passes.loop.rank import RANK_ELEMENTS, WalkRanks, emit_ranks
from treec.passes.loop.routines import Given, RoutineBody, Routines
from treec.passes.loop.row_cache import RowCache, alloc_rows, emit_row_copy, value_copier
from treec.passes.loop.sums import Range, Sums
from treec.passes.loop.tables import Tables
from treec.passes.loop.tree_order import Chosen, TreeOrder
from treec.passes.loop.unroll import emit_unrolled
from treec.passes.loop.walking import Depth
from treec.passes.loop.walks import depth_of
from treec.passes.plan.bind_loop import threads_of
from treec.treeir.forest_types import dtype_attribute
from treec.treeir.loop import FuncOp, ReturnOp
from treec.treeir.loop_types import CompareKind, LoopKind
from treec.treeir.plan import ForOp, KernelOp, LoopAxis

ROW_TYPES: dict[DType, Attribute] = {DType.F32: f32, DType.F64: f64}
WHOLE = 1 << 62
"""The grain of a stage that must not be sharded: no call has that many rows."""

Body = Callable[[LoopBuilder, "State"], Values]


@dataclass(frozen=True)
class State:
    """What is known at a point of the nest: the range that each axis is in, the encoded or ranked rows and their first row,
    and the sum so far where it is held in a register."""

    rows: Range
    trees: Range
    encoded: SSAValue | None = None
    ranked: SSAValue | None = None
    first_row: SSAValue | None = None
    total: SSAValue | None = None
    depth: Depth | None = None
    """Of the trees of this part of a loop that is cut into parts."""

    @property
    def has_rows(self) -> bool:
        """Are the rows in workspace, in a form that does not depend on how the caller's lie?"""
        return self.ranked is not None or self.encoded is not None

    def range_of(self, axis: LoopAxis) -> Range:
        return self.rows if axis is LoopAxis.ROW else self.trees


class BlockNest(ABC):
    """Lowers the nest of ``kernel`` for one task and one dtype of rows.

    Sums start, and end, where the nest has no more row loops above its first tree loop: there the rows of the current block
    are initialised, and finished after the loops below. If that is a single row of one column, the sum stays in a
    register; otherwise it is held in ``out``. Either way a row adds its trees in ascending order. Trees that are stored in
    another order leave their values in workspace until the block's walks are done.
    """

    takes_trees_together = False
    """Does the innermost loop take several neighbouring trees at a time?"""

    def __init__(
        self,
        kernel: KernelOp,
        ranks: WalkRanks | None,
        forest: Forest,
        tables: Tables,
        task: Task,
        row_type: Attribute,
    ) -> None:
        self.forest = forest
        self.tables = tables
        self.task = task
        self.row_type = row_type
        self.value_type = dtype_attribute(forest.inputs.dtype)
        self.sums_rule = Sums(forest, tables)
        self.sum_type = self.sums_rule.type_
        self.kernel = kernel
        self.loops = kernel.nest()
        self.cache = RowCache.of(kernel)
        self.prefetch = RowPrefetch.of(kernel)
        self.row_copy: SSAValue | None = None
        self.ranks = ranks
        self.routines: Routines | None = None
        n_prefix = next(at for at, loop in enumerate(self.loops) if loop.axis.data is LoopAxis.TREE)
        self.prefix, self.rest = self.loops[:n_prefix], self.loops[n_prefix:]
        self.order = TreeOrder.of(forest, tables)
        self.chosen: Chosen | None = None
        self.held: HeldSums | None = None
        self.last_tree_loop = [loop for loop in self.loops if loop.axis.data is LoopAxis.TREE][-1].label.data
        one_row = all(loop.axis.data is LoopAxis.TREE for loop in self.rest)
        self.holds = task is Task.RAW and self.order is not None and not forest.sum.reassociate
        self.in_register = task is Task.RAW and one_row and forest.n_columns == 1 and not self.holds

    def stages(self, name: str, routines: Routines | None) -> list[FuncOp]:
        """The whole functions, to be run one after the other. What those of other tasks and dtypes have too goes to
        ``routines``, if there are any."""
        self.routines = routines
        stage = FuncOp(name, self.row_type, self.out_type, axis=Axis.ROW, grain=grain_of(self.loops))
        self._emit(stage, name_arguments(stage))
        return [stage]

    @property
    def out_type(self) -> Attribute:
        return i32 if self.task is Task.LEAF else self.sum_type

    def _emit(self, stage: FuncOp, arguments: Mapping[str, SSAValue]) -> None:
        """The body of the stage of all loops."""
        self.rows, self.out = arguments["rows"], arguments["out"]
        self.trees = arguments["tree_begin"], arguments["tree_end"]
        self.row_end = arguments["row_end"]
        b = LoopBuilder(stage.body.block, scratch=scratch_of(self.kernel))
        self._prefix(b, self.prefix, State((arguments["row_begin"], arguments["row_end"]), self._chosen(b)))
        stage.body.block.add_op(ReturnOp())
        set_threads(stage, self.kernel)

    def _chosen(self, b: LoopBuilder) -> Range:
        """What the loops over trees count: the trees of the call, or their places where these are others."""
        if self.order is None:
            return self.trees
        cuts = next((loop.parts.array.tolist() for loop in self.loops if loop.parts is not None), None)
        self.chosen = self.order.choose(b, *self.trees, cuts, count=self.rest[0].reduce is not None)
        return b.constant(0), self.chosen.cuts[-1]

    def _place(self, b: LoopBuilder, loop: ForOp, index: SSAValue) -> SSAValue:
        """The place of the tree that ``loop`` is at, if it is a loop over single trees."""
        if self.chosen is None or loop.label.data != self.last_tree_loop:
            return index
        return b.named("place", b.load_index(self.chosen.places, index))

    def _number(self, b: LoopBuilder, tree: SSAValue) -> SSAValue:
        """The tree's number, counted from the call's first."""
        return b.sub(tree if self.order is None else self.order.number(b, tree), self.trees[0])

    def _prefix(self, b: LoopBuilder, loops: list[ForOp], state: State) -> Values:
        """Row loops above the first tree loop; then the block of rows they leave."""
        if loops:
            loop = loops[0]
            self._loop(b, loop, state, lambda t, inner: self._inside(t, loops, inner))
            return []
        if self.forest.inputs.table_offset is not None and self.ranks is None:
            state = replace(state, encoded=self._encode(b, state), first_row=state.rows[0])
        if self.task is Task.LEAF:
            self._rest(b, self.rest, state)
        else:
            self._sum_block(b, state)
        return []

    def _inside(self, b: LoopBuilder, loops: list[ForOp], state: State) -> Values:
        """One step of the first of ``loops``."""
        entered = self._enter(b, loops[0], state)
        needs_rows = self.forest.inputs.table_offset is not None and self.ranks is None
        needs_rows |= self.prefetch is not None and any(loop.label.data == self.prefetch.at for loop in loops[1:])
        if self.routines is None or state.has_rows or not entered.has_rows or needs_rows or self.order is not None:
            return self._prefix(b, loops[1:], entered)
        self._apart(b, loops[1:], entered)
        return []

    def _apart(self, b: LoopBuilder, loops: list[ForOp], state: State) -> None:
        """What follows once the rows are in workspace: a routine, the same for all dtypes of rows."""
        end, tree_end = state.rows[1], state.trees[1]
        values = {"ranked": state.ranked, "encoded": state.encoded, "begin": state.rows[0], "end": end}
        values |= {"tree_begin": state.trees[0], "tree_end": tree_end, "out": self.out}
        given = {name: value for name, value in values.items() if value is not None}

        def body(t: LoopBuilder, inner: Given) -> None:
            outside = self.out, self.trees
            rows, trees = (inner["begin"], inner.get("end")), (inner["tree_begin"], inner["tree_end"])
            self.out, self.trees = inner["out"], trees
            own = State(rows, trees, inner.get("encoded"), inner.get("ranked"), rows[0])
            self._prefix(t, loops, own)
            self.out, self.trees = outside

        self._routine(b, f"{self.kernel.sym_name.data}_{self.task.name.lower()}", given, body)

    def _routine(self, b: LoopBuilder, name: str, given: Given, body: RoutineBody) -> None:
        """A call of a routine, or its code where there are none."""
        if self.routines is None:
            body(b, given)
        else:
            self.routines.call(b, name, given, body)

    def _sum_block(self, b: LoopBuilder, state: State) -> None:
        """The sums of a block of rows, wherever they are held."""
        if self.holds:
            self._held(b, state)
        elif self.in_register:
            total = self._rest(b, self.rest, replace(state, total=self.sums_rule.start(b, b.constant(0))))
            b.store(self.sums_rule.finish(b, total[0], b.constant(0)), self.out, state.rows[0], b.constant(0))
        else:
            self._summed(b, state)

    def _summed(self, b: LoopBuilder, state: State) -> None:
        """The sums of a block of rows, in ``out``."""
        rule = self.sums_rule
        rule.each_output(b, self.out, state.rows, lambda t, _, column: rule.start(t, column))
        self._rest(b, self.rest, state)
        if rule.finishes:
            rule.finish_each(b, self.out, state.rows, lambda t, row, column: t.load(self.out, row, column))

    def _held(self, b: LoopBuilder, state: State) -> None:
        """The values of a block of rows, held and then added by the numbers of their trees."""
        rule = self.sums_rule
        begin, end = bounds(b, state.rows)
        if self.held is None:  # one for all copies of an unrolled body, which run one after the other
            block = self._block_rows()
            self.held = HeldSums.alloc(b, self.forest, self.tables, self.sum_type, block, begin)
        held = self.held = replace(self.held, first_row=begin)
        self._rest(b, self.rest, state)
        held.add_up(b, end, self.trees, rule.start)
        rule.finish_each(b, self.out, state.rows, held.load)

    def _block_rows(self) -> int | None:
        """Rows that workspace for a block has room for; None where blocks have no bound."""
        return self.prefix[-1].step.value.data if self.prefix else None

    def _loop(self, b: LoopBuilder, loop: ForOp, state: State, body: Body) -> Values:
        """The loop over its range, carrying the sum if it is in a register; ``body`` gets the state of one step."""
        axis, step = loop.axis.data, loop.step.value.data
        if axis is LoopAxis.TREE and b.known(state.trees[0]) is not None and state.trees[1] is None:
            return body(b, state)  # the one tree of a part: no loop is needed
        begin, end = bounds(b, state.range_of(axis))

        def one_step(t: LoopBuilder, index: SSAValue, carried: Values) -> Values:
            inner = (index, t.minimum(t.add(index, step), end) if step > 1 else None)
            total = carried[0] if carried else None
            if step == 1:
                inner = (self._place(t, loop, index), None)
            if axis is LoopAxis.ROW:
                return body(t, replace(state, rows=inner, total=total))
            return body(t, replace(state, trees=inner, total=total))

        initial = [] if state.total is None else [state.total]
        return emit_unrolled(b, loop, (begin, end), step, initial, one_step, extent=bound_extent(loop, self.loops))

    def _enter(self, b: LoopBuilder, loop: ForOp, state: State) -> State:
        """What is done with the block of rows in one step of ``loop`` before the loops inside."""
        if self.prefetch is not None and loop.label.data == self.prefetch.at:
            self.prefetch.emit(b, self.forest, self.tables, self.rows, state.rows[0], self.row_end)
        return self._cached(b, loop, self._ranked(b, loop, state))

    def _cached(self, b: LoopBuilder, loop: ForOp, state: State) -> State:
        """The block of rows in one step of ``loop``, copied if it is this loop's to do."""
        if self.cache is None or loop.label.data != self.cache.at:
            return state
        inputs, block = self.forest.inputs, bounds(b, state.rows)
        if self.row_copy is None:  # one for all copies of an unrolled body, which run one after the other
            self.row_copy = alloc_rows(b, self.cache, inputs, self.value_type)
        copy = value_copier(b, self.cache, inputs, self.tables, self.rows, self.row_copy, self.value_type)
        if self.cache.shared:
            again = loop.kind.data is not LoopKind.GRID
            emit_shared_copy(b, self.cache, inputs, block, copy, threads_of(self.kernel), again=again)
        else:
            emit_row_copy(b, inputs, block, copy)
        return replace(state, encoded=self.row_copy, first_row=state.rows[0])

    def _ranked(self, b: LoopBuilder, loop: ForOp, state: State) -> State:
        """The block of rows in one step of ``loop``, ranked if it is that loop's to do."""
        if self.ranks is None or loop.label.data != self.ranks.at:
            return state
        begin, end = bounds(b, state.rows)
        block, ranks = loop.step.value.data, self.ranks.op
        ranked = b.alloc([block, ranks.n_views + 1], RANK_ELEMENTS[ranks.to.data])

        def body(t: LoopBuilder, inner: Given) -> None:
            emit_ranks(t, ranks, self.forest, self.tables, **inner)

        given = {"rows": self.rows, "ranked": ranked, "begin": begin, "end": end}
        self._routine(b, f"{ranks.sym_name.data}_of_{self.row_type}_by_row_{block}", given, body)
        return replace(state, ranked=ranked, first_row=begin)

    def _encode(self, b: LoopBuilder, state: State) -> SSAValue:
        if not self.prefix:
            raise ScheduleError(
                "this model looks inputs up in value tables, once per block of rows, and the nest has no row loop outside",
                fix="add e.g. `split row into=(block, row) by=64` and `order block, tree, row`",
            )
        block = self.prefix[-1].step.value.data
        begin, end = bounds(b, state.rows)
        return emit_encoding(b, self.forest.inputs, self.tables, self.rows, begin, end, block, self.value_type)

    def _rest(self, b: LoopBuilder, loops: list[ForOp], state: State) -> Values:
        """The loops from the first one over trees on."""
        if loops[0].parts is not None and state.depth is None:
            return self._parts(b, loops, loops[0].parts.array.tolist(), state)
        if len(loops) == 1:
            return self._last(b, loops[0], state)
        return self._loop(b, loops[0], state, lambda t, inner: self._rest(t, loops[1:], inner))

    def _parts(self, b: LoopBuilder, loops: list[ForOp], cuts: list[int], state: State) -> Values:
        """One loop per part, each over the part's trees that the call asks for; the sum goes on from one to the next."""
        begin, end = bounds(b, state.trees)
        for number, (first, last) in enumerate(pairwise(cuts)):
            state = replace(state, depth=depth_of(self.forest, first, last))
            if last - first == 1 and not self.takes_trees_together:
                total = self._one_tree(b, loops, first, self._asks_for(b, (begin, end), number, first), state)
                state = replace(state, total=total[0] if total else None)
                continue
            if self.chosen is None:
                lower = b.minimum(b.maximum(begin, b.constant(first)), end)
                upper = b.maximum(b.minimum(end, b.constant(last)), lower)
            else:
                lower, upper = self.chosen.cuts[number : number + 2]
            total = self._rest(b, loops, replace(state, trees=(lower, upper)))
            state = replace(state, total=total[0] if total else None)
        return [] if state.total is None else [state.total]

    def _asks_for(self, b: LoopBuilder, trees: tuple[SSAValue, SSAValue], part: int, tree: int) -> SSAValue:
        """i1: does the call ask for the only tree of a part?"""
        if self.chosen is not None:
            return b.compare(CompareKind.SLT, *self.chosen.cuts[part : part + 2])
        at = b.constant(tree)
        return b.both(b.compare(CompareKind.SLE, trees[0], at), b.compare(CompareKind.SLT, at, trees[1]))

    def _one_tree(self, b: LoopBuilder, loops: list[ForOp], tree: int, asked: SSAValue, state: State) -> Values:
        """The loops for one tree, which code then knows by its place, if it is ``asked`` for."""
        return self._if_asked(b, loops, replace(state, trees=(b.constant(tree), None)), asked)

    def _if_asked(self, b: LoopBuilder, loops: list[ForOp], state: State, asked: SSAValue) -> Values:
        totals = [] if state.total is None else [state.total]
        return b.if_(asked, [value.type for value in totals], lambda t: self._rest(t, loops, state), lambda _: totals)

    @abstractmethod
    def _last(self, b: LoopBuilder, loop: ForOp, state: State) -> Values:
        """The innermost loop, and what finds leaves and uses them."""


def bounds(b: LoopBuilder, range_: Range) -> tuple[SSAValue, SSAValue]:
    begin, end = range_
    return begin, b.add(begin, 1) if end is None else end


def name_arguments(stage: FuncOp) -> Mapping[str, SSAValue]:
    """The arguments of a stage by their names in the ABI, which they get."""
    arguments = dict(zip(stage.argument_names, stage.body.block.args, strict=True))
    for name, argument in arguments.items():
        argument.name_hint = name
    return arguments


def grain_of(loops: list[ForOp]) -> int:
    """Rows that a shard should be a multiple of."""
    outermost = loops[0]
    return outermost.step.value.data if outermost.kind.data is LoopKind.PARALLEL else WHOLE
