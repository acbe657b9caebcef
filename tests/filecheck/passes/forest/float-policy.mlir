// RUN: tree-opt %s -p 'float-policy{policy=reassociate}' | filecheck %s
// RUN: tree-opt %s -p 'float-policy{policy=reassociate},float-policy{policy=exact}' | filecheck %s --check-prefix=EXACT

// CHECK: forest.sum
// CHECK: bias = 1.250000e-01 : f64,
// CHECK-NEXT: reassociate
// EXACT: forest.sum
// EXACT: bias = 1.250000e-01 : f64
// EXACT-NEXT: }

builtin.module {
  forest.model @model {
  ^bb0(%0: !forest.rows):
    %1 = forest.inputs %0 {
      n_features = 2 : i64,
      dtype = f32,
      missing_value = 0x7ff8000000000000 : f64,
      column = #forest.blob<"<i4", [2], "0x0000000001000000">
    }
    %2 = forest.predicates %1 {
      input = #forest.blob<"<i4", [3], "0x010000000100000000000000">,
      test = #forest.blob<"|u1", [3], "0x000000">,
      threshold = #forest.blob<"<f4", [3], "0x000000402ead54052ead5405">,
      missing = #forest.blob<"|u1", [3], "0x010101">,
      missing_left = #forest.blob<"|b1", [3], "0x010101">,
      category_set = #forest.blob<"<i4", [3], "0xffffffffffffffffffffffff">,
      invalid_left = #forest.blob<"|b1", [3], "0x000000">,
      set_offset = #forest.blob<"<i8", [1], "0x0000000000000000">,
      set_words = #forest.blob<"<u4", [0], "0x">,
      category_cast = 0 : i64
    }
    %3 = forest.trees %2 {
      node_offset = #forest.blob<"<i8", [3], "0x000000000000000003000000000000000300000000000000">,
      leaf_offset = #forest.blob<"<i8", [3], "0x000000000000000004000000000000000500000000000000">,
      predicate = #forest.blob<"<i4", [3], "0x010000000000000002000000">,
      left = #forest.blob<"<i4", [3], "0x0100000002000000ffffffff">,
      right = #forest.blob<"<i4", [3], "0xfcfffffffdfffffffeffffff">,
      leaf_row = #forest.blob<"<i4", [5], "0x0200000000000000000000000300000001000000">,
      leaf_id = #forest.blob<"<i4", [5], "0x0000000003000000020000000100000000000000">,
      column = #forest.blob<"<i4", [2], "0x0000000000000000">,
      iteration_offset = #forest.blob<"<i4", [3], "0x000000000100000002000000">,
      node_count = #forest.blob<"<f8", [3], "0x000000000000004000000000000008400000000000001040">,
      leaf_count = #forest.blob<"<f8", [5], "0x000000000000f03f0000000000000040000000000000084000000000000010400000000000001440">
    }
    %4 = forest.sum %3 {
      values = #forest.blob<"<f4", [4, 1], "0x3108acbd2fdd94bf250621bf23dbf9be">,
      dtype = f32,
      base = #forest.blob<"<f4", [1], "0x2b8736bf">,
      base_first = true,
      final = "none",
      operand = 2.000000e+00 : f64,
      bias = 1.250000e-01 : f64
    }
    %5 = forest.link %4 {
      link = "identity",
      scale = 1.000000e+00 : f64,
      average = 1.000000e+00 : f64
    }
    forest.output raw %4 response %5 leaves %3
  }
}
