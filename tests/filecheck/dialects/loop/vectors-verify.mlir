// RUN: tree-opt %s --verify-diagnostics --split-input-file | filecheck %s

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %lane = loop.lane_numbers : vector<8xi32>
  %x = loop.gather %rows[%rb] plus [%lane] : !loop.buffer<f32, 2, global>, vector<8xi32> -> vector<8xf32>
  loop.return
}
// CHECK: 1 indices and 1 vectors of offsets into a buffer of rank 2

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %lane = loop.lane_numbers : vector<8xi32>
  %x = loop.gather %rows[%rb, %rb] plus [%lane, %lane] : !loop.buffer<f32, 2, global>, vector<8xi32>, vector<8xi32> -> vector<4xf32>
  loop.return
}
// CHECK: 8 offsets for 4 lanes

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %lane = loop.lane_numbers : vector<8xi32>
  %x = loop.gather %rows[%rb, %rb] plus [%lane, %lane] : !loop.buffer<f32, 2, global>, vector<8xi32>, vector<8xi32> -> vector<8xf64>
  loop.return
}
// CHECK: lanes of this gather hold f32, not f64

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %lane = loop.lane_numbers : vector<8xi32>
  %x = loop.gather %rows[%rb, %rb] plus [%lane, %lane] : !loop.buffer<f32, 2, global>, vector<8xi32>, vector<8xi32> -> f32
  loop.return
}
// CHECK: a gather gives a vector, not f32

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %lane = loop.lane_numbers : vector<8xi32>
  %x = loop.gather %rows[%rb, %rb] plus [%lane, %rb] : !loop.buffer<f32, 2, global>, vector<8xi32>, i64 -> vector<8xf32>
  loop.return
}
// CHECK: offsets are vectors of i32 or i64, not i64

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %lane = loop.lane_numbers : vector<8xi32>
  %x = loop.gather %rows[%rb, %rb] plus [%lane, %lane] "x" : !loop.buffer<f32, 2, global>, vector<8xi32>, vector<8xi32> -> vector<8xf32>
  loop.return
}
// CHECK: only records have fields

// -----

loop.table @t <"x:0:<f4;8", [1], "0x0000803f00000040"> : <!loop.record<8, "x" : f32 at 0>, 1, constant>
loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %t = loop.get_table @t : !loop.buffer<!loop.record<8, "x" : f32 at 0>, 1, constant>
  %lane = loop.lane_numbers : vector<8xi32>
  %x = loop.gather %t[%rb] plus [%lane] "y" : !loop.buffer<!loop.record<8, "x" : f32 at 0>, 1, constant>, vector<8xi32> -> vector<8xf32>
  loop.return
}
// CHECK: the record has no field 'y'

// -----

loop.table @t <"x:0:<f4;8", [1], "0x0000803f00000040"> : <!loop.record<8, "x" : f32 at 0>, 1, constant>
loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %t = loop.get_table @t : !loop.buffer<!loop.record<8, "x" : f32 at 0>, 1, constant>
  %lane = loop.lane_numbers : vector<8xi32>
  %x = loop.gather %t[%rb] plus [%lane] : !loop.buffer<!loop.record<8, "x" : f32 at 0>, 1, constant>, vector<8xi32> -> vector<8xi32>
  loop.return
}
// CHECK: lanes of this gather hold i64, not i32

// -----

loop.table @u <"x:0:<f4;12", [1], "0x0000803f0000004000000000"> : <!loop.record<12, "x" : f32 at 0>, 1, constant>
loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %u = loop.get_table @u : !loop.buffer<!loop.record<12, "x" : f32 at 0>, 1, constant>
  %lane = loop.lane_numbers : vector<8xi32>
  %x = loop.gather %u[%rb] plus [%lane] : !loop.buffer<!loop.record<12, "x" : f32 at 0>, 1, constant>, vector<8xi32> -> vector<8xi64>
  loop.return
}
// CHECK: a record of 12 bytes is gathered one field at a time

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %lane = loop.lane_numbers : vector<8xi32>
  loop.scatter %rb, %out[%rb, %rb] plus [%lane, %lane] : i64, !loop.buffer<f32, 2, global>, vector<8xi32>, vector<8xi32>
  loop.return
}
// CHECK: a scatter stores a vector, not i64

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %lane = loop.lane_numbers : vector<8xi32>
  loop.scatter %lane, %out[%rb, %rb] plus [%lane, %lane] : vector<8xi32>, !loop.buffer<f32, 2, global>, vector<8xi32>, vector<8xi32>
  loop.return
}
// CHECK: the buffer holds f32, not i32

// -----

loop.table @c <"<f4", [1], "0x0000803f"> : <f32, 1, constant>
loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %c = loop.get_table @c : !loop.buffer<f32, 1, constant>
  %lane = loop.lane_numbers : vector<8xi32>
  %x = loop.constant 1.0 : f32 -> vector<8xf32>
  loop.scatter %x, %c[%rb] plus [%lane] : vector<8xf32>, !loop.buffer<f32, 1, constant>, vector<8xi32>
  loop.return
}
// CHECK: a constant table can't be written

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %x = loop.splat %rb : i64 -> vector<8xi32>
  loop.return
}
// CHECK: can't make a vector<8xi32> of i64

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %x = loop.lane_numbers : i32
  loop.return
}
// CHECK: numbers of lanes are a vector of i32 or i64, not i32

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %lane = loop.lane_numbers : vector<8xi32>
  %x = loop.any_lane %lane : vector<8xi32>
  loop.return
}
// CHECK: expected a vector of i1, not vector<8xi32>

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %lane = loop.lane_numbers : vector<8xi32>
  %x = loop.mask_bits %lane : vector<8xi32> -> i8
  loop.return
}
// CHECK: expected a vector of i1, not vector<8xi32>

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %lane = loop.lane_numbers : vector<8xi32>
  %less = loop.compare slt %lane, %lane : vector<8xi32> -> vector<8xi1>
  %x = loop.mask_bits %less : vector<8xi1> -> i16
  loop.return
}
// CHECK: bits of 8 lanes are an i8, not an i16

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %x = loop.constant 0.5 : f32 -> f32
  %y = loop.popcount %x : f32
  loop.return
}
// CHECK: bits are counted in integers, not in f32

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %x = loop.constant 0.5 : f32 -> f32
  %y = loop.reverse_bits %x : f32
  loop.return
}
// CHECK: bits are reversed in integers, not in f32

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %x, %y = loop.load_columns %rows[%rb, %tb] : !loop.buffer<f32, 2, global> -> vector<4xf32>, vector<4xf32>
  loop.return
}
// CHECK: 2 columns are vectors of as many rows, a power of two

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %x, %y = loop.load_columns %rows[%rb, %tb] : !loop.buffer<f32, 2, global> -> vector<2xf64>, vector<2xf64>
  loop.return
}
// CHECK: columns of !loop.buffer<f32, 2, global> hold f32

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %lane = loop.lane_numbers : vector<8xi64>
  %x = loop.shuffle %lane[%lane] : vector<8xi64>, vector<8xi64> -> vector<8xi64>
  loop.return
}
// CHECK: a vector is looked up by a vector of i8 or i32, not vector<8xi64> by vector<8xi64>

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %lane = loop.lane_numbers : vector<8xi32>
  %few = loop.lane_numbers : vector<4xi32>
  %x = loop.shuffle %lane[%few] : vector<8xi32>, vector<4xi32> -> vector<8xi32>
  loop.return
}
// CHECK: lanes of vector<8xi32> looked up by vector<4xi32> are no vector<8xi32>

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %lane = loop.lane_numbers : vector<6xi32>
  %x = loop.shuffle %lane[%lane] : vector<6xi32>, vector<6xi32> -> vector<6xi32>
  loop.return
}
// CHECK: a table has a power of two of lanes, not 6

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %lane = loop.lane_numbers : vector<3xi32>
  %low, %high = loop.interleave %lane, %lane : vector<3xi32>
  loop.return
}
// CHECK: expected vectors of an even number of lanes, not vector<3xi32>

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %word = loop.constant 1 : i64 -> vector<2xi64>
  %bytes = loop.transpose_bits %word : vector<2xi64> -> vector<64xi8>
  loop.return
}
// CHECK: 2 lanes make as many vectors of bytes, not 1

// -----

loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %word = loop.constant 1 : i32 -> vector<1xi32>
  %bytes = loop.transpose_bits %word : vector<1xi32> -> vector<64xi8>
  loop.return
}
// CHECK: bits come in vectors of i64 of one length, not in vector<1xi32>

// -----

loop.table @nodes <"|u1", [1], "0x00"> : <i8, 1, constant>
loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %nodes = loop.get_table @nodes : !loop.buffer<i8, 1, constant>
  %slots = loop.alloc [4 : i64, 8 : i64] : !loop.buffer<i64, 2, workspace>
  %codes = loop.alloc [512 : i64] : !loop.buffer<i8, 1, workspace>
  loop.multiplex 9 : i64 of %nodes[%rb] in %slots[%rb] by 8 : i64 to %codes[%rb] : !loop.buffer<i8, 1, constant>, !loop.buffer<i64, 2, workspace>, !loop.buffer<i8, 1, workspace>
  loop.return
}
// CHECK: a multiplexer has 1 to 8 levels, not 9

// -----

loop.table @tiles <"threshold:0:2<f4;8", [1], "0x0000803f00000040"> : <!loop.record<8, "threshold" : vector<2xf32> at 0>, 1, constant>
loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %t = loop.get_table @tiles : !loop.buffer<!loop.record<8, "threshold" : vector<2xf32> at 0>, 1, constant>
  %x = loop.load %t[%rb] "threshold" : !loop.buffer<!loop.record<8, "threshold" : vector<2xf32> at 0>, 1, constant> -> vector<4xf32>
  loop.return
}
// CHECK: fields of neighbouring records are not read as vectors

// -----

loop.table @tiles <"threshold:0:2<f4;8", [1], "0x0000803f00000040"> : <!loop.record<8, "threshold" : vector<2xf32> at 0>, 1, constant>
loop.func @f axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %t = loop.get_table @tiles : !loop.buffer<!loop.record<8, "threshold" : vector<2xf32> at 0>, 1, constant>
  %lane = loop.lane_numbers : vector<8xi32>
  %x = loop.gather %t[%rb] plus [%lane] "threshold" : !loop.buffer<!loop.record<8, "threshold" : vector<2xf32> at 0>, 1, constant>, vector<8xi32> -> vector<8xf32>
  loop.return
}
// CHECK: field 'threshold' is a vector: it is loaded from one record, not gathered from several
