"""Routines in machine code: what they are given, their workspace, and that LLVM makes each once."""

# pyright: basic
from __future__ import annotations

import re

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp, f32

from treec.codegen.abi import DType
from treec.codegen.llvm.compile import ArtifactFacts, TargetSpec, compile_module
from treec.errors import CodegenError
from treec.treeir import loop
from treec.treeir.interp.loop import run_stage

STAGE = """
loop.func @{name} axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>,
                                  %rb : i64, %re : i64, %tb : i64, %te : i64) {{
  %own = loop.alloc [3, 5] : !loop.buffer<f32, 2, workspace>
  %one = loop.constant 1 : i64 -> i64
  %zero = loop.constant 0 : i64 -> i64
  loop.for serial %r = %rb to %re step %one {{
    loop.call @copy(%rows, %own, %r) : !loop.buffer<f32, 2, global>, !loop.buffer<f32, 2, workspace>, i64
    loop.call @scaled(%own, %factor) : !loop.buffer<f32, 2, workspace>, f32
    %value = loop.load %own[%one, %one] : !loop.buffer<f32, 2, workspace> -> f32
    loop.store %value, %out[%r, %zero] : f32, !loop.buffer<f32, 2, global>
    loop.yield
  }}
  loop.return
}}
loop.kernel [@{name}] {{task = 0 : i32, row_dtype = 0 : i32, rows_max = 10 : i64}}
"""

MODULE = """
loop.routine @copy (%rows : !loop.buffer<f32, 2, global>, %to : !loop.buffer<f32, 2, workspace> [3, 5], %r : i64) {
  %one = loop.constant 1 : i64 -> i64
  %zero = loop.constant 0 : i64 -> i64
  %value = loop.load %rows[%r, %one] : !loop.buffer<f32, 2, global> -> f32
  loop.store %value, %to[%one, %zero] : f32, !loop.buffer<f32, 2, workspace>
  loop.return
}
loop.routine @square (%to : !loop.buffer<f32, 2, workspace> [3, 5], %value : f32) {
  %kept = loop.alloc [2] : !loop.buffer<f32, 1, workspace>
  %one = loop.constant 1 : i64 -> i64
  %product = loop.binary mul %value, %value : f32
  loop.store %product, %kept[%one] : f32, !loop.buffer<f32, 1, workspace>
  %again = loop.load %kept[%one] : !loop.buffer<f32, 1, workspace> -> f32
  loop.store %again, %to[%one, %one] : f32, !loop.buffer<f32, 2, workspace>
  loop.return
}
loop.routine @scaled (%of : !loop.buffer<f32, 2, workspace> [3, 5], %factor : f32) {
  %kept = loop.alloc [20] : !loop.buffer<f32, 1, workspace>
  %one = loop.constant 1 : i64 -> i64
  %zero = loop.constant 0 : i64 -> i64
  %value = loop.load %of[%one, %zero] : !loop.buffer<f32, 2, workspace> -> f32
  %product = loop.binary mul %value, %factor : f32
  loop.store %product, %kept[%one] : f32, !loop.buffer<f32, 1, workspace>
  loop.call @square(%of, %product) : !loop.buffer<f32, 2, workspace>, f32
  %square = loop.load %of[%one, %one] : !loop.buffer<f32, 2, workspace> -> f32
  %same = loop.load %kept[%one] : !loop.buffer<f32, 1, workspace> -> f32
  %sum = loop.binary add %square, %same : f32
  loop.store %sum, %of[%one, %one] : f32, !loop.buffer<f32, 2, workspace>
  loop.return
}
"""


def text(*names: str) -> str:
    stages = [STAGE.format(name=name) for name in names]
    factor = "  %factor = loop.constant 3.0 : f32 -> f32\n  %own ="
    return MODULE + "".join(stage.replace("  %own =", factor) for stage in stages)


@pytest.mark.parametrize("as_they_lie", [np.ascontiguousarray, np.asfortranarray])
def test_a_routine_reads_and_writes_what_it_is_given(build, parse_loop, as_they_lie) -> None:
    module = parse_loop(text("stage"))
    rows = as_they_lie(np.arange(8, dtype=np.float32).reshape(4, 2))
    expected, found = np.zeros((2, 4, 1), np.float32)
    run_stage(module, "stage", rows, expected, (0, 4), (0, 1))
    artifact = build(module, n_features=2)
    assert artifact.run_stage(rows, found) == 0
    tripled = 3 * rows[:, 1]
    np.testing.assert_array_equal(expected[:, 0], tripled * tripled + tripled)
    np.testing.assert_array_equal(found, expected)


def test_workspace_of_routines_lies_behind_that_of_their_caller(build) -> None:
    assert build(text("stage"), n_features=2).stage().workspace_bytes == 64 + 128 + 64


def test_llvm_makes_a_routine_once_for_all_stages(parse_loop) -> None:
    facts = ArtifactFacts(n_features=2, n_trees=1, n_columns=1, out_dtype=DType.F32, card_capacity=64)
    built = compile_module(parse_loop(text("one", "two")), facts, TargetSpec())
    for name in ("copy", "square", "scaled"):
        assert len(re.findall(rf'^define internal .*@"?routine\.{name}"?\(', built.optimized_ir(), re.M)) == 1


def test_a_call_of_no_routine_is_refused(build) -> None:
    func = loop.FuncOp("stage", f32, f32, axis=0, grain=1)
    func.body.block.add_ops([loop.CallOp("none", []), loop.ReturnOp()])
    with pytest.raises(CodegenError, match="there is no routine @none before its caller"):
        build(ModuleOp([func, loop.KernelOp(0, 0, ["stage"])]))
