// RUN: tree-opt %s -p 'bind-loop{loop=block to="grid.x"},bind-loop{loop=thread to="block.y"},bind-loop{loop=lane to="block.x"},reduce-loop{loop=lane how=shuffle},layout,walk{interleave="tree:2"},lower-kernels' | filecheck %s --check-prefix EXACT
// RUN: sed 's/bias = 0.000000e+00 : f64 }/bias = 0.000000e+00 : f64, reassociate }/' %s > %t.mlir && tree-opt %t.mlir -p 'bind-loop{loop=block to="grid.x"},bind-loop{loop=thread to="block.y"},bind-loop{loop=lane to="block.x"},reduce-loop{loop=lane how=shuffle},layout,walk,lower-kernels' | filecheck %s --check-prefix SUMS
// RUN: sed 's/bias = 0.000000e+00 : f64 }/bias = 0.000000e+00 : f64, reassociate }/' %s > %t.mlir && tree-opt %t.mlir -p 'bind-loop{loop=block to="grid.x"},bind-loop{loop=thread to="block.y"},bind-loop{loop=lane to="block.x"},reduce-loop{loop=lane how=atomic},layout,walk,lower-kernels' | filecheck %s --check-prefix ATOMIC
// RUN: not tree-opt %s -p 'bind-loop{loop=block to="grid.x"},bind-loop{loop=thread to="block.x"},bind-loop{loop=lane to="block.y"},reduce-loop{loop=lane how=shuffle}' 2>&1 | filecheck %s --check-prefix APART

// The lanes of a warp share the trees of a row, and read one another's registers.

// Sums are exact: two trees for each lane; then each lane reads the values of all in the order of the trees. Nothing is in shared
// memory.
// EXACT-LABEL: loop.func @main_raw_f32
// EXACT-SAME: threads 4, 16, 1
// EXACT-NOT: shared
// EXACT: %[[VALUES:.*]] = loop.alloc [2 : i64, 4 : i64, 16 : i64] : !loop.buffer<f32, 3, lanes>
// EXACT: %[[TOTALS:.*]] = loop.alloc [1 : i64, 4 : i64, 16 : i64] : !loop.buffer<f32, 3, lanes>
// EXACT: loop.for block x "lane"
// EXACT: loop.store %{{.*}}, %[[VALUES]]
// EXACT: loop.store %{{.*}}, %[[VALUES]]
// EXACT: loop.barrier lanes
// EXACT: loop.for block y "row"
// EXACT-NEXT: loop.for block x %{{.*}} extent 4 {
// EXACT: loop.for serial "slot"
// EXACT-NEXT: loop.read_lane %[[VALUES]]
// EXACT-NEXT: loop.binary add
// EXACT: loop.for serial "slot"
// EXACT: loop.read_lane %[[VALUES]]
// EXACT: loop.store %{{.*}}, %[[TOTALS]]
// EXACT: loop.barrier lanes

// Sums may be reassociated: those of the next lane, then of the next two.
// SUMS-LABEL: loop.func @main_raw_f32
// SUMS: %[[TOTALS:.*]] = loop.alloc [2 : i64, 4 : i64, 16 : i64] : !loop.buffer<f32, 3, lanes>
// SUMS: %[[SUM:.*]] = loop.for serial "round"
// SUMS: loop.store %[[SUM]], %[[TOTALS]]
// SUMS: loop.barrier lanes
// SUMS: loop.binary xor
// SUMS: loop.read_lane %[[TOTALS]]
// SUMS: loop.barrier lanes
// SUMS: loop.binary xor
// SUMS: loop.read_lane %[[TOTALS]]
// SUMS: loop.store %{{.*}}, %out

// All threads of a row add to one sum, in any order.
// ATOMIC-LABEL: loop.func @main_raw_f32
// ATOMIC: %[[SUM:.*]] = loop.alloc [1 : i64, 16 : i64] : !loop.buffer<f32, 2, shared>
// ATOMIC: loop.store %{{.*}}, %[[SUM]]
// ATOMIC: loop.barrier
// ATOMIC: loop.for serial "round"
// ATOMIC: loop.atomic_add %{{.*}}, %[[SUM]]
// ATOMIC: loop.barrier
// ATOMIC: loop.store %{{.*}}, %out

// APART: the threads of `lane` read one another's registers, and are no neighbours of a warp

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
