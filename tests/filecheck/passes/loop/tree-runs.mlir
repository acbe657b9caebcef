// RUN: tree-opt %s -p 'set-target{input=f32},plan-kernels,split-loop{loop=row into=block,row by=64},order-loops{loops=block,tree,row},rank-features{at=block to=u8},predicates{at=block},walk{strategy=bitslice trees=2 multiplex=none lookup=permute},lower-kernels' | filecheck %s
// RUN: tree-opt %s -p 'set-target{input=f32},plan-kernels,split-loop{loop=row into=block,row by=64},order-loops{loops=block,tree,row},rank-features{at=block to=u8},predicates{at=block},walk{strategy=bitslice trees=1 multiplex=none lookup=permute},lower-kernels' | filecheck %s --check-prefix ONE

// Two trees whose codes have as many bits: the codes of both, then sums that get both leaf values between their load and
// their store. Where the call asks for one of them, or they are not alike, a tree is taken by itself.

// CHECK: loop.table @slice_run <"|u1", [2], "0x0100">
// CHECK: loop.routine @main_raw
// CHECK: [[RUNS:%\d+]] = loop.get_table @slice_run
// CHECK: loop.repeat carry([[TREE:%\d+]] = %tree_begin) : (i64) {
// CHECK-NEXT: [[BEHIND:%\d+]] = loop.binary add [[TREE]], {{.*}} : i64
// CHECK-NEXT: loop.load [[RUNS]][[[TREE]]]
// CHECK: [[FITS:%\d+]] = loop.compare sle [[BEHIND]], %tree_end
// CHECK: loop.if {{.*}} : (i64) {
// CHECK: loop.for serial "select"
// CHECK: loop.for serial "select"
// CHECK: loop.for serial "word"
// CHECK: [[SUM:%\d+]] = loop.load [[SUMS:%\d+]]{{.*}} -> vector<16xf32>
// CHECK-NEXT: [[FIRST:%\d+]] = loop.binary add [[SUM]], {{.*}} : vector<16xf32>
// CHECK-NEXT: [[BOTH:%\d+]] = loop.binary add [[FIRST]], {{.*}} : vector<16xf32>
// CHECK-NEXT: loop.store [[BOTH]], [[SUMS]]
// CHECK: loop.yield [[BEHIND]] : i64
// CHECK: loop.for serial "select"
// CHECK: loop.for serial "word"
// CHECK: loop.load [[SUMS]]{{.*}} -> vector<16xf32>
// CHECK-NEXT: loop.binary add {{.*}} : vector<16xf32>
// CHECK-NEXT: loop.store {{.*}}, [[SUMS]]
// CHECK: loop.repeat_while

// ONE-NOT: slice_run
// ONE: loop.routine @main_raw
// ONE: loop.for serial "tree" %tree = %tree_begin to %tree_end

forest.model @small {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {n_features = 2 : i64, dtype = f32, missing_value = 0x7ff8000000000000 : f64, column = #forest.blob<"<i4", [2], "0x0000000001000000"> }
  %2 = forest.predicates %1 {input = #forest.blob<"<i4", [3], "0x010000000000000001000000">, test = #forest.blob<"|u1", [3], "0x000000">, threshold = #forest.blob<"<f4", [3], "0x0000003f000000800000003f">, missing = #forest.blob<"|u1", [3], "0x010101">, missing_left = #forest.blob<"|b1", [3], "0x010001">, category_set = #forest.blob<"<i4", [3], "0xffffffffffffffffffffffff">, invalid_left = #forest.blob<"|b1", [3], "0x000000">, set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">, set_words = #forest.blob<"<u4", [0], "0x">, category_cast = 0 : i64 }
  %3 = forest.trees %2 {node_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">, leaf_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000500000000000000">, predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">, left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">, right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">, leaf_row = #forest.blob<"<i4", [5], "0x0000000001000000020000000300000004000000">, leaf_id = #forest.blob<"<i4", [5], "0x0200000003000000040000000100000002000000">, column = #forest.blob<"<i4", [2], "0x0000000000000000">, iteration_offset = #forest.blob<"<i4", [3], "0x000000000100000002000000"> }
  %4 = forest.sum %3 {values = #forest.blob<"<f4", [5, 1], "0x0000803f000000400000803f0000000000000080">, dtype = f32, base = #forest.blob<"<f4", [1], "0x0000003f">, base_first = true, final = "none", operand = 1.000000e+00 : f64, bias = 0.000000e+00 : f64 }
  %5 = forest.link %4 {link = "identity", scale = 1.000000e+00 : f64, average = 1.000000e+00 : f64 }
  forest.output raw %4 response %5 leaves %3
}
