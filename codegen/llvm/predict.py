# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""Emission of ``treec_predict``: check the call and the CPU, find the first kernel that serves it, run its stages for as
many rows at once as it has scratch for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llvmlite import ir

from treec.codegen.abi import (
    PREDICT_PARAMETERS,
    PREDICT_SYMBOL,
    STAGE_PARAMETERS,
    DType,
    KernelStruct,
    StageStruct,
    Status,
    Task,
)
from treec.codegen.llvm.call import call_stage
from treec.codegen.llvm.cpu_check import emit_cached_check, emit_status, needs_check
from treec.codegen.llvm.emit import EmittedModule
from treec.codegen.llvm.memory import WORKSPACE_ALIGN
from treec.codegen.llvm.structs import KERNEL, STAGE
from treec.codegen.llvm.types import I8, I32, I64, POINTER, define_function

C_TYPES = {"int32_t": I32, "int64_t": I64}
PREDICT_TYPE = ir.FunctionType(I32, [C_TYPES.get(p.ctype, POINTER) for p in PREDICT_PARAMETERS])


@dataclass(frozen=True)
class Memory:
    """Bytes that a call is given: ``workspace`` of one stage, a multiple of its alignment, and ``scratch`` of a run behind
    it."""

    workspace: int
    scratch: int

    @property
    def all_bytes(self) -> int:
        return self.workspace + self.scratch


@dataclass(frozen=True)
class CallFacts:
    """What is known of every call."""

    n_kernels: int
    n_trees: int
    out_dtype: DType
    memory: Memory


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

    def kernel_field(self, kernel: ir.Value, name: str) -> ir.Value:
        return self._field(kernel, KERNEL, [name for name, *_ in KernelStruct._fields_].index(name))

    def stage_field(self, stage: ir.Value, name: str) -> ir.Value:
        return self._field(stage, STAGE, [name for name, *_ in StageStruct._fields_].index(name))

    def _field(self, pointer: ir.Value, type_: ir.LiteralStructType, position: int) -> ir.Value:
        address = self.builder.gep(pointer, [I32(0), I32(position)], inbounds=True, source_etype=type_)
        return self.builder.load(address, typ=type_.elements[position])

    def shifted(self, pointer: str, stride: str, row: ir.Value, element_bytes: ir.Value) -> ir.Value:
        """The address of a row of an argument."""
        offset = self.builder.mul(self.builder.mul(row, self.arguments[stride]), element_bytes)
        return self.builder.gep(self.arguments[pointer], [offset], source_etype=I8)

    def any(self, conditions: Sequence[ir.Value]) -> ir.Value:
        result = conditions[0]
        for condition in conditions[1:]:
            result = self.builder.or_(result, condition)
        return result


def emit_predict(emitted: EmittedModule, kernels: ir.GlobalVariable, cpu_check: ir.Function, facts: CallFacts) -> None:
    """Define ``treec_predict``; ``kernels`` is the artifact's table."""
    predict = _Predict(emitted)
    if needs_check(emitted.target):
        cached = emit_cached_check(emitted.module, emitted.target, cpu_check)
        status = emit_status(predict.builder, cached, cpu_check)
        predict.return_if(predict.builder.icmp_signed("!=", status, I32(int(Status.OK))), Status.WRONG_CPU)
    predict.return_if(predict.any(_bad_arguments(predict, facts.n_trees, facts.memory.all_bytes)), Status.BAD_ARGUMENT)
    kernel = _find_kernel(predict, kernels, facts.n_kernels)
    predict.return_if(predict.builder.icmp_signed("==", predict.arguments["n_rows"], I64(0)), Status.OK)
    _run(predict, kernel, facts)


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
        builder.icmp_signed("!=", predict.kernel_field(kernel, "task"), arguments["task"]),
        builder.icmp_signed("!=", predict.kernel_field(kernel, "row_dtype"), arguments["row_dtype"]),
        builder.icmp_signed("<", predict.kernel_field(kernel, "rows_max"), arguments["n_rows"]),
    ]
    builder.cbranch(predict.any(unfit), following, found)
    builder.position_at_end(following)
    step = builder.add(index, I64(1))
    predict.return_if(builder.icmp_signed("==", step, I64(n_kernels)), Status.NO_KERNEL)
    index.add_incoming(step, builder.block)
    builder.branch(search)
    builder.position_at_end(found)
    return kernel


def _run(predict: _Predict, kernel: ir.Value, facts: CallFacts) -> None:
    """Run the kernel's stages for one part of the rows after the other; the first status that is not OK ends the call."""
    builder, arguments = predict.builder, predict.arguments
    run_rows, n_rows = predict.kernel_field(kernel, "run_rows"), arguments["n_rows"]
    before, part, following, done = builder.block, *(predict.block(n) for n in ("part", "following_part", "done"))
    builder.branch(part)
    builder.position_at_end(part)
    begin = builder.phi(I64, "begin")
    begin.add_incoming(I64(0), before)
    left = builder.sub(n_rows, begin)
    count = builder.select(builder.icmp_signed("<", left, run_rows), left, run_rows)
    status = _run_stages(predict, kernel, _part_values(predict, begin, count, facts))
    end = builder.add(begin, count)
    failed = builder.icmp_signed("!=", status, I32(int(Status.OK)))
    builder.cbranch(builder.or_(failed, builder.icmp_signed(">=", end, n_rows)), done, following)
    builder.position_at_end(following)
    begin.add_incoming(end, following)
    builder.branch(part)
    builder.position_at_end(done)
    builder.ret(status)


def _part_values(predict: _Predict, begin: ir.Value, count: ir.Value, facts: CallFacts) -> dict[str, ir.Value]:
    """The parameters of stages for ``count`` rows from ``begin`` on, whose numbers count from 0."""
    builder, arguments = predict.builder, predict.arguments
    row_bytes = builder.select(builder.icmp_signed("==", arguments["row_dtype"], I32(int(DType.F64))), I64(8), I64(4))
    is_leaf = builder.icmp_signed("==", arguments["task"], I32(int(Task.LEAF)))
    out_bytes = builder.select(is_leaf, I64(4), I64(8 if facts.out_dtype is DType.F64 else 4))
    scratch: ir.Value = ir.Constant(POINTER, None)
    if facts.memory.scratch:
        scratch = builder.gep(arguments["workspace"], [I64(facts.memory.workspace)], inbounds=True, source_etype=I8)
    return arguments | {
        "rows": predict.shifted("rows", "row_stride", begin, row_bytes),
        "out": predict.shifted("out", "out_row_stride", begin, out_bytes),
        **{"row_begin": I64(0), "row_end": count, "group_begin": I64(0)},
        **{"scratch": scratch, "scratch_rows": count},
    }


def _run_stages(predict: _Predict, kernel: ir.Value, values: dict[str, ir.Value]) -> ir.Value:
    """Run one stage after the other; falls out with a status, the first that is not OK."""
    builder = predict.builder
    n_stages, stages = (predict.kernel_field(kernel, name) for name in ("n_stages", "stages"))
    before, run, more, done = builder.block, *(predict.block(n) for n in ("run", "more", "ran"))
    builder.branch(run)
    builder.position_at_end(run)
    index = builder.phi(I64, "stage")
    index.add_incoming(I64(0), before)
    stage = builder.gep(stages, [index], inbounds=True, source_etype=STAGE)
    values = values | {"group_end": predict.stage_field(stage, "n_groups")}
    function = predict.stage_field(stage, "run")
    status = call_stage(builder, function, [values[parameter.name] for parameter in STAGE_PARAMETERS])
    step = builder.add(index, I64(1))
    failed = builder.icmp_signed("!=", status, I32(int(Status.OK)))
    builder.cbranch(builder.or_(failed, builder.icmp_signed(">=", step, n_stages)), done, more)
    builder.position_at_end(more)
    index.add_incoming(step, builder.block)
    builder.branch(run)
    builder.position_at_end(done)
    return status
