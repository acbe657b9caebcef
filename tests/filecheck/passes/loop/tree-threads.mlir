// RUN: tree-opt %s -p 'bind-loop{loop=block to="grid.x"},bind-loop{loop=thread to="block.x"},bind-loop{loop=lane to="block.y"},reduce-loop{loop=lane how=shared}' | filecheck %s
// RUN: tree-opt %s -p 'bind-loop{loop=block to="grid.x"},bind-loop{loop=thread to="block.x"},bind-loop{loop=lane to="block.y"},reduce-loop{loop=lane how=shared},layout,walk{interleave="tree:2"},lower-kernels' | filecheck %s --check-prefix EXACT
// RUN: sed 's/bias = 0.000000e+00 : f64 }/bias = 0.000000e+00 : f64, reassociate }/' %s > %t.mlir && tree-opt %t.mlir -p 'bind-loop{loop=block to="grid.x"},bind-loop{loop=thread to="block.x"},bind-loop{loop=lane to="block.y"},reduce-loop{loop=lane how=shared},layout,walk,lower-kernels' | filecheck %s --check-prefix SUMS
// RUN: not tree-opt %s -p 'bind-loop{loop=block to="grid.x"},bind-loop{loop=thread to="block.x"},bind-loop{loop=lane to="block.y"},layout,walk,lower-kernels' 2>&1 | filecheck %s --check-prefix APART
// RUN: not tree-opt %s -p 'bind-loop{loop=round to="block.y"}' 2>&1 | filecheck %s --check-prefix ALL
// RUN: not tree-opt %s -p 'reduce-loop{loop=lane how=shared}' 2>&1 | filecheck %s --check-prefix FREE
// RUN: not tree-opt %s -p 'bind-loop{loop=block to="grid.x"},bind-loop{loop=thread to="block.x"},bind-loop{loop=lane to="block.y"},reduce-loop{loop=lane how=atomic}' 2>&1 | filecheck %s --check-prefix ATOMIC

// Threads share the rows of a block, and the trees.

// CHECK: plan.for grid x "block" row step 16 {
// CHECK-NEXT:   plan.for block x "thread" row step 1 of "block" {
// CHECK-NEXT:     plan.for serial "round" tree step 4 {
// CHECK-NEXT:       plan.for block y "lane" tree step 1 of "round" reduce "shared" {

// Sums are exact: two trees for each thread, whose leaf values wait in shared memory; then one thread for each row adds them in
// the order of the trees. What is left of the trees is one for each thread.
// EXACT-LABEL: loop.func @main_raw_f32
// EXACT-SAME: threads 16, 4, 1
// EXACT: %[[VALUES:.*]] = loop.alloc [8 : i64, 16 : i64] : !loop.buffer<f32, 2, shared>
// EXACT: %[[ROWS:.*]] = loop.alloc [1 : i64, 16 : i64] : !loop.buffer<f32, 2, shared>
// EXACT: loop.for grid x "block"
// EXACT: loop.for serial "round"
// EXACT-NEXT: loop.binary add
// EXACT: loop.for block x "thread"
// EXACT: loop.for block y "lane"
// EXACT: loop.store %{{.*}}, %[[VALUES]]
// EXACT: loop.store %{{.*}}, %[[VALUES]]
// EXACT: loop.barrier
// EXACT-NEXT: %{{.*}} = loop.binary sub
// EXACT: loop.for block x "row"
// EXACT-NEXT: loop.for block y %{{.*}} extent 1 {
// EXACT: loop.for serial "slot"
// EXACT: loop.store %{{.*}}, %[[ROWS]]
// EXACT: loop.barrier
// EXACT: loop.for serial "round"
// EXACT: loop.store %{{.*}}, %out

// Sums may be reassociated: one for each thread, in a register; then those of neighbours, and of pairs.
// SUMS-LABEL: loop.func @main_raw_f32
// SUMS: %[[PARTIAL:.*]] = loop.alloc [4 : i64, 16 : i64] : !loop.buffer<f32, 2, shared>
// SUMS: loop.for block x "thread"
// SUMS: loop.for block y "lane"
// SUMS: %[[SUM:.*]] = loop.for serial "round"
// SUMS-SAME: carry(
// SUMS: loop.store %[[SUM]], %[[PARTIAL]]
// SUMS: loop.barrier
// SUMS: loop.for block y %{{.*}} extent 2 {
// SUMS: loop.barrier
// SUMS: loop.for block y %{{.*}} extent 1 {
// SUMS: loop.barrier
// SUMS: loop.store %{{.*}}, %out

// APART: nothing says how their leaf values meet
// ALL: threads share the single trees of each step of the loop over all trees, and `round` is not right inside
// FREE: threads do not share the trees of `lane`
// ATOMIC: atomic additions have no order, so that the sum of a row may be another one in each call, and sums are exact

plan.gpu_target arch "sm_90" input "f32"

forest.model @small {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {n_features = 2 : i64, dtype = f32, missing_value = 0x7ff8000000000000 : f64, column = #forest.blob<"<i4", [2], "0x0000000001000000"> }
  %2 = forest.predicates %1 {input = #forest.blob<"<i4", [3], "0x010000000000000001000000">, test = #forest.blob<"|u1", [3], "0x000000">, threshold = #forest.blob<"<f4", [3], "0x0000003f000000800000003f">, missing = #forest.blob<"|u1", [3], "0x010101">, missing_left = #forest.blob<"|b1", [3], "0x010001">, category_set = #forest.blob<"<i4", [3], "0xffffffffffffffffffffffff">, invalid_left = #forest.blob<"|b1", [3], "0x000000">, set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">, set_words = #forest.blob<"<u4", [0], "0x">, category_cast = 0 : i64 }
  %3 = forest.trees %2 {node_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">, leaf_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000500000000000000">, predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">, left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">, right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">, leaf_row = #forest.blob<"<i4", [5], "0x0000000001000000020000000300000004000000">, leaf_id = #forest.blob<"<i4", [5], "0x0200000003000000040000000100000002000000">, column = #forest.blob<"<i4", [2], "0x0000000000000000">, iteration_offset = #forest.blob<"<i4", [3], "0x000000000100000002000000"> }
  %4 = forest.sum %3 {values = #forest.blob<"<f4", [5, 1], "0x0000803f000000400000803f0000000000000080">, dtype = f32, base = #forest.blob<"<f4", [1], "0x0000003f">, base_first = true, final = "none", operand = 1.000000e+00 : f64, bias = 0.000000e+00 : f64 }
  %5 = forest.link %4 {link = "identity", scale = 1.000000e+00 : f64, average = 1.000000e+00 : f64 }
  forest.output raw %4 response %5 leaves %3
}

plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "block" row step 16 {
    plan.for serial "thread" row step 1 of "block" {
      plan.for serial "round" tree step 4 {
        plan.for serial "lane" tree step 1 of "round" {
          plan.walk
        }
      }
    }
  }
}
