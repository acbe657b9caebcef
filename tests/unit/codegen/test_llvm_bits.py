"""Bits of lanes and look-ups in registers as machine code, at every CPU level of this host, against the interpreter."""

# pyright: basic

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.codegen.test_llvm_gathers import HOST_LEVELS, run_both

STAGE = """
loop.func @stage axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f64, 2, global>,
                                 %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %one = loop.constant 1 : i64 -> i64
  %zero = loop.constant 0 : i64 -> i64
  %lane = loop.lane_numbers : vector<%LANESxi32>
  %none = loop.constant 0 : i32 -> vector<%LANESxi32>
  %last = loop.constant %LAST : i32 -> vector<%LANESxi32>
  loop.for serial %r = %rb to %re step %one {
    %x = loop.gather %rows[%r, %zero] plus [%none, %lane]
      : !loop.buffer<f32, 2, global>, vector<%LANESxi32>, vector<%LANESxi32> -> vector<%LANESxf32>
    %number = loop.cast fptosi %x : vector<%LANESxf32> -> vector<%LANESxi32>
    %at = loop.binary and %number, %last : vector<%LANESxi32>
    %taken = loop.shuffle %x[%at] : vector<%LANESxf32>, vector<%LANESxi32> -> vector<%LANESxf32>
    %less = loop.compare olt %x, %taken : vector<%LANESxf32> -> vector<%LANESxi1>
    %mask = loop.mask_bits %less : vector<%LANESxi1> -> %MASK
    %count = loop.popcount %mask : %MASK
    %counts = loop.popcount %number : vector<%LANESxi32>
    %wide_mask = loop.cast sitofp %mask : %MASK -> f64
    %wide_count = loop.cast sitofp %count : %MASK -> f64
    %sum = loop.binary add %wide_mask, %wide_count : f64
    %all = loop.splat %sum : f64 -> vector<%LANESxf64>
    %values = loop.cast fpext %taken : vector<%LANESxf32> -> vector<%LANESxf64>
    %more = loop.cast sitofp %counts : vector<%LANESxi32> -> vector<%LANESxf64>
    %both = loop.binary add %values, %more : vector<%LANESxf64>
    %y = loop.binary add %all, %both : vector<%LANESxf64>
    loop.scatter %y, %out[%r, %zero] plus [%none, %lane]
      : vector<%LANESxf64>, !loop.buffer<f64, 2, global>, vector<%LANESxi32>, vector<%LANESxi32>
    loop.yield
  }
  loop.return
}
loop.kernel [@stage] {task = 0 : i32, row_dtype = 0 : i32, rows_max = 100 : i64}
"""


@pytest.mark.parametrize("level", HOST_LEVELS)
@pytest.mark.parametrize(("lanes", "mask"), [(2, "i8"), (8, "i8"), (16, "i16"), (32, "i32")])
def test_masks_counts_and_look_ups_are_the_interpreter_s(lanes: int, mask: str, level: str, parse_loop, build) -> None:
    text = STAGE.replace("%LANES", str(lanes)).replace("%LAST", str(lanes - 1)).replace("%MASK", mask)
    rows = np.random.default_rng(lanes).integers(0, 100, (9, lanes)).astype(np.float32)
    found = run_both(text, rows, level, parse_loop, build)
    assert len(np.unique(found)) > 1


COLUMNS = """
loop.func @stage axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f64, 2, global>,
                                 %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %one = loop.constant 1 : i64 -> i64
  %zero = loop.constant 0 : i64 -> i64
  %step = loop.constant 4 : i64 -> i64
  %none = loop.constant 0 : i32 -> vector<4xi32>
  %lane = loop.lane_numbers : vector<4xi32>
  loop.for serial %r = %rb to %re step %step {
    %c0, %c1, %c2, %c3 = loop.load_columns %rows[%r, %one]
      : !loop.buffer<f32, 2, global> -> vector<4xf32>, vector<4xf32>, vector<4xf32>, vector<4xf32>
    %number = loop.cast fptosi %c0 : vector<4xf32> -> vector<4xi8>
    %reverse = loop.reverse_bits %number : vector<4xi8>
    %first = loop.cast sitofp %reverse : vector<4xi8> -> vector<4xf64>
    %second = loop.cast fpext %c3 : vector<4xf32> -> vector<4xf64>
    %third = loop.cast fpext %c2 : vector<4xf32> -> vector<4xf64>
    %fourth = loop.cast fpext %c1 : vector<4xf32> -> vector<4xf64>
    loop.scatter %first, %out[%r, %zero] plus [%lane, %none]
      : vector<4xf64>, !loop.buffer<f64, 2, global>, vector<4xi32>, vector<4xi32>
    %other = loop.binary sub %second, %third : vector<4xf64>
    %both = loop.binary mul %other, %fourth : vector<4xf64>
    loop.scatter %both, %out[%r, %one] plus [%lane, %none]
      : vector<4xf64>, !loop.buffer<f64, 2, global>, vector<4xi32>, vector<4xi32>
    loop.yield
  }
  loop.return
}
loop.kernel [@stage] {task = 0 : i32, row_dtype = 0 : i32, rows_max = 100 : i64}
"""


@pytest.mark.parametrize("level", HOST_LEVELS)
@pytest.mark.parametrize("side_by_side", [True, False])
def test_columns_of_rows_and_reverse_bits_are_the_interpreter_s(side_by_side: bool, level: str, parse_loop, build) -> None:
    rows = np.random.default_rng(3).integers(0, 120, (12, 6)).astype(np.float32)
    rows = rows if side_by_side else np.asfortranarray(rows)
    found = run_both(COLUMNS, rows, level, parse_loop, build)
    assert len(np.unique(found)) > 6
