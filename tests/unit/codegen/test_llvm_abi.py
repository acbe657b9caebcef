"""What an artifact exports, read and called through ctypes as a C program would."""

# pyright: basic

from __future__ import annotations

import ctypes
import gc
import os
import threading

import numpy as np
import pytest

from treec.codegen.abi import (
    ABI_VERSION,
    CALL_WORDS,
    MAGIC,
    ArtifactStruct,
    Axis,
    DType,
    KernelStruct,
    StageStruct,
    Status,
    Task,
)
from treec.codegen.cpu_levels import LEVELS, CpuFeature, CpuLevel
from treec.codegen.llvm.compile import ArtifactFacts, TargetSpec, compile_module
from treec.codegen.llvm.jit import load_object
from treec.codegen.llvm.target import host_level
from treec.errors import ArtifactError, CodegenError

ARGUMENTS = "%rb : i64, %re : i64, %tb : i64, %te : i64"


def stage(name: str, body: str, *, rows: str = "f32", out: str = "f32", groups: int = 0, grain: int = 1) -> str:
    """A stage over rows; the body has %r, %zero, %one, %rows and %out."""
    axis, more = (f"1 grain {grain} groups {groups}", ", %gb : i64, %ge : i64") if groups else (f"0 grain {grain}", "")
    return f"""
loop.func @{name} axis {axis} (%rows : !loop.buffer<{rows}, 2, global>,
                               %out : !loop.buffer<{out}, 2, global>, {ARGUMENTS}{more}) {{
  %one = loop.constant 1 : i64 -> i64
  %zero = loop.constant 0 : i64 -> i64
  loop.for parallel "row" %r = %rb to %re step %one {{
    {body}
    loop.yield
  }}
  loop.return
}}
"""


def kernel(*stages: str, task: int = 0, dtype: int = 0, rows_max: int = 1 << 40) -> str:
    names = ", ".join(f"@{name}" for name in stages)
    return f"loop.kernel [{names}] {{task = {task} : i32, row_dtype = {dtype} : i32, rows_max = {rows_max} : i64}}\n"


def add_to_out(number: float) -> str:
    return f"""
    %x = loop.load %rows[%r, %zero] : !loop.buffer<f32, 2, global> -> f32
    %c = loop.constant {number} : f32 -> f32
    %s = loop.binary add %x, %c : f32
    loop.store %s, %out[%r, %zero] : f32, !loop.buffer<f32, 2, global>"""


DOUBLE_OUT = """
    %x = loop.load %out[%r, %zero] : !loop.buffer<f32, 2, global> -> f32
    %s = loop.binary add %x, %x : f32
    loop.store %s, %out[%r, %zero] : f32, !loop.buffer<f32, 2, global>"""

THROUGH_WORKSPACE = """
    %w = loop.alloc [3] : !loop.buffer<f32, 1, workspace>
    %v = loop.alloc [20] : !loop.buffer<f64, 1, workspace>
    %x = loop.load %rows[%r, %zero] : !loop.buffer<f32, 2, global> -> f32
    %d = loop.cast fpext %x : f32 -> f64
    loop.store %x, %w[%one] : f32, !loop.buffer<f32, 1, workspace>
    loop.store %d, %v[%one] : f64, !loop.buffer<f64, 1, workspace>
    %y = loop.load %w[%one] : !loop.buffer<f32, 1, workspace> -> f32
    loop.store %y, %out[%r, %zero] : f32, !loop.buffer<f32, 2, global>"""

LEAF = """
    %c = loop.constant 42 : i32 -> i32
    loop.store %c, %out[%r, %zero] : i32, !loop.buffer<i32, 2, global>"""

WHOLE = (
    stage("small", add_to_out(1), grain=8)
    + stage("large", add_to_out(10))
    + stage("double", DOUBLE_OUT)
    + stage("scratch", THROUGH_WORKSPACE)
    + stage("leaf", LEAF, out="i32", groups=5)
    + kernel("small", rows_max=4)
    + kernel("large", "double", "double")
    + kernel("scratch", task=1)
    + kernel("leaf", task=2)
)


@pytest.fixture(scope="module")
def artifact(build):
    return build(WHOLE, n_features=3, n_trees=7, n_columns=2, card_capacity=4096)


def predict(
    artifact, rows, out, *, task: int = Task.RAW, dtype=DType.F32, trees=(0, 7), workspace: int | None = -1, n_rows=None
) -> int:
    strides = [s // rows.itemsize for s in rows.strides], [s // out.itemsize for s in out.strides]
    space = np.zeros(artifact.struct.workspace_bytes + 64, np.uint8)
    aligned = -(-space.ctypes.data // 64) * 64 if workspace == -1 else workspace
    n_rows = len(rows) if n_rows is None else n_rows
    return artifact.predict(
        task, dtype, rows.ctypes.data, *strides[0], n_rows, out.ctypes.data, *strides[1], *trees, aligned
    )


def test_the_structs_say_what_the_module_and_the_facts_say(artifact) -> None:
    struct = artifact.struct
    assert (struct.magic, struct.abi_version) == (MAGIC, ABI_VERSION)
    assert (struct.n_features, struct.n_trees, struct.n_columns, struct.out_dtype) == (3, 7, 2, DType.F32)
    assert struct.n_kernels == 4
    kernels = [struct.kernels[i] for i in range(4)]
    assert [(k.task, k.row_dtype, k.rows_max, k.n_stages) for k in kernels] == [
        (Task.RAW, DType.F32, 4, 1),
        (Task.RAW, DType.F32, 1 << 40, 3),
        (Task.RESPONSE, DType.F32, 1 << 40, 1),
        (Task.LEAF, DType.F32, 1 << 40, 1),
    ]
    small, scratch, leaf = (artifact.stage(k) for k in (0, 2, 3))
    assert (small.axis, small.grain, small.reserved, small.workspace_bytes) == (Axis.ROW, 8, 0, 0)
    assert (leaf.axis, leaf.n_groups, small.n_groups) == (Axis.GROUP, 5, 0)
    assert [(k.run_rows, k.scratch_row_bytes) for k in kernels] == [((1 << 63) - 1, 0)] * 4
    assert [k.row_cost for k in kernels] == [0] * 4
    # Two allocations, each rounded up to 64 bytes: 12 and 160.
    assert scratch.workspace_bytes == struct.workspace_bytes == 64 + 192


def test_wait_returns_once_a_word_is_another(artifact) -> None:
    wait = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)(
        artifact.struct.wait
    )
    word = ctypes.c_int64(7)
    at = ctypes.addressof(word)
    assert [wait(at, 7, pauses, 5) for pauses in (-1, 0, 1, 1000)] == [0] * 4
    assert [wait(at, 6, pauses, more) for pauses in (0, 1000) for more in (-1, 0, 50)] == [1] * 6
    timer = threading.Timer(0.02, lambda: setattr(word, "value", 8))
    timer.start()
    assert wait(at, 7, 1 << 40, 0) == 1
    timer.join()


def test_call_hands_all_words_to_the_stage(artifact) -> None:
    call = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_char_p)(artifact.struct.call)
    rows, out = np.arange(8, dtype=np.float32).reshape(4, 2), np.zeros((4, 3), np.float32)
    arrays = rows.ctypes.data, 2, 1, out.ctypes.data, 3, 1
    words = artifact.stage(0).run, *arrays, 1, 3, 0, 7, 0, 0, 0, 0, 4
    assert len(words) == CALL_WORDS
    assert call(np.array(words, np.int64).tobytes()) == Status.OK
    assert out[:, 0].tolist() == [0, 3, 5, 0]


def test_the_structs_are_laid_out_as_ctypes_has_them() -> None:
    from llvmlite import binding

    from treec.codegen.llvm.structs import ARTIFACT, KERNEL, STAGE

    data = binding.create_target_data(TargetSpec("x86-64").resolve().data_layout)
    context = binding.create_context()
    for type_, struct in ((STAGE, StageStruct), (KERNEL, KernelStruct), (ARTIFACT, ArtifactStruct)):
        module = binding.parse_assembly(f"@x = external global {type_}", context)
        llvm_type = module.get_global_variable("x").global_value_type
        assert data.get_abi_size(llvm_type) == ctypes.sizeof(struct)
        for position, (name, *_) in enumerate(struct._fields_):
            assert data.get_element_offset(llvm_type, position) == getattr(struct, name).offset


def test_predict_takes_the_first_kernel_that_serves_the_rows_and_runs_all_its_stages(artifact) -> None:
    for n_rows, expected in ((1, 6), (4, 6), (5, 60)):
        out = np.zeros((n_rows, 1), np.float32)
        assert predict(artifact, np.full((n_rows, 1), 5, np.float32), out) == Status.OK
        assert (out == expected).all()


def test_predict_writes_leaf_ids_as_int32(artifact) -> None:
    out = np.zeros((3, 1), np.int32)
    assert predict(artifact, np.zeros((3, 1), np.float32), out, task=Task.LEAF) == Status.OK
    assert (out == 42).all()


def test_predict_refuses_what_no_kernel_does(artifact) -> None:
    rows, out = np.zeros((1, 1), np.float32), np.full((1, 1), 9, np.float32)
    assert predict(artifact, rows, out, dtype=DType.F64) == Status.NO_KERNEL
    assert predict(artifact, rows, out, task=3) == Status.NO_KERNEL
    assert predict(artifact, rows, out, task=-1) == Status.NO_KERNEL
    assert out[0, 0] == 9


@pytest.mark.parametrize("trees", [(-1, 7), (0, 8), (5, 4), (8, 8)])
def test_predict_refuses_a_tree_range_outside_of_the_model(artifact, trees) -> None:
    assert predict(artifact, np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32), trees=trees) == Status.BAD_ARGUMENT


def test_predict_refuses_bad_pointers_and_sizes(artifact) -> None:
    rows, out = np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32)
    assert predict(artifact, rows, out, n_rows=-1) == Status.BAD_ARGUMENT
    assert predict(artifact, rows, out, workspace=None) == Status.BAD_ARGUMENT
    assert predict(artifact, rows, out, workspace=0x1004) == Status.BAD_ARGUMENT
    address = rows.ctypes.data
    space = np.zeros(512, np.uint8)
    aligned = -(-space.ctypes.data // 64) * 64
    assert artifact.predict(0, 0, None, 1, 1, 1, address, 1, 1, 0, 7, aligned) == Status.BAD_ARGUMENT
    assert artifact.predict(0, 0, address, 1, 1, 1, None, 1, 1, 0, 7, aligned) == Status.BAD_ARGUMENT
    assert artifact.predict(0, 0, None, 1, 1, 0, None, 1, 1, 0, 7, aligned) == Status.OK


def test_predict_needs_no_workspace_where_no_stage_has_one(build) -> None:
    artifact = build(stage("s", add_to_out(1)) + kernel("s"), n_trees=7)
    out = np.zeros((1, 1), np.float32)
    assert artifact.struct.workspace_bytes == 0
    assert predict(artifact, np.zeros((1, 1), np.float32), out, workspace=None) == Status.OK
    assert out[0, 0] == 1


COPY_THREE = """
    %three = loop.constant 3 : i64 -> i64
    loop.for serial %c = %zero to %three step %one {
      %x = loop.load %rows[%r, %c] : !loop.buffer<f32, 2, global> -> f32
      loop.store %x, %out[%r, %c] : f32, !loop.buffer<f32, 2, global>
      loop.yield
    }"""


@pytest.mark.parametrize("view", ["C", "F", "every second", "backwards", "columns backwards", "one row", "one column"])
@pytest.mark.parametrize("out_order", ["C", "F", "backwards"])
def test_rows_and_outputs_may_have_any_strides(build, view, out_order) -> None:
    base = np.random.default_rng(0).random((40, 6), np.float32)
    rows = {
        "C": base[:9, :3].copy(),
        "F": np.asfortranarray(base[:9, :3]),
        "every second": base[:18:2, ::2],
        "backwards": base[8::-1, :3],
        "columns backwards": base[:9, 2::-1],
        "one row": np.broadcast_to(base[:1, :3], (9, 3)),
        "one column": np.broadcast_to(base[:9, :1], (9, 3)),
    }[view]
    out = np.zeros((9, 3), np.float32, order="F" if out_order == "F" else "C")
    if out_order == "backwards":
        out = out[::-1, ::-1]
    artifact = build(stage("s", COPY_THREE) + kernel("s"))
    assert artifact.run_stage(rows, out, row_range=(1, 8)) == 0
    np.testing.assert_array_equal(out[1:8], rows[1:8])
    assert not out[0].any()
    assert not out[8].any()


def test_rows_may_be_unaligned(build) -> None:
    memory = np.zeros(4 * 27 + 1, np.uint8)
    rows = memory[1:].view(np.float32).reshape(9, 3)
    rows[:] = np.random.default_rng(0).random((9, 3))
    out = np.zeros((9, 3), np.float32)
    build(stage("s", COPY_THREE) + kernel("s")).run_stage(rows, out)
    np.testing.assert_array_equal(out, rows)


def test_the_workspace_is_used_within_its_bytes_and_allocations_are_apart(build) -> None:
    artifact = build(stage("s", THROUGH_WORKSPACE) + kernel("s"))
    size = artifact.stage().workspace_bytes
    space = np.full(size + 192, 0xA5, np.uint8)
    start = -space.ctypes.data % 64 + 64
    out = np.zeros((1, 1), np.float32)
    artifact.run_stage(np.full((1, 1), 1.5, np.float32), out, workspace=space.ctypes.data + start)
    assert out[0, 0] == 1.5
    assert (space[:start] == 0xA5).all()
    assert (space[start + size :] == 0xA5).all()
    assert (space[start + 64 : start + 72] == 0xA5).all()


def test_the_card_is_as_large_as_asked_and_empty(artifact) -> None:
    struct = artifact.struct
    assert struct.card_capacity == 4096
    assert ctypes.string_at(struct.card, 4096) == bytes(4096)


def status_of_check(artifact) -> int:
    return ctypes.CFUNCTYPE(ctypes.c_int32)(artifact.struct.cpu_check)()


HOST = os.uname().machine
HOST_LEVELS = [
    n for n, level in LEVELS.items() if level.machine == HOST and set(level.features) <= set(host_level().features)
]


@pytest.mark.parametrize("level", HOST_LEVELS)
def test_this_cpu_passes_the_check_of_its_levels(build, level) -> None:
    assert status_of_check(build(stage("s", add_to_out(1)) + kernel("s"), level=level)) == Status.OK


@pytest.mark.skipif(HOST != "x86_64", reason="CPUID")
@pytest.mark.parametrize(
    "missing", [(1, 0, "edx", 10), (7, 0, "ecx", 15), (0x80000001, 0, "edx", 10), (0x10000000, 0, "eax", 0)]
)
def test_a_cpu_without_a_feature_is_refused_politely(build, monkeypatch, missing) -> None:
    feature = CpuFeature("none", "none", missing)  # reserved bits, and a leaf that no CPU has
    level = CpuLevel("imaginary", "x86_64", "x86-64", (*LEVELS["x86-64"].features, feature))
    monkeypatch.setitem(LEVELS, "imaginary", level)
    artifact = build(stage("s", add_to_out(1)) + kernel("s"), level="imaginary", n_trees=7)
    out = np.zeros((1, 1), np.float32)
    assert status_of_check(artifact) == Status.WRONG_CPU
    assert predict(artifact, np.zeros((1, 1), np.float32), out) == Status.WRONG_CPU
    assert out[0, 0] == 0


@pytest.mark.skipif(HOST != "x86_64", reason="XGETBV")
def test_an_operating_system_that_does_not_save_a_state_is_refused(build, monkeypatch) -> None:
    level = CpuLevel("imaginary", "x86_64", "x86-64", LEVELS["x86-64"].features, xcr0=1 << 30)
    monkeypatch.setitem(LEVELS, "imaginary", level)
    assert status_of_check(build(stage("s", add_to_out(1)) + kernel("s"), level="imaginary")) == Status.WRONG_CPU


def test_an_object_of_another_machine_is_not_loaded(parse_loop) -> None:
    other = "aarch64" if HOST == "x86_64" else "x86-64"
    module = parse_loop(stage("s", add_to_out(1)) + kernel("s"))
    if other == "x86-64":
        pytest.skip("x86-64 is built on x86-64 only")
    built = compile_module(module, ArtifactFacts(1, 1, 1, DType.F32, 64), TargetSpec(other))
    with pytest.raises(ArtifactError, match="code for aarch64 can't run on x86_64"):
        load_object(built.object_bytes)


def test_a_kernel_whose_stages_have_other_types_is_refused(build) -> None:
    with pytest.raises(CodegenError, match=r"stage @s takes rows of f64 and writes f32; its kernel takes f32"):
        build(stage("s", "", rows="f64") + kernel("s"))
    with pytest.raises(CodegenError, match=r"writes f32; its kernel takes f32 and writes i32"):
        build(stage("s", "") + kernel("s", task=2))
    with pytest.raises(CodegenError, match=r"without a loop.kernel"):
        build(stage("s", ""))


def test_objects_are_compiled_and_loaded_by_threads_at_once(build) -> None:
    results: dict[int, float] = {}

    def work(number: int) -> None:
        artifact = build(stage("s", add_to_out(number)) + kernel("s"))
        out = np.zeros((1, 1), np.float32)
        artifact.run_stage(np.zeros((1, 1), np.float32), out)
        results[number] = float(out[0, 0])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: float(number) for number in range(6)}


def test_loaded_code_is_freed_with_its_owner(parse_loop) -> None:
    text = stage("s", add_to_out(1)) + kernel("s")
    built = compile_module(parse_loop(text), ArtifactFacts(1, 1, 1, DType.F32, 1 << 24), TargetSpec())

    def mapped() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")

    load_object(built.object_bytes)
    gc.collect()
    before = mapped()
    for _ in range(8):
        load_object(built.object_bytes)
        gc.collect()
    assert mapped() - before < 4 << 24
