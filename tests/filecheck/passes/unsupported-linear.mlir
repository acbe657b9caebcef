// RUN: not tree-opt %s -p 'share-leaves' 2>&1 | filecheck %s --check-prefix LEAF
// RUN: not tree-opt %s -p 'plan-kernels,layout' 2>&1 | filecheck %s --check-prefix LAYOUT

// What does not apply is refused, with what to do instead.

// LEAF: leaves of oblivious trees and linear leaves can't be shared yet
// LAYOUT: linear leaves are not compiled yet
// LAYOUT-NEXT: fix: train with linear_tree=false

forest.model @linear {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {n_features = 2 : i64, dtype = f64, missing_value = 0x7ff8000000000000 : f64, column = #forest.blob<"<i4", [2], "0x0000000001000000">, table_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000200000000000000">, table_value = #forest.blob<"<f8", [2], "0x000000000000f03f0000000000001c40"> }
  %2 = forest.predicates %1 {input = #forest.blob<"<i4", [1], "0x00000000">, test = #forest.blob<"|u1", [1], "0x02">, threshold = #forest.blob<"<f8", [1], "0x000000000000f03f">, missing = #forest.blob<"|u1", [1], "0x00">, missing_left = #forest.blob<"|b1", [1], "0x00">, category_set = #forest.blob<"<i4", [1], "0xffffffff">, invalid_left = #forest.blob<"|b1", [1], "0x00">, set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">, set_words = #forest.blob<"<u4", [0], "0x">, category_cast = 0 : i64 }
  %3 = forest.trees %2 {node_offset = #forest.blob<"<i8", [2], "0x00000000000000000100000000000000">, leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">, predicate = #forest.blob<"<i4", [1], "0x00000000">, left = #forest.blob<"<i4", [1], "0xffffffff">, right = #forest.blob<"<i4", [1], "0xfeffffff">, leaf_row = #forest.blob<"<i4", [2], "0x0000000001000000">, leaf_id = #forest.blob<"<i4", [2], "0x0000000001000000">, column = #forest.blob<"<i4", [1], "0x00000000">, iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000"> }
  %4 = forest.sum %3 {values = #forest.blob<"<f8", [2, 1], "0x000000000000f03f000000000000f87f">, linear_offset = #forest.blob<"<i8", [3], "0x000000000000000001000000000000000100000000000000">, linear_input = #forest.blob<"<i4", [1], "0x01000000">, linear_coefficient = #forest.blob<"<f8", [1], "0x000000000000e03f">, linear_const = #forest.blob<"<f8", [2], "0x000000000000d03f0000000000000080">, dtype = f64, base = #forest.blob<"<f8", [1], "0x0000000000000000">, base_first = true, final = "divide", operand = 1.000000e+00 : f64, bias = 0.000000e+00 : f64 }
  %5 = forest.link %4 {link = "lgb_sigmoid", scale = 5.000000e-01 : f64, average = 3.000000e+00 : f64 }
  forest.output raw %4 response %5 leaves %3
}
