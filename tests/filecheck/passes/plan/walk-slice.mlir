// RUN: tree-opt %s -p 'plan-kernels,split-loop{loop=row into=block,row by=128},order-loops{loops=block,tree,row},rank-features{at=block to=u8},predicates{at=block},layout{kind=pairs},walk{strategy=bitslice slice=1 interleave="row:4" peel=1 multiplex=none lookup=gather}' | filecheck %s
// RUN: tree-opt %s -p 'plan-kernels,split-loop{loop=row into=block,row by=128},order-loops{loops=block,tree,row},rank-features{at=block to=u8},predicates{at=block},layout{kind=pairs},walk{strategy=bitslice slice=1 interleave="row:4" peel=1 multiplex=none lookup=gather},lower-kernels' | filecheck %s --check-prefix CODE

// Only the roots' predicate is answered, for both trees; a row's code is its answer, and says where in a tree's pairs its walk
// goes on: from its second level, or at a leaf.

// CHECK: plan.predicate_bits @bits {
// CHECK-NEXT:   test = #forest.blob<"|u1", [1], "0x01">,
// CHECK-NEXT:   view = #forest.blob<"<i8", [1], "0x0100000000000000">,
// CHECK-NEXT:   operand = #forest.blob<"<i8", [1], "0x0000000000000000">,
// CHECK-NEXT:   slot = #forest.blob<"<i8", [3], "0x0000000000000000ffffffffffffffff0000000000000000">,
// CHECK: plan.sliced_trees @upper {
// CHECK-NEXT:   predicates = @bits,
// CHECK-NEXT:   select = #forest.blob<"|u1", [0], "0x">,
// CHECK-NEXT:   select_offset = #forest.blob<"<i8", [3], "0x000000000000000000000000000000000000000000000000">,
// CHECK-NEXT:   bits = #forest.blob<"|u1", [2], "0x0000">,
// CHECK-NEXT:   bit_offset = #forest.blob<"<i8", [3], "0x000000000000000001000000000000000200000000000000">,
// CHECK-NEXT:   leaf = #forest.blob<"|u1", [4], "0x01000302">,
// CHECK-NEXT:   code_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000400000000000000">,
// CHECK-NEXT:   start = #forest.blob<"|u1", [4], "0x01020102">,
// CHECK-NEXT:   levels = 1 : i64
// CHECK-NEXT: }
// CHECK-NOT: plan.predicate_bits
// CHECK: plan.walk {{{.*}}predicates = @bits, trees = @trees, upper = @upper, interleave = 4 : i64, interleave_axis = "row", peel = 1 : i64, lookup = "gather", strategy = "bitslice", word = 128 : i64}

// Ranks lie by column, for bits, and are copied by row, for walks. Then, tree by tree: codes of 128 rows, and from each row's
// code its place in the pairs, four rows together; last those that are left, one by one.
// CODE-LABEL: loop.routine @main_raw (
// CODE: loop.call @main_predicates(%ranked, %{{\d+}})
// CODE: [[RANK:%\d+]] = loop.load %ranked[%{{\d+}}, %{{\d+}}]
// CODE-NEXT: loop.store [[RANK]], [[ROWS:%\d+]][%{{\d+}}, %{{\d+}}]
// CODE: loop.for serial "tree" %tree = %tree_begin to %tree_end
// CODE: loop.for serial "select"
// CODE: loop.transpose_bits
// CODE: loop.for serial "row" %row = %{{\d+}} to [[MIDDLE:%\d+]] step
// CODE: loop.load %{{\d+}}[%{{\d+}}] : !loop.buffer<i8, 1, workspace> -> i8
// CODE: %position = loop.binary add
// CODE: loop.load [[ROWS]][%{{\d+}}, %feature]
// CODE: loop.load [[ROWS]][%{{\d+}}, %feature_3]
// CODE: loop.for serial "row" %row_1 = [[MIDDLE]] to
// CODE-LABEL: loop.func @main_raw_f32

forest.model @small {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {n_features = 2 : i64, dtype = f32, missing_value = 0x7ff8000000000000 : f64, column = #forest.blob<"<i4", [2], "0x0000000001000000"> }
  %2 = forest.predicates %1 {input = #forest.blob<"<i4", [3], "0x010000000000000001000000">, test = #forest.blob<"|u1", [3], "0x000000">, threshold = #forest.blob<"<f4", [3], "0x0000003f000000800000003f">, missing = #forest.blob<"|u1", [3], "0x010101">, missing_left = #forest.blob<"|b1", [3], "0x010001">, category_set = #forest.blob<"<i4", [3], "0xffffffffffffffffffffffff">, invalid_left = #forest.blob<"|b1", [3], "0x000000">, set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">, set_words = #forest.blob<"<u4", [0], "0x">, category_cast = 0 : i64 }
  %3 = forest.trees %2 {node_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">, leaf_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000500000000000000">, predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">, left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">, right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">, leaf_row = #forest.blob<"<i4", [5], "0x0000000001000000020000000300000004000000">, leaf_id = #forest.blob<"<i4", [5], "0x0200000003000000040000000100000002000000">, column = #forest.blob<"<i4", [2], "0x0000000000000000">, iteration_offset = #forest.blob<"<i4", [3], "0x000000000100000002000000"> }
  %4 = forest.sum %3 {values = #forest.blob<"<f4", [5, 1], "0x0000803f000000400000803f0000000000000080">, dtype = f32, base = #forest.blob<"<f4", [1], "0x0000003f">, base_first = true, final = "none", operand = 1.000000e+00 : f64, bias = 0.000000e+00 : f64 }
  %5 = forest.link %4 {link = "identity", scale = 1.000000e+00 : f64, average = 1.000000e+00 : f64 }
  forest.output raw %4 response %5 leaves %3
}
