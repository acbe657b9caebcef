"""What code is made: tables in the object, CPU levels, no contraction, no branches where none are wanted; and refusals."""

# pyright: basic

from __future__ import annotations

import io
import os
import re

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects import test
from xdsl.dialects.builtin import ModuleOp, f32, i1, i16, i32, i64

from treec.codegen.abi import DType
from treec.codegen.cpu_levels import LEVELS
from treec.codegen.llvm.compile import ArtifactFacts, TargetSpec, compile_module, stages_text
from treec.codegen.llvm.tables import PADDING, TableSection, fill_tables, section_offsets
from treec.codegen.llvm.target import host_level
from treec.codegen.llvm.xdsl_target import TreecLLVMTarget
from treec.errors import CodegenError, ToolchainError, UsageError
from treec.treeir import loop
from treec.treeir.blob import BlobAttr
from treec.treeir.interp.loop import run_stage
from treec.treeir.loop_types import BinaryKind, BufferType, CastKind, LoopKind, MathKind, RecordType, Scope

FACTS = ArtifactFacts(1, 1, 1, DType.F32, 64)
NEEDS_X86 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="x86-64 is built on x86-64 only")


def stage_with(*ops, name: str = "stage") -> loop.FuncOp:
    func = loop.FuncOp(name, f32, f32, axis=0, grain=1)
    func.body.block.add_ops([*ops, loop.ReturnOp()])
    return func


def copy_from_table(table: loop.TableOp, field: str | None, index: int) -> ModuleOp:
    """A stage that writes one element of a table to out[0, 0]."""
    func = loop.FuncOp("stage", f32, f32, axis=0, grain=1)
    zero, place, buffer = loop.ConstantOp(0, i64), loop.ConstantOp(index, i64), loop.GetTableOp(table)
    load = loop.LoadOp(buffer.result, [place.result], field=field)
    store = loop.StoreOp(load.result, func.body.block.args[1], [zero.result, zero.result])
    func.body.block.add_ops([zero, place, buffer, load, store, loop.ReturnOp()])
    return ModuleOp([table, func, loop.KernelOp(0, 0, ["stage"])])


def test_a_table_of_20_megabytes_is_in_the_object_but_not_in_the_ir(build) -> None:
    data = np.arange(5_000_000, dtype=np.float32)
    module = copy_from_table(loop.TableOp("big", BlobAttr.of(data), f32), None, 4_999_999)
    built = compile_module(module, FACTS, TargetSpec())
    assert len(built.ir_text) < 20_000
    offset, size = section_offsets(built.object_bytes)[".rodata.treec.0"]
    assert size == data.nbytes + PADDING
    assert built.object_bytes[offset : offset + data.nbytes] == data.tobytes()
    assert built.object_bytes[offset + data.nbytes : offset + size] == bytes(PADDING)
    out = np.zeros((1, 1), np.float32)
    build(module).run_stage(np.zeros((1, 1), np.float32), out)
    assert out[0, 0] == 4_999_999


def test_tables_of_equal_size_and_tables_with_odd_names_keep_their_own_data(build) -> None:
    out = np.zeros((1, 1), np.float32)
    for index in range(3):
        names = ["a", 'quoted "name"', "with\\slash é"]
        tables = [loop.TableOp(name, BlobAttr.of(np.full(4, n + 1, np.float32)), f32) for n, name in enumerate(names)]
        module = copy_from_table(tables[index], None, 2)
        module.body.block.add_ops([table for table in tables if table is not tables[index]])
        build(module).run_stage(np.zeros((1, 1), np.float32), out)
        assert out[0, 0] == index + 1


def test_fields_of_records_are_read_at_any_offset(build) -> None:
    dtype = np.dtype({"names": ["a", "b"], "offsets": [1, 3], "formats": ["<i2", "<f4"], "itemsize": 7})
    data = np.zeros(10, dtype)
    data["b"] = np.arange(10) + 0.25
    record = RecordType.of(7, [("a", i16, 1), ("b", f32, 3)])
    module = copy_from_table(loop.TableOp("nodes", BlobAttr.of(data), record), "b", 7)
    found, expected = np.zeros((2, 1, 1), np.float32)
    build(module).run_stage(np.zeros((1, 1), np.float32), found)
    run_stage(module, "stage", found, expected, (0, 1), (0, 1))
    assert found[0, 0] == expected[0, 0] == 7.25
    assert re.search(r"load float, ptr .*, align 1, !invariant.load", stages_text(module, "aarch64", "ir"))


def test_provable_alignments_are_used_and_loads_of_tables_are_invariant() -> None:
    record = RecordType.of(8, [("a", f32, 0), ("b", i16, 6)])
    data = np.zeros(3, np.dtype({"names": ["a", "b"], "offsets": [0, 6], "formats": ["<f4", "<i2"], "itemsize": 8}))
    text = stages_text(copy_from_table(loop.TableOp("t", BlobAttr.of(data), record), "a", 1), "aarch64", "ir")
    assert re.search(r"load float, ptr .*, align 8, !invariant.load", text)


def test_filling_a_section_that_is_not_there_is_an_error() -> None:
    module = copy_from_table(loop.TableOp("t", BlobAttr.of(np.zeros(4, np.float32)), f32), None, 0)
    built = compile_module(module, FACTS, TargetSpec())
    for section, size in ((".rodata.treec.9", 4), (".rodata.treec.0", 5)):
        with pytest.raises(CodegenError, match="did not keep section"):
            fill_tables(built.object_bytes, [TableSection(section, "t", np.zeros(size, np.float32))])
    with pytest.raises(CodegenError, match="ELF64"):
        section_offsets(bytes(100))


def multiply_add() -> ModuleOp:
    func = loop.FuncOp("stage", f32, f32, axis=0, grain=1)
    rows, out, *_ = func.body.block.args
    zero, one = loop.ConstantOp(0, i64), loop.ConstantOp(1, i64)
    x, y = (loop.LoadOp(rows, [zero.result, column.result]) for column in (zero, one))
    product = loop.BinaryOp(BinaryKind.MUL, x.result, y.result)
    total = loop.BinaryOp(BinaryKind.ADD, product.result, y.result)
    store = loop.StoreOp(total.result, out, [zero.result, zero.result])
    func.body.block.add_ops([zero, one, x, y, product, total, store, loop.ReturnOp()])
    return ModuleOp([func, loop.KernelOp(0, 0, ["stage"])])


@pytest.mark.parametrize(
    "level", [pytest.param(n, marks=NEEDS_X86 if lv.machine == "x86_64" else ()) for n, lv in LEVELS.items()]
)
def test_a_product_and_a_sum_are_rounded_apart_at_every_level(level) -> None:
    text = stages_text(multiply_add(), level, "assembly")
    assert "mul" in text
    assert not re.search(r"fn?madd|fmla|fnmsub", text)


def test_a_product_and_a_sum_give_the_rounded_result(build) -> None:
    pairs = np.random.default_rng(0).random((1000, 2)).astype(np.float32)
    apart = pairs[:, 0] * pairs[:, 1] + pairs[:, 1]
    wide = pairs.astype(np.float64)
    fused = (wide[:, 0] * wide[:, 1] + wide[:, 1]).astype(np.float32)
    differs = int(np.flatnonzero(apart != fused)[0])
    out = np.zeros((1, 1), np.float32)
    build(multiply_add()).run_stage(pairs[differs : differs + 1], out)
    assert out[0, 0] == apart[differs] != fused[differs]


def test_native_is_the_highest_level_of_the_host_tuned_for_it() -> None:
    native = TargetSpec().resolve()
    assert native.level is host_level()
    assert native.tune_cpu != "generic"
    named = TargetSpec(native.level.name).resolve()
    assert (named.level, named.tune_cpu) == (native.level, "generic")
    # The check of a level is enough only if no code uses more than the level.
    assert f'"target-cpu"="{native.level.llvm_cpu}"' in native.function_attributes
    more = [f"+{feature.llvm}" for feature in native.level.more]
    features = [attribute for attribute in native.function_attributes if "target-features" in attribute]
    assert features == ([f'"target-features"="{",".join(more)}"'] if more else [])


@NEEDS_X86
@pytest.mark.parametrize(("bits", "register"), [(None, "zmm"), (512, "zmm"), (256, "ymm"), (128, "xmm")])
def test_the_preferred_vector_width_decides_what_registers_are_used(bits, register) -> None:
    func = loop.FuncOp("stage", f32, f32, axis=0, grain=1)
    zero, one, count = (loop.ConstantOp(n, i64) for n in (0, 1, 4096))
    data = loop.AllocOp([4096], f32)
    body = loop.ForOp(zero.result, count.result, one.result)
    index = body.body.block.args[0]
    load = loop.LoadOp(data.result, [index])
    total = loop.BinaryOp(BinaryKind.ADD, load.result, load.result)
    body.body.block.add_ops([load, total, loop.StoreOp(total.result, data.result, [index]), loop.YieldOp()])
    func.body.block.add_ops([zero, one, count, data, body, loop.ReturnOp()])
    built = compile_module(ModuleOp([func, loop.KernelOp(0, 0, ["stage"])]), FACTS, TargetSpec("x86-64-v4", bits))
    stage = built.assembly().split("cpu_check:")[0]
    assert f"%{register}" in stage
    assert not any(f"%{wider}" in stage for wider in ("xmm", "ymm", "zmm")[("xmm", "ymm", "zmm").index(register) + 1 :])


def test_aarch64_is_compiled_from_any_host() -> None:
    built = compile_module(multiply_add(), FACTS, TargetSpec("aarch64"))
    assert int.from_bytes(built.object_bytes[18:20], "little") == 183
    assert built.level == "aarch64"


@NEEDS_X86
def test_entry_points_use_nothing_but_the_baseline() -> None:
    text = compile_module(multiply_add(), FACTS, TargetSpec("x86-64-v4")).assembly()
    entry = text[text.index("cpu_check:") :]
    assert "vmulss" in text[: text.index("cpu_check:")]
    assert not re.search(r"^\s+v[a-z]+|[yz]mm|\b(andn|bzhi|shlx|pext|blsr)l?q?\b", entry, re.MULTILINE)


def test_x86_64_is_not_built_on_another_machine(monkeypatch) -> None:
    other = os.uname_result(("Linux", "host", "6", "1", "aarch64"))
    monkeypatch.setattr(os, "uname", lambda: other)
    with pytest.raises(ToolchainError, match="level x86-64-v3 can be built on x86-64 only"):
        compile_module(multiply_add(), FACTS, TargetSpec("x86-64-v3"))


def test_bad_levels_are_usage_errors() -> None:
    with pytest.raises(UsageError, match="there is no CPU level 'sse9'"):
        TargetSpec("sse9").resolve()
    with pytest.raises(UsageError, match="vectors of 100 bits"):
        TargetSpec("aarch64", 100).resolve()


def test_a_select_stays_one(parse_loop) -> None:
    module = parse_loop("""
loop.func @stage axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>,
                                 %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %zero = loop.constant 0 : i64 -> i64
  %one = loop.constant 1 : i64 -> i64
  %two = loop.constant 2 : i64 -> i64
  %half = loop.constant 0.5 : f32 -> f32
  %w = loop.alloc [1000] : !loop.buffer<i64, 1, workspace>
  %last = loop.repeat carry(%i = %zero) : (i64) {
    %x = loop.load %rows[%zero, %i] : !loop.buffer<f32, 2, global> -> f32
    %c = loop.compare olt %x, %half : f32 -> i1
    %a = loop.binary mul %i, %two : i64
    %b = loop.load %w[%i] : !loop.buffer<i64, 1, workspace> -> i64
    %n = loop.select %c, %a, %b : i1, i64
    %more = loop.compare ne %n, %zero : i64 -> i1
    loop.repeat_while %more %n : i64
  }
  %f = loop.cast sitofp %last : i64 -> f32
  loop.store %f, %out[%zero, %zero] : f32, !loop.buffer<f32, 2, global>
  loop.return
}
""")
    assert "!unpredictable" in stages_text(module, "x86-64-v3", "ir")
    assert "cmov" in stages_text(module, "x86-64-v3", "assembly")


def test_c_library_functions_are_called_and_never_folded() -> None:
    func = loop.FuncOp("stage", f32, f32, axis=0, grain=1)
    zero, one = loop.ConstantOp(0, i64), loop.ConstantOp(1.0, f32)
    result = loop.MathOp(MathKind.EXP, one.result)
    store = loop.StoreOp(result.result, func.body.block.args[1], [zero.result, zero.result])
    func.body.block.add_ops([zero, one, result, store, loop.ReturnOp()])
    assert "expf@PLT" in stages_text(ModuleOp([func]), "x86-64", "assembly")


@pytest.mark.parametrize("kind", [LoopKind.VECTOR, LoopKind.GRID, LoopKind.BLOCK])
def test_loops_that_a_cpu_has_not_are_refused_by_name(kind) -> None:
    zero = loop.ConstantOp(0, i64)
    body = loop.ForOp(zero.result, zero.result, zero.result, kind=kind)
    body.body.block.add_op(loop.YieldOp())
    with pytest.raises(CodegenError, match=f"loop of kind {kind.value}") as caught:
        stages_text(ModuleOp([stage_with(zero, body)]), "aarch64", "ir")
    assert caught.value.place == "stage @stage"


def test_other_things_without_cpu_code_are_refused_by_name() -> None:
    def refuse(match: str, *ops) -> None:
        with pytest.raises(CodegenError, match=match):
            stages_text(ModuleOp([stage_with(*ops)]), "aarch64", "ir")

    memory = loop.AllocOp([4], f32)
    truth = loop.ConstantOp(1, i1)
    refuse("no shared memory", loop.AllocOp([4], f32, Scope.SHARED))
    refuse("test.op has no emission", test.TestOp())
    refuse("there is no table @t", loop.GetTableOp("t", BufferType.of(f32, 1, Scope.CONSTANT)))
    chosen = loop.SelectOp(truth.result, memory.result, memory.result)
    refuse("can't be used as a value", truth, memory, chosen)
    with pytest.raises(CodegenError, match=r"test.op has no place in a module"):
        stages_text(ModuleOp([test.TestOp()]), "aarch64", "ir")
    func = loop.FuncOp("stage", f32, f32, axis=0, grain=1)
    value = loop.ConstantOp(0.0, f32)
    zero = loop.ConstantOp(0, i64)
    store = loop.StoreOp(value.result, func.body.block.args[0], [zero.result, zero.result])
    func.body.block.add_ops([zero, value, store, loop.ReturnOp()])
    with pytest.raises(CodegenError, match="does not write its rows"):
        stages_text(ModuleOp([func]), "aarch64", "ir")


def test_invalid_ir_is_an_error_of_the_compiler() -> None:
    with pytest.raises(CodegenError, match="the loop IR is not valid"):
        compile_module(ModuleOp([loop.KernelOp(0, 0, ["absent"])]), FACTS, TargetSpec("aarch64"))
    zero = loop.ConstantOp(0, i32)
    wider = loop.CastOp(CastKind.TRUNC, zero.result, i64)
    with pytest.raises(CodegenError, match="LLVM refuses the emitted IR"):
        stages_text(ModuleOp([stage_with(zero, wider)]), "aarch64", "assembly")


@pytest.mark.parametrize(
    ("show", "has"), [("ir", "define i32 @"), ("optimized", "local_unnamed_addr"), ("assembly", ".globl")]
)
def test_the_xdsl_target_prints_what_it_is_asked_for(show, has) -> None:
    output = io.StringIO()
    TreecLLVMTarget(level="aarch64", show=show).emit(Context(), multiply_add(), output)
    assert has in output.getvalue()
    assert "stage.stage" in output.getvalue()


def test_dumps_can_be_asked_for_later() -> None:
    built = compile_module(multiply_add(), FACTS, TargetSpec("aarch64"))
    assert 'define internal i32 @"stage.stage"' in built.ir_text
    assert "treec_predict" in built.optimized_ir()
    assert "treec_predict:" in built.assembly()
    assert set(built.seconds) == {"emit", "optimise", "object"}
