"""Gathers and scatters as machine code, at every CPU level of this host, against numpy and the interpreter."""

# pyright: basic

from __future__ import annotations

import numpy as np
import pytest

from treec.codegen.abi import DType
from treec.codegen.cpu_levels import LEVELS
from treec.codegen.llvm.target import host_level
from treec.treeir.blob import BlobAttr
from treec.treeir.interp.loop import run_stage

HOST_LEVELS = [
    name
    for name, level in LEVELS.items()
    if level.machine == host_level().machine and set(level.features) <= set(host_level().features)
]
N = 37
RNG = np.random.default_rng(0)
ELEMENTS = {"i8": "<u1", "i16": "<u2", "i32": "<u4", "i64": "<u8", "f32": "<f4", "f64": "<f8"}
RECORD = np.dtype({"names": ["x", "y"], "formats": ["<f8", "<u2"], "offsets": [0, 9], "itemsize": 11})
WHOLE = np.dtype({"names": ["x", "y"], "formats": ["<f4", "<u2"], "offsets": [0, 6], "itemsize": 8})

STAGE = """
loop.table @t %DATA : <%ELEMENT, 1, constant>
loop.func @stage axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f64, 2, global>,
                                 %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %one = loop.constant 1 : i64 -> i64
  %zero = loop.constant 0 : i64 -> i64
  %lane = loop.lane_numbers : vector<%LANESxi32>
  %none = loop.constant 0 : i32 -> vector<%LANESxi32>
  %t = loop.get_table @t : !loop.buffer<%ELEMENT, 1, constant>
  loop.for serial %r = %rb to %re step %one {
    %f = loop.gather %rows[%r, %zero] plus [%none, %lane]
      : !loop.buffer<f32, 2, global>, vector<%LANESxi32>, vector<%LANESxi32> -> vector<%LANESxf32>
    %at = loop.cast fptosi %f : vector<%LANESxf32> -> vector<%LANESx%INDEX>
    %x = loop.gather %t[%one] plus [%at]%FIELD
      : !loop.buffer<%ELEMENT, 1, constant>, vector<%LANESx%INDEX> -> vector<%LANESx%TYPE>
    %CONVERT
    loop.scatter %y, %out[%r, %zero] plus [%none, %lane]
      : vector<%LANESxf64>, !loop.buffer<f64, 2, global>, vector<%LANESxi32>, vector<%LANESxi32>
    loop.yield
  }
  loop.return
}
loop.kernel [@stage] {task = 0 : i32, row_dtype = 0 : i32, rows_max = 100 : i64}
"""
CONVERT = {
    "f64": "%y = loop.cast bitcast %x : vector<{n}xf64> -> vector<{n}xf64>",
    "f32": "%y = loop.cast fpext %x : vector<{n}xf32> -> vector<{n}xf64>",
    "i64": "%y = loop.cast bitcast %x : vector<{n}xi64> -> vector<{n}xf64>",
}
WIDEN = """%w = loop.cast zext %x : vector<{n}x{t}> -> vector<{n}xi64>
    %y = loop.cast bitcast %w : vector<{n}xi64> -> vector<{n}xf64>"""


def stage_text(data: np.ndarray, element: str, lane: str, lanes: int, *, index: str = "i32", field: str = "") -> str:
    convert = CONVERT.get(lane, WIDEN).format(n=lanes, t=lane)
    text = STAGE.replace("%CONVERT", convert).replace("%DATA", blob_text(data)).replace("%ELEMENT", element)
    return text.replace("%LANES", str(lanes)).replace("%INDEX", index).replace("%TYPE", lane).replace("%FIELD", field)


def blob_text(data: np.ndarray) -> str:
    """A blob in full, however large it is."""
    head = str(BlobAttr.of(data[:0]))
    name = head[head.index("<") + 1 : head.rindex("[")]
    return f'<{name}[{len(data)}], "0x{data.tobytes().hex()}">'


def run_both(text: str, rows: np.ndarray, level: str, parse_loop, build) -> np.ndarray:
    """The output of machine code, which is the interpreter's too; it is written to every second row and third column."""
    module = parse_loop(text)
    expected = np.zeros(rows.shape)
    run_stage(module, "stage", rows, expected, (0, len(rows)), (0, 1))
    wide = np.zeros((2 * len(rows), 3 * rows.shape[1]))
    found = wide[::2, ::3]
    artifact = build(module, level=level, out_dtype=DType.F64, n_columns=rows.shape[1])
    assert artifact.run_stage(rows, found) == 0
    np.testing.assert_array_equal(found.view(np.uint64), expected.view(np.uint64))
    assert np.count_nonzero(wide) == np.count_nonzero(found)
    return found


def indices(lanes: int) -> np.ndarray:
    """Rows of indices relative to element 1, so -1 is the first; the first and the last element are among them."""
    rows = RNG.integers(-1, N - 1, (5, lanes)).astype(np.float32)
    rows[0, 0], rows[1, -1] = -1, N - 2
    return rows


def bits_as_f64(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float64) if values.dtype.kind == "f" else values.astype(np.uint64).view(np.float64)


@pytest.mark.parametrize("level", HOST_LEVELS)
@pytest.mark.parametrize(("element", "lanes"), [("i8", 16), ("i16", 8), ("i32", 16), ("i64", 4), ("f32", 32), ("f64", 2)])
def test_elements_of_a_table(element: str, lanes: int, level: str, parse_loop, build) -> None:
    dtype = np.dtype(ELEMENTS[element])
    data = RNG.integers(0, 256, N * dtype.itemsize, np.uint8).view(dtype)
    data = np.nan_to_num(data) if dtype.kind == "f" else data
    rows = indices(lanes)
    found = run_both(stage_text(data, element, element, lanes), rows, level, parse_loop, build)
    wanted = bits_as_f64(data[rows.astype(int) + 1])
    np.testing.assert_array_equal(found.view(np.uint64), wanted.view(np.uint64))


@pytest.mark.parametrize("index", ["i32", "i64"])
@pytest.mark.parametrize(("field", "lane"), [("x", "f64"), ("y", "i16")])
def test_fields_of_records_that_are_not_aligned(field: str, lane: str, index: str, parse_loop, build) -> None:
    data = np.zeros(N, RECORD)
    data["x"], data["y"] = RNG.normal(size=N), RNG.integers(0, 1 << 16, N)
    element = '!loop.record<11, "x" : f64 at 0, "y" : i16 at 9>'
    rows = indices(8)
    text = stage_text(data, element, lane, 8, index=index, field=f' "{field}"')
    found = run_both(text, rows, "native", parse_loop, build)
    wanted = bits_as_f64(data[field][rows.astype(int) + 1])
    np.testing.assert_array_equal(found.view(np.uint64), wanted.view(np.uint64))


def test_whole_records_have_their_lowest_address_lowest(parse_loop, build) -> None:
    data = np.zeros(N, WHOLE)
    data["x"], data["y"] = RNG.normal(size=N), RNG.integers(1, 1 << 16, N)
    rows = indices(8)
    text = stage_text(data, '!loop.record<8, "x" : f32 at 0, "y" : i16 at 6>', "i64", 8)
    found = run_both(text, rows, "native", parse_loop, build)
    np.testing.assert_array_equal(found.view(np.uint64), data.view("<u8")[rows.astype(int) + 1])


def test_the_last_of_two_lanes_with_one_place_stays(parse_loop, build) -> None:
    text = stage_text(np.arange(N, dtype=np.float32), "f32", "f32", 4)
    text = text.replace("%out[%r, %zero] plus [%none, %lane]", "%out[%r, %zero] plus [%none, %none]")
    found = run_both(text, indices(4), "native", parse_loop, build)
    np.testing.assert_array_equal(found[:, 1:], 0)


@pytest.mark.parametrize("index", [-2, N + 100])
def test_the_interpreter_refuses_lanes_out_of_bounds(index: int, parse_loop) -> None:
    module = parse_loop(stage_text(np.arange(N, dtype=np.float32), "f32", "f32", 4))
    rows = np.zeros((1, 4), np.float32)
    rows[0, 3] = index
    with pytest.raises(IndexError):
        run_stage(module, "stage", rows, np.zeros((1, 4)), (0, 1), (0, 1))
