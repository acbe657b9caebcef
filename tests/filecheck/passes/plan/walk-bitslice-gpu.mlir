// RUN: tree-opt %s -p 'split-loop{loop=row into=block,row by=64},split-loop{loop=tree into=group,tree by=2},order-loops{loops=block,group,tree,row},rank-features{at=block to=u8},predicates{at=block},bind-loop{loop=block to="grid.x"},bind-loop{loop=row to="block.x"},walk{strategy=bitslice multiplex=none}' | filecheck %s
// RUN: tree-opt %s -p 'split-loop{loop=row into=block,row by=64},split-loop{loop=tree into=group,tree by=2},order-loops{loops=block,group,tree,row},rank-features{at=block to=u8},predicates{at=block},bind-loop{loop=block to="grid.x"},bind-loop{loop=row to="block.x"},walk{strategy=bitslice multiplex=none},lower-kernels' | filecheck %s --check-prefix CODE

// Threads share the rows of a block inside of the loops over trees, since they share the bits of these rows, 32 to a word.

// CHECK: plan.for grid x "block" row step 64 {
// CHECK-NEXT:   plan.for serial "group" tree step 2 {
// CHECK-NEXT:     plan.for serial "tree" tree step 1 of "group" {
// CHECK-NEXT:       plan.for block x "row" row step 1 of "block" {
// CHECK-NEXT:         plan.walk {{{.*}}lookup = "gather", strategy = "bitslice", word = 32 : i64}

// Ranks, then the words of answers, in memory that a block's threads share; for each group of trees, the codes of 32 rows in
// a tree are one thread's work, then each adds the values of its row.
// CODE-LABEL: loop.func @main_raw_f32 axis 0
// CODE-SAME: threads 64, 1, 1
// CODE: %[[MEMORY:.*]] = loop.alloc [176 : i64] : !loop.buffer<i32, 1, shared>
// CODE: loop.for grid x "block" %block = %row_begin to %row_end step %{{[0-9]+}} {
// CODE: loop.for block x "rank" %rank = %{{[0-9]+}} to %{{[0-9]+}} step %{{[0-9]+}} extent {{[0-9]+}} {
// CODE: loop.for block x "constant"
// CODE: loop.barrier
// CODE-NEXT: loop.for serial "views"
// CODE: loop.for block x "mark"
// CODE: loop.barrier
// CODE: loop.for block x "predicate"
// CODE: loop.barrier
// CODE: loop.for block x "row" %row = %block to %{{[0-9]+}} step %{{[0-9]+}} extent 64 {
// CODE-NEXT:   loop.store %{{[0-9]+}}, %out[%row, %{{[0-9]+}}]
// CODE: loop.for serial "group" %group = %tree_begin to %tree_end
// CODE: loop.for block x "tree" %tree = %{{[0-9]+}} to %{{[0-9]+}} step %{{[0-9]+}} extent 4 {
// CODE: loop.barrier
// CODE-NEXT: loop.for block x "row" %{{.*}} extent 64 {
// CODE: loop.for serial "leaf"
// CODE-SAME: carry(
// CODE: loop.barrier

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
  plan.for serial "row" row step 1 {
    plan.for serial "tree" tree step 1 {
      plan.walk
    }
  }
}
