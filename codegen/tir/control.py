# pyright: basic
"""Emission of structured control flow. What a loop carries is in variables: TIR has no values that change."""

from __future__ import annotations

from collections.abc import Sequence

from tvm import ir, tirx
from xdsl.ir import Operation, SSAValue

from treec.codegen.tir.functions import integer
from treec.codegen.tir.ranges import fits_signed
from treec.codegen.tir.stage import Expr, Stage, read, write
from treec.treeir import loop
from treec.treeir.loop_types import DIMENSIONS, LoopKind

LARGEST_INDEX, LARGEST_STEP = (1 << 31) - (1 << 24), 1 << 23
"""With these, the index behind the last one is an int32."""


def emit_for(stage: Stage, op: loop.ForOp) -> None:
    kind = op.kind.data
    if kind is LoopKind.GRID:
        _emit_grid(stage, op)
    elif kind is LoopKind.BLOCK:
        _emit_block(stage, op)
    elif kind is LoopKind.SERIAL:
        _emit_loop(stage, op, None, None)
    else:
        raise stage.error(f"a loop of kind {kind.value} is not GPU code")


def _emit_grid(stage: Stage, op: loop.ForOp) -> None:
    """One iteration for each block: the grid has as many blocks as the loop has iterations, or more if their most is known
    in place of their number.

    Where there are barriers inside, the iteration is not guarded if the grid has exactly as many blocks (a constant number,
    too), or if it takes several rows, of which a block too many finds none: PoCL takes code behind a barrier in an `if` for
    code that either all threads run or none, whatever further `if` it is in (tests/gpu/test_barriers.py).
    """
    assert op.dimension is not None
    dimension, step = op.dimension.data, constant_step(stage, op)
    if dimension in stage.grid_steps:
        raise stage.error(f"two loops share the grid's dimension {dimension}")
    extent = None if op.extent is None else op.extent.value.data
    stage.grid_steps[dimension] = (step, 1) if extent is None else (None, extent)
    exact = extent is None or step > 1 or (_constant(op.lower), _constant(op.upper)) == (0, extent)
    waits = any(isinstance(inner, loop.BarrierOp) for inner in op.walk()) and exact
    _emit_once(stage, op, f"blockIdx.{dimension}", guarded=not waits)


def _emit_block(stage: Stage, op: loop.ForOp) -> None:
    """One iteration for each thread, if there are enough of them; else each thread takes every so many-th."""
    assert op.dimension is not None
    dimension = op.dimension.data
    n_threads = stage.threads[DIMENSIONS.index(dimension)]
    if op.extent is not None and op.extent.value.data <= n_threads:
        _emit_once(stage, op, f"threadIdx.{dimension}")
        return
    first = _shared_index(stage, op, f"threadIdx.{dimension}")
    _emit_loop(stage, op, first, constant_step(stage, op) * n_threads)


def _constant(value: SSAValue) -> int | None:
    return int(value.owner.value.value.data) if isinstance(value.owner, loop.ConstantOp) else None


def constant_step(stage: Stage, op: loop.ForOp) -> int:
    step = op.step.owner
    if not isinstance(step, loop.ConstantOp):
        raise stage.error(f"a {op.kind.data.value} loop has a constant step")
    return int(step.value.value.data)


def _index_dtype(stage: Stage, op: loop.ForOp, step: int) -> str:
    """An int32 where that holds the index behind the last one, too."""
    ranges = [stage.narrow.range(value) for value in (op.lower, op.upper)]
    bounded = all(fits_signed(range_) and range_[1] <= LARGEST_INDEX for range_ in ranges)
    return "int32" if bounded and step <= LARGEST_STEP else "int64"


def _bound(stage: Stage, value: SSAValue, dtype: str) -> Expr:
    return stage.low(value) if dtype == "int32" else stage.full(value)


def _shared_index(stage: Stage, op: loop.ForOp, tag: str) -> tuple[Expr, str]:
    """The first index of this block or thread, and its type."""
    thread = stage.thread(tag)
    step = constant_step(stage, op)
    most = op.extent.value.data if op.extent is not None else 1
    dtype = _index_dtype(stage, op, step * most)
    number = thread if dtype == "int32" else tirx.Cast(dtype, thread)
    if step > 1:
        number = tirx.Mul(number, integer(step, dtype))
    name = op.label.data if op.label else "index"
    return stage.bind(name, tirx.Add(_bound(stage, op.lower, dtype), number), dtype), dtype


def _emit_once(stage: Stage, op: loop.ForOp, tag: str, *, guarded: bool = True) -> None:
    index, dtype = _shared_index(stage, op, tag)
    inside = tirx.LT(index, _bound(stage, op.upper, dtype))

    def finish(_: Operation) -> None:
        body = stage.close()
        stage.add(tirx.IfThenElse(inside, body, None) if guarded else body)

    stage.enter(op.body.block, finish)
    _set_index(stage, op.body.block.args[0], index, dtype)


def _set_index(stage: Stage, argument: SSAValue, index: Expr, dtype: str) -> None:
    """The loop's index in the form that its uses expect."""
    wanted = stage.dtype(argument)
    stage.values[argument] = index if wanted == dtype else stage.bind("index", tirx.Cast(wanted, index), wanted)


def _emit_loop(stage: Stage, op: loop.ForOp, first: tuple[Expr, str] | None, step: int | None) -> None:
    """A loop of this thread: from the lower bound in steps of the op's, or as told."""
    name = op.label.data if op.label else "i"
    carried = _variables(stage, op.initial, op.body.block.args[1:])
    if step is None and isinstance(op.step.owner, loop.ConstantOp):
        step = constant_step(stage, op)
    dtype = first[1] if first else "int64" if step is None else _index_dtype(stage, op, step)
    lower = first[0] if first else _bound(stage, op.lower, dtype)
    by = stage.full(op.step) if step is None else integer(step, dtype)
    index = ir.Var(stage.safe_name(name), ir.PrimType(dtype))
    index_argument, *arguments = op.body.block.args

    def finish(terminator: Operation) -> None:
        assert isinstance(terminator, loop.YieldOp)
        _set(stage, carried, terminator.values, arguments)
        body = stage.close()
        extent = tirx.Sub(_bound(stage, op.upper, dtype), lower)
        stage.add(tirx.For(index, lower, extent, tirx.ForKind.SERIAL, body, step=by))
        _take(stage, carried, op.results_)

    stage.enter(op.body.block, finish)
    _set_index(stage, index_argument, index, dtype)
    _take(stage, carried, arguments)


def emit_repeat(stage: Stage, op: loop.RepeatOp) -> None:
    carried = _variables(stage, op.initial, op.body.block.args)

    def finish(terminator: Operation) -> None:
        assert isinstance(terminator, loop.RepeatWhileOp)
        _set(stage, carried, terminator.values, op.body.block.args)
        stage.add(tirx.IfThenElse(tirx.Not(stage.value(terminator.condition)), tirx.Break(), None))
        body = stage.close()
        stage.add(tirx.While(integer(1, "bool"), body))
        _take(stage, carried, op.results_)

    stage.enter(op.body.block, finish)
    _take(stage, carried, op.body.block.args)


def emit_if(stage: Stage, op: loop.IfOp) -> None:
    results = [stage.variable("chosen", stage.dtype(result)) for result in op.results_]
    condition = stage.value(op.condition)

    def then(terminator: Operation) -> None:
        assert isinstance(terminator, loop.YieldOp)
        _set(stage, results, terminator.values, op.results_)
        body = stage.close()

        def otherwise(terminator: Operation) -> None:
            assert isinstance(terminator, loop.YieldOp)
            _set(stage, results, terminator.values, op.results_)
            other = stage.close()
            stage.add(tirx.IfThenElse(condition, body, other))
            _take(stage, results, op.results_)

        stage.enter(op.otherwise.block, otherwise)

    stage.enter(op.then.block, then)


def emit_terminator(stage: Stage, op: loop.YieldOp | loop.RepeatWhileOp) -> None:
    stage.leave(op)


def emit_return(stage: Stage, op: loop.ReturnOp) -> None:
    stage.leave(op)


def emit_barrier(stage: Stage, op: loop.BarrierOp) -> None:
    if op.lanes is None or stage.functions.read_lane is None:
        stage.add(tirx.Evaluate(tirx.op.tvm_storage_sync("shared")))


def _variables(stage: Stage, initial: Sequence[SSAValue], arguments: Sequence[SSAValue]) -> list[Expr]:
    made: list[Expr] = []
    for value, argument in zip(initial, arguments, strict=True):
        variable = stage.variable("carried", stage.dtype(argument))
        stage.add(write(variable, stage.like(value, argument)))
        made.append(variable)
    return made


def _set(stage: Stage, variables: Sequence[Expr], values: Sequence[SSAValue], like: Sequence[SSAValue]) -> None:
    """All values are bound before: no store changes another's value."""
    for variable, value, other in zip(variables, values, like, strict=True):
        stage.add(write(variable, stage.like(value, other)))


def _take(stage: Stage, variables: Sequence[Expr], results: Sequence[SSAValue]) -> None:
    for variable, result in zip(variables, results, strict=True):
        stage.define(result, read(variable))
