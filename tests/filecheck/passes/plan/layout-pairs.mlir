// RUN: tree-opt %s -p 'plan-kernels,rank-features{at=row to=u8},layout{kind=pairs}' | filecheck %s
// RUN: tree-opt %s -p 'plan-kernels,layout{kind=pairs}' | filecheck %s --check-prefix VALUES

// The root, then a pair for each node. A leaf points at itself by a view that is always 0; its threshold is its number.

// CHECK: plan.paired_trees @trees {
// CHECK-NEXT:   nodes = #forest.blob<"word0:0:<u4;4", [8], "0x14000000200000000a0000000800000009000000140000000800000009000000">,
// CHECK-NEXT:   fields = {threshold = #plan.bits<2 at 0 plus 0>, feature = #plan.bits<2 at 2 plus 0>, kind = #plan.bits<0 at 4 plus 0>, delta = #plan.bits<2 at 4 plus 0>},
// CHECK-NEXT:   base = #forest.blob<"|u1", [3], "0x000508">,
// CHECK-NEXT:   tests = #forest.blob<"<i8", [1], "0x0100000000000000">,
// CHECK-NEXT:   leaf_id = #forest.blob<"|u1", [5], "0x0203040102">,
// CHECK-NEXT:   set_offset = #forest.blob<"|u1", [1], "0x00">,
// CHECK-NEXT:   set_words = #forest.blob<"<u4", [0], "0x">,
// CHECK-NEXT:   ranks = @ranks
// CHECK-NEXT: }
// CHECK: trees = @trees

// About values: level by level; a leaf's threshold is NaN, and `right` is 0. Leaves' numbers stand at their positions.

// VALUES: plan.value_pairs @trees {
// VALUES-NEXT:   nodes = #forest.blob<"threshold:0:<f4;word0:4:<u4;8", [8], "0x0000003f0b000000000000800c0000000000c07f000000000000c07f000000000000c07f000000000000003f0b0000000000c07f000000000000c07f00000000">,
// VALUES-NEXT:   fields = {feature = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, missing_left = #plan.bits<1 at 1 plus 0>, right = #plan.bits<2 at 2 plus 0>},
// VALUES-NEXT:   set_offset = #forest.blob<"|u1", [1], "0x00">,
// VALUES-NEXT:   set_words = #forest.blob<"<u4", [0], "0x">,
// VALUES-NEXT:   base = #forest.blob<"|u1", [3], "0x000508">,
// VALUES-NEXT:   kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
// VALUES-NEXT:   depth = #forest.blob<"|u1", [2], "0x0201">,
// VALUES-NEXT:   leaf_row = #forest.blob<"|u1", [8], "0x0000020001000304">,
// VALUES-NEXT:   leaf_id = #forest.blob<"|u1", [8], "0x0000040203000102">
// VALUES-NEXT: }
// VALUES: trees = @trees

forest.model @small {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {n_features = 2 : i64, dtype = f32, missing_value = 0x7ff8000000000000 : f64, column = #forest.blob<"<i4", [2], "0x0000000001000000"> }
  %2 = forest.predicates %1 {input = #forest.blob<"<i4", [3], "0x010000000000000001000000">, test = #forest.blob<"|u1", [3], "0x000000">, threshold = #forest.blob<"<f4", [3], "0x0000003f000000800000003f">, missing = #forest.blob<"|u1", [3], "0x010101">, missing_left = #forest.blob<"|b1", [3], "0x010001">, category_set = #forest.blob<"<i4", [3], "0xffffffffffffffffffffffff">, invalid_left = #forest.blob<"|b1", [3], "0x000000">, set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">, set_words = #forest.blob<"<u4", [0], "0x">, category_cast = 0 : i64 }
  %3 = forest.trees %2 {node_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">, leaf_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000500000000000000">, predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">, left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">, right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">, leaf_row = #forest.blob<"<i4", [5], "0x0000000001000000020000000300000004000000">, leaf_id = #forest.blob<"<i4", [5], "0x0200000003000000040000000100000002000000">, column = #forest.blob<"<i4", [2], "0x0000000000000000">, iteration_offset = #forest.blob<"<i4", [3], "0x000000000100000002000000"> }
  %4 = forest.sum %3 {values = #forest.blob<"<f4", [5, 1], "0x0000803f000000400000803f0000000000000080">, dtype = f32, base = #forest.blob<"<f4", [1], "0x0000003f">, base_first = true, final = "none", operand = 1.000000e+00 : f64, bias = 0.000000e+00 : f64 }
  %5 = forest.link %4 {link = "identity", scale = 1.000000e+00 : f64, average = 1.000000e+00 : f64 }
  forest.output raw %4 response %5 leaves %3
}
