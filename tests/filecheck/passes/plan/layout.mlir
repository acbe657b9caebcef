// RUN: tree-opt %s -p 'plan-kernels,layout' | filecheck %s
// RUN: tree-opt %s -p 'plan-kernels,layout{align=1}' | filecheck %s --check-prefix ALIGN1
// RUN: tree-opt %s -p 'share-predicates,plan-kernels,layout{predicates=table}' | filecheck %s --check-prefix TABLE

// How trees lie in memory.

// Threshold, step, feature and direction in each node, rounded up to 8 bytes.
// CHECK: plan.packed_trees @trees {
// CHECK-NEXT:   nodes = #forest.blob<"threshold:0:<f4;word0:4:<u4;8", [3], "0x0000003f0700000000000080000000000000003f06000000">,
// CHECK-NEXT:   fields = {step = #plan.bits<1 at 0 plus 1>, feature = #plan.bits<1 at 1 plus 0>, kind = #plan.bits<0 at 2 plus 0>, missing_left = #plan.bits<1 at 2 plus 0>},
// CHECK-NEXT:   node_base = #forest.blob<"|u1", [3], "0x000203">,
// CHECK-NEXT:   kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
// CHECK-NEXT:   set_offset = #forest.blob<"|u1", [1], "0x00">,
// CHECK-NEXT:   set_words = #forest.blob<"<u4", [0], "0x">
// CHECK-NEXT: }
// CHECK: plan.walk {trees = @trees}

// The same, in 5 bytes.
// ALIGN1: plan.packed_trees @trees {
// ALIGN1-NEXT:   nodes = #forest.blob<"threshold:0:<f4;word0:4:|u1;5", [3], "0x0000003f0700000080000000003f06">,
// ALIGN1-NEXT:   fields = {step = #plan.bits<1 at 0 plus 1>, feature = #plan.bits<1 at 1 plus 0>, kind = #plan.bits<0 at 2 plus 0>, missing_left = #plan.bits<1 at 2 plus 0>},
// ALIGN1-NEXT:   node_base = #forest.blob<"|u1", [3], "0x000203">,
// ALIGN1-NEXT:   kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
// ALIGN1-NEXT:   set_offset = #forest.blob<"|u1", [1], "0x00">,
// ALIGN1-NEXT:   set_words = #forest.blob<"<u4", [0], "0x">
// ALIGN1-NEXT: }
// ALIGN1: plan.walk {trees = @trees}

// Nodes hold a predicate; what it asks is in a table of its own.
// TABLE: plan.packed_trees @trees {
// TABLE-NEXT:   nodes = #forest.blob<"word0:0:<u4;4", [3], "0x030000000000000002000000">,
// TABLE-NEXT:   fields = {step = #plan.bits<1 at 0 plus 1>, predicate = #plan.bits<1 at 1 plus 0>},
// TABLE-NEXT:   node_base = #forest.blob<"|u1", [3], "0x000203">,
// TABLE-NEXT:   kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
// TABLE-NEXT:   set_offset = #forest.blob<"|u1", [1], "0x00">,
// TABLE-NEXT:   set_words = #forest.blob<"<u4", [0], "0x">,
// TABLE-NEXT:   predicates = #forest.blob<"threshold:0:<f4;word0:4:<u4;8", [2], "0x00000080000000000000003f03000000">,
// TABLE-NEXT:   predicate_fields = {feature = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, missing_left = #plan.bits<1 at 1 plus 0>}
// TABLE-NEXT: }
// TABLE: plan.walk {trees = @trees}

forest.model @small {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {n_features = 2 : i64, dtype = f32, missing_value = 0x7ff8000000000000 : f64, column = #forest.blob<"<i4", [2], "0x0000000001000000"> }
  %2 = forest.predicates %1 {input = #forest.blob<"<i4", [3], "0x010000000000000001000000">, test = #forest.blob<"|u1", [3], "0x000000">, threshold = #forest.blob<"<f4", [3], "0x0000003f000000800000003f">, missing = #forest.blob<"|u1", [3], "0x010101">, missing_left = #forest.blob<"|b1", [3], "0x010001">, category_set = #forest.blob<"<i4", [3], "0xffffffffffffffffffffffff">, invalid_left = #forest.blob<"|b1", [3], "0x000000">, set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">, set_words = #forest.blob<"<u4", [0], "0x">, category_cast = 0 : i64 }
  %3 = forest.trees %2 {node_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">, leaf_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000500000000000000">, predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">, left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">, right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">, leaf_row = #forest.blob<"<i4", [5], "0x0000000001000000020000000300000004000000">, leaf_id = #forest.blob<"<i4", [5], "0x0200000003000000040000000100000002000000">, column = #forest.blob<"<i4", [2], "0x0000000000000000">, iteration_offset = #forest.blob<"<i4", [3], "0x000000000100000002000000"> }
  %4 = forest.sum %3 {values = #forest.blob<"<f4", [5, 1], "0x0000803f000000400000803f0000000000000080">, dtype = f32, base = #forest.blob<"<f4", [1], "0x0000003f">, base_first = true, final = "none", operand = 1.000000e+00 : f64, bias = 0.000000e+00 : f64 }
  %5 = forest.link %4 {link = "identity", scale = 1.000000e+00 : f64, average = 1.000000e+00 : f64 }
  forest.output raw %4 response %5 leaves %3
}
