// RUN: tree-opt %s -p 'tile-nodes{size=2},plan-kernels,layout{kind=sparse}' | filecheck %s
// RUN: tree-opt %s -p 'plan-kernels,layout{kind=array}' | filecheck %s --check-prefix ARRAY

// Tree 0 is a tile of two nodes, tree 1 a tile of one: its second lane repeats the first, and its shape (the first one)
// does not look at it. Without tiles a node is one: the array of tree 0 has a place for a tile that is not there.

// CHECK: plan.tiled_trees @trees {
// CHECK-NEXT:   kind = "sparse",
// CHECK-NEXT:   size = 2 : i64,
// CHECK-NEXT:   tiles = #forest.blob<"threshold:0:2<f4;asked:8:2|u1;word0:10:|u1;12", [2], "0x0000003f00000080030000000000003f0000003f03030100">,
// CHECK-NEXT:   lane_fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
// CHECK-NEXT:   fields = {shape = #plan.bits<1 at 0 plus 0>, inner = #plan.bits<0 at 1 plus 0>, child = #plan.bits<0 at 1 plus 1>},
// CHECK-NEXT:   base = #forest.blob<"|u1", [3], "0x000102">,
// CHECK-NEXT:   lookup = #forest.blob<"|u1", [2, 4], "0x0002000101000100">,
// CHECK-NEXT:   leaf_base = #forest.blob<"|u1", [2], "0x0003">,
// CHECK-NEXT:   leaf_row = #forest.blob<"|u1", [5], "0x0200010304">,
// CHECK-NEXT:   leaf_id = #forest.blob<"|u1", [5], "0x0402030102">,
// CHECK-NEXT:   kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
// CHECK-NEXT:   set_offset = #forest.blob<"|u1", [1], "0x00">,
// CHECK-NEXT:   set_words = #forest.blob<"<u4", [0], "0x">
// CHECK-NEXT: }
// CHECK: trees = @trees

// ARRAY: plan.tiled_trees @trees {
// ARRAY-NEXT:   kind = "array",
// ARRAY-NEXT:   size = 1 : i64,
// ARRAY-NEXT:   tiles = #forest.blob<"threshold:0:<f4;asked:4:|u1;word0:5:|u1;8", [3], "0x0000003f0301000000000080000000000000003f03000000">,
// ARRAY-NEXT:   lane_fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
// ARRAY-NEXT:   fields = {shape = #plan.bits<0 at 0 plus 0>, inner = #plan.bits<1 at 0 plus 0>},
// ARRAY-NEXT:   base = #forest.blob<"|u1", [3], "0x000203">,
// ARRAY-NEXT:   leaf_base = #forest.blob<"|u1", [3], "0x000103">,
// ARRAY-NEXT:   leaf_row = #forest.blob<"|u1", [5], "0x0200010304">,
// ARRAY-NEXT:   leaf_id = #forest.blob<"|u1", [5], "0x0402030102">,
// ARRAY-NEXT:   kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
// ARRAY-NEXT:   set_offset = #forest.blob<"|u1", [1], "0x00">,
// ARRAY-NEXT:   set_words = #forest.blob<"<u4", [0], "0x">
// ARRAY-NEXT: }

forest.model @small {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {n_features = 2 : i64, dtype = f32, missing_value = 0x7ff8000000000000 : f64, column = #forest.blob<"<i4", [2], "0x0000000001000000"> }
  %2 = forest.predicates %1 {input = #forest.blob<"<i4", [3], "0x010000000000000001000000">, test = #forest.blob<"|u1", [3], "0x000000">, threshold = #forest.blob<"<f4", [3], "0x0000003f000000800000003f">, missing = #forest.blob<"|u1", [3], "0x010101">, missing_left = #forest.blob<"|b1", [3], "0x010001">, category_set = #forest.blob<"<i4", [3], "0xffffffffffffffffffffffff">, invalid_left = #forest.blob<"|b1", [3], "0x000000">, set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">, set_words = #forest.blob<"<u4", [0], "0x">, category_cast = 0 : i64 }
  %3 = forest.trees %2 {node_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">, leaf_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000500000000000000">, predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">, left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">, right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">, leaf_row = #forest.blob<"<i4", [5], "0x0000000001000000020000000300000004000000">, leaf_id = #forest.blob<"<i4", [5], "0x0200000003000000040000000100000002000000">, column = #forest.blob<"<i4", [2], "0x0000000000000000">, iteration_offset = #forest.blob<"<i4", [3], "0x000000000100000002000000"> }
  %4 = forest.sum %3 {values = #forest.blob<"<f4", [5, 1], "0x0000803f000000400000803f0000000000000080">, dtype = f32, base = #forest.blob<"<f4", [1], "0x0000003f">, base_first = true, final = "none", operand = 1.000000e+00 : f64, bias = 0.000000e+00 : f64 }
  %5 = forest.link %4 {link = "identity", scale = 1.000000e+00 : f64, average = 1.000000e+00 : f64 }
  forest.output raw %4 response %5 leaves %3
}
