// RUN: tree-opt %s --verify-diagnostics --split-input-file | filecheck %s

plan.packed_trees @trees {
  nodes = #forest.blob<"threshold:0:<f4;word0:4:<u2;6", [1], "0x000000000000">,
  fields = {step = #plan.bits<0 at 0 plus 1>, feature = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, missing_left = #plan.bits<1 at 1 plus 0>},
  node_base = #forest.blob<"|u1", [2], "0x0001">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}

plan.path_matrix @paths {
  trees = @trees,
  path = #forest.blob<"<i4", [1, 1], "0x01ffffff">,
  start = #forest.blob<"<u4", [1, 1], "0x7f800000">,
  leaf_id = #forest.blob<"|u1", [2], "0x0102">
}
// CHECK: path has dtype int32 and 2 dimensions

// -----

plan.packed_trees @trees {
  nodes = #forest.blob<"threshold:0:<f4;word0:4:<u2;6", [1], "0x000000000000">,
  fields = {step = #plan.bits<0 at 0 plus 1>, feature = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, missing_left = #plan.bits<1 at 1 plus 0>},
  node_base = #forest.blob<"|u1", [2], "0x0001">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}

plan.path_matrix @paths {
  trees = @trees,
  path = #forest.blob<"<u4", [1, 1], "0x01ffffff">,
  start = #forest.blob<"<u4", [1, 2], "0x7f80000000000000">,
  leaf_id = #forest.blob<"|u1", [2], "0x0102">
}
// CHECK: nodes and trees have equally many words

// -----

plan.packed_trees @trees {
  nodes = #forest.blob<"threshold:0:<f4;word0:4:<u2;6", [1], "0x000000000000">,
  fields = {step = #plan.bits<0 at 0 plus 1>, feature = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, missing_left = #plan.bits<1 at 1 plus 0>},
  node_base = #forest.blob<"|u1", [2], "0x0001">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}

plan.path_matrix @paths {
  trees = @gone,
  path = #forest.blob<"<u4", [1, 1], "0x01ffffff">,
  start = #forest.blob<"<u4", [1, 1], "0x7f800000">,
  leaf_id = #forest.blob<"|u1", [2], "0x0102">
}
// CHECK: there are no packed trees @gone

// -----

plan.packed_trees @trees {
  nodes = #forest.blob<"threshold:0:<f4;word0:4:<u2;6", [1], "0x000000000000">,
  fields = {step = #plan.bits<0 at 0 plus 1>, feature = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, missing_left = #plan.bits<1 at 1 plus 0>},
  node_base = #forest.blob<"|u1", [2], "0x0001">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}

plan.path_matrix @paths {
  trees = @trees,
  path = #forest.blob<"<u4", [2, 1], "0x01ffffff01ffffff">,
  start = #forest.blob<"<u4", [1, 1], "0x7f800000">,
  leaf_id = #forest.blob<"|u1", [2], "0x0102">
}
// CHECK: every node has a line

// -----

plan.packed_trees @trees {
  nodes = #forest.blob<"threshold:0:<f4;word0:4:<u2;6", [1], "0x000000000000">,
  fields = {step = #plan.bits<0 at 0 plus 1>, feature = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, missing_left = #plan.bits<1 at 1 plus 0>},
  node_base = #forest.blob<"|u1", [2], "0x0001">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}

plan.path_matrix @paths {
  trees = @trees,
  path = #forest.blob<"<u4", [1, 1], "0x01ffffff">,
  start = #forest.blob<"<u4", [2, 1], "0x7f8000007f800000">,
  leaf_id = #forest.blob<"|u1", [2], "0x0102">
}
// CHECK: every tree has words to start from

// -----

plan.packed_trees @trees {
  nodes = #forest.blob<"threshold:0:<f4;word0:4:<u2;6", [1], "0x000000000000">,
  fields = {step = #plan.bits<0 at 0 plus 1>, feature = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, missing_left = #plan.bits<1 at 1 plus 0>},
  node_base = #forest.blob<"|u1", [2], "0x0001">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}

plan.path_matrix @paths {
  trees = @trees,
  path = #forest.blob<"<u4", [1, 1], "0x01ffffff">,
  start = #forest.blob<"<u4", [1, 1], "0x7f800000">,
  leaf_id = #forest.blob<"|u1", [1], "0x01">
}
// CHECK: every leaf has a number of the library's

// -----

plan.kernel @main of @small rows 9223372036854775807 {
  plan.for serial "row" row step 1 {
    plan.for serial "tree" tree step 1 {
      plan.walk {strategy = "gemm", trees = @trees}
    }
  }
}
// CHECK: a gemm walk, and no other, has a path matrix
