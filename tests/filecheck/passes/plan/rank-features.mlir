// RUN: tree-opt %s -p 'plan-kernels,rank-features{at=row to=u8}' | filecheck %s
// RUN: tree-opt %s -p 'plan-kernels,rank-features{at=row to=u8},layout' | filecheck %s --check-prefix LAYOUT

// Values of feature 0 become ranks at the cut -0.0, values of feature 1 at 0.5; missing ones go the way of their nodes.

// CHECK: plan.ranks @ranks {
// CHECK-NEXT:   to = "u8",
// CHECK-NEXT:   source_input = #forest.blob<"<i4", [2], "0x0000000001000000">,
// CHECK-NEXT:   source_limit = #forest.blob<"<i8", [2], "0xffffffffffffffffffffffffffffffff">,
// CHECK-NEXT:   cut_offset = #forest.blob<"<i8", [3], "0x000000000000000001000000000000000200000000000000">,
// CHECK-NEXT:   cuts = #forest.blob<"<f4", [2], "0x000000800000003f">,
// CHECK-NEXT:   view_offset = #forest.blob<"<i8", [3], "0x000000000000000001000000000000000200000000000000">,
// CHECK-NEXT:   view_missing = #forest.blob<"|u1", [2], "0x0101">,
// CHECK-NEXT:   view_rank = #forest.blob<"<i8", [2], "0x01000000000000000000000000000000">,
// CHECK-NEXT:   view = #forest.blob<"<i4", [3], "0x010000000000000001000000">,
// CHECK-NEXT:   test = #forest.blob<"|u1", [3], "0x010101">,
// CHECK-NEXT:   operand = #forest.blob<"<i8", [3], "0x000000000000000000000000000000000000000000000000">,
// CHECK-NEXT:   set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">,
// CHECK-NEXT:   set_words = #forest.blob<"<u4", [0], "0x">
// CHECK-NEXT: }
// CHECK: plan.walk {ranks = @ranks, ranks_at = "row"}

// A threshold is some bits of the word, the feature a view of the ranked row, and no node knows of missing values.
// LAYOUT: plan.packed_trees @trees {
// LAYOUT-NEXT:   nodes = #forest.blob<"word0:0:<u4;4", [3], "0x030000000000000002000000">,
// LAYOUT-NEXT:   fields = {step = #plan.bits<1 at 0 plus 1>, feature = #plan.bits<1 at 1 plus 0>, kind = #plan.bits<0 at 2 plus 0>, threshold = #plan.bits<0 at 2 plus 0>},
// LAYOUT-NEXT:   node_base = #forest.blob<"|u1", [3], "0x000203">,
// LAYOUT-NEXT:   kinds = #forest.blob<"<i8", [1, 3], "0x010000000000000000000000000000000000000000000000">,
// LAYOUT-NEXT:   set_offset = #forest.blob<"|u1", [1], "0x00">,
// LAYOUT-NEXT:   set_words = #forest.blob<"<u4", [0], "0x">,
// LAYOUT-NEXT:   ranks = @ranks
// LAYOUT-NEXT: }
// LAYOUT: plan.walk {ranks = @ranks, ranks_at = "row", trees = @trees}

forest.model @small {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {n_features = 2 : i64, dtype = f32, missing_value = 0x7ff8000000000000 : f64, column = #forest.blob<"<i4", [2], "0x0000000001000000"> }
  %2 = forest.predicates %1 {input = #forest.blob<"<i4", [3], "0x010000000000000001000000">, test = #forest.blob<"|u1", [3], "0x000000">, threshold = #forest.blob<"<f4", [3], "0x0000003f000000800000003f">, missing = #forest.blob<"|u1", [3], "0x010101">, missing_left = #forest.blob<"|b1", [3], "0x010001">, category_set = #forest.blob<"<i4", [3], "0xffffffffffffffffffffffff">, invalid_left = #forest.blob<"|b1", [3], "0x000000">, set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">, set_words = #forest.blob<"<u4", [0], "0x">, category_cast = 0 : i64 }
  %3 = forest.trees %2 {node_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">, leaf_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000500000000000000">, predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">, left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">, right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">, leaf_row = #forest.blob<"<i4", [5], "0x0000000001000000020000000300000004000000">, leaf_id = #forest.blob<"<i4", [5], "0x0200000003000000040000000100000002000000">, column = #forest.blob<"<i4", [2], "0x0000000000000000">, iteration_offset = #forest.blob<"<i4", [3], "0x000000000100000002000000"> }
  %4 = forest.sum %3 {values = #forest.blob<"<f4", [5, 1], "0x0000803f000000400000803f0000000000000080">, dtype = f32, base = #forest.blob<"<f4", [1], "0x0000003f">, base_first = true, final = "none", operand = 1.000000e+00 : f64, bias = 0.000000e+00 : f64 }
  %5 = forest.link %4 {link = "identity", scale = 1.000000e+00 : f64, average = 1.000000e+00 : f64 }
  forest.output raw %4 response %5 leaves %3
}
