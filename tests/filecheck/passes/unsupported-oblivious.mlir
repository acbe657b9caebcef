// RUN: not tree-opt %s -p 'share-predicates' 2>&1 | filecheck %s --check-prefix PRED
// RUN: not tree-opt %s -p 'share-leaves' 2>&1 | filecheck %s --check-prefix LEAF
// RUN: not tree-opt %s -p 'plan-kernels,layout' 2>&1 | filecheck %s --check-prefix LAYOUT

// What does not apply is refused, with what to do instead.

// PRED: the model's trees are oblivious; sharing their predicates is not supported yet
// LEAF: leaves of oblivious trees and linear leaves can't be shared yet
// LAYOUT: oblivious trees are not compiled yet
// LAYOUT-NEXT: fix: use another model type

forest.model @oblivious {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {n_features = 1 : i64, dtype = f32, missing_value = 0x7ff8000000000000 : f64, column = #forest.blob<"<i4", [1], "0x00000000"> }
  %2 = forest.predicates %1 {input = #forest.blob<"<i4", [2], "0x0000000000000000">, test = #forest.blob<"|u1", [2], "0x0000">, threshold = #forest.blob<"<f4", [2], "0x0000803f00000040">, missing = #forest.blob<"|u1", [2], "0x0101">, missing_left = #forest.blob<"|b1", [2], "0x0000">, category_set = #forest.blob<"<i4", [2], "0xffffffffffffffff">, invalid_left = #forest.blob<"|b1", [2], "0x0000">, set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">, set_words = #forest.blob<"<u4", [0], "0x">, category_cast = 0 : i64 }
  %3 = forest.oblivious_trees %2 {level_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">, leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000400000000000000">, predicate = #forest.blob<"<i4", [2], "0x0000000001000000">, leaf_row = #forest.blob<"<i4", [4], "0x00000000010000000200000003000000">, leaf_id = #forest.blob<"<i4", [4], "0x00000000010000000200000003000000">, column = #forest.blob<"<i4", [1], "0x00000000">, iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000"> }
  %4 = forest.sum %3 {values = #forest.blob<"<f4", [4, 1], "0x000000000000803f0000004000004040">, dtype = f32, base = #forest.blob<"<f4", [1], "0x00000000">, base_first = true, final = "none", operand = 1.000000e+00 : f64, bias = 0.000000e+00 : f64 }
  %5 = forest.link %4 {link = "identity", scale = 1.000000e+00 : f64, average = 1.000000e+00 : f64 }
  forest.output raw %4 response %5 leaves %3
}
