"""The loop interpreter: strict about memory and arithmetic, exact about rounding."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.parser import Parser

from treec.codegen.abi import DType, Task
from treec.errors import InputError, UsageError
from treec.treeir.blob import BlobAttr
from treec.treeir.interp.loop import run_kernel, run_stage
from treec.treeir.loop import Loop


def parse(text: str) -> ModuleOp:
    context = Context()
    context.load_dialect(Builtin)
    context.load_dialect(Loop)
    context.load_attr_or_type(BlobAttr)
    module = Parser(context, text).parse_module()
    module.verify()
    return module


def stage(body: str, *, name: str = "stage", element: str = "f32", tables: str = "") -> str:
    return f"""{tables}
loop.func @{name} axis 0 grain 1 (%rows : !loop.buffer<{element}, 2, global>, %out : !loop.buffer<{element}, 2, global>,
                                  %rb : i64, %re : i64, %tb : i64, %te : i64) {{
  %zero = loop.constant 0 : i64 -> i64
  %one = loop.constant 1 : i64 -> i64
  %three = loop.constant 3 : i64 -> i64
  {body}
  loop.return
}}
"""


def run(body: str, rows: object = ((1.0, 2.0),), *, tables: str = "", element: str = "f32") -> float:
    """out[0, 0] after a stage that starts with 0 there."""
    dtype = np.float32 if element == "f32" else np.float64
    out = np.zeros((1, 1), dtype)
    run_stage(parse(stage(body, element=element, tables=tables)), "stage", np.array(rows, dtype), out, (0, 1), (0, 1))
    return float(out[0, 0])


STORE = "loop.store %x, %out[%zero, %zero] : f32, !loop.buffer<f32, 2, global>"
TABLE = 'loop.table @t <"<f4", [3], "0x0000803f0000004000004040"> : <f32, 1, constant>\n'
GET = "%t = loop.get_table @t : !loop.buffer<f32, 1, constant>\n"


@pytest.mark.parametrize(
    "body",
    [
        "%x = loop.load %rows[%zero, %three] : !loop.buffer<f32, 2, global> -> f32",
        "%x = loop.load %rows[%one, %zero] : !loop.buffer<f32, 2, global> -> f32",
        "%x = loop.load %rows[%zero, %one] : !loop.buffer<f32, 2, global> -> vector<2xf32>",
        "%m = loop.constant -1 : i64 -> i64\n%x = loop.load %rows[%zero, %m] : !loop.buffer<f32, 2, global> -> f32",
        "%c = loop.constant 1.0 : f32 -> f32\nloop.store %c, %out[%one, %zero] : f32, !loop.buffer<f32, 2, global>",
        "%c = loop.constant 1.0 : f32 -> vector<2xf32>\n"
        "loop.store %c, %out[%zero, %zero] : vector<2xf32>, !loop.buffer<f32, 2, global>",
    ],
)
def test_an_access_out_of_bounds_raises(body: str) -> None:
    with pytest.raises(IndexError):
        run(body)


def test_a_scalar_load_past_a_table_raises_and_a_vector_load_reads_its_padding() -> None:
    body = GET + "%x = loop.load %t[%three] : !loop.buffer<f32, 1, constant> -> f32"
    with pytest.raises(IndexError):
        run(body, tables=TABLE)
    words = (
        "%m = loop.compare oeq %v, %z : vector<16xf32> -> vector<16xi1>\n%b = loop.cast bitcast %m : vector<16xi1> -> i16\n"
    )
    body = (
        GET
        + "%z = loop.constant 0.0 : f32 -> vector<16xf32>\n"
        + "%v = loop.load %t[%one] : !loop.buffer<f32, 1, constant> -> vector<16xf32>\n"
        + words
        + "%w = loop.cast zext %b : i16 -> i32\n%x = loop.cast sitofp %w : i32 -> f32\n"
        + STORE
    )
    assert run(body, tables=TABLE) == 0xFFFC
    with pytest.raises(IndexError):
        run(body.replace("16x", "32x").replace("i16", "i32").replace("zext %b : i32", "bitcast %b : i32"), tables=TABLE)


@pytest.mark.parametrize("scope", ["workspace", "local"])
def test_scratch_memory_has_no_value_until_it_is_written(scope: str) -> None:
    type_ = f"!loop.buffer<f32, 2, {scope}>"
    body = f"%w = loop.alloc [2, 4] : {type_}\n%x = loop.load %w[%one, %three] : {type_} -> f32\n" + STORE
    with pytest.raises(RuntimeError, match="read before it is written"):
        run(body)
    written = f"%c = loop.constant 5.0 : f32 -> f32\nloop.store %c, %w[%one, %three] : f32, {type_}\n%x"
    assert run(body.replace("%x", written, 1)) == 5


@pytest.mark.parametrize(
    ("op", "message"),
    [("div %one, %zero", "division by zero"), ("rem %one, %zero", "division by zero"), ("shl %one, %c", "shift")],
)
def test_arithmetic_without_a_defined_result_raises(op: str, message: str) -> None:
    with pytest.raises(ArithmeticError, match=message):
        run(f"%c = loop.constant 64 : i64 -> i64\n%y = loop.binary {op} : i64")


def test_a_loop_with_a_step_of_zero_raises() -> None:
    with pytest.raises(ArithmeticError, match="step"):
        run("loop.for serial %i = %zero to %three step %zero {\n loop.yield\n}")


def test_a_loop_that_starts_at_its_end_gives_its_initial_values() -> None:
    body = """
  %c = loop.constant 2.0 : f32 -> f32
  %d = loop.constant 3.0 : f32 -> f32
  %x = loop.for serial %i = %three to %three step %one carry(%a = %c) : (f32) {
    loop.yield %d : f32
  }
"""
    assert run(body + STORE) == 2
    assert run(body.replace("%three to", "%one to") + STORE) == 3


def test_a_repeat_runs_at_least_once_and_gives_the_last_values() -> None:
    body = """
  %n = loop.repeat carry(%i = %one) : (i64) {
    %d = loop.binary add %i, %i : i64
    %c = loop.compare slt %d, %three : i64 -> i1
    loop.repeat_while %c %d : i64
  }
  %x = loop.cast sitofp %n : i64 -> f32
"""
    assert run(body + STORE) == 4


def test_sums_are_rounded_in_their_own_dtype() -> None:
    body = """
  %a = loop.load %rows[%zero, %zero] : !loop.buffer<f32, 2, global> -> f32
  %b = loop.load %rows[%zero, %one] : !loop.buffer<f32, 2, global> -> f32
  %x = loop.binary add %a, %b : f32
"""
    assert run(body + STORE, [[16777216.0, 1.0]]) == 16777216.0
    assert run((body + STORE).replace("f32", "f64"), [[16777216.0, 1.0]], element="f64") == 16777217.0


def test_exp_is_the_c_librarys_to_the_last_bit() -> None:
    library = ctypes.CDLL("libm.so.6")
    library.expf.argtypes, library.expf.restype = (ctypes.c_float,), ctypes.c_float
    body = "%a = loop.load %rows[%zero, %zero] : !loop.buffer<f32, 2, global> -> f32\n%x = loop.math exp %a : f32\n" + STORE
    values = np.random.default_rng(0).normal(0, 20, 60).astype(np.float32)
    differs_from_numpy = 0
    for value in values:
        found = run(body, [[value]])
        assert found == library.expf(float(value))
        differs_from_numpy += found != float(np.exp(value))
    assert differs_from_numpy


@pytest.mark.parametrize(
    ("value", "expected"),
    [(np.nan, 0), (np.inf, 2**31 - 1), (-np.inf, -(2**31)), (2.0**31, 2**31 - 1), (-2.9, -2), (2.9, 2), (-0.0, 0)],
)
def test_fptosi_truncates_and_saturates(value: float, expected: int) -> None:
    body = """
  %a = loop.load %rows[%zero, %zero] : !loop.buffer<f64, 2, global> -> f64
  %i = loop.cast fptosi %a : f64 -> i32
  %x = loop.cast sitofp %i : i32 -> f64
"""
    assert run(body + STORE.replace("f32", "f64"), [[value]], element="f64") == expected


def test_rows_and_outputs_with_any_strides_are_used_in_place() -> None:
    body = """
  loop.for serial %r = %rb to %re step %one {
    %x = loop.load %rows[%r, %one] : !loop.buffer<f32, 2, global> -> f32
    loop.store %x, %out[%r, %zero] : f32, !loop.buffer<f32, 2, global>
    loop.yield
  }
"""
    rows = np.arange(40, dtype=np.float32).reshape(4, 10)[::-1, ::3]
    out = np.zeros((4, 4), np.float32)[:, ::2]
    run_stage(parse(stage(body)), "stage", rows, out, (1, 3), (0, 1))
    np.testing.assert_array_equal(out[:, 0], [0, rows[1, 1], rows[2, 1], 0])


KERNELS = """
loop.kernel [@first] {task = 0 : i32, row_dtype = 0 : i32, rows_max = 2 : i64}
loop.kernel [@first, @second] {task = 0 : i32, row_dtype = 0 : i32, rows_max = 100 : i64}
"""
FILL = """
  %c = loop.constant 5.0 : f32 -> f32
  loop.for serial %r = %rb to %re step %one {
    loop.store %c, %out[%r, %zero] : f32, !loop.buffer<f32, 2, global>
    loop.yield
  }
"""
DOUBLE = """
  loop.for serial %r = %rb to %re step %one {
    %x = loop.load %out[%r, %zero] : !loop.buffer<f32, 2, global> -> f32
    %y = loop.binary add %x, %x : f32
    loop.store %y, %out[%r, %zero] : f32, !loop.buffer<f32, 2, global>
    loop.yield
  }
"""


def test_run_kernel_takes_the_first_kernel_that_serves_the_rows() -> None:
    module = parse(stage(FILL, name="first") + stage(DOUBLE, name="second") + KERNELS)
    for n_rows, expected in ((1, 5), (2, 5), (3, 10)):
        rows = np.zeros((n_rows, 1), np.float32)
        out = run_kernel(module, Task.RAW, DType.F32, rows, (0, 1), 2)
        assert (out.shape, out.dtype) == ((n_rows, 2), np.float32)
        assert (out[:, 0] == expected).all()
        assert np.isnan(out[:, 1]).all()
    with pytest.raises(UsageError, match="no kernel does task 0 for 101 rows"):
        run_kernel(module, Task.RAW, DType.F32, np.zeros((101, 1), np.float32), (0, 1), 1)


def test_wrong_arguments_are_named() -> None:
    module = parse(stage(""))
    rows, out = np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32)
    with pytest.raises(UsageError, match="no stage @other"):
        run_stage(module, "other", rows, out, (0, 1), (0, 1))
    with pytest.raises(InputError, match="rows has 2 dimensions of float64"):
        run_stage(module, "stage", rows.astype(np.float64), out, (0, 1), (0, 1))
    with pytest.raises(InputError, match="out has 1 dimensions"):
        run_stage(module, "stage", rows, out[0], (0, 1), (0, 1))
    store = "%c = loop.constant 1.0 : f32 -> f32\nloop.store %c, %rows[%zero, %zero] : f32, !loop.buffer<f32, 2, global>"
    with pytest.raises(UsageError, match="can't be written"):
        run(store)


LANES = """
loop.func @stage axis 0 grain 1 threads 2, 2, 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>,
                                  %rb : i64, %re : i64, %tb : i64, %te : i64) {{
  %zero = loop.constant 0 : i64 -> i64
  %one = loop.constant 1 : i64 -> i64
  %two = loop.constant 2 : i64 -> i64
  %m = loop.alloc [2 : i64, 2 : i64] : !loop.buffer<f32, 2, lanes>
  loop.for block y %row = %zero to %two step %one extent 2 {{
    loop.for block x %lane = %zero to %two step %one extent 2 {{
      %x = loop.load %rows[%row, %lane] : !loop.buffer<f32, 2, global> -> f32
      loop.store %x, %m[{store}] : f32, !loop.buffer<f32, 2, lanes>
      loop.yield
    }}
    loop.yield
  }}
  loop.barrier lanes
  loop.for block y %row = %zero to %two step %one extent 2 {{
    loop.for block x %lane = %zero to %two step %one extent 2 {{
      %other = loop.binary xor %lane, %one : i64
      %not = loop.binary xor %row, %one : i64
      %x = {read} : !loop.buffer<f32, 2, lanes> -> f32
      loop.store %x, %out[%row, %lane] : f32, !loop.buffer<f32, 2, global>
      loop.yield
    }}
    loop.yield
  }}
  loop.return
}}
"""


def exchanged(read: str, store: str = "%lane, %row") -> list[list[float]]:
    rows, out = np.array([[1, 2], [3, 4]], np.float32), np.zeros((2, 2), np.float32)
    run_stage(parse(LANES.format(read=read, store=store)), "stage", rows, out, (0, 2), (0, 1))
    return out.tolist()


def test_lanes_of_a_row_read_one_another() -> None:
    assert exchanged("loop.read_lane %m[%other, %row]") == [[2, 1], [4, 3]]
    assert exchanged("loop.load %m[%lane, %row]") == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("read", "store"),
    [
        ("loop.load %m[%other, %row]", "%lane, %row"),
        ("loop.read_lane %m[%other, %not]", "%lane, %row"),
        ("loop.read_lane %m[%other, %row]", "%row, %row"),
    ],
)
def test_other_threads_memory_is_out_of_reach(read: str, store: str) -> None:
    with pytest.raises(RuntimeError, match="is another thread's"):
        exchanged(read, store)


def test_atomic_additions_all_count() -> None:
    body = """
  %m = loop.alloc [1 : i64] : !loop.buffer<f32, 1, shared>
  %start = loop.load %rows[%zero, %zero] : !loop.buffer<f32, 2, global> -> f32
  %more = loop.load %rows[%zero, %one] : !loop.buffer<f32, 2, global> -> f32
  loop.store %start, %m[%zero] : f32, !loop.buffer<f32, 1, shared>
  loop.for block x %i = %zero to %three step %one extent 3 {
    loop.atomic_add %more, %m[%zero] : f32, !loop.buffer<f32, 1, shared>
    loop.yield
  }
  %x = loop.load %m[%zero] : !loop.buffer<f32, 1, shared> -> f32
  """
    assert run(body + STORE) == 7.0
