// RUN: tree-opt %s --verify-diagnostics --split-input-file | filecheck %s

%0 = "test.op"() : () -> !forest.rows
%1 = forest.inputs %0 {
  n_features = 2 : i64,
  dtype = f32,
  missing_value = 0.0 : f64,
  column = #forest.blob<"<i8", [1], "0x0000000000000000">
}
// CHECK: column has dtype int64 and 1 dimensions

// -----

%0 = "test.op"() : () -> !forest.rows
%1 = forest.inputs %0 {
  n_features = 2 : i64,
  dtype = f32,
  missing_value = 0.0 : f64,
  column = #forest.blob<"<i4", [2], "0x0000000002000000">
}
// CHECK: column is out of range: from 0 to 2, of 2

// -----

%0 = "test.op"() : () -> !forest.rows
%1 = forest.inputs %0 {
  n_features = 2 : i64,
  dtype = f32,
  missing_value = 0.0 : f64,
  column = #forest.blob<"<i4", [2], "0x0000000001000000">,
  table_offset = #forest.blob<"<i8", [3], "0x000000000000000000000000000000000000000000000000">
}
// CHECK: table_offset and table_value go together

// -----

%0 = "test.op"() : () -> !forest.rows
%1 = forest.inputs %0 {
  n_features = 2 : i64,
  dtype = f32,
  missing_value = 0.0 : f64,
  column = #forest.blob<"<i4", [2], "0x0000000001000000">,
  table_offset = #forest.blob<"<i8", [2], "0x00000000000000000000000000000000">,
  table_value = #forest.blob<"<f8", [0], "0x">
}
// CHECK: table_offset has 2 entries, not 3

// -----

%0 = "test.op"() : () -> !forest.rows
%1 = forest.inputs %0 {
  n_features = 2 : i64,
  dtype = f32,
  missing_value = 0.0 : f64,
  column = #forest.blob<"<i4", [2], "0x0000000001000000">,
  table_offset = #forest.blob<"<i8", [3], "0x000000000000000001000000000000000100000000000000">,
  table_value = #forest.blob<"<f8", [2], "0x000000000000f03f0000000000000040">
}
// CHECK: table_offset does not cover 0 to 2 without a gap

// -----

%0 = "test.op"() : () -> !forest.values
%1 = forest.predicates %0 {
  input = #forest.blob<"<i4", [2], "0x0000000001000000">,
  test = #forest.blob<"|u1", [1], "0x00">,
  threshold = #forest.blob<"<f4", [2], "0x0000803f00000000">,
  missing = #forest.blob<"|u1", [2], "0x0001">,
  missing_left = #forest.blob<"|b1", [2], "0x0001">,
  category_set = #forest.blob<"<i4", [2], "0xffffffff00000000">,
  invalid_left = #forest.blob<"|b1", [2], "0x0000">,
  set_offset = #forest.blob<"<i8", [2], "0x00000000000000000100000000000000">,
  set_words = #forest.blob<"<u4", [1], "0x05000000">,
  category_cast = 0 : i64
}
// CHECK: test has 1 entries, not 2

// -----

%0 = "test.op"() : () -> !forest.values
%1 = forest.predicates %0 {
  input = #forest.blob<"<i4", [2], "0x0000000001000000">,
  test = #forest.blob<"|u1", [2], "0x0004">,
  threshold = #forest.blob<"<f4", [2], "0x0000803f00000000">,
  missing = #forest.blob<"|u1", [2], "0x0001">,
  missing_left = #forest.blob<"|b1", [2], "0x0001">,
  category_set = #forest.blob<"<i4", [2], "0xffffffff00000000">,
  invalid_left = #forest.blob<"|b1", [2], "0x0000">,
  set_offset = #forest.blob<"<i8", [2], "0x00000000000000000100000000000000">,
  set_words = #forest.blob<"<u4", [1], "0x05000000">,
  category_cast = 0 : i64
}
// CHECK: test is out of range: from 0 to 4, of 4

// -----

%0 = "test.op"() : () -> !forest.values
%1 = forest.predicates %0 {
  input = #forest.blob<"<i4", [2], "0x0000000001000000">,
  test = #forest.blob<"|u1", [2], "0x0003">,
  threshold = #forest.blob<"<f4", [2], "0x0000803f00000000">,
  missing = #forest.blob<"|u1", [2], "0x0003">,
  missing_left = #forest.blob<"|b1", [2], "0x0001">,
  category_set = #forest.blob<"<i4", [2], "0xffffffff00000000">,
  invalid_left = #forest.blob<"|b1", [2], "0x0000">,
  set_offset = #forest.blob<"<i8", [2], "0x00000000000000000100000000000000">,
  set_words = #forest.blob<"<u4", [1], "0x05000000">,
  category_cast = 0 : i64
}
// CHECK: missing is out of range: from 0 to 3, of 3

// -----

%0 = "test.op"() : () -> !forest.values
%1 = forest.predicates %0 {
  input = #forest.blob<"<i4", [2], "0x0000000001000000">,
  test = #forest.blob<"|u1", [2], "0x0003">,
  threshold = #forest.blob<"<f4", [2], "0x0000c07f00000000">,
  missing = #forest.blob<"|u1", [2], "0x0001">,
  missing_left = #forest.blob<"|b1", [2], "0x0001">,
  category_set = #forest.blob<"<i4", [2], "0xffffffff00000000">,
  invalid_left = #forest.blob<"|b1", [2], "0x0000">,
  set_offset = #forest.blob<"<i8", [2], "0x00000000000000000100000000000000">,
  set_words = #forest.blob<"<u4", [1], "0x05000000">,
  category_cast = 0 : i64
}
// CHECK: a threshold is NaN

// -----

%0 = "test.op"() : () -> !forest.values
%1 = forest.predicates %0 {
  input = #forest.blob<"<i4", [2], "0x0000000001000000">,
  test = #forest.blob<"|u1", [2], "0x0003">,
  threshold = #forest.blob<"<f4", [2], "0x0000803f00000000">,
  missing = #forest.blob<"|u1", [2], "0x0001">,
  missing_left = #forest.blob<"|b1", [2], "0x0001">,
  category_set = #forest.blob<"<i4", [2], "0xffffffff00000000">,
  invalid_left = #forest.blob<"|b1", [2], "0x0000">,
  set_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
  set_words = #forest.blob<"<u4", [1], "0x05000000">,
  category_cast = 0 : i64
}
// CHECK: set_offset does not cover 0 to 1 without a gap

// -----

%0 = "test.op"() : () -> !forest.values
%1 = forest.predicates %0 {
  input = #forest.blob<"<i4", [2], "0x0000000001000000">,
  test = #forest.blob<"|u1", [2], "0x0003">,
  threshold = #forest.blob<"<f4", [2], "0x0000803f00000000">,
  missing = #forest.blob<"|u1", [2], "0x0001">,
  missing_left = #forest.blob<"|b1", [2], "0x0001">,
  category_set = #forest.blob<"<i4", [2], "0xffffffff01000000">,
  invalid_left = #forest.blob<"|b1", [2], "0x0000">,
  set_offset = #forest.blob<"<i8", [2], "0x00000000000000000100000000000000">,
  set_words = #forest.blob<"<u4", [1], "0x05000000">,
  category_cast = 0 : i64
}
// CHECK: category_set is out of range: from -1 to 1, of 1

// -----

%0 = "test.op"() : () -> !forest.values
%1 = forest.predicates %0 {
  input = #forest.blob<"<i4", [2], "0x0000000001000000">,
  test = #forest.blob<"|u1", [2], "0x0001">,
  threshold = #forest.blob<"<f4", [2], "0x0000803f00000000">,
  missing = #forest.blob<"|u1", [2], "0x0001">,
  missing_left = #forest.blob<"|b1", [2], "0x0001">,
  category_set = #forest.blob<"<i4", [2], "0xffffffff00000000">,
  invalid_left = #forest.blob<"|b1", [2], "0x0000">,
  set_offset = #forest.blob<"<i8", [2], "0x00000000000000000100000000000000">,
  set_words = #forest.blob<"<u4", [1], "0x05000000">,
  category_cast = 0 : i64
}
// CHECK: set tests, and no others, have a category set

// -----

%0 = "test.op"() : () -> !forest.values
%1 = forest.predicates %0 {
  input = #forest.blob<"<i4", [2], "0x0000000001000000">,
  test = #forest.blob<"|u1", [2], "0x0003">,
  threshold = #forest.blob<"<f4", [2], "0x0000803f00000000">,
  missing = #forest.blob<"|u1", [2], "0x0001">,
  missing_left = #forest.blob<"|b1", [2], "0x0001">,
  category_set = #forest.blob<"<i4", [2], "0xffffffff00000000">,
  invalid_left = #forest.blob<"|b1", [2], "0x0000">,
  set_offset = #forest.blob<"<i8", [2], "0x00000000000000000100000000000000">,
  set_words = #forest.blob<"<u4", [1], "0x05000000">,
  category_cast = 2 : i64
}
// CHECK: unknown category cast

// -----

%0 = "test.op"() : () -> !forest.rows
%1 = forest.inputs %0 {
  n_features = 2 : i64,
  dtype = f32,
  missing_value = 0.0 : f64,
  column = #forest.blob<"<i4", [2], "0x0000000001000000">
}
%2 = forest.predicates %1 {
  input = #forest.blob<"<i4", [2], "0x0000000001000000">,
  test = #forest.blob<"|u1", [2], "0x0003">,
  threshold = #forest.blob<"<f8", [2], "0x000000000000f03f0000000000000000">,
  missing = #forest.blob<"|u1", [2], "0x0001">,
  missing_left = #forest.blob<"|b1", [2], "0x0001">,
  category_set = #forest.blob<"<i4", [2], "0xffffffff00000000">,
  invalid_left = #forest.blob<"|b1", [2], "0x0000">,
  set_offset = #forest.blob<"<i8", [2], "0x00000000000000000100000000000000">,
  set_words = #forest.blob<"<u4", [1], "0x05000000">,
  category_cast = 0 : i64
}
// CHECK: thresholds and input values differ in dtype

// -----

%0 = "test.op"() : () -> !forest.rows
%1 = forest.inputs %0 {
  n_features = 2 : i64,
  dtype = f32,
  missing_value = 0.0 : f64,
  column = #forest.blob<"<i4", [2], "0x0000000001000000">
}
%2 = forest.predicates %1 {
  input = #forest.blob<"<i4", [2], "0x0000000002000000">,
  test = #forest.blob<"|u1", [2], "0x0003">,
  threshold = #forest.blob<"<f4", [2], "0x0000803f00000000">,
  missing = #forest.blob<"|u1", [2], "0x0001">,
  missing_left = #forest.blob<"|b1", [2], "0x0001">,
  category_set = #forest.blob<"<i4", [2], "0xffffffff00000000">,
  invalid_left = #forest.blob<"|b1", [2], "0x0000">,
  set_offset = #forest.blob<"<i8", [2], "0x00000000000000000100000000000000">,
  set_words = #forest.blob<"<u4", [1], "0x05000000">,
  category_cast = 0 : i64
}
// CHECK: input is out of range: from 0 to 2, of 2

// -----

%0 = "test.op"() : () -> !forest.answers
%1 = forest.trees %0 {
  node_offset = #forest.blob<"<i8", [2], "0x00000000000000000100000000000000">,
  leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000300000000000000">,
  predicate = #forest.blob<"<i4", [2], "0x0000000001000000">,
  left = #forest.blob<"<i4", [2], "0x01000000ffffffff">,
  right = #forest.blob<"<i4", [2], "0xfdfffffffeffffff">,
  leaf_row = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  leaf_id = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  column = #forest.blob<"<i4", [1], "0x00000000">,
  iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">
}
// CHECK: node_offset does not cover 0 to 2 without a gap

// -----

%0 = "test.op"() : () -> !forest.answers
%1 = forest.trees %0 {
  node_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
  leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
  predicate = #forest.blob<"<i4", [2], "0x0000000001000000">,
  left = #forest.blob<"<i4", [2], "0x01000000ffffffff">,
  right = #forest.blob<"<i4", [2], "0xfdfffffffeffffff">,
  leaf_row = #forest.blob<"<i4", [2], "0x0000000001000000">,
  leaf_id = #forest.blob<"<i4", [2], "0x0000000001000000">,
  column = #forest.blob<"<i4", [1], "0x00000000">,
  iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">
}
// CHECK: a tree of n nodes has n + 1 leaves

// -----

%0 = "test.op"() : () -> !forest.answers
%1 = forest.trees %0 {
  node_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
  leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000300000000000000">,
  predicate = #forest.blob<"<i4", [2], "0x0000000001000000">,
  left = #forest.blob<"<i4", [2], "0x01000000ffffffff">,
  right = #forest.blob<"<i4", [2], "0xfdfffffffeffffff">,
  leaf_row = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  leaf_id = #forest.blob<"<i4", [2], "0x0000000001000000">,
  column = #forest.blob<"<i4", [1], "0x00000000">,
  iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">
}
// CHECK: leaf_id has 2 entries, not 3

// -----

%0 = "test.op"() : () -> !forest.answers
%1 = forest.trees %0 {
  node_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
  leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000300000000000000">,
  predicate = #forest.blob<"<i4", [2], "0x0000000001000000">,
  left = #forest.blob<"<i4", [2], "0xfffffffffeffffff">,
  right = #forest.blob<"<i4", [2], "0xfdfffffffeffffff">,
  leaf_row = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  leaf_id = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  column = #forest.blob<"<i4", [1], "0x00000000">,
  iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">
}
// CHECK: a left child is out of its place

// -----

%0 = "test.op"() : () -> !forest.answers
%1 = forest.trees %0 {
  node_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
  leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000300000000000000">,
  predicate = #forest.blob<"<i4", [2], "0x0000000001000000">,
  left = #forest.blob<"<i4", [2], "0x01000000feffffff">,
  right = #forest.blob<"<i4", [2], "0xfdffffffffffffff">,
  leaf_row = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  leaf_id = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  column = #forest.blob<"<i4", [1], "0x00000000">,
  iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">
}
// CHECK: a left child is out of its place

// -----

%0 = "test.op"() : () -> !forest.answers
%1 = forest.trees %0 {
  node_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
  leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000300000000000000">,
  predicate = #forest.blob<"<i4", [2], "0x0000000001000000">,
  left = #forest.blob<"<i4", [2], "0x01000000ffffffff">,
  right = #forest.blob<"<i4", [2], "0x02000000feffffff">,
  leaf_row = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  leaf_id = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  column = #forest.blob<"<i4", [1], "0x00000000">,
  iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">
}
// CHECK: a right child is out of its place

// -----

%0 = "test.op"() : () -> !forest.answers
%1 = forest.trees %0 {
  node_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
  leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000300000000000000">,
  predicate = #forest.blob<"<i4", [2], "0x0000000001000000">,
  left = #forest.blob<"<i4", [2], "0x01000000ffffffff">,
  right = #forest.blob<"<i4", [2], "0xfefffffffdffffff">,
  leaf_row = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  leaf_id = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  column = #forest.blob<"<i4", [1], "0x00000000">,
  iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">
}
// CHECK: a leaf is out of its place

// -----

%0 = "test.op"() : () -> !forest.answers
%1 = forest.trees %0 {
  node_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
  leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000300000000000000">,
  predicate = #forest.blob<"<i4", [2], "0x0000000001000000">,
  left = #forest.blob<"<i4", [2], "0x01000000ffffffff">,
  right = #forest.blob<"<i4", [2], "0xfdfffffffeffffff">,
  leaf_row = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  leaf_id = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  column = #forest.blob<"<i4", [1], "0x00000000">,
  iteration_offset = #forest.blob<"<i4", [1], "0x00000000">
}
// CHECK: iteration_offset does not cover 0 to 1 without a gap

// -----

%0 = "test.op"() : () -> !forest.answers
%1 = forest.trees %0 {
  node_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
  leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000300000000000000">,
  predicate = #forest.blob<"<i4", [2], "0x0000000001000000">,
  left = #forest.blob<"<i4", [2], "0x01000000ffffffff">,
  right = #forest.blob<"<i4", [2], "0xfdfffffffeffffff">,
  leaf_row = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  leaf_id = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  column = #forest.blob<"<i4", [1], "0x00000000">,
  iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">,
  weight = #forest.blob<"<f4", [2], "0x0000803f0000803f">
}
// CHECK: weight has 2 entries, not 1

// -----

%0 = "test.op"() : () -> !forest.answers
%1 = forest.trees %0 {
  node_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
  leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000300000000000000">,
  predicate = #forest.blob<"<i4", [2], "0x0000000001000000">,
  left = #forest.blob<"<i4", [2], "0x01000000ffffffff">,
  right = #forest.blob<"<i4", [2], "0xfdfffffffeffffff">,
  leaf_row = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  leaf_id = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  column = #forest.blob<"<i4", [1], "0x00000000">,
  iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">,
  node_count = #forest.blob<"<f8", [1], "0x000000000000f03f">
}
// CHECK: node_count has 1 entries, not 2

// -----

%0 = "test.op"() : () -> !forest.values
%1 = forest.predicates %0 {
  input = #forest.blob<"<i4", [2], "0x0000000001000000">,
  test = #forest.blob<"|u1", [2], "0x0003">,
  threshold = #forest.blob<"<f4", [2], "0x0000803f00000000">,
  missing = #forest.blob<"|u1", [2], "0x0001">,
  missing_left = #forest.blob<"|b1", [2], "0x0001">,
  category_set = #forest.blob<"<i4", [2], "0xffffffff00000000">,
  invalid_left = #forest.blob<"|b1", [2], "0x0000">,
  set_offset = #forest.blob<"<i8", [2], "0x00000000000000000100000000000000">,
  set_words = #forest.blob<"<u4", [1], "0x05000000">,
  category_cast = 0 : i64
}
%2 = forest.trees %1 {
  node_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
  leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000300000000000000">,
  predicate = #forest.blob<"<i4", [2], "0x0000000002000000">,
  left = #forest.blob<"<i4", [2], "0x01000000ffffffff">,
  right = #forest.blob<"<i4", [2], "0xfdfffffffeffffff">,
  leaf_row = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  leaf_id = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  column = #forest.blob<"<i4", [1], "0x00000000">,
  iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">
}
// CHECK: predicate is out of range: from 0 to 2, of 2

// -----

%0 = "test.op"() : () -> !forest.answers
%1 = forest.oblivious_trees %0 {
  level_offset = #forest.blob<"<i8", [2], "0x00000000000000000000000000000000">,
  leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
  predicate = #forest.blob<"<i4", [1], "0x00000000">,
  leaf_row = #forest.blob<"<i4", [2], "0x0000000001000000">,
  leaf_id = #forest.blob<"<i4", [2], "0x0000000001000000">,
  column = #forest.blob<"<i4", [1], "0x00000000">,
  iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">
}
// CHECK: level_offset does not cover 0 to 1 without a gap

// -----

%0 = "test.op"() : () -> !forest.answers
%1 = forest.oblivious_trees %0 {
  level_offset = #forest.blob<"<i8", [2], "0x00000000000000000100000000000000">,
  leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000300000000000000">,
  predicate = #forest.blob<"<i4", [1], "0x00000000">,
  leaf_row = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  leaf_id = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  column = #forest.blob<"<i4", [1], "0x00000000">,
  iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">
}
// CHECK: an oblivious tree of depth d has 2**d leaves

// -----

%0 = "test.op"() : () -> !forest.leaves
%1 = forest.sum %0 {
  values = #forest.blob<"<f4", [1], "0x0000803f">,
  dtype = f32,
  base = #forest.blob<"<f4", [1], "0x00000000">,
  base_first = true,
  final = "none",
  operand = 1.0 : f64,
  bias = 0.0 : f64
}
// CHECK: values has dtype float32 and 1 dimensions

// -----

%0 = "test.op"() : () -> !forest.leaves
%1 = forest.sum %0 {
  values = #forest.blob<"<f4", [3, 1], "0x0000803f0000004000004040">,
  dtype = f32,
  base = #forest.blob<"<f8", [1], "0x0000000000000000">,
  base_first = true,
  final = "none",
  operand = 1.0 : f64,
  bias = 0.0 : f64
}
// CHECK: base has dtype float64 and 1 dimensions

// -----

%0 = "test.op"() : () -> !forest.leaves
%1 = forest.sum %0 {
  values = #forest.blob<"<f4", [3, 1], "0x0000803f0000004000004040">,
  dtype = f32,
  base = #forest.blob<"<f4", [1], "0x00000000">,
  base_first = true,
  final = "halve",
  operand = 1.0 : f64,
  bias = 0.0 : f64
}
// CHECK: unknown final operation 'halve'

// -----

%0 = "test.op"() : () -> !forest.leaves
%1 = forest.sum %0 {
  values = #forest.blob<"<f4", [3, 1], "0x0000803f0000004000004040">,
  dtype = f32,
  base = #forest.blob<"<f4", [1], "0x00000000">,
  base_first = true,
  final = "none",
  operand = 1.0 : f64,
  bias = 0.0 : f64,
  linear_offset = #forest.blob<"<i8", [4], "0x0000000000000000000000000000000001000000000000000100000000000000">,
  linear_input = #forest.blob<"<i4", [1], "0x00000000">,
  linear_coefficient = #forest.blob<"<f8", [1], "0x000000000000f03f">
}
// CHECK: linear leaves need offset, input, coefficient and const

// -----

%0 = "test.op"() : () -> !forest.leaves
%1 = forest.sum %0 {
  values = #forest.blob<"<f4", [3, 1], "0x0000803f0000004000004040">,
  dtype = f32,
  base = #forest.blob<"<f4", [1], "0x00000000">,
  base_first = true,
  final = "none",
  operand = 1.0 : f64,
  bias = 0.0 : f64,
  linear_offset = #forest.blob<"<i8", [4], "0x0000000000000000000000000000000000000000000000000000000000000000">,
  linear_input = #forest.blob<"<i4", [1], "0x00000000">,
  linear_coefficient = #forest.blob<"<f8", [1], "0x000000000000f03f">,
  linear_const = #forest.blob<"<f8", [3], "0x000000000000000000000000000000000000000000000000">
}
// CHECK: linear_offset does not cover 0 to 1 without a gap

// -----

%0 = "test.op"() : () -> !forest.answers
%1 = forest.trees %0 {
  node_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
  leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000300000000000000">,
  predicate = #forest.blob<"<i4", [2], "0x0000000001000000">,
  left = #forest.blob<"<i4", [2], "0x01000000ffffffff">,
  right = #forest.blob<"<i4", [2], "0xfdfffffffeffffff">,
  leaf_row = #forest.blob<"<i4", [3], "0x000000000100000003000000">,
  leaf_id = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  column = #forest.blob<"<i4", [1], "0x00000000">,
  iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">
}
%2 = forest.sum %1 {
  values = #forest.blob<"<f4", [3, 1], "0x0000803f0000004000004040">,
  dtype = f32,
  base = #forest.blob<"<f4", [1], "0x00000000">,
  base_first = true,
  final = "none",
  operand = 1.0 : f64,
  bias = 0.0 : f64
}
// CHECK: leaf_row is out of range: from 0 to 3, of 3

// -----

%0 = "test.op"() : () -> !forest.answers
%1 = forest.trees %0 {
  node_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
  leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000300000000000000">,
  predicate = #forest.blob<"<i4", [2], "0x0000000001000000">,
  left = #forest.blob<"<i4", [2], "0x01000000ffffffff">,
  right = #forest.blob<"<i4", [2], "0xfdfffffffeffffff">,
  leaf_row = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  leaf_id = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
  column = #forest.blob<"<i4", [1], "0x01000000">,
  iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">
}
%2 = forest.sum %1 {
  values = #forest.blob<"<f4", [3, 1], "0x0000803f0000004000004040">,
  dtype = f32,
  base = #forest.blob<"<f4", [1], "0x00000000">,
  base_first = true,
  final = "none",
  operand = 1.0 : f64,
  bias = 0.0 : f64
}
// CHECK: column is out of range: from 1 to 1, of 1

// -----

%0 = "test.op"() : () -> !forest.columns
%1 = forest.link %0 {
  link = "probit",
  scale = 1.0 : f64,
  average = 1.0 : f64
}
// CHECK: unknown link 'probit'

// -----

%0 = "test.op"() : () -> !forest.leaves
%1 = forest.sum %0 {
  values = #forest.blob<"<f4", [3, 1], "0x0000803f0000004000004040">,
  dtype = f32,
  base = #forest.blob<"<f4", [1], "0x00000000">,
  base_first = true,
  final = "none",
  operand = 1.0 : f64,
  bias = 0.0 : f64
}
%2 = forest.link %1 {
  link = "skl_expit",
  scale = 1.0 : f64,
  average = 1.0 : f64
}
// CHECK: skl_expit is a function of f64, and the sum is f32

// -----

forest.model @model {
^bb0(%0: !forest.values):
  "test.termop"() : () -> ()
}
// CHECK: a model takes rows

// -----

forest.model @model {
^bb0(%0: !forest.rows):
  "test.termop"() : () -> ()
}
// CHECK: a model is inputs, predicates, trees, sum, link, output, in this order

// -----

forest.model @model {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {
    n_features = 2 : i64,
    dtype = f32,
    missing_value = 0.0 : f64,
    column = #forest.blob<"<i4", [2], "0x0000000001000000">
  }
  %2 = forest.predicates %1 {
    input = #forest.blob<"<i4", [2], "0x0000000001000000">,
    test = #forest.blob<"|u1", [2], "0x0003">,
    threshold = #forest.blob<"<f4", [2], "0x0000803f00000000">,
    missing = #forest.blob<"|u1", [2], "0x0001">,
    missing_left = #forest.blob<"|b1", [2], "0x0001">,
    category_set = #forest.blob<"<i4", [2], "0xffffffff00000000">,
    invalid_left = #forest.blob<"|b1", [2], "0x0000">,
    set_offset = #forest.blob<"<i8", [2], "0x00000000000000000100000000000000">,
    set_words = #forest.blob<"<u4", [1], "0x05000000">,
    category_cast = 0 : i64
  }
  %3 = forest.trees %2 {
    node_offset = #forest.blob<"<i8", [2], "0x00000000000000000200000000000000">,
    leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000300000000000000">,
    predicate = #forest.blob<"<i4", [2], "0x0000000001000000">,
    left = #forest.blob<"<i4", [2], "0x01000000ffffffff">,
    right = #forest.blob<"<i4", [2], "0xfdfffffffeffffff">,
    leaf_row = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
    leaf_id = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
    column = #forest.blob<"<i4", [1], "0x00000000">,
    iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">
  }
  %4 = forest.sum %3 {
    values = #forest.blob<"<f4", [3, 1], "0x0000803f0000004000004040">,
    dtype = f32,
    base = #forest.blob<"<f4", [1], "0x00000000">,
    base_first = true,
    final = "none",
    operand = 1.0 : f64,
    bias = 0.0 : f64
  }
  %5 = forest.link %4 {
    link = "identity",
    scale = 1.0 : f64,
    average = 1.0 : f64
  }
  forest.output raw %5 response %4 leaves %3
}
// CHECK: a model outputs the sum as raw and the link as response

// -----

%0 = "test.op"() : () -> !forest.answers
%1 = forest.trees %0 {
  node_offset = #forest.blob<"<i8", [2], "0x00000000000000000300000000000000">,
  leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000400000000000000">,
  predicate = #forest.blob<"<i4", [3], "0x000000000000000000000000">,
  left = #forest.blob<"<i4", [3], "0x01000000fffffffffdffffff">,
  right = #forest.blob<"<i4", [3], "0x02000000fefffffffcffffff">,
  leaf_row = #forest.blob<"<i4", [4], "0x00000000010000000200000003000000">,
  leaf_id = #forest.blob<"<i4", [4], "0x00000000010000000200000003000000">,
  column = #forest.blob<"<i4", [1], "0x00000000">,
  iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">,
  tile = #forest.blob<"<i4", [2], "0x0000000000000000">
}
// CHECK: tile has 2 entries, not 3

// -----

%0 = "test.op"() : () -> !forest.answers
%1 = forest.trees %0 {
  node_offset = #forest.blob<"<i8", [2], "0x00000000000000000300000000000000">,
  leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000400000000000000">,
  predicate = #forest.blob<"<i4", [3], "0x000000000000000000000000">,
  left = #forest.blob<"<i4", [3], "0x01000000fffffffffdffffff">,
  right = #forest.blob<"<i4", [3], "0x02000000fefffffffcffffff">,
  leaf_row = #forest.blob<"<i4", [4], "0x00000000010000000200000003000000">,
  leaf_id = #forest.blob<"<i4", [4], "0x00000000010000000200000003000000">,
  column = #forest.blob<"<i4", [1], "0x00000000">,
  iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">,
  tile = #forest.blob<"<i4", [3], "0x000000000100000003000000">
}
// CHECK: tile is out of range

// -----

%0 = "test.op"() : () -> !forest.answers
%1 = forest.trees %0 {
  node_offset = #forest.blob<"<i8", [2], "0x00000000000000000300000000000000">,
  leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000400000000000000">,
  predicate = #forest.blob<"<i4", [3], "0x000000000000000000000000">,
  left = #forest.blob<"<i4", [3], "0x01000000fffffffffdffffff">,
  right = #forest.blob<"<i4", [3], "0x02000000fefffffffcffffff">,
  leaf_row = #forest.blob<"<i4", [4], "0x00000000010000000200000003000000">,
  leaf_id = #forest.blob<"<i4", [4], "0x00000000010000000200000003000000">,
  column = #forest.blob<"<i4", [1], "0x00000000">,
  iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">,
  tile = #forest.blob<"<i4", [3], "0x000000000100000001000000">
}
// CHECK: the nodes of a tile do not hang together

// -----

%0 = "test.op"() : () -> !forest.answers
%1 = forest.trees %0 {
  node_offset = #forest.blob<"<i8", [2], "0x00000000000000000300000000000000">,
  leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000000400000000000000">,
  predicate = #forest.blob<"<i4", [3], "0x000000000000000000000000">,
  left = #forest.blob<"<i4", [3], "0x01000000fffffffffdffffff">,
  right = #forest.blob<"<i4", [3], "0x02000000fefffffffcffffff">,
  leaf_row = #forest.blob<"<i4", [4], "0x00000000010000000200000003000000">,
  leaf_id = #forest.blob<"<i4", [4], "0x00000000010000000200000003000000">,
  column = #forest.blob<"<i4", [1], "0x00000000">,
  iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">,
  tile = #forest.blob<"<i4", [3], "0x010000000100000002000000">
}
// CHECK: tiles are not numbered from 0 on

// -----

%0 = "test.op"() : () -> !forest.answers
%1 = forest.trees %0 {
  node_offset = #forest.blob<"<i8", [2], "0x00000000000000001100000000000000">,
  leaf_offset = #forest.blob<"<i8", [2], "0x00000000000000001200000000000000">,
  predicate = #forest.blob<"<i4", [17], "0x0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000">,
  left = #forest.blob<"<i4", [17], "0xfffffffffefffffffdfffffffcfffffffbfffffffafffffff9fffffff8fffffff7fffffff6fffffff5fffffff4fffffff3fffffff2fffffff1fffffff0ffffffefffffff">,
  right = #forest.blob<"<i4", [17], "0x0100000002000000030000000400000005000000060000000700000008000000090000000a0000000b0000000c0000000d0000000e0000000f00000010000000eeffffff">,
  leaf_row = #forest.blob<"<i4", [18], "0x000000000100000002000000030000000400000005000000060000000700000008000000090000000a0000000b0000000c0000000d0000000e0000000f0000001000000011000000">,
  leaf_id = #forest.blob<"<i4", [18], "0x000000000100000002000000030000000400000005000000060000000700000008000000090000000a0000000b0000000c0000000d0000000e0000000f0000001000000011000000">,
  column = #forest.blob<"<i4", [1], "0x00000000">,
  iteration_offset = #forest.blob<"<i4", [2], "0x0000000001000000">,
  tile = #forest.blob<"<i4", [17], "0x0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000">
}
// CHECK: a tile has 17 nodes, and the most is 16
