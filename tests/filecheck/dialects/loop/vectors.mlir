// RUN: tree-opt %s | tree-opt | filecheck %s
// RUN: TREE_OPT_ROUNDTRIP

loop.table @nodes <"threshold:0:<f4;meta:4:<u4;8", [1], "0x0000803f00000040"> : <!loop.record<8, "threshold" : f32 at 0, "meta" : i32 at 4>, 1, constant>
loop.table @tiles <"threshold:0:2<f4;meta:8:<u4;12", [1], "0x0000803f0000004001000000"> : <!loop.record<12, "threshold" : vector<2xf32> at 0, "meta" : i32 at 8>, 1, constant>

loop.func @vectors axis 0 grain 1 (%rows : !loop.buffer<f32, 2, global>, %out : !loop.buffer<f32, 2, global>, %rb : i64, %re : i64, %tb : i64, %te : i64) {
  %zero = loop.constant 0 : i64 -> i64
  %n = loop.get_table @nodes : !loop.buffer<!loop.record<8, "threshold" : f32 at 0, "meta" : i32 at 4>, 1, constant>
  // CHECK: %lane = loop.lane_numbers : vector<8xi32>
  %lane = loop.lane_numbers : vector<8xi32>
  // CHECK-NEXT: %first = loop.splat %rb : i64 -> vector<8xi64>
  %first = loop.splat %rb : i64 -> vector<8xi64>
  // CHECK-NEXT: %x = loop.gather %rows[%rb, %zero] plus [%lane, %lane] : !loop.buffer<f32, 2, global>, vector<8xi32>, vector<8xi32> -> vector<8xf32>
  %x = loop.gather %rows[%rb, %zero] plus [%lane, %lane] : !loop.buffer<f32, 2, global>, vector<8xi32>, vector<8xi32> -> vector<8xf32>
  // CHECK-NEXT: %t = loop.gather %n[%zero] plus [%first] "threshold" : {{.*}}, vector<8xi64> -> vector<8xf32>
  %t = loop.gather %n[%zero] plus [%first] "threshold" : !loop.buffer<!loop.record<8, "threshold" : f32 at 0, "meta" : i32 at 4>, 1, constant>, vector<8xi64> -> vector<8xf32>
  // CHECK-NEXT: %all = loop.gather %n[%zero] plus [%lane] : {{.*}}, vector<8xi32> -> vector<8xi64>
  %all = loop.gather %n[%zero] plus [%lane] : !loop.buffer<!loop.record<8, "threshold" : f32 at 0, "meta" : i32 at 4>, 1, constant>, vector<8xi32> -> vector<8xi64>
  %less = loop.compare olt %x, %t : vector<8xf32> -> vector<8xi1>
  // CHECK: %any = loop.any_lane %less : vector<8xi1>
  %any = loop.any_lane %less : vector<8xi1>
  // CHECK-NEXT: %mask = loop.mask_bits %less : vector<8xi1> -> i8
  %mask = loop.mask_bits %less : vector<8xi1> -> i8
  // CHECK-NEXT: %count = loop.popcount %mask : i8
  %count = loop.popcount %mask : i8
  // CHECK-NEXT: %reverse = loop.reverse_bits %mask : i8
  %reverse = loop.reverse_bits %mask : i8
  // CHECK-NEXT: %c0, %c1 = loop.load_columns %rows[%rb, %zero] : !loop.buffer<f32, 2, global> -> vector<2xf32>, vector<2xf32>
  %c0, %c1 = loop.load_columns %rows[%rb, %zero] : !loop.buffer<f32, 2, global> -> vector<2xf32>, vector<2xf32>
  // CHECK-NEXT: %looked_up = loop.shuffle %x[%lane] : vector<8xf32>, vector<8xi32> -> vector<8xf32>
  %looked_up = loop.shuffle %x[%lane] : vector<8xf32>, vector<8xi32> -> vector<8xf32>
  // CHECK-NEXT: %low, %high = loop.interleave %x, %looked_up : vector<8xf32>
  %low, %high = loop.interleave %x, %looked_up : vector<8xf32>
  // CHECK-NEXT: loop.scatter %x, %out[%rb, %zero] plus [%lane, %lane] : vector<8xf32>, !loop.buffer<f32, 2, global>, vector<8xi32>, vector<8xi32>
  loop.scatter %x, %out[%rb, %zero] plus [%lane, %lane] : vector<8xf32>, !loop.buffer<f32, 2, global>, vector<8xi32>, vector<8xi32>
  %tiles = loop.get_table @tiles : !loop.buffer<!loop.record<12, "threshold" : vector<2xf32> at 0, "meta" : i32 at 8>, 1, constant>
  // CHECK: loop.load %tiles[%zero] "threshold" : {{.*}} -> vector<2xf32>
  %two = loop.load %tiles[%zero] "threshold" : !loop.buffer<!loop.record<12, "threshold" : vector<2xf32> at 0, "meta" : i32 at 8>, 1, constant> -> vector<2xf32>
  loop.return
}
