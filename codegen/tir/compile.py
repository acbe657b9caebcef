# pyright: basic
"""From a module of loop ops to the source of its kernels, and to machine code where the machine's compiler is there."""

from __future__ import annotations

import re
from dataclasses import dataclass

import tvm
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.exceptions import VerifyException

from treec.codegen.abi import DType
from treec.codegen.gpu_abi import GpuObject, GpuTable, GpuTarget, GpuTask
from treec.codegen.tir.emit import PREFIX, EmittedModule, emit_module, tvm_target
from treec.codegen.tir.functions import ATOMICS
from treec.errors import CodegenError

OPTIONS = {
    # OpenCL's division and square root may be off by 2.5 units in the last place otherwise.
    "opencl": ("-cl-fp32-correctly-rounded-divide-sqrt",),
    "cuda": ("-fmad=false", "-prec-div=true", "-prec-sqrt=true", "-ftz=false"),
}
HEADS = {"opencl": "#pragma OPENCL FP_CONTRACT OFF\n", "cuda": ""}


@dataclass(frozen=True)
class GpuFacts:
    """What a module does not say of its model."""

    n_features: int
    n_trees: int
    n_columns: int
    out_dtype: DType


def compile_gpu(module: ModuleOp, facts: GpuFacts, target: GpuTarget, *, verified: bool = False) -> GpuObject:
    """Compile the stages, kernels and tables of a loop module; ``verified`` if its verifier has just run.

    Raises `CodegenError` for IR that is not valid or has no GPU code.
    """
    if not verified:
        _verify(module)
    emitted = emit_module(module, target)
    source = print_source(emitted, target)
    symbols = {kernel.symbol for kernel in (made.kernel for made in emitted.kernels.values())}
    tasks = tuple(
        GpuTask(
            call.task.value.data,
            call.row_dtype.value.data,
            call.rows_max.value.data,
            tuple(PREFIX + stage.string_value() for stage in call.stages),
        )
        for call in emitted.calls
    )
    assert all(symbol in symbols for task in tasks for symbol in task.kernels)
    return GpuObject(
        target=target,
        source=source,
        options=OPTIONS[target.kind],
        kernels=tuple(made.kernel for made in emitted.kernels.values()),
        tasks=tasks,
        tables=tuple(GpuTable(name, op.data.array.tobytes()) for name, op in emitted.tables.items()),
        n_features=facts.n_features,
        n_trees=facts.n_trees,
        n_columns=facts.n_columns,
        out_dtype=int(facts.out_dtype),
    )


def print_source(emitted: EmittedModule, target: GpuTarget) -> str:
    """The source of all kernels, in the target's language."""
    described = tvm_target(target)
    build = tvm.get_global_func(f"target.build.{target.kind}")
    text = build(emitted.tir(), described).inspect_source()
    # Told of few threads, ptxas spills a register or two to have more of them at once; kernels fit 1024 threads anyway.
    head = HEADS[target.kind] + "".join(code for name, code in ATOMICS.items() if f"{name}(" in text)
    return head + re.sub(r"__launch_bounds__\(\d+\) ?", "", text)


def tir_text(emitted: EmittedModule) -> str:
    return emitted.tir().script()


def _verify(module: ModuleOp) -> None:
    try:
        module.verify()
    except VerifyException as error:
        raise CodegenError(f"the loop IR is not valid: {error}") from error
