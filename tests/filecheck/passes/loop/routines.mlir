// RUN: tree-opt %s -p 'plan-kernels,add-kernel{rows=64},split-loop{loop=row into=block,row by=64 kernel=rows_64},rank-features{at=block to=u8 kernel=rows_64},predicates{at=block kernel=rows_64},order-loops{loops=block,tree,row kernel=rows_64},walk{strategy=bitslice word=64 multiplex=none lookup=gather kernel=rows_64},split-loop{loop=row into=block,row by=128 kernel=main},rank-features{at=block to=u8 kernel=main},predicates{at=block kernel=main},order-loops{loops=block,tree,row kernel=main},walk{strategy=bitslice word=64 multiplex=none lookup=gather kernel=main},lower-kernels' | filecheck %s

// What stages have in common is a routine. Ranks are made for each dtype of rows, with room that serves the blocks of both
// kernels; what follows depends on the kernel and the task alone, and predicates on the kernel.

// CHECK: loop.routine @ranks_of_f32_by_column_512 (%rows: !loop.buffer<f32, 2, global>, %ranked: !loop.buffer<i8, 2, workspace> [2, 512], %begin: i64, %end: i64, %length: i64) {
// CHECK: loop.routine @rows_64_predicates (%ranked: !loop.buffer<i8, 2, workspace> [2, 512], %slots: !loop.buffer<i64, 2, workspace> [4, 1]) {
// CHECK: loop.routine @rows_64_raw (%ranked: !loop.buffer<i8, 2, workspace> [2, 512], %begin: i64, %end: i64, %tree_begin: i64, %tree_end: i64, %out: !loop.buffer<f32, 2, global>) {
// CHECK: loop.call @rows_64_predicates(%ranked, %{{\d+}})
// CHECK: loop.for serial "tree" %tree = %tree_begin to %tree_end
// CHECK: loop.func @rows_64_raw_f32
// CHECK: [[LENGTH:%\d+]] = loop.constant 64 : i64 -> i64
// CHECK: [[RANKED:%\d+]] = loop.alloc [2 : i64, 512 : i64]
// CHECK: loop.for serial "block" %block = %row_begin to %row_end
// CHECK: loop.call @ranks_of_f32_by_column_512(%rows, [[RANKED]], %block, [[END:%\d+]], [[LENGTH]])
// CHECK-NEXT: loop.call @rows_64_raw([[RANKED]], %block, [[END]], %tree_begin, %tree_end, %out)
// CHECK-NEXT: loop.yield
// CHECK: loop.routine @ranks_of_f64_by_column_512
// CHECK-NOT: loop.routine
// CHECK: loop.func @rows_64_raw_f64
// CHECK: loop.call @ranks_of_f64_by_column_512
// CHECK-NEXT: loop.call @rows_64_raw
// CHECK: loop.routine @main_predicates
// CHECK: loop.routine @main_raw
// CHECK: loop.func @main_raw_f32
// CHECK: loop.call @ranks_of_f32_by_column_512
// CHECK-NEXT: loop.call @main_raw
// CHECK: loop.routine @main_leaf
// CHECK: loop.call @main_predicates
// CHECK: loop.func @main_leaf_f32
// CHECK-NOT: loop.routine
// CHECK: loop.func @main_raw_f64
// CHECK-NEXT: loop.constant
// CHECK: loop.call @ranks_of_f64_by_column_512
// CHECK-NEXT: loop.call @main_raw
// CHECK: loop.func @main_leaf_f64

forest.model @small {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {n_features = 2 : i64, dtype = f32, missing_value = 0x7ff8000000000000 : f64, column = #forest.blob<"<i4", [2], "0x0000000001000000"> }
  %2 = forest.predicates %1 {input = #forest.blob<"<i4", [3], "0x010000000000000001000000">, test = #forest.blob<"|u1", [3], "0x000000">, threshold = #forest.blob<"<f4", [3], "0x0000003f000000800000003f">, missing = #forest.blob<"|u1", [3], "0x010101">, missing_left = #forest.blob<"|b1", [3], "0x010001">, category_set = #forest.blob<"<i4", [3], "0xffffffffffffffffffffffff">, invalid_left = #forest.blob<"|b1", [3], "0x000000">, set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">, set_words = #forest.blob<"<u4", [0], "0x">, category_cast = 0 : i64 }
  %3 = forest.trees %2 {node_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">, leaf_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000500000000000000">, predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">, left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">, right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">, leaf_row = #forest.blob<"<i4", [5], "0x0000000001000000020000000300000004000000">, leaf_id = #forest.blob<"<i4", [5], "0x0200000003000000040000000100000002000000">, column = #forest.blob<"<i4", [2], "0x0000000000000000">, iteration_offset = #forest.blob<"<i4", [3], "0x000000000100000002000000"> }
  %4 = forest.sum %3 {values = #forest.blob<"<f4", [5, 1], "0x0000803f000000400000803f0000000000000080">, dtype = f32, base = #forest.blob<"<f4", [1], "0x0000003f">, base_first = true, final = "none", operand = 1.000000e+00 : f64, bias = 0.000000e+00 : f64 }
  %5 = forest.link %4 {link = "identity", scale = 1.000000e+00 : f64, average = 1.000000e+00 : f64 }
  forest.output raw %4 response %5 leaves %3
}
