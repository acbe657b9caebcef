// RUN: tree-opt %s -p 'layout,bind-loop{loop=part to="grid.y"},bind-loop{loop=block to="grid.x"},bind-loop{loop=thread to="block.x"},cache-nodes{at=part},reduce-loop{loop=part how=staged}' | filecheck %s
// RUN: tree-opt %s -p 'layout,bind-loop{loop=part to="grid.y"},bind-loop{loop=block to="grid.x"},bind-loop{loop=thread to="block.x"},cache-nodes{at=part},reduce-loop{loop=part how=staged},walk,lower-kernels' | filecheck %s --check-prefix EXACT
// RUN: sed 's/bias = 0.000000e+00 : f64 }/bias = 0.000000e+00 : f64, reassociate }/' %s > %t.mlir && tree-opt %t.mlir -p 'layout,bind-loop{loop=part to="grid.y"},bind-loop{loop=block to="grid.x"},bind-loop{loop=thread to="block.x"},cache-nodes{at=part},reduce-loop{loop=part how=staged},walk,lower-kernels' | filecheck %s --check-prefix SUMS
// RUN: not tree-opt %s -p 'layout,bind-loop{loop=part to="grid.y"},bind-loop{loop=block to="grid.x"},bind-loop{loop=thread to="block.x"},walk,lower-kernels' 2>&1 | filecheck %s --check-prefix APART
// RUN: not tree-opt %s -p 'bind-loop{loop=tree to="grid.y"}' 2>&1 | filecheck %s --check-prefix SINGLE
// RUN: not tree-opt %s -p 'order-loops{loops=block,part,thread,tree},bind-loop{loop=part to="grid.y"}' 2>&1 | filecheck %s --check-prefix INSIDE
// RUN: not tree-opt %s -p 'reduce-loop{loop=part how=staged}' 2>&1 | filecheck %s --check-prefix FREE

// Each block has a group of trees, here one, and copies its nodes.

// CHECK: plan.for grid y "part" tree step 1 reduce "staged" {
// CHECK-NEXT:   plan.for grid x "block" row step 16 {
// CHECK-NEXT:     plan.for block x "thread" row step 1 of "block" {
// CHECK-NEXT:       plan.for serial "tree" tree step 1 of "part" {
// CHECK-NEXT:         plan.walk {trees = @trees, nodes_at = "part"}

// Sums are exact: the leaf values of both trees wait, two lines of scratch; a second kernel adds them in the order of the trees.
// EXACT: loop.table @part_node <"<i4", [3], "0x000000000200000003000000">
// EXACT-LABEL: loop.func @main_raw_f32 axis 0
// EXACT-SAME: threads 16, 1, 1 lines 2
// EXACT: loop.alloc [3 : i64] : !loop.buffer<{{.*}}, 1, shared>
// EXACT: loop.for grid y "part" %part = %{{.*}} to %{{.*}} step %{{.*}} extent 2 {
// EXACT: loop.for block x "node"
// EXACT: loop.barrier
// EXACT: loop.for grid x "block"
// EXACT-NOT: loop.store %{{.*}}, %out
// EXACT: loop.store %{{.*}}, %scratch
// EXACT: loop.func @main_raw_f32_total axis 0
// EXACT-SAME: lines 2
// EXACT: loop.for serial "tree" %tree = %{{.*}} to %{{.*}} step %{{.*}} carry(
// EXACT-NEXT: loop.load %scratch[%tree, %row]
// EXACT: loop.store %{{.*}}, %out
// EXACT: loop.kernel [@main_raw_f32, @main_raw_f32_total]

// Sums may be reassociated: a partial sum for each part.
// SUMS-LABEL: loop.func @main_raw_f32 axis 0
// SUMS: loop.for grid y "part"
// SUMS: %[[SUM:.*]] = loop.for serial "tree"
// SUMS: loop.store %[[SUM]], %scratch
// SUMS: loop.func @main_raw_f32_total
// SUMS: loop.binary add

// APART: blocks share the trees of `part`, and nothing says how their leaf values meet
// SINGLE: `tree` does not run over groups of trees, and blocks share such groups
// INSIDE: blocks share the groups of `part`, and it is inside of `block`
// FREE: no blocks share the groups of trees of `part`

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
  plan.for serial "part" tree step 1 {
    plan.for serial "block" row step 16 {
      plan.for serial "thread" row step 1 of "block" {
        plan.for serial "tree" tree step 1 of "part" {
          plan.walk
        }
      }
    }
  }
}
