# pyright: basic
"""Emission of structured control flow. What a loop carries is in variables: TIR has no values that change."""

from __future__ import annotations

from collections.abc import Sequence

from tvm import ir, tirx
from xdsl.ir import Operation, SSAValue

from treec.codegen.tir.functions import integer
from treec.codegen.tir.stage import Expr, Stage, read, safe_name, write
from treec.codegen.tir.types import dtype_of
from treec.treeir import loop
from treec.treeir.loop_types import DIMENSIONS, LoopKind


def emit_for(stage: Stage, op: loop.ForOp) -> None:
    kind = op.kind.data
    if kind is LoopKind.GRID:
        _emit_grid(stage, op)
    elif kind is LoopKind.BLOCK:
        _emit_block(stage, op)
    elif kind is LoopKind.SERIAL:
        _emit_loop(stage, op, stage.value(op.lower), stage.value(op.step))
    else:
        raise stage.error(f"a loop of kind {kind.value} is not GPU code")


def _emit_grid(stage: Stage, op: loop.ForOp) -> None:
    """One iteration for each block: the grid has as many blocks as the loop has iterations, or more."""
    assert op.dimension is not None
    step = op.step.owner
    if not isinstance(step, loop.ConstantOp):
        raise stage.error("a grid loop has a constant step")
    dimension = op.dimension.data
    if dimension in stage.grid_steps:
        raise stage.error(f"two loops share the grid's dimension {dimension}")
    extent = None if op.extent is None else op.extent.value.data
    stage.grid_steps[dimension] = (int(step.value.value.data), 1) if extent is None else (None, extent)
    _emit_once(stage, op, f"blockIdx.{dimension}")


def _emit_block(stage: Stage, op: loop.ForOp) -> None:
    """One iteration for each thread, if there are enough of them; else each thread takes every so many-th."""
    assert op.dimension is not None
    dimension = op.dimension.data
    n_threads = stage.threads[DIMENSIONS.index(dimension)]
    if op.extent is not None and op.extent.value.data <= n_threads:
        _emit_once(stage, op, f"threadIdx.{dimension}")
        return
    first = _shared_index(stage, op, f"threadIdx.{dimension}")
    _emit_loop(stage, op, first, tirx.Mul(stage.value(op.step), integer(n_threads, "int64")))


def _shared_index(stage: Stage, op: loop.ForOp, tag: str) -> Expr:
    """The first index of this block or thread."""
    if tag not in stage.threading:
        stage.threading[tag] = ir.Var(tag.replace(".", "_"), ir.PrimType("int32"))
    number = tirx.Cast("int64", stage.threading[tag])
    name = op.label.data if op.label else "index"
    return stage.bind(name, tirx.Add(stage.value(op.lower), tirx.Mul(number, stage.value(op.step))), "int64")


def _emit_once(stage: Stage, op: loop.ForOp, tag: str) -> None:
    index = _shared_index(stage, op, tag)
    stage.values[op.body.block.args[0]] = index
    inside = tirx.LT(index, stage.value(op.upper))

    def finish(_: Operation) -> None:
        body = stage.close()
        stage.add(tirx.IfThenElse(inside, body, None))

    stage.enter(op.body.block, finish)


def _emit_loop(stage: Stage, op: loop.ForOp, lower: Expr, step: Expr) -> None:
    name = op.label.data if op.label else "i"
    carried = _variables(stage, op.initial)
    index = ir.Var(safe_name(name), ir.PrimType("int64"))
    index_argument, *arguments = op.body.block.args
    stage.values[index_argument] = index

    def finish(terminator: Operation) -> None:
        assert isinstance(terminator, loop.YieldOp)
        _set(stage, carried, terminator.values)
        body = stage.close()
        extent = tirx.Sub(stage.value(op.upper), lower)
        stage.add(tirx.For(index, lower, extent, tirx.ForKind.SERIAL, body, step=step))
        _take(stage, carried, op.results_)

    stage.enter(op.body.block, finish)
    _take(stage, carried, arguments)


def emit_repeat(stage: Stage, op: loop.RepeatOp) -> None:
    carried = _variables(stage, op.initial)

    def finish(terminator: Operation) -> None:
        assert isinstance(terminator, loop.RepeatWhileOp)
        _set(stage, carried, terminator.values)
        stage.add(tirx.IfThenElse(tirx.Not(stage.value(terminator.condition)), tirx.Break(), None))
        body = stage.close()
        stage.add(tirx.While(integer(1, "bool"), body))
        _take(stage, carried, op.results_)

    stage.enter(op.body.block, finish)
    _take(stage, carried, op.body.block.args)


def emit_if(stage: Stage, op: loop.IfOp) -> None:
    results = [stage.variable("chosen", dtype_of(result.type)) for result in op.results_]
    condition = stage.value(op.condition)

    def then(terminator: Operation) -> None:
        assert isinstance(terminator, loop.YieldOp)
        _set(stage, results, terminator.values)
        body = stage.close()

        def otherwise(terminator: Operation) -> None:
            assert isinstance(terminator, loop.YieldOp)
            _set(stage, results, terminator.values)
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
    stage.add(tirx.Evaluate(tirx.op.tvm_storage_sync("shared")))


def _variables(stage: Stage, initial: Sequence[SSAValue]) -> list[Expr]:
    made: list[Expr] = []
    for value in initial:
        variable = stage.variable("carried", dtype_of(value.type))
        stage.add(write(variable, stage.value(value)))
        made.append(variable)
    return made


def _set(stage: Stage, variables: Sequence[Expr], values: Sequence[SSAValue]) -> None:
    """All values are bound before: no store changes another's value."""
    for variable, value in zip(variables, stage.value_list(values), strict=True):
        stage.add(write(variable, value))


def _take(stage: Stage, variables: Sequence[Expr], results: Sequence[SSAValue]) -> None:
    for variable, result in zip(variables, results, strict=True):
        stage.define(result, read(variable))
