// RUN: tree-opt %s -p 'lower-kernels' | filecheck %s

// A block of rows starts from the base, then each tree adds a leaf to each row. Left of a node is the next one; right is
// `step` nodes on; a leaf is where the subtree ends. One stage per task and dtype; nothing but loops is left.

// CHECK: loop.table @leaf_values <"<f4", [5], "0x0000803f000000400000803f0000000000000080"> : <f32, 1, constant>
// CHECK: loop.table @nodes <"threshold:0:<f4;word0:4:<u4;8", [4], "0x0000003f0700000000000080000000000000003f060000000000003f06000000"> : <!loop.record<8, "threshold" : f32 at 0, "word0" : i32 at 4>, 1, constant>
// CHECK: loop.table @node_base <"|u1", [3], "0x000203"> : <i8, 1, constant>
// CHECK: loop.func @main_raw_f32 axis 0 grain 64 (%rows: !loop.buffer<f32, 2, global>, %out: !loop.buffer<f32, 2, global>, %row_begin: i64, %row_end: i64, %tree_begin: i64, %tree_end: i64) {
// CHECK: loop.for parallel "block" %block = %row_begin to %row_end step %{{[0-9]+}} {
// CHECK: %{{[0-9]+}} = loop.select %{{[0-9]+}}, %{{[0-9]+}}, %row_end : i1, i64
// CHECK: loop.for serial %{{[0-9]+}} = %block to %{{[0-9]+}} step %{{[0-9]+}} {
// CHECK: loop.store %{{[0-9]+}}, %out[%{{[0-9]+}}, %{{[0-9]+}}] : f32, !loop.buffer<f32, 2, global>
// CHECK: loop.for serial "tree" %tree = %tree_begin to %tree_end step %{{[0-9]+}} {
// CHECK: loop.for serial "row" %row = %block to %{{[0-9]+}} step %{{[0-9]+}} {
// CHECK: %{{[0-9]+}}, %{{[0-9]+}}, %{{[0-9]+}} = loop.repeat carry(%node = %{{[0-9]+}}, %end = %{{[0-9]+}}, %lefts = %{{[0-9]+}}) : (i64, i64, i64) {
// CHECK: %{{[0-9]+}} = loop.load %{{[0-9]+}}[%node] "word0" : !loop.buffer<!loop.record<8, "threshold" : f32 at 0, "word0" : i32 at 4>, 1, constant> -> i32
// CHECK: %value = loop.load %rows[%row, %feature] : !loop.buffer<f32, 2, global> -> f32
// CHECK: %threshold = loop.load %{{[0-9]+}}[%node] "threshold" : !loop.buffer<!loop.record<8, "threshold" : f32 at 0, "word0" : i32 at 4>, 1, constant> -> f32
// CHECK: %goes_left = loop.binary or %{{[0-9]+}}, %{{[0-9]+}} : i1
// CHECK: loop.repeat_while %{{[0-9]+}} %{{[0-9]+}}, %{{[0-9]+}}, %{{[0-9]+}} : i64, i64, i64
// CHECK: %leaf = loop.binary sub %{{[0-9]+}}, %{{[0-9]+}} : i64
// CHECK: %{{[0-9]+}} = loop.load %{{[0-9]+}}[%leaf] : !loop.buffer<f32, 1, constant> -> f32
// CHECK: %{{[0-9]+}} = loop.load %out[%row, %{{[0-9]+}}] : !loop.buffer<f32, 2, global> -> f32
// CHECK: %{{[0-9]+}} = loop.binary add %{{[0-9]+}}, %{{[0-9]+}} : f32
// CHECK: loop.store %{{[0-9]+}}, %out[%row, %{{[0-9]+}}] : f32, !loop.buffer<f32, 2, global>
// CHECK: loop.func @main_leaf_f32 axis 0 grain 64 (%rows: !loop.buffer<f32, 2, global>, %out: !loop.buffer<i32, 2, global>, %row_begin: i64, %row_end: i64, %tree_begin: i64, %tree_end: i64) {
// CHECK: loop.return
// CHECK: loop.kernel [@main_raw_f32] {task = 0 : i32, row_dtype = 0 : i32, rows_max = 9223372036854775807 : i64, row_cost = {{\d+}} : i64}
// CHECK: loop.kernel [@main_raw_f32] {task = 1 : i32, row_dtype = 0 : i32, rows_max = 9223372036854775807 : i64, row_cost = {{\d+}} : i64}
// CHECK: loop.kernel [@main_leaf_f32] {task = 2 : i32, row_dtype = 0 : i32, rows_max = 9223372036854775807 : i64, row_cost = {{\d+}} : i64}
// CHECK-NOT: forest.
// CHECK-NOT: plan.

plan.target level "native" input "f32"
forest.model @small {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {
    n_features = 2 : i64,
    dtype = f32,
    missing_value = 0x7ff8000000000000 : f64,
    column = #forest.blob<"<i4", [2], "0x0000000001000000">
  }
  %2 = forest.predicates %1 {
    input = #forest.blob<"<i4", [3], "0x010000000000000001000000">,
    test = #forest.blob<"|u1", [3], "0x000000">,
    threshold = #forest.blob<"<f4", [3], "0x0000003f000000800000003f">,
    missing = #forest.blob<"|u1", [3], "0x010101">,
    missing_left = #forest.blob<"|b1", [3], "0x010001">,
    category_set = #forest.blob<"<i4", [3], "0xffffffffffffffffffffffff">,
    invalid_left = #forest.blob<"|b1", [3], "0x000000">,
    set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">,
    set_words = #forest.blob<"<u4", [0], "0x">,
    category_cast = 0 : i64
  }
  %3 = forest.trees %2 {
    node_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">,
    leaf_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000500000000000000">,
    predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
    left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">,
    right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">,
    leaf_row = #forest.blob<"<i4", [5], "0x0000000001000000020000000300000004000000">,
    leaf_id = #forest.blob<"<i4", [5], "0x0200000003000000040000000100000002000000">,
    column = #forest.blob<"<i4", [2], "0x0000000000000000">,
    iteration_offset = #forest.blob<"<i4", [3], "0x000000000100000002000000">
  }
  %4 = forest.sum %3 {
    values = #forest.blob<"<f4", [5, 1], "0x0000803f000000400000803f0000000000000080">,
    dtype = f32,
    base = #forest.blob<"<f4", [1], "0x0000003f">,
    base_first = true,
    final = "none",
    operand = 1.000000e+00 : f64,
    bias = 0.000000e+00 : f64
  }
  %5 = forest.link %4 {
    link = "identity",
    scale = 1.000000e+00 : f64,
    average = 1.000000e+00 : f64
  }
  forest.output raw %4 response %5 leaves %3
}
plan.packed_trees @trees {
  nodes = #forest.blob<"threshold:0:<f4;word0:4:<u4;8", [3], "0x0000003f0700000000000080000000000000003f06000000">,
  fields = {step = #plan.bits<1 at 0 plus 1>, feature = #plan.bits<1 at 1 plus 0>, kind = #plan.bits<0 at 2 plus 0>, missing_left = #plan.bits<1 at 2 plus 0>},
  node_base = #forest.blob<"|u1", [3], "0x000203">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}
plan.kernel @main of @small rows 9223372036854775807 {
  plan.for parallel "block" row step 64 {
    plan.for serial "tree" tree step 1 {
      plan.for serial "row" row step 1 of "block" {
        plan.walk {trees = @trees, strategy = "scalar"}
      }
    }
  }
}
