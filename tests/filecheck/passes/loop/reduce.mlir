// RUN: tree-opt %s -p 'reduce-loop{loop=group how=vector},parallel-loop{loop=group},layout,walk,lower-kernels' | filecheck %s
// RUN: tree-opt %s -p 'reduce-loop{loop=group how=staged},split-loop{loop=row into=block,row by=64},order-loops{loops=block,group,row,tree},layout,walk,lower-kernels' | filecheck %s --check-prefix BLOCK

// Shards of the first stage have groups of trees, one each, and leave a partial sum per group and row; the second stage adds
// these up in order, and the base to them.

// CHECK: loop.func @main_raw_f32 axis 1 grain 1 groups 2 lines 2 (
// CHECK-SAME: %group_begin: i64, %group_end: i64, %scratch: !loop.buffer<f32, 2, global>)
// CHECK: loop.for parallel "group" %group = %{{.*}} to %{{.*}} step %{{.*}} {
// CHECK: loop.for serial "row" %row = %row_begin to %row_end
// CHECK: %[[SUM:.*]] = loop.for serial "tree"
// CHECK-SAME: carry(%{{.*}} = %[[ZERO:.*]]) : (f32)
// CHECK: loop.store %[[SUM]], %scratch[%{{.*}}, %row]
// CHECK: loop.func @main_raw_f32_total axis 0 grain 64 lines 2 (
// CHECK: = loop.for serial "group"
// CHECK: loop.binary add
// CHECK: loop.store %{{.*}}, %scratch
// CHECK: loop.store %{{.*}}, %out
// CHECK: loop.func @main_leaf_f32 axis 1 grain 1 groups 2 (
// CHECK: loop.kernel [@main_raw_f32, @main_raw_f32_total] {task = 0 : i32
// CHECK: loop.kernel [@main_leaf_f32] {task = 2 : i32

// With a loop over rows outside, a block's partial sums are in workspace, and one stage does it all.

// BLOCK: loop.func @main_raw_f32 axis 0
// BLOCK: loop.alloc [2 : i64, 64 : i64] : !loop.buffer<f32, 2, workspace>
// BLOCK: loop.for serial "group"
// BLOCK: loop.for serial "group"
// BLOCK: loop.store %{{.*}}, %out
// BLOCK: loop.return
// BLOCK: loop.kernel [@main_raw_f32] {task = 0 : i32

plan.target level "x86-64-v3" input "f32"
forest.model @small {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {n_features = 2 : i64, dtype = f32, missing_value = 0x7ff8000000000000 : f64, column = #forest.blob<"<i4", [2], "0x0000000001000000"> }
  %2 = forest.predicates %1 {input = #forest.blob<"<i4", [3], "0x010000000000000001000000">, test = #forest.blob<"|u1", [3], "0x000000">, threshold = #forest.blob<"<f4", [3], "0x0000003f000000800000003f">, missing = #forest.blob<"|u1", [3], "0x010101">, missing_left = #forest.blob<"|b1", [3], "0x010001">, category_set = #forest.blob<"<i4", [3], "0xffffffffffffffffffffffff">, invalid_left = #forest.blob<"|b1", [3], "0x000000">, set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">, set_words = #forest.blob<"<u4", [0], "0x">, category_cast = 0 : i64 }
  %3 = forest.trees %2 {node_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">, leaf_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000500000000000000">, predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">, left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">, right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">, leaf_row = #forest.blob<"<i4", [5], "0x0000000001000000020000000300000004000000">, leaf_id = #forest.blob<"<i4", [5], "0x0200000003000000040000000100000002000000">, column = #forest.blob<"<i4", [2], "0x0000000000000000">, iteration_offset = #forest.blob<"<i4", [3], "0x000000000100000002000000"> }
  %4 = forest.sum %3 {values = #forest.blob<"<f4", [5, 1], "0x0000803f000000400000803f0000000000000080">, dtype = f32, base = #forest.blob<"<f4", [1], "0x0000003f">, base_first = true, final = "none", operand = 1.000000e+00 : f64, bias = 0.000000e+00 : f64, reassociate }
  %5 = forest.link %4 {link = "identity", scale = 1.000000e+00 : f64, average = 1.000000e+00 : f64 }
  forest.output raw %4 response %5 leaves %3
}

plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "group" tree step 1 {
    plan.for serial "row" row step 1 {
      plan.for serial "tree" tree step 1 of "group" {
        plan.walk
      }
    }
  }
}
