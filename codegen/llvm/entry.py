# pyright: basic, reportArgumentType=false, reportAttributeAccessIssue=false, reportReturnType=false
"""Emission of what an artifact exports: its constant tables of kernels and stages, ``treec_describe``, ``treec_predict``
and the room for the card. See `treec.codegen.abi`.

Entry points are built for the machine's baseline, so that they can refuse a CPU politely.
"""

from __future__ import annotations

from dataclasses import dataclass

from llvmlite import ir
from xdsl.dialects.builtin import f32, f64, i32

from treec.codegen.abi import (
    ABI_VERSION,
    CARD_SECTION,
    CARD_SYMBOL,
    DESCRIBE_SYMBOL,
    MAGIC,
    DType,
    Task,
)
from treec.codegen.llvm.call import emit_call
from treec.codegen.llvm.cpu_check import emit_cpu_check
from treec.codegen.llvm.emit import EmittedModule, EmittedStage
from treec.codegen.llvm.predict import CallFacts, Memory, emit_predict
from treec.codegen.llvm.structs import ARTIFACT, KERNEL, STAGE
from treec.codegen.llvm.types import I8, I32, I64, POINTER, define_constant, define_function
from treec.codegen.llvm.wait import emit_wait
from treec.errors import CodegenError
from treec.treeir import loop
from treec.treeir.loop_types import BufferType, byte_size

RUN_BYTES = 1 << 22
"""Scratch of a run of more than one row: a call of so many rows that they need more is run in parts."""
WHOLE_CALL = (1 << 63) - 1

_ELEMENTS = {DType.F32: f32, DType.F64: f64}


@dataclass(frozen=True)
class ArtifactFacts:
    """What the artifact says of the model; ``card_capacity`` in bytes."""

    n_features: int
    n_trees: int
    n_columns: int
    out_dtype: DType
    card_capacity: int


def emit_entry(emitted: EmittedModule, facts: ArtifactFacts) -> None:
    """Add the exported symbols; raises `CodegenError` if a stage does not fit its kernel."""
    module = emitted.module
    if not emitted.kernels:
        raise CodegenError("a module without a loop.kernel makes no artifact")
    for kernel in emitted.kernels:
        _check_kernel(emitted, kernel, facts)
    card = define_constant(module, CARD_SYMBOL, ir.Constant(ir.ArrayType(I8, facts.card_capacity), None), 64)
    card.linkage, card.section = "", CARD_SECTION
    rows = [KERNEL(_kernel_fields(emitted, position)) for position in range(len(emitted.kernels))]
    kernels = define_constant(module, "kernels", ir.Constant(ir.ArrayType(KERNEL, len(rows)), rows))
    memory = _memory(emitted)
    cpu_check = emit_cpu_check(module, emitted.target)
    functions = cpu_check, emit_call(module, emitted.target), emit_wait(module, emitted.target)
    _emit_describe(emitted, facts, kernels, functions, card, memory.all_bytes)
    emit_predict(emitted, kernels, cpu_check, CallFacts(len(rows), facts.n_trees, facts.out_dtype, memory))


def _memory(emitted: EmittedModule) -> Memory:
    """What a call of ``treec_predict`` needs at most."""
    workspace = max(stage.workspace_bytes for stage in emitted.stages.values())
    scratch = 0
    for kernel in emitted.kernels:
        run_rows, row_bytes = _run_of(emitted, kernel)
        scratch = max(scratch, row_bytes and row_bytes * min(run_rows, kernel.rows_max.value.data))
    return Memory(workspace, scratch)


def _run_of(emitted: EmittedModule, kernel: loop.KernelOp) -> tuple[int, int]:
    """The most rows of a run, and the bytes of scratch that each of them needs."""
    row_bytes = 0
    for reference in kernel.stages:
        op = emitted.stages[reference.string_value()].op
        scratch = op.body.block.args[-1].type
        if op.lines is not None and isinstance(scratch, BufferType):
            row_bytes = max(row_bytes, op.lines.value.data * byte_size(scratch.element))
    if row_bytes == 0:
        return WHOLE_CALL, 0
    n_rows = max(1, RUN_BYTES // row_bytes)
    return n_rows - n_rows % min(n_rows, 64), row_bytes


def _check_kernel(emitted: EmittedModule, kernel: loop.KernelOp, facts: ArtifactFacts) -> None:
    row = _ELEMENTS[DType(kernel.row_dtype.value.data)]
    leaf = Task(kernel.task.value.data) is Task.LEAF
    out = i32 if leaf else _ELEMENTS[facts.out_dtype]
    for reference in kernel.stages:
        name = reference.string_value()
        rows_argument, out_argument = (a.type for a in emitted.stages[name].op.body.block.args[:2])
        if rows_argument.element != row or out_argument.element != out:
            raise CodegenError(
                f"stage @{name} takes rows of {rows_argument.element} and writes {out_argument.element}; "
                f"its kernel takes {row} and writes {out}"
            )


def _kernel_fields(emitted: EmittedModule, position: int) -> list[ir.Constant]:
    kernel = emitted.kernels[position]
    stages = [_stage_fields(emitted.stages[reference.string_value()]) for reference in kernel.stages]
    table = ir.Constant(ir.ArrayType(STAGE, len(stages)), stages)
    variable = define_constant(emitted.module, f"kernel.{position}.stages", table)
    numbers = (kernel.task, kernel.row_dtype, kernel.rows_max)
    task, dtype, rows_max = (number.value.data for number in numbers)
    cost = 0 if kernel.row_cost is None else kernel.row_cost.value.data
    return [
        I32(task),
        I32(dtype),
        I64(rows_max),
        I64(len(stages)),
        variable,
        *map(I64, _run_of(emitted, kernel)),
        I64(cost),
    ]


def _stage_fields(stage: EmittedStage) -> ir.Constant:
    axis, grain = stage.op.axis.value.data, stage.op.grain.value.data
    groups = 0 if stage.op.groups is None else stage.op.groups.value.data
    return STAGE([stage.function, I32(axis), I32(0), I64(grain), I64(stage.workspace_bytes), I64(groups)])


def _emit_describe(
    emitted: EmittedModule,
    facts: ArtifactFacts,
    kernels: ir.GlobalVariable,
    functions: tuple[ir.Function, ir.Function, ir.Function],
    card: ir.GlobalVariable,
    workspace: int,
) -> None:
    cpu_check, call, wait = functions
    fields = [
        *(I32(MAGIC), I32(ABI_VERSION)),
        *(I64(facts.n_features), I64(facts.n_trees), I64(facts.n_columns)),
        *(I32(int(facts.out_dtype)), I32(len(emitted.kernels)), I64(workspace)),
        *(kernels, cpu_check, card, I64(facts.card_capacity), call, wait),
    ]
    artifact = define_constant(emitted.module, "artifact", ARTIFACT(fields))
    type_ = ir.FunctionType(POINTER, [])
    describe = define_function(emitted.module, DESCRIBE_SYMBOL, type_, emitted.target.entry_attributes)
    ir.IRBuilder(describe.append_basic_block("entry")).ret(artifact)
