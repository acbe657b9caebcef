// RUN: tree-opt %s | tree-opt | filecheck %s
// RUN: TREE_OPT_ROUNDTRIP

forest.model @small {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {n_features = 2 : i64, dtype = f32, missing_value = 0x7ff8000000000000 : f64, column = #forest.blob<"<i4", [2], "0x0000000001000000"> }
  %2 = forest.predicates %1 {input = #forest.blob<"<i4", [3], "0x010000000000000001000000">, test = #forest.blob<"|u1", [3], "0x000000">, threshold = #forest.blob<"<f4", [3], "0x0000003f000000800000003f">, missing = #forest.blob<"|u1", [3], "0x010101">, missing_left = #forest.blob<"|b1", [3], "0x010001">, category_set = #forest.blob<"<i4", [3], "0xffffffffffffffffffffffff">, invalid_left = #forest.blob<"|b1", [3], "0x000000">, set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">, set_words = #forest.blob<"<u4", [0], "0x">, category_cast = 0 : i64 }
  %3 = forest.trees %2 {node_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">, leaf_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000500000000000000">, predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">, left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">, right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">, leaf_row = #forest.blob<"<i4", [5], "0x0000000001000000020000000300000004000000">, leaf_id = #forest.blob<"<i4", [5], "0x0200000003000000040000000100000002000000">, column = #forest.blob<"<i4", [2], "0x0000000000000000">, iteration_offset = #forest.blob<"<i4", [3], "0x000000000100000002000000"> }
  %4 = forest.sum %3 {values = #forest.blob<"<f4", [5, 1], "0x0000803f000000400000803f0000000000000080">, dtype = f32, base = #forest.blob<"<f4", [1], "0x0000003f">, base_first = true, final = "none", operand = 1.000000e+00 : f64, bias = 0.000000e+00 : f64 }
  %5 = forest.link %4 {link = "identity", scale = 1.000000e+00 : f64, average = 1.000000e+00 : f64 }
  forest.output raw %4 response %5 leaves %3
}

// CHECK: plan.target level "x86-64-v3" input "f32"
plan.target level "x86-64-v3" input "f32"

// CHECK: plan.packed_trees @trees {
// CHECK-NEXT:   nodes = #forest.blob<"word0:0:<u4;4", [3], "0x030000000000000002000000">,
// CHECK-NEXT:   fields = {step = #plan.bits<1 at 0 plus 1>, predicate = #plan.bits<1 at 1 plus 0>},
// CHECK-NEXT:   node_base = #forest.blob<"|u1", [3], "0x000203">,
// CHECK-NEXT:   kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
// CHECK-NEXT:   set_offset = #forest.blob<"|u1", [1], "0x00">,
// CHECK-NEXT:   set_words = #forest.blob<"<u4", [0], "0x">,
// CHECK-NEXT:   predicates = #forest.blob<"threshold:0:<f4;word0:4:<u4;8", [2], "0x00000080000000000000003f03000000">,
// CHECK-NEXT:   predicate_fields = {feature = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, missing_left = #plan.bits<1 at 1 plus 0>},
// CHECK-NEXT:   leaf_row = #forest.blob<"|u1", [5], "0x0001000203">
// CHECK-NEXT: }
// CHECK-NEXT: plan.kernel @main of @small rows 9223372036854775807 {
// CHECK-NEXT:   plan.for parallel "block" row step 64 {
// CHECK-NEXT:     plan.for serial "trees" tree step 10 {
// CHECK-NEXT:       plan.for serial "row" row step 1 of "block" {
// CHECK-NEXT:         plan.for serial "tree" tree step 1 of "trees" {
// CHECK-NEXT:           plan.walk {trees = @trees, strategy = "scalar", interleave = 4 : i64, interleave_axis = "tree", peel = 2 : i64}
// CHECK-NEXT:         }
// CHECK-NEXT:       }
// CHECK-NEXT:     }
// CHECK-NEXT:   }
// CHECK-NEXT: }
plan.packed_trees @trees {
  nodes = #forest.blob<"word0:0:<u4;4", [3], "0x030000000000000002000000">,
  fields = {step = #plan.bits<1 at 0 plus 1>, predicate = #plan.bits<1 at 1 plus 0>},
  node_base = #forest.blob<"|u1", [3], "0x000203">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">,
  predicates = #forest.blob<"threshold:0:<f4;word0:4:<u4;8", [2], "0x00000080000000000000003f03000000">,
  predicate_fields = {feature = #plan.bits<1 at 0 plus 0>, kind = #plan.bits<0 at 1 plus 0>, missing_left = #plan.bits<1 at 1 plus 0>},
  leaf_row = #forest.blob<"|u1", [5], "0x0001000203">
}
plan.kernel @main of @small rows 9223372036854775807 {
  plan.for parallel "block" row step 64 {
    plan.for serial "trees" tree step 10 {
      plan.for serial "row" row step 1 of "block" {
        plan.for serial "tree" tree step 1 of "trees" {
          plan.walk {trees = @trees, strategy = "scalar", interleave = 4 : i64, interleave_axis = "tree", peel = 2 : i64}
        }
      }
    }
  }
}

// CHECK: plan.kernel @vectors of @small rows 9223372036854775807 {
// CHECK-NEXT:   plan.for serial "block" row step 64 {
// CHECK-NEXT:     plan.for serial "tree" tree step 1 {
// CHECK-NEXT:       plan.for vector "row" row step 1 of "block" lanes 8 unroll 2 {
// CHECK-NEXT:         plan.walk {trees = @trees, strategy = "lanes"}
plan.kernel @vectors of @small rows 9223372036854775807 {
  plan.for serial "block" row step 64 {
    plan.for serial "tree" tree step 1 {
      plan.for vector "row" row step 1 of "block" lanes 8 unroll 2 {
        plan.walk {trees = @trees, strategy = "lanes"}
      }
    }
  }
}

// CHECK: plan.packed_trees @inline {
// CHECK-NEXT:   nodes = #forest.blob<"threshold:0:<f4;word0:4:<u4;8", [3], "0x0000003f0700000000000080000000000000003f06000000">,
// CHECK-NEXT:   fields = {step = #plan.bits<1 at 0 plus 1>, feature = #plan.bits<1 at 1 plus 0>, kind = #plan.bits<0 at 2 plus 0>, missing_left = #plan.bits<1 at 2 plus 0>},
// CHECK-NEXT:   node_base = #forest.blob<"|u1", [3], "0x000203">,
// CHECK-NEXT:   kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
// CHECK-NEXT:   set_offset = #forest.blob<"|u1", [1], "0x00">,
// CHECK-NEXT:   set_words = #forest.blob<"<u4", [0], "0x">
// CHECK-NEXT: }
plan.packed_trees @inline {
  nodes = #forest.blob<"threshold:0:<f4;word0:4:<u4;8", [3], "0x0000003f0700000000000080000000000000003f06000000">,
  fields = {step = #plan.bits<1 at 0 plus 1>, feature = #plan.bits<1 at 1 plus 0>, kind = #plan.bits<0 at 2 plus 0>, missing_left = #plan.bits<1 at 2 plus 0>},
  node_base = #forest.blob<"|u1", [3], "0x000203">,
  kinds = #forest.blob<"<i8", [1, 3], "0x000000000000000001000000000000000000000000000000">,
  set_offset = #forest.blob<"|u1", [1], "0x00">,
  set_words = #forest.blob<"<u4", [0], "0x">
}

// CHECK: plan.kernel @few of @small rows 8 {
// CHECK-NEXT:   plan.for serial "tree" tree step 1 {
// CHECK-NEXT:     plan.for serial "row" row step 1 {
// CHECK-NEXT:       plan.walk
// CHECK-NEXT:     }
// CHECK-NEXT:   }
// CHECK-NEXT: }
plan.kernel @few of @small rows 8 {
  plan.for serial "tree" tree step 1 {
    plan.for serial "row" row step 1 {
      plan.walk
    }
  }
}

// CHECK: plan.kernel @groups of @small rows 9223372036854775807 {
// CHECK-NEXT:   plan.for parallel "group" tree step 4 reduce "staged" {
// CHECK-NEXT:     plan.for serial "row" row step 1 {
// CHECK-NEXT:       plan.for serial "tree" tree step 1 of "group" {
plan.kernel @groups of @small rows 9223372036854775807 {
  plan.for parallel "group" tree step 4 reduce "staged" {
    plan.for serial "row" row step 1 {
      plan.for serial "tree" tree step 1 of "group" {
        plan.walk
      }
    }
  }
}
