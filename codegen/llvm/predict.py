# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""Emission of ``treec_predict``: check the call and the CPU, find the first kernel that serves it, run its stages."""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from treec.codegen.abi import PREDICT_PARAMETERS, PREDICT_SYMBOL, STAGE_PARAMETERS, Status
from treec.codegen.llvm.cpu_check import emit_cached_check, emit_status, needs_check
from treec.codegen.llvm.emit import STAGE_TYPE, EmittedModule
from treec.codegen.llvm.memory import WORKSPACE_ALIGN
from treec.codegen.llvm.structs import KERNEL, STAGE
from treec.codegen.llvm.types import I32, I64, POINTER, define_function

C_TYPES = {"int32_t": I32, "int64_t": I64}
PREDICT_TYPE = ir.FunctionType(I32, [C_TYPES.get(p.ctype, POINTER) for p in PREDICT_PARAMETERS])


class _Predict:
    """The function under construction, its arguments by name, and the IR types of the artifact's tables."""

    def __init__(self, emitted: EmittedModule) -> None:
        self.function = define_function(emitted.module, PREDICT_SYMBOL, PREDICT_TYPE, emitted.target.entry_attributes)
        for argument, parameter in zip(self.function.args, PREDICT_PARAMETERS, strict=True):
            argument.name = parameter.name
        self.arguments = {argument.name: argument for argument in self.function.args}
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))

    def block(self, name: str) -> ir.Block:
        return self.function.append_basic_block(name)

    def return_if(self, condition: ir.Value, status: Status) -> None:
        taken, following = self.block(status.name.lower()), self.block("next")
        self.builder.cbranch(condition, taken, following)
        ir.IRBuilder(taken).ret(I32(int(status)))
        self.builder.position_at_end(following)

    def field(self, pointer: ir.Value, type_: ir.LiteralStructType, position: int) -> ir.Value:
        address = self.builder.gep(pointer, [I32(0), I32(position)], inbounds=True, source_etype=type_)
        return self.builder.load(address, typ=type_.elements[position])

    def any(self, conditions: Sequence[ir.Value]) -> ir.Value:
        result = conditions[0]
        for condition in conditions[1:]:
            result = self.builder.or_(result, condition)
        return result


def emit_predict(
    emitted: EmittedModule,
    n_kernels: int,
    n_trees: int,
    kernels: ir.GlobalVariable,
    cpu_check: ir.Function,
    workspace_bytes: int,
) -> None:
    """Define ``treec_predict``; ``kernels`` is the artifact's table."""
    predict = _Predict(emitted)
    if needs_check(emitted.target):
        cached = emit_cached_check(emitted.module, emitted.target, cpu_check)
        status = emit_status(predict.builder, cached, cpu_check)
        predict.return_if(predict.builder.icmp_signed("!=", status, I32(int(Status.OK))), Status.WRONG_CPU)
    predict.return_if(predict.any(_bad_arguments(predict, n_trees, workspace_bytes)), Status.BAD_ARGUMENT)
    kernel = _find_kernel(predict, kernels, n_kernels)
    predict.return_if(predict.builder.icmp_signed("==", predict.arguments["n_rows"], I64(0)), Status.OK)
    _run_stages(predict, kernel)


def _bad_arguments(predict: _Predict, n_trees: int, workspace_bytes: int) -> list[ir.Value]:
    builder, arguments = predict.builder, predict.arguments
    n_rows, begin, end = (arguments[name] for name in ("n_rows", "tree_begin", "tree_end"))
    some_rows = builder.icmp_signed(">", n_rows, I64(0))
    null = ir.Constant(POINTER, None)
    bad = [
        builder.icmp_signed("<", n_rows, I64(0)),
        builder.icmp_signed("<", begin, I64(0)),
        builder.icmp_signed("<", end, begin),
        builder.icmp_signed(">", end, I64(n_trees)),
        builder.and_(some_rows, builder.icmp_unsigned("==", arguments["rows"], null)),
        builder.and_(some_rows, builder.icmp_unsigned("==", arguments["out"], null)),
    ]
    if workspace_bytes:
        workspace = arguments["workspace"]
        low = builder.and_(builder.ptrtoint(workspace, I64), I64(WORKSPACE_ALIGN - 1))
        bad += [builder.icmp_unsigned("==", workspace, null), builder.icmp_unsigned("!=", low, I64(0))]
    return bad


def _find_kernel(predict: _Predict, kernels: ir.GlobalVariable, n_kernels: int) -> ir.Value:
    """Search the table in order; falls out with a pointer to the kernel, or returns `Status.NO_KERNEL`."""
    builder, arguments = predict.builder, predict.arguments
    before, search, following, found = builder.block, *(predict.block(n) for n in ("search", "following", "found"))
    builder.branch(search)
    builder.position_at_end(search)
    index = builder.phi(I64, "kernel")
    index.add_incoming(I64(0), before)
    kernel = builder.gep(kernels, [index], inbounds=True, source_etype=KERNEL)
    unfit = [
        builder.icmp_signed("!=", predict.field(kernel, KERNEL, 0), arguments["task"]),
        builder.icmp_signed("!=", predict.field(kernel, KERNEL, 1), arguments["row_dtype"]),
        builder.icmp_signed("<", predict.field(kernel, KERNEL, 2), arguments["n_rows"]),
    ]
    builder.cbranch(predict.any(unfit), following, found)
    builder.position_at_end(following)
    step = builder.add(index, I64(1))
    predict.return_if(builder.icmp_signed("==", step, I64(n_kernels)), Status.NO_KERNEL)
    index.add_incoming(step, builder.block)
    builder.branch(search)
    builder.position_at_end(found)
    return kernel


def _run_stages(predict: _Predict, kernel: ir.Value) -> None:
    """Run the kernel's stages over all rows; the first status that is not OK ends the call."""
    builder = predict.builder
    n_stages, stages = predict.field(kernel, KERNEL, 3), predict.field(kernel, KERNEL, 4)
    before, run, more, done = builder.block, *(predict.block(n) for n in ("run", "more", "done"))
    builder.branch(run)
    builder.position_at_end(run)
    index = builder.phi(I64, "stage")
    index.add_incoming(I64(0), before)
    stage = builder.gep(stages, [index], inbounds=True, source_etype=STAGE)
    values = predict.arguments | {"row_begin": I64(0), "row_end": predict.arguments["n_rows"]}
    function = predict.field(stage, STAGE, 0)
    status = _call(builder, function, [values[parameter.name] for parameter in STAGE_PARAMETERS])
    step = builder.add(index, I64(1))
    failed = builder.icmp_signed("!=", status, I32(int(Status.OK)))
    builder.cbranch(builder.or_(failed, builder.icmp_signed(">=", step, n_stages)), done, more)
    builder.position_at_end(more)
    index.add_incoming(step, builder.block)
    builder.branch(run)
    builder.position_at_end(done)
    builder.ret(status)


def _call(builder: ir.IRBuilder, function: ir.Value, values: Sequence[ir.Value]) -> ir.Value:
    return builder.call(_Typed(function), values)


class _Typed:
    """A pointer with the type of the function at it, which llvmlite's calls ask for."""

    def __init__(self, pointer: ir.Value) -> None:
        self.type, self.function_type = pointer.type, STAGE_TYPE
        self.get_reference = pointer.get_reference
        self.calling_convention = ""
