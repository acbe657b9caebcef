// RUN: tree-opt %s -p 'plan-kernels,split-loop{loop=row into=block,row by=128},order-loops{loops=block,tree,row},rank-features{at=block to=u8},predicates{at=block},walk{strategy=bitslice multiplex=none lookup=gather}' | filecheck %s
// RUN: tree-opt %s -p 'plan-kernels,split-loop{loop=row into=block,row by=128},order-loops{loops=block,tree,row},rank-features{at=block to=u8},predicates{at=block},walk{strategy=bitslice leaf=path word=64 multiplex=none lookup=permute}' | filecheck %s --check-prefix PATH
// RUN: tree-opt %s -p 'plan-kernels,split-loop{loop=row into=block,row by=128},order-loops{loops=block,tree,row},rank-features{at=block to=u8},predicates{at=block},walk{strategy=bitslice multiplex=all lookup=bytes}' | filecheck %s --check-prefix FULL

// Slots 0 and 1 are the predicates, 2 and 3 zeros and ones, 4 and on the selects of a tree. A block of 128 rows is one word.

// CHECK: plan.sliced_trees @trees {
// CHECK-NEXT:   predicates = @bits,
// CHECK-NEXT:   select = #forest.blob<"|u1", [0], "0x">,
// CHECK-NEXT:   select_offset = #forest.blob<"<i8", [3], "0x000000000000000000000000000000000000000000000000">,
// CHECK-NEXT:   bits = #forest.blob<"|u1", [3], "0x000101">,
// CHECK-NEXT:   bit_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">,
// CHECK-NEXT:   leaf = #forest.blob<"|u1", [6], "0x020201000403">,
// CHECK-NEXT:   code_offset = #forest.blob<"<i8", [3], "0x000000000000000004000000000000000600000000000000">,
// CHECK-NEXT:   leaf_id = #forest.blob<"|u1", [5], "0x0203040102">
// CHECK-NEXT: }
// CHECK: plan.kernel @main of @small rows 9223372036854775807 {
// CHECK-NEXT:   plan.for serial "block" row step 128 {
// CHECK-NEXT:     plan.for serial "tree" tree step 1 {
// CHECK-NEXT:       plan.for serial "row" row step 1 of "block" {
// CHECK-NEXT:         plan.walk {ranks = @ranks, ranks_at = "block", predicates = @bits, trees = @trees, lookup = "gather", strategy = "bitslice", word = 128 : i64}
// CHECK-NEXT:       }
// CHECK-NEXT:     }
// CHECK-NEXT:   }
// CHECK-NEXT: }

// PATH: plan.sliced_trees @trees {
// PATH-NEXT:   predicates = @bits,
// PATH-NEXT:   select = #forest.blob<"|u1", [0], "0x">,
// PATH-NEXT:   select_offset = #forest.blob<"<i8", [3], "0x000000000000000000000000000000000000000000000000">,
// PATH-NEXT:   bits = #forest.blob<"|u1", [8], "0x0001020201020202">,
// PATH-NEXT:   bit_offset = #forest.blob<"<i8", [3], "0x000000000000000004000000000000000800000000000000">,
// PATH-NEXT:   leaf = #forest.blob<"|u1", [32], "0x0202010000000000000000000000000004030303030303030303030303030303">,
// PATH-NEXT:   code_offset = #forest.blob<"<i8", [3], "0x000000000000000010000000000000002000000000000000">,
// PATH-NEXT:   leaf_id = #forest.blob<"|u1", [5], "0x0203040102">
// PATH-NEXT: }
// PATH: plan.kernel @main of @small rows 9223372036854775807 {
// PATH-NEXT:   plan.for serial "block" row step 128 {
// PATH-NEXT:     plan.for serial "tree" tree step 1 {
// PATH-NEXT:       plan.for serial "row" row step 1 of "block" {
// PATH-NEXT:         plan.walk {ranks = @ranks, ranks_at = "block", predicates = @bits, trees = @trees, lookup = "permute", strategy = "bitslice", together = 2 : i64, word = 64 : i64}
// PATH-NEXT:       }
// PATH-NEXT:     }
// PATH-NEXT:   }
// PATH-NEXT: }

// All trees as multiplexers: the first has a node that is not there, and asks the slot of zeros.

// FULL: plan.sliced_trees @trees {
// FULL:   select = #forest.blob<"|u1", [0], "0x">,
// FULL:   bits = #forest.blob<"|u1", [3], "0x020202">,
// FULL-NEXT:   bit_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">,
// FULL:   node = #forest.blob<"|u1", [4], "0x01000201">,
// FULL-NEXT:   node_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000400000000000000">
// FULL: plan.walk {{{.*}}lookup = "bytes"

forest.model @small {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {n_features = 2 : i64, dtype = f32, missing_value = 0x7ff8000000000000 : f64, column = #forest.blob<"<i4", [2], "0x0000000001000000"> }
  %2 = forest.predicates %1 {input = #forest.blob<"<i4", [3], "0x010000000000000001000000">, test = #forest.blob<"|u1", [3], "0x000000">, threshold = #forest.blob<"<f4", [3], "0x0000003f000000800000003f">, missing = #forest.blob<"|u1", [3], "0x010101">, missing_left = #forest.blob<"|b1", [3], "0x010001">, category_set = #forest.blob<"<i4", [3], "0xffffffffffffffffffffffff">, invalid_left = #forest.blob<"|b1", [3], "0x000000">, set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">, set_words = #forest.blob<"<u4", [0], "0x">, category_cast = 0 : i64 }
  %3 = forest.trees %2 {node_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">, leaf_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000500000000000000">, predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">, left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">, right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">, leaf_row = #forest.blob<"<i4", [5], "0x0000000001000000020000000300000004000000">, leaf_id = #forest.blob<"<i4", [5], "0x0200000003000000040000000100000002000000">, column = #forest.blob<"<i4", [2], "0x0000000000000000">, iteration_offset = #forest.blob<"<i4", [3], "0x000000000100000002000000"> }
  %4 = forest.sum %3 {values = #forest.blob<"<f4", [5, 1], "0x0000803f000000400000803f0000000000000080">, dtype = f32, base = #forest.blob<"<f4", [1], "0x0000003f">, base_first = true, final = "none", operand = 1.000000e+00 : f64, bias = 0.000000e+00 : f64 }
  %5 = forest.link %4 {link = "identity", scale = 1.000000e+00 : f64, average = 1.000000e+00 : f64 }
  forest.output raw %4 response %5 leaves %3
}
