// RUN: tree-opt %s -p 'walk{strategy=gemm}' | filecheck %s
// RUN: tree-opt %s -p 'order-loops{loops=block,tree,row},walk{strategy=gemm interleave="row:2"},lower-kernels' | filecheck %s --check-prefix CODE
// RUN: not tree-opt %s -p 'walk{strategy=gemm interleave="tree:2"}' 2>&1 | filecheck %s --check-prefix STEPS
// RUN: not tree-opt %s -p 'walk{strategy=gemm peel=1}' 2>&1 | filecheck %s --check-prefix STEPS

// A word for the up to four leaves of a tree. The first node of the first tree has two on its left and one on its right: as a sum,
// 1 + 256 - 65536. These leaves have 2, 1 and no left turns, so that 126, 127 and 128 are what is counted from.

// CHECK: plan.path_matrix @paths {
// CHECK-NEXT:   trees = @trees,
// CHECK-NEXT:   path = #forest.blob<"<u4", [3, 1], "0x0101ffff01ffffff01ffffff">,
// CHECK-NEXT:   start = #forest.blob<"<u4", [2, 1], "0x7e7f80007f800000">,
// CHECK-NEXT:   leaf_id = #forest.blob<"|u1", [5], "0x0203040102">
// CHECK-NEXT: }
// CHECK: plan.walk {trees = @trees, strategy = "gemm", paths = @paths}

// Both rows start from the tree's word; each node adds its own times their answers. The highest bit of a byte says which leaf.
// CODE-LABEL: loop.func @main_raw_f32 axis 0
// CODE: %[[START:.*]] = loop.get_table @path_start : !loop.buffer<i32, 1, constant>
// CODE: %[[PATH:.*]] = loop.get_table @path : !loop.buffer<i32, 1, constant>
// CODE: %[[HITS:.*]] = loop.constant -2139062144 : i32 -> i32
// CODE: loop.for serial "tree"
// CODE: loop.for serial "row"
// CODE: %[[WORD:.*]] = loop.load %[[START]][%tree] : !loop.buffer<i32, 1, constant> -> i32
// CODE: loop.for serial "node" %node = %{{.*}} carry(%[[ONE:.*]] = %[[WORD]], %[[OTHER:.*]] = %[[WORD]]) : (i32, i32) {
// CODE: %[[CHANGE:.*]] = loop.load %[[PATH]][%node] : !loop.buffer<i32, 1, constant> -> i32
// CODE: %[[ANSWER:.*]] = loop.cast zext %goes_left : i1 -> i32
// CODE-NEXT: %[[TIMES:.*]] = loop.binary mul %[[ANSWER]], %[[CHANGE]] : i32
// CODE-NEXT: loop.binary add %[[ONE]], %[[TIMES]] : i32
// CODE: loop.cast zext %goes_left_1 : i1 -> i32
// CODE: loop.binary add %[[OTHER]], %{{.*}} : i32
// CODE: loop.binary and %{{.*}}, %[[HITS]] : i32

// STEPS: a gemm walk asks all nodes of one tree, and has no steps

forest.model @small {
^bb0(%0: !forest.rows):
  %1 = forest.inputs %0 {n_features = 2 : i64, dtype = f32, missing_value = 0x7ff8000000000000 : f64, column = #forest.blob<"<i4", [2], "0x0000000001000000"> }
  %2 = forest.predicates %1 {input = #forest.blob<"<i4", [3], "0x010000000000000001000000">, test = #forest.blob<"|u1", [3], "0x000000">, threshold = #forest.blob<"<f4", [3], "0x0000003f000000800000003f">, missing = #forest.blob<"|u1", [3], "0x010101">, missing_left = #forest.blob<"|b1", [3], "0x010001">, category_set = #forest.blob<"<i4", [3], "0xffffffffffffffffffffffff">, invalid_left = #forest.blob<"|b1", [3], "0x000000">, set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">, set_words = #forest.blob<"<u4", [0], "0x">, category_cast = 0 : i64 }
  %3 = forest.trees %2 {node_offset = #forest.blob<"<i8", [3], "0x000000000000000002000000000000000300000000000000">, leaf_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000500000000000000">, predicate = #forest.blob<"<i4", [3], "0x000000000100000002000000">, left = #forest.blob<"<i4", [3], "0x01000000ffffffffffffffff">, right = #forest.blob<"<i4", [3], "0xfdfffffffefffffffeffffff">, leaf_row = #forest.blob<"<i4", [5], "0x0000000001000000020000000300000004000000">, leaf_id = #forest.blob<"<i4", [5], "0x0200000003000000040000000100000002000000">, column = #forest.blob<"<i4", [2], "0x0000000000000000">, iteration_offset = #forest.blob<"<i4", [3], "0x000000000100000002000000"> }
  %4 = forest.sum %3 {values = #forest.blob<"<f4", [5, 1], "0x0000803f000000400000803f0000000000000080">, dtype = f32, base = #forest.blob<"<f4", [1], "0x0000003f">, base_first = true, final = "none", operand = 1.000000e+00 : f64, bias = 0.000000e+00 : f64 }
  %5 = forest.link %4 {link = "identity", scale = 1.000000e+00 : f64, average = 1.000000e+00 : f64 }
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
  plan.for serial "block" row step 64 {
    plan.for serial "row" row step 1 of "block" {
      plan.for serial "tree" tree step 1 {
        plan.walk {trees = @trees}
      }
    }
  }
}
