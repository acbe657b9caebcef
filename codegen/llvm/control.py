# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportReturnType=false
"""Emission of structured control flow as blocks and phis."""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir
from xdsl.ir import BlockArgument, Operation, SSAValue

from treec.codegen.llvm.stage import Stage, buffer_type
from treec.codegen.llvm.types import I32, I64, value_type
from treec.errors import CodegenError
from treec.treeir import loop
from treec.treeir.loop_types import LoopKind, Scope


def emit_for(stage: Stage, op: loop.ForOp) -> None:
    """Tested at the top; LLVM's loop rotation makes it a guard and a test at the bottom."""
    kind = op.kind.data
    if kind not in (LoopKind.SERIAL, LoopKind.PARALLEL):  # the runtime shards parallel loops; a shard is serial
        raise CodegenError(f"a loop of kind {kind.value} is not CPU code", place=f"stage @{stage.name}")
    builder, name = stage.builder, op.label.data if op.label else "for"
    header, body, after = (stage.new_block(f"{name}{part}") for part in ("", ".body", ".end"))
    before = builder.block
    builder.branch(header)
    stage.start(header)
    index_argument, *carried = op.body.block.args
    index = builder.phi(I64)
    index.add_incoming(stage.value(op.lower), before)
    phis = _phis(stage, carried, op.initial, before)
    stage.values[index_argument] = index
    builder.cbranch(builder.icmp_signed("<", index, stage.value(op.upper)), body, after)
    stage.start(body)

    def finish(terminator: Operation) -> None:
        assert isinstance(terminator, loop.YieldOp)
        step = builder.add(index, stage.value(op.step), flags=["nsw"])
        index.add_incoming(step, builder.block)
        _add_incoming(phis, stage.value_list(terminator.values), builder.block)
        back = builder.branch(header)
        if _reads_rows(op):
            back.set_metadata("llvm.loop", _as_it_is(stage))
        stage.start(after)
        stage.values |= dict(zip(op.results_, phis, strict=True))

    stage.enter(op.body.block, finish)


def _reads_rows(op: loop.ForOp) -> bool:
    """Does the body itself read a caller's rows? Their strides are known at run time only, so vectors would be gathers and
    scatters, of which LLVM thinks too well; and its loads and stores are many beside the loop's own instructions, so that
    more of them in a row gain nothing and cost LLVM a third of its time for the object."""
    return any(
        isinstance(inner, loop.LoadOp | loop.LoadColumnsOp) and buffer_type(inner.buffer).scope.data is Scope.GLOBAL
        for inner in op.body.block.ops
    )


def _as_it_is(stage: Stage) -> ir.MDValue:
    """What tells LLVM to leave a loop alone: a node for each loop, which is its own first operand."""
    no_vectors = stage.module.add_metadata(["llvm.loop.vectorize.enable", ir.Constant(ir.IntType(1), 0)])
    no_copies = stage.module.add_metadata(["llvm.loop.unroll.disable"])
    node = stage.module.add_metadata([no_vectors, no_copies, I64(len(stage.module.metadata))])
    node.operands = [node, no_vectors, no_copies]
    return node


def emit_repeat(stage: Stage, op: loop.RepeatOp) -> None:
    builder = stage.builder
    body, after = stage.new_block("repeat"), stage.new_block("repeat.end")
    before = builder.block
    builder.branch(body)
    stage.start(body)
    phis = _phis(stage, op.body.block.args, op.initial, before)

    def finish(terminator: Operation) -> None:
        assert isinstance(terminator, loop.RepeatWhileOp)
        values = stage.value_list(terminator.values)
        _add_incoming(phis, values, builder.block)
        builder.cbranch(stage.value(terminator.condition), body, after)
        stage.start(after)
        stage.values |= dict(zip(op.results_, values, strict=True))

    stage.enter(op.body.block, finish)


def emit_if(stage: Stage, op: loop.IfOp) -> None:
    builder = stage.builder
    then, otherwise, after = (stage.new_block(name) for name in ("then", "else", "endif"))
    builder.cbranch(stage.value(op.condition), then, otherwise)
    arms: list[tuple[list[ir.Value], ir.Block]] = []

    def finish(terminator: Operation) -> None:
        assert isinstance(terminator, loop.YieldOp)
        arms.append((stage.value_list(terminator.values), builder.block))
        builder.branch(after)
        if len(arms) == 1:
            stage.start(otherwise)
            stage.enter(op.otherwise.block, finish)
            return
        stage.start(after)
        for position, result in enumerate(op.results_):
            phi = builder.phi(value_type(result.type))
            for values, block in arms:
                phi.add_incoming(values[position], block)
            stage.values[result] = phi

    stage.start(then)
    stage.enter(op.then.block, finish)


def emit_terminator(stage: Stage, op: loop.YieldOp | loop.RepeatWhileOp) -> None:
    stage.leave(op)


def emit_return(stage: Stage, op: loop.ReturnOp) -> None:
    if isinstance(stage.function.ftype.return_type, ir.VoidType):  # a routine
        stage.builder.ret_void()
    else:
        stage.builder.ret(I32(0))
    stage.leave(op)


def _phis(
    stage: Stage, arguments: Sequence[BlockArgument], initial: Sequence[SSAValue], before: ir.Block
) -> list[ir.PhiInstr]:
    phis: list[ir.PhiInstr] = []
    for argument, first in zip(arguments, initial, strict=True):
        phi = stage.builder.phi(value_type(argument.type))
        phi.add_incoming(stage.value(first), before)
        stage.values[argument] = phi
        phis.append(phi)
    return phis


def _add_incoming(phis: Sequence[ir.PhiInstr], values: Sequence[ir.Value], block: ir.Block) -> None:
    for phi, value in zip(phis, values, strict=True):
        phi.add_incoming(value, block)
