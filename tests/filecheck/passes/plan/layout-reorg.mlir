// RUN: tree-opt %s -p 'plan-kernels,layout{kind=reorg align=2}' | filecheck %s
// RUN: tree-opt %s -p 'plan-kernels,rank-features{at=row to=u8},layout{kind=reorg align=1}' | filecheck %s --check-prefix RANKS

// Two trees of depth 2 and 1: the roots of both, then the left children of both, and so on. Where there is no node, the
// question above is repeated, and the leaf.

// CHECK: plan.reorg_trees @trees {
// CHECK-NEXT:   depth = 2 : i64,
// CHECK-NEXT:   asked = #forest.blob<"word0:0:<u2;2", [6], "0x030003000000030003000300">,
// CHECK-NEXT:   fields = {missing_left = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, feature = #plan.bits<1 at 1 plus 0>},
// CHECK-NEXT:   threshold = #forest.blob<"<f4", [6], "0x0000003f0000003f000000800000003f0000003f0000003f">,
// CHECK-NEXT:   kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
// CHECK-NEXT:   leaf_row = #forest.blob<"|u1", [8], "0x0003010302040204">,
// CHECK-NEXT:   leaf_id = #forest.blob<"|u1", [8], "0x0201030104020402">,
// CHECK-NEXT:   set_offset = #forest.blob<"|u1", [1], "0x00">,
// CHECK-NEXT:   set_words = #forest.blob<"<u4", [0], "0x">
// CHECK-NEXT: }
// CHECK: trees = @trees

// Ranks are bits of the records; here each input has one cut, so that the view is all that is asked.

// RANKS: plan.reorg_trees @trees {
// RANKS-NEXT:   depth = 2 : i64,
// RANKS-NEXT:   asked = #forest.blob<"word0:0:|u1;1", [6], "0x010100010101">,
// RANKS-NEXT:   fields = {threshold = #plan.bits<0 at 0 plus 0>, kind = #plan.bits<0 at 0 plus 0>, feature = #plan.bits<1 at 0 plus 0>},
// RANKS-NOT:    threshold = #forest.blob
// RANKS:        ranks = @ranks

forest.model @small {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {n_features = 2 : i64, dtype = f32, missing_value = 0x7ff8000000000000 : f64, column = #forest.blob<"<i4", [2], "0x0000000001000000"> }
  %2 = forest.predicates %1 {input = #forest.blob<"<i4", [3], "0x010000000000000001000000">, test = #forest.blob<"|u1", [3], "0x000000">, threshold = #forest.blob<"<f4", [3], "0x0000003f000000800000003f">, missing = #forest.blob<"|u1", [3], "0x010101">, missing_left = #forest.blob<"|b1", [3], "0x010001">, category_set = #forest.blob<"<i4", [3], "0xffffffffffffffffffffffff">, invalid_left = #forest.blob<"|b1", [3], "0x000000">, set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">, set_words = #forest.blob<"<u4", [0], "0x">, category_cast = 0 : i64 }
  %3 = forest.trees %2 {node_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">, leaf_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000500000000000000">, predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">, left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">, right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">, leaf_row = #forest.blob<"<i4", [5], "0x0000000001000000020000000300000004000000">, leaf_id = #forest.blob<"<i4", [5], "0x0200000003000000040000000100000002000000">, column = #forest.blob<"<i4", [2], "0x0000000000000000">, iteration_offset = #forest.blob<"<i4", [3], "0x000000000100000002000000"> }
  %4 = forest.sum %3 {values = #forest.blob<"<f4", [5, 1], "0x0000803f000000400000803f0000000000000080">, dtype = f32, base = #forest.blob<"<f4", [1], "0x0000003f">, base_first = true, final = "none", operand = 1.000000e+00 : f64, bias = 0.000000e+00 : f64 }
  %5 = forest.link %4 {link = "identity", scale = 1.000000e+00 : f64, average = 1.000000e+00 : f64 }
  forest.output raw %4 response %5 leaves %3
}
